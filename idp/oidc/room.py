"""The protocol's room: its endpoints, over the one core."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint

from idp.audit.batches import AuditBatches
from idp.clients.model import Client
from idp.clients.per_set import PerSet
from idp.login.journey import Journey
from idp.login.surroundings import Surroundings
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.client_authentication.assertion import Assertions
from idp.oidc.client_authentication.client_keys import ClientKeys
from idp.oidc.client_authentication.methods import ClientAuthentication
from idp.oidc.client_endpoint import Answer, ClientEndpoint, ClientRequest
from idp.oidc.core import Core
from idp.oidc.discovery import PATHS, metadata
from idp.oidc.grants.authorization_code import authorization_code_grant
from idp.oidc.grants.client_credentials import client_credentials_grant
from idp.oidc.grants.refresh_token import refresh_token_grant
from idp.oidc.grants.token_exchange import token_exchange_grant
from idp.oidc.introspection import Introspection
from idp.oidc.logout.end_session import EndSession, logout_blueprint
from idp.oidc.logout.signed_out import SignedOut
from idp.oidc.revocation import Revocation
from idp.oidc.server import TokenServer
from idp.oidc.userinfo.endpoint import UserInfo
from idp.oidc.views import ProtocolRoom, protocol_blueprint
from idp.storage.database import Database


def protocol_blueprints(around: Surroundings, journey: Journey, core: Core) -> tuple[Blueprint, Blueprint]:
    """Return the protocol's addresses, to be exempted from form protection, and those of signing out."""
    settings, clients = around.settings, around.clients
    issuing, mint, live, revoked = core.issuing, core.mint, core.live, core.revoked
    relying_party, person_claims, resources = core.relying_party, issuing.person_claims, issuing.resources
    authentication = _client_authentication(around)

    def authenticate(request: ClientRequest) -> Client:
        return authentication.authenticated(request.headers or {}, request.form, request.uri)

    def client_endpoint(name: str, answer: Answer) -> ClientEndpoint:
        return ClientEndpoint(settings.issuer + PATHS[name], "token", authenticate, answer)

    token = TokenServer(settings.issuer + PATHS["token_endpoint"], authenticate)
    token.register_grant(authorization_code_grant(issuing))
    token.register_grant(refresh_token_grant(issuing))
    token.register_grant(
        client_credentials_grant(issuing, AuditBatches(Database(settings.database_url, pool_size=1)))
    )
    token.register_grant(token_exchange_grant(issuing, revoked))
    introspection = Introspection(issuing, clients, live, revoked)
    revocation = Revocation(issuing, revoked)
    signed_out = SignedOut(around.database, around.clock, clients, around.pages)
    end_session = EndSession(clients, journey.visitors, mint, around.pages, signed_out)
    offered = PerSet(clients, lambda: resources.scopes)

    def discovery() -> bytes:
        of_apis = dict.fromkeys(sorted(offered() - resources.identity_scopes), ())
        scopes: dict[str, Sequence[str]] = {**person_claims.scopes, **of_apis}
        return metadata(settings.issuer, token.grant_types, scopes, around.pages.languages)

    endpoints = ProtocolRoom(
        AuthorizationEndpoint(
            clients,
            relying_party.answers,
            offered,
            journey,
            mint,
            around.pages,
            person_claims,
            resources,
        ),
        token,
        UserInfo(core.bearers, around.clock, mint, person_claims),
        client_endpoint("introspection_endpoint", introspection.answer),
        client_endpoint("revocation_endpoint", revocation.answer),
        end_session,
        core.keys,
        PerSet(clients, discovery),
    )
    return protocol_blueprint(endpoints), logout_blueprint(end_session)


def _client_authentication(around: Surroundings) -> ClientAuthentication:
    issuer, clients = around.settings.issuer, around.clients
    keys = ClientKeys(clients, around.outbound, around.clock, around.settings.listen.threads)
    assertions = Assertions(
        issuer, issuer + PATHS["token_endpoint"], clients, keys, around.ephemeral, around.clock
    )
    return ClientAuthentication(clients, assertions)
