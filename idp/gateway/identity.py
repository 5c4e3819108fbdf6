"""What the service behind the gateway is told: every identity header always, and a signed assertion."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from idp.clock import Clock
from idp.gateway.guard import Known, Verdict
from idp.gateway.question import Question
from idp.oidc.principal import Principal
from idp.oidc.tokens import TokenMint
from idp.oidc.userinfo.person_claims import PersonClaims

ASSERTION_SECONDS = 60
"""How long the assertion counts: it goes from the proxy to the service, nowhere else."""

ASSERTION_ALG = "ES256"
ASSERTION_TYPE = "gateway+jwt"

HEADERS = (
    "Remote-User",
    "Remote-Name",
    "Remote-Login",
    "Remote-Profile",
    "Remote-Acr",
    "Remote-Actor",
    "Remote-Actor-Name",
    "Remote-Assertion",
)
"""All of them go with every request that passes, so that a visitor's own never do."""

_UNSAFE = re.compile(r"\A +| +\Z|[^ -$&-~]+")
"""Blanks at either end too: whoever reads a header drops them (RFC 9110 §5.5)."""

PROFILE_CLAIM = "account_profile"
"""Not ``profile``, which is the address of a page about the person (OpenID Connect Core §5.1)."""


@dataclass(frozen=True)
class Identity:
    """Makes the headers of a request that passes. One signature where somebody is signed in."""

    mint: TokenMint
    person_claims: PersonClaims
    clock: Clock

    def headers(self, question: Question, verdict: Verdict) -> dict[str, str]:
        """Return every identity header, empty where nothing is known."""
        told = dict.fromkeys(HEADERS, "")
        if verdict.known is None or verdict.client is None:
            return told
        claims = self._claims(question, verdict, verdict.known)
        act: Mapping[str, Any] = claims.get("act", {})
        told |= {
            "Remote-User": claims["sub"],
            "Remote-Name": claims.get("name", ""),
            "Remote-Login": claims.get("preferred_username", ""),
            "Remote-Profile": claims[PROFILE_CLAIM],
            "Remote-Acr": claims["acr"],
            "Remote-Actor": act.get("sub", ""),
            "Remote-Actor-Name": act.get("name", ""),
            "Remote-Assertion": self.mint.signed(ASSERTION_ALG, ASSERTION_TYPE, claims),
        }
        return {name: header_value(str(value)) for name, value in told.items()}

    def _claims(self, question: Question, verdict: Verdict, known: Known) -> dict[str, Any]:
        assert verdict.client is not None
        issued = int(self.clock.now().timestamp())
        scope = verdict.client.scope & set(known.grant.scope.split(" "))
        principal = Principal(known.party, known.grant.proofs, known.grant.sid)
        return {
            **self.person_claims.of_scope(scope, known.party),
            PROFILE_CLAIM: known.party.account.profile,
            "iss": self.mint.issuer,
            "aud": question.host,
            "iat": issued,
            "exp": issued + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
            **principal.claims(self.mint.subjects, verdict.client),
        }


def header_value(text: str) -> str:
    """Return ``text`` as a header carries it: printable ASCII stays; all else, ``%`` and blanks at either end are
    percent-encoded UTF-8.
    """
    return _UNSAFE.sub(lambda found: quote(found[0].encode("utf-8", "surrogatepass"), safe=""), text)
