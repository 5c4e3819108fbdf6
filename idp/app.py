"""``create_app``: the one place that wires everything together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, Response, jsonify, request, url_for
from flask_babel import gettext as _
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from idp.clients.registry import ClientRegistry
from idp.clock import Clock, ShiftedClock, SystemClock
from idp.configuration import ConfigurationErrors
from idp.login.activation import ActivationStep
from idp.login.code import CodeStep
from idp.login.cookies import Cookies
from idp.login.home import LocalPage, home_blueprint
from idp.login.identification import IdentificationStep
from idp.login.journey import Journey
from idp.login.session import Lifetime, SessionStore
from idp.login.transaction import TransactionStore
from idp.login.views import RefusedStep, StepPage, signin_blueprint
from idp.login.visitors import Visitors
from idp.oidc.authorization import DESTINATION, AuthorizationEndpoint, RelyingParty
from idp.oidc.codes import CodeStore
from idp.oidc.discovery import PATHS, metadata
from idp.oidc.grants.authorization_code import authorization_code_grant
from idp.oidc.grants.issuing import Issuing
from idp.oidc.grants.refresh_token import refresh_token_grant
from idp.oidc.keys import load_keys
from idp.oidc.logout import EndSession, logout_blueprint
from idp.oidc.server import TokenServer
from idp.oidc.tokens import RefreshTokens, TokenMint
from idp.oidc.userinfo import UserInfo
from idp.oidc.views import ProtocolRoom, protocol_blueprint
from idp.pages import Pages
from idp.plugins import FactorBusy, Plugins, load_plugins
from idp.profile import guard as profile_guard
from idp.profile.assistants import AssistantPages
from idp.profile.enrolment import PendingEnrolments
from idp.profile.views import ProfilePage, profile_blueprint
from idp.resources import templates_folder
from idp.rules.assurance import Policy
from idp.rules.claims import STANDARD_SCOPES
from idp.services import check_services
from idp.settings import Settings
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from idp.storage.errors import StorageUnavailable
from idp.storage.keyring import Keyring

MAX_BODY = 64 * 1024
"""Bytes of one request's body, and of its form."""

_FOR_PROGRAMS = frozenset({PATHS["token_endpoint"], PATHS["userinfo_endpoint"]})
"""Addresses whose errors are JSON, whatever went wrong."""


@dataclass(frozen=True)
class Parts:
    """What lies outside the application: stores, keys, clock, plugins, clients. Tests bring their own."""

    database: Database
    ephemeral: EphemeralStore
    keyring: Keyring
    clock: Clock
    plugins: Plugins
    clients: ClientRegistry


def parts_of(settings: Settings) -> Parts:
    """Return the parts that the settings name.

    Raises ``ConfigurationErrors`` or ``PluginError`` for what cannot be used.
    """
    plugins = load_plugins(settings)
    clock: Clock = ShiftedClock(settings.clock_shift_file) if settings.clock_shift_file else SystemClock()
    clients = ClientRegistry.load(settings.clients_folder, frozenset(plugins.scopes))
    check_services(settings, clients)
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
    _register(app, csrf, settings, parts, cookies, pages)
    _register_errors(app, pages)
    return app


