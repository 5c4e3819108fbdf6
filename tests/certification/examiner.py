"""What the plans do again and again: ask, take the answer, redeem the code, check the ID token, ask userinfo.

What is only a warning to the plans fails here.
"""

from __future__ import annotations

import math
import re
import secrets
import string
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.test import TestResponse

from idp.clients.model import Client
from tests.protocol.answers import body, header_of
from tests.protocol.forging import by_nobody, forged
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import ISSUER, Provider, Someone, Visit, urlencoded

FORM_POST = "form_post"
PERSON = INSURED_ATTRIBUTES
"""Whom the plans sign in: every standard claim."""

NEEDS_A_PERSON = {
    "interaction_required",
    "login_required",
    "account_selection_required",
    "consent_required",
}
_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")
_SHOWABLE = re.compile(r"[\x20-\x7E]+")


def random_text(length: int = 128) -> str:
    """Return letters and digits, as the plans make ``state``: as long as any of them does."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def entropy(text: str) -> float:
    """Return Shannon's estimate in bits, by which the plans judge codes and tokens."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -len(text) * sum(share * math.log2(share) for share in shares)


@dataclass(frozen=True)
class Outcome:
    """What one whole flow gave."""

    claims: Mapping[str, Any]
    """Of the ID token."""
    tokens: Mapping[str, Any]
    code: str
    userinfo: Mapping[str, Any]


@dataclass
class Examiner:
    """One client of the plans with one browser, whose person signs in wherever a page asks for it."""

    provider: Provider
    client: Client
    someone: Someone
    mode: str | None = None
    visit: Visit = field(init=False)
    pages: list[str] = field(default_factory=list)
    """The pages that the person saw in the last flow."""

    def __post_init__(self) -> None:
        self.visit = self.provider.browser()

    @property
    def address(self) -> str:
        """The redirect address."""
        return self.client.redirect_uris[0]

    def request(self, **changes: str | None) -> dict[str, str | None]:
        """Return an authorization request as the plans make it: no PKCE; ``None`` leaves a parameter out."""
        return {
            "client_id": self.client.client_id,
            "redirect_uri": self.address,
            "scope": "openid",
            "state": random_text(),
            "nonce": random_text(10),
            "response_type": "code",
            "response_mode": self.mode,
            **changes,
        }

    def ask(self, **changes: str | None) -> dict[str, str | None]:
        """Send the browser to the authorization endpoint, and return the request."""
        request = self.request(**changes)
        self.pages.clear()
        self.visit.get(f"/oauth2/authorize?{urlencoded(request)}")
        return request

    def sign_in(self) -> None:
        """Let the person do what the page shown asks for, until the browser leaves."""
        while self.visit.left_for is None and not self._posting():
            assert self.visit.page.status == 200, self.visit.page.text
            self.pages.append(self.visit.step)
            if self.visit.step == "identification":
                self.visit.submit(identifier=self.someone.identifier, password=self.someone.password)
            else:
                assert self.visit.step == "consent", self.visit.page.text
                self.visit.submit()

    def _posting(self) -> bool:
        return any(form.action == self.address for form in self.visit.page.forms)

    def received(self, mode: str | None) -> dict[str, str]:
        """Return what came back to the redirect address by ``mode``, nothing of it twice, nothing elsewhere."""
        if mode == FORM_POST:
            assert self.visit.left_for is None, self.visit.left_for
            (form,) = self.visit.page.forms
            assert (form.method, form.action) == ("post", self.address), self.visit.page.text
            return dict(form.fields)
        assert self.visit.left_for is not None, self.visit.page.text
        address, _, query = self.visit.left_for.partition("?")
        assert (address, urlsplit(query).fragment) == (self.address, "")
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def callback(self, request: Mapping[str, str | None]) -> dict[str, str]:
        """Return the parameters of an answer to ``request``, its ``state`` and ``iss`` checked and taken off."""
        answer = self.received(request.get("response_mode"))
        assert answer.pop("state", None) == request["state"]
        assert answer.pop("iss") == ISSUER
        return answer

    def error(self, request: Mapping[str, str | None]) -> str:
        """Return the error of an answer that holds one, and no code."""
        answer = self.callback(request)
        assert set(answer) == {"error", "error_description"}
        assert _DESCRIPTION.fullmatch(answer["error_description"])
        return answer["error"]

    def flow(self, *, redeemed_with: Mapping[str, str] | None = None, **changes: str | None) -> Outcome:
        """Go the whole way from the request to userinfo."""
        request = self.ask(**changes)
        self.sign_in()
        return self.finish(request, **(redeemed_with or {}))

    def finish(self, request: Mapping[str, str | None], **more: str) -> Outcome:
        """Take the code that came, and go on to userinfo."""
        answer = self.callback(request)
        assert set(answer) == {"code"}, answer
        assert entropy(answer["code"]) >= 128
        given = self.checked(self.redeem(answer["code"], **more))
        claims = self.id_token(given["id_token"], request["nonce"])
        told = body(self.provider.userinfo(given["access_token"]))
        assert told["sub"] == claims["sub"]
        return Outcome(claims, given, answer["code"], told)

    def redeem(self, code: str, **more: str) -> TestResponse:
        """Send the code to the token endpoint."""
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.address, **more}
        return self.provider.token(asked, self.client.client_id)

    def refresh(self, token: str, **more: str) -> TestResponse:
        """Use a refresh token."""
        asked = {"grant_type": "refresh_token", "refresh_token": token, **more}
        return self.provider.token(asked, self.client.client_id)

    def checked(self, answer: TestResponse) -> dict[str, Any]:
        """Return the body of a token answer that is right (RFC 6749 §5.1)."""
        given = body(answer)
        assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
        assert given["token_type"] == "Bearer"
        assert type(given["expires_in"]) is int
        assert given["expires_in"] > 0
        assert _SHOWABLE.fullmatch(given["access_token"])
        assert entropy(given["access_token"]) >= 128
        return given

    def id_token(self, token: str, nonce: str | None) -> dict[str, Any]:
        """Return the claims of an ID token that is right for this client (Core §2, §3.1.3.7)."""
        header, claims = header_of(token), self.provider.claims(token)
        assert (header["alg"], bool(header["kid"])) == ("RS256", True)
        now = self.provider.clock.now().timestamp()
        assert (claims["iss"], claims["aud"]) == (ISSUER, self.client.client_id)
        assert claims.get("azp", self.client.client_id) == self.client.client_id
        assert all(type(claims[name]) is int for name in ("iat", "exp", "auth_time"))
        assert claims["auth_time"] <= claims["iat"] <= now < claims["exp"]
        assert claims.get("nonce") == nonce
        assert re.fullmatch(r"[\x21-\x7E]{1,255}", claims["sub"])
        assert isinstance(claims["acr"], str)
        assert claims["acr"]
        assert not set(claims) & set(PERSON), "claims of the person belong into userinfo here (§5.4)"
        return claims

    def discovered(self) -> dict[str, Any]:
        """Return the metadata."""
        return body(self.provider.http().get("/.well-known/openid-configuration"))


def unsigned(claims: Mapping[str, object]) -> str:
    """Return a JWT of ``claims`` with ``alg`` ``none``."""
    return forged({"alg": "none"}, claims, by_nobody)
