"""The protocol's room: keys, tokens, grants, and the endpoints over them."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from idp.login.admissions import Admissions
from idp.login.journey import Journey
from idp.login.surroundings import Surroundings
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.authorization.relying_party import RelyingParty
from idp.oidc.codes import CodeStore
from idp.oidc.discovery import PATHS, metadata
from idp.oidc.grants.authorization_code import authorization_code_grant
from idp.oidc.grants.issuing import Issuing
from idp.oidc.grants.refresh_token import refresh_token_grant
from idp.oidc.keys.signing import load_keys
from idp.oidc.logout.end_session import EndSession, logout_blueprint
from idp.oidc.refresh_tokens import RefreshTokens
from idp.oidc.server import TokenServer
from idp.oidc.subjects import load_subjects
from idp.oidc.tokens import TokenMint
from idp.oidc.userinfo import UserInfo
from idp.oidc.views import ProtocolRoom, protocol_blueprint
from idp.rules.claims import STANDARD_SCOPES


def relying_party_of(around: Surroundings, admissions: Admissions) -> RelyingParty:
    """Return the services as a destination of the journey."""
    return RelyingParty(
        around.settings.issuer,
        around.clients,
        _codes(around),
        admissions,
        load_subjects(around.database, around.keyring),
    )


def protocol_blueprints(
    around: Surroundings, journey: Journey, relying_party: RelyingParty
) -> tuple[Blueprint, Blueprint]:
    """Return the protocol's addresses, to be exempted from form protection, and those of signing out."""
    settings, clients = around.settings, around.clients
    keys = load_keys(around.database, around.keyring)
    mint = TokenMint(
        settings.issuer, keys, timedelta(seconds=settings.access_token_lifetime), relying_party.subjects
    )
    issuing = Issuing(
        around.database,
        around.clock,
        _codes(around),
        mint,
        RefreshTokens(around.keyring),
        timedelta(seconds=settings.refresh_lifetime),
        journey.profile_policies,
        journey.own_passwords,
    )
    token = TokenServer(settings.issuer + PATHS["token_endpoint"], clients)
    token.register_grant(authorization_code_grant(issuing))
    token.register_grant(refresh_token_grant(issuing))
    offered = frozenset(STANDARD_SCOPES) | frozenset(around.plugins.scopes)
    end_session = EndSession(clients, journey.visitors, mint, around.pages)
    endpoints = ProtocolRoom(
        AuthorizationEndpoint(clients, relying_party, offered, journey, mint, around.pages),
        token,
        UserInfo(around.database, around.clock, clients, mint, around.plugins, issuing),
        end_session,
        keys,
        metadata(settings.issuer, around.plugins.scopes, around.pages.languages),
    )
    return protocol_blueprint(endpoints), logout_blueprint(end_session, around.pages)


def _codes(around: Surroundings) -> CodeStore:
    return CodeStore(around.ephemeral, around.clock, timedelta(seconds=around.settings.code_lifetime))