def _register(
    app: Flask, csrf: CSRFProtect, settings: Settings, parts: Parts, cookies: Cookies, pages: Pages
) -> None:
    database, clock = parts.database, parts.clock
    lifetimes: dict[str, Lifetime] = {
        name: Lifetime(timedelta(seconds=profile.session_idle), timedelta(seconds=profile.session_absolute))
        for name, profile in settings.profiles.items()
    }
    policies: dict[str, Policy] = {name: profile.mfa for name, profile in settings.profiles.items()}
    visitors = Visitors(database, clock, SessionStore(parts.ephemeral, clock, lifetimes), cookies)
    codes = CodeStore(parts.ephemeral, clock, timedelta(seconds=settings.code_lifetime))
    relying_party = RelyingParty(settings.issuer, parts.clients, codes)
    transaction_lifetime = timedelta(seconds=settings.transaction_lifetime)
    journey = Journey(
        database,
        clock,
        TransactionStore(parts.ephemeral, clock, transaction_lifetime),
        visitors,
        cookies,
        {DESTINATION: relying_party, profile_guard.DESTINATION: LocalPage(frozenset(settings.profiles))},
        policies,
    )
    knowledge, possession = parts.plugins.knowledge, parts.plugins.possession
    steps: dict[str, StepPage] = {
        "identification": IdentificationStep(database, clock, journey, cookies, knowledge, pages),
        "code": CodeStep(database, clock, parts.keyring, journey, possession, pages),
        "activation": ActivationStep(database, clock, parts.keyring, journey, possession, pages),
        "refused": RefusedStep(journey, pages),
    }
    app.register_blueprint(signin_blueprint(journey, steps, pages))
    app.register_blueprint(home_blueprint(settings, parts.clients, visitors, cookies, pages))

    keys = load_keys(database, parts.keyring)
    mint = TokenMint(settings.issuer, keys, timedelta(seconds=settings.access_token_lifetime))
    issuing = Issuing(
        database,
        clock,
        codes,
        mint,
        RefreshTokens(parts.keyring),
        timedelta(seconds=settings.refresh_lifetime),
        policies,
    )
    token = TokenServer(settings.issuer + PATHS["token_endpoint"], parts.clients)
    token.register_grant(authorization_code_grant(issuing))
    token.register_grant(refresh_token_grant(issuing))
    offered = frozenset(STANDARD_SCOPES) | frozenset(parts.plugins.scopes)
    end_session = EndSession(parts.clients, visitors, mint, pages)
    protocol = protocol_blueprint(
        ProtocolRoom(
            AuthorizationEndpoint(parts.clients, relying_party, offered, journey, mint, pages),
            token,
            UserInfo(database, clock, parts.clients, mint, parts.plugins, issuing),
            end_session,
            keys,
            metadata(settings.issuer, parts.plugins.scopes),
        )
    )
    csrf.exempt(protocol)
    app.register_blueprint(protocol)
    app.register_blueprint(logout_blueprint(end_session, pages))

    enrolments = PendingEnrolments(parts.ephemeral, clock, parts.keyring, possession, transaction_lifetime)
    limit = settings.max_assistants
    app.register_blueprint(
        profile_blueprint(
            profile_guard.Guard(database, clock, journey, pages),
            ProfilePage(database, clock, pages, limit, _practice_service(settings, parts.clients)),
            AssistantPages(database, clock, parts.keyring, possession, enrolments, pages, limit),
        )
    )

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain")


def _practice_service(settings: Settings, clients: ClientRegistry) -> str | None:
    profile = settings.profiles.get("health_professional")
    client = clients.get(profile.service) if profile and profile.service else None
    return client.initiate_login_uri if client else None


def _register_errors(app: Flask, pages: Pages) -> None:
    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        del error
        return pages.error(
            400,
            "expired",
            _("Ce formulaire n'est plus valable"),
            _(
                "Il a expiré ou vient d'une autre page. Rien n'a été enregistré : recommencez depuis l'accueil."
            ),
            action_url=url_for("home.home"),
            action_label=_("Recommencer"),
        )

    @app.errorhandler(StorageUnavailable)
    @app.errorhandler(FactorBusy)
    def unavailable(error: Exception) -> Response:
        app.logger.error("unavailable: %s", type(error).__name__)
        if request.path in _FOR_PROGRAMS:
            response = jsonify(
                error="temporarily_unavailable", error_description="try again in a few seconds"
            )
            response.status_code = 503
            response.headers["Retry-After"] = "5"
            return response
        response = pages.error(
            503,
            "temporarily_unavailable",
            _("Service momentanément indisponible"),
            _("Rien n'a été enregistré. Réessayez dans quelques secondes."),
        )
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or 500
        if request.path in _FOR_PROGRAMS:
            told = jsonify(error="invalid_request" if status < 500 else "server_error")
            told.status_code = status
            told.headers.extend(error.get_headers())
            told.content_type = "application/json"
            return told
        response = pages.error(
            status,
            error.name.lower().replace(" ", "_"),
            _("Page introuvable") if status == 404 else _("Demande impossible"),
            _("L'adresse est incomplète ou la page n'existe plus.")
            if status == 404
            else _("La demande n'a pas pu être comprise. Recommencez depuis l'accueil."),
            action_url=url_for("home.home"),
            action_label=_("Retour à l'accueil"),
        )
        if isinstance(allowed := getattr(error, "valid_methods", None), (list, tuple, set)):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response
