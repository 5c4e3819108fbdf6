"""The gateway's room, over the one core."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from idp.gateway.answers import Answers
from idp.gateway.guard import Guard
from idp.gateway.identity import Identity
from idp.gateway.own_pages import OwnPages
from idp.gateway.pages import GatewayPages
from idp.gateway.proxies import ProxySecrets
from idp.gateway.refusals import Refusals
from idp.gateway.sessions import HostSessions
from idp.gateway.sign_in import SignIns
from idp.gateway.views import GatewayRoom, gateway_blueprint
from idp.login.session import lifetimes_of
from idp.login.surroundings import Surroundings
from idp.oidc.core import Core

_TO_COME_BACK = timedelta(seconds=60)
"""What a browser may need beyond the time that the provider gives it to sign in."""


def gateway_addresses(around: Surroundings, core: Core) -> Blueprint:
    """Return the gateway's addresses. Raises ``ConfigurationErrors`` for a bad ``gateway.proxy_secret_file``."""
    settings, clients, clock = around.settings, around.clients, around.clock
    sessions = HostSessions(around.ephemeral, clock, lifetimes_of(settings))
    guard = Guard(clients, clock, sessions, core.live, core.issuing)
    pages = GatewayPages(around.pages)
    sign_ins = SignIns(
        settings.issuer,
        around.ephemeral,
        clock,
        sessions,
        core.issuing,
        timedelta(seconds=settings.transaction_lifetime) + _TO_COME_BACK,
    )
    identity = Identity(core.mint, core.issuing.person_claims, clock)
    return gateway_blueprint(
        GatewayRoom(
            clients,
            ProxySecrets.from_settings(settings),
            guard,
            Refusals(around.database, around.ephemeral, clock),
            Answers(settings.issuer, identity, sign_ins, pages),
            OwnPages(settings.issuer, around.database, clock, guard, sessions, sign_ins, core.mint, pages),
            settings.secure,
        )
    )
