"""What stands behind every token, made once: for the protocol's own endpoints, the gateway and the API alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from idp.login.admissions import Admissions
from idp.login.journey import Journey
from idp.login.surroundings import Surroundings
from idp.oidc.authorization.answers import Answers
from idp.oidc.authorization.relying_party import RelyingParty
from idp.oidc.codes import CodeStore
from idp.oidc.grants.issuing import Issuing
from idp.oidc.keys.store import KeyStore
from idp.oidc.live_grants import LiveGrants
from idp.oidc.refresh_tokens import RefreshTokens
from idp.oidc.resources import Resources
from idp.oidc.revoked_tokens import RevokedTokens
from idp.oidc.standing import Bearers
from idp.oidc.subjects import load_subjects
from idp.oidc.tokens import TokenMint
from idp.oidc.userinfo.person_claims import PersonClaims


@dataclass(frozen=True)
class Core:
    """Keys, tokens and grants of this process. What one of its users learns of a grant, all of them know."""

    relying_party: RelyingParty
    keys: KeyStore
    mint: TokenMint
    live: LiveGrants
    issuing: Issuing
    revoked: RevokedTokens
    bearers: Bearers


def relying_party_of(around: Surroundings, admissions: Admissions) -> RelyingParty:
    """Return the services as a destination of the journey."""
    person_claims = PersonClaims(around.plugins)
    return RelyingParty(
        Answers(around.settings.issuer, around.pages),
        around.clients,
        _codes(around),
        admissions,
        load_subjects(around.database, around.keyring),
        Resources(around.settings.issuer, around.clients, frozenset(person_claims.scopes)),
        person_claims,
    )


def core_of(around: Surroundings, journey: Journey, relying_party: RelyingParty) -> Core:
    """Return the core of these surroundings."""
    settings = around.settings
    keys = KeyStore(around.database, around.keyring, around.clock)
    mint = TokenMint(
        settings.issuer, keys, timedelta(seconds=settings.access_token_lifetime), relying_party.subjects
    )
    issuing = Issuing(
        around.database,
        around.clock,
        relying_party.codes,
        mint,
        RefreshTokens(around.keyring),
        timedelta(seconds=settings.refresh_lifetime),
        journey.profile_policies,
        journey.own_passwords,
        relying_party.person_claims,
        relying_party.resources,
    )
    live = LiveGrants(around.database, around.clock, timedelta(seconds=settings.revocation_lag))
    bearers = Bearers(mint, live, around.clients, issuing)
    return Core(relying_party, keys, mint, live, issuing, RevokedTokens(around.database), bearers)


def _codes(around: Surroundings) -> CodeStore:
    return CodeStore(around.ephemeral, around.clock, timedelta(seconds=around.settings.code_lifetime))
