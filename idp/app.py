"""``create_app``: the one place that wires everything together."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from idp.clients.registry import ClientRegistry
from idp.clock import Clock, ShiftedClock, SystemClock
from idp.configuration import ConfigurationErrors
from idp.errors import register_errors
from idp.gateway.room import gateway_addresses
from idp.health import Readiness, health_blueprint
from idp.login.admissions import Admissions
from idp.login.cookies import Cookies
from idp.login.home import DESTINATION as OWN_PAGES
from idp.login.home import LocalPage
from idp.login.room import journey_of, login_blueprints, visitors_of
from idp.login.surroundings import Surroundings
from idp.notices.outbox import Outbox
from idp.oidc.authorization.relying_party import DESTINATION
from idp.oidc.core import core_of, relying_party_of
from idp.oidc.room import protocol_blueprints
from idp.one_set import one_set_a_request
from idp.outbound import Outbound
from idp.pages import Pages
from idp.plugins import Plugins, load_plugins
from idp.profile.api.room import api_blueprint
from idp.profile.room import profile_blueprints
from idp.resources import templates_folder
from idp.services import services_of
from idp.settings import Settings
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from idp.storage.keyring import Keyring

MAX_BODY = 64 * 1024
"""Bytes of one request's body, and of its form."""


@dataclass(frozen=True)
class Parts:
    """What lies outside the application: stores, keys, clock, plugins, clients. Tests bring their own."""

    database: Database
    ephemeral: EphemeralStore
    keyring: Keyring
    clock: Clock
    plugins: Plugins
    clients: ClientRegistry
    outbound: Outbound


def parts_of(settings: Settings) -> Parts:
    """Return the parts that the settings name.

    Raises ``ConfigurationErrors`` or ``PluginError`` for what cannot be used.
    """
    plugins = load_plugins(settings)
    clock: Clock = ShiftedClock(settings.clock_shift_file) if settings.clock_shift_file else SystemClock()
    clients = services_of(settings, frozenset(plugins.scopes))
    outbound = Outbound.from_settings(settings)
    database = Database(settings.database_url)
    try:
        keyring = Keyring.from_file(settings.keyring_file)
    except (OSError, ValueError) as error:
        expected = str(error) if isinstance(error, ValueError) else "a readable file of encryption keys"
        raise ConfigurationErrors([settings.error(("keyring_file",), expected)]) from None
    return Parts(
        database=database,
        ephemeral=open_ephemeral(settings.ephemeral_url, database, clock),
        keyring=keyring,
        clock=clock,
        plugins=plugins,
        clients=clients,
        outbound=outbound,
    )


def create_app(settings: Settings, parts: Parts | None = None) -> Flask:
    """Return the provider. The database must be migrated and hold signing keys (``idp db upgrade``)."""
    parts = parts or parts_of(settings)
    cookies = Cookies(settings.secure)
    app = Flask("idp", static_folder=None)
    app.config.update(
        SECRET_KEY=parts.keyring.derive("browser cookie"),
        SECRET_KEY_FALLBACKS=list(parts.keyring.derive_all("browser cookie")[1:]),
        SESSION_COOKIE_NAME=cookies.name("browser"),
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=100,
        WTF_CSRF_TIME_LIMIT=None,
        TRUSTED_HOSTS=None,
    )
    app.wsgi_app = one_set_a_request(app.wsgi_app, parts.clients, parts.clock)  # type: ignore[assignment,method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    pages = Pages(
        templates=templates_folder(),
        institution=settings.institution,
        support=settings.support,
        secure=settings.secure,
        theme_folder=settings.theme_folder,
    )
    pages.init_app(app)
    csrf = CSRFProtect(app)
    around = Surroundings(
        settings,
        parts.database,
        parts.ephemeral,
        parts.keyring,
        parts.clock,
        parts.plugins,
        parts.clients,
        cookies,
        pages,
        Outbox(parts.keyring, parts.plugins.notifiers),
        parts.outbound,
    )
    _register(app, csrf, around)
    register_errors(app, pages)
    return app


def _register(app: Flask, csrf: CSRFProtect, around: Surroundings) -> None:
    admissions = Admissions(around.database, around.clock)
    relying_party = relying_party_of(around, admissions)
    local = LocalPage(frozenset(around.settings.profiles), admissions)
    journey = journey_of(around, visitors_of(around), {DESTINATION: relying_party, OWN_PAGES: local})
    core = core_of(around, journey, relying_party)
    protocol, logout = protocol_blueprints(around, journey, core)
    api = api_blueprint(around, core)
    csrf.exempt(protocol)
    csrf.exempt(api)
    for blueprint in (
        protocol,
        logout,
        *login_blueprints(around, journey),
        *profile_blueprints(around, journey),
        gateway_addresses(around, core),
        api,
        health_blueprint(Readiness(around.database, around.ephemeral, around.clock), around.clients),
    ):
        app.register_blueprint(blueprint)
