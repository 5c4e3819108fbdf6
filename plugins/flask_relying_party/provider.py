"""The provider as a portal sees it: Authlib's Flask client, with what that leaves open closed."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from flask_relying_party.clock import Clock
from flask_relying_party.id_token import IdTokenVerifier
from flask_relying_party.keys import FetchedKeys
from flask_relying_party.options import Options

NAME = "relying_party"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")

log = logging.getLogger(__name__)


class RefreshRefused(Exception):
    """The provider gives nothing more for this refresh token (``invalid_grant``): the person signs in anew."""


@dataclass(frozen=True)
class Authorization:
    """An authorization request: where the browser goes, and what has to be remembered until it is back."""

    url: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class Provider(FlaskOAuth2App):
    """One OpenID Provider; what asks it raises ``requests.RequestException`` when it does not answer.

    Nothing is fetched before the first sign-in.
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        super().__init__(
            FlaskIntegration(NAME),
            NAME,
            client_id=options.client_id,
            client_secret=options.client_secret,
            client_kwargs={
                "scope": options.scope,
                "default_timeout": options.provider_timeout_seconds,
                # A redirected token request would carry code and secret to wherever the answer says.
                "max_redirects": 0,
                "trust_env": not options.provider_is_local,
            },
        )
        self._issuer = options.issuer
        self._discovery = f"{options.issuer}/.well-known/openid-configuration"
        self._timeout = options.provider_timeout_seconds
        self._redirect_uri = f"{options.base_url}/callback"
        self._metadata: dict[str, Any] | None = None
        self.keys = FetchedKeys(self.fetch_jwk_set, clock)
        self._verifier = IdTokenVerifier(self.keys, clock, issuer=options.issuer, client_id=options.client_id)

    def load_server_metadata(self) -> dict[str, Any]:
        """Return what discovery says, fetched once.

        Authlib takes the document as it comes and lets every key of it configure its HTTP session. Here it
        must name our issuer (OpenID Connect Discovery §4.3) and only addresses are kept.
        """
        if self._metadata is None:
            with self.client_cls(**self.client_kwargs) as http:
                answer = http.request("GET", self._discovery, withhold_token=True)
            answer.raise_for_status()
            found = answer.json()
            if not isinstance(found, dict) or found.get("issuer") != self._issuer:
                raise requests.exceptions.InvalidJSONError("discovery is not this issuer's")
            if not all(isinstance(found.get(name), str) for name in ENDPOINTS):
                raise requests.exceptions.InvalidJSONError("discovery lacks an endpoint")
            kept = {name: found[name] for name in ("issuer", *ENDPOINTS)}
            wished = ("end_session_endpoint", "revocation_endpoint")
            self._metadata = kept | {name: found.get(name) for name in wished}
        return self._metadata

    def fetch_jwk_set(self, force: bool = False) -> Any:
        """Return the JWKS document as the provider publishes it now, whatever ``force`` says."""
        answer = self._get("jwks_uri", withhold_token=True)
        answer.raise_for_status()
        return answer.json()

    def authorization(self, wishes: Mapping[str, str]) -> Authorization:
        """Return a new authorization request with PKCE, ``state`` and ``nonce`` (OIDC Core §3.1.2.1).

        ``wishes`` go into it (``prompt``, ``acr_values``, ``max_age``). The verifier is made here, not by Authlib,
        which would write it to its debug log.
        """
        verifier = secrets.token_urlsafe(48)
        made = self.create_authorization_url(
            self._redirect_uri,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
            **wishes,
        )
        return Authorization(made["url"], made["state"], made["nonce"], verifier)

    def redeemed(self, code: str, *, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Return the token answer for ``code``, its ID token verified as ``userinfo``.

        Raises ``OAuthError`` for the provider's refusal, ``IdTokenRefused``, ``KeyError`` for an answer that lacks a
        token.
        """
        answer: dict[str, Any] = self.fetch_access_token(  # type: ignore[no-untyped-call]
            redirect_uri=self._redirect_uri, code=code, code_verifier=verifier
        )
        verified = self._verifier.verify(answer["id_token"], access_token=answer["access_token"], nonce=nonce)
        return {**answer, "userinfo": verified}

    def profile_of(self, access_token: str) -> Mapping[str, Any] | None:
        """Return the userinfo answer, or ``None`` when the provider no longer honours the access token."""
        answer = self._get("userinfo_endpoint", token={"access_token": access_token, "token_type": "Bearer"})
        if answer.status_code in (401, 403):
            return None
        answer.raise_for_status()
        profile = answer.json()
        if not isinstance(profile, dict):
            raise requests.exceptions.InvalidJSONError("userinfo is not an object")
        return profile

    def refreshed(self, refresh_token: str) -> Mapping[str, Any]:
        """Return the token answer for a refresh token (RFC 6749 §6), its ID token verified as ``userinfo``.

        Raises ``RefreshRefused``, and ``IdTokenRefused`` for an answer that proves nothing.
        """
        answer = self.post(  # type: ignore[no-untyped-call]
            self.load_server_metadata()["token_endpoint"],
            data={"grant_type": "refresh_token", "refresh_token": refresh_token},
            auth=(self.client_id, self.client_secret),
            withhold_token=True,
        )
        told = answer.json()
        if answer.status_code == 400 and isinstance(told, dict) and told.get("error") == "invalid_grant":
            raise RefreshRefused
        answer.raise_for_status()
        if (
            not isinstance(told, dict)
            or not isinstance(told.get("access_token"), str)
            or str(told.get("token_type", "")).lower() != "bearer"
        ):
            raise requests.exceptions.InvalidJSONError("not a token answer")
        if "id_token" in told:
            verified = self._verifier.verify_refreshed(
                str(told["id_token"]), access_token=told["access_token"]
            )
            told["userinfo"] = verified
        return told

    def give_back(self, refresh_token: str) -> None:
        """Revoke what a newer sign-in replaced (RFC 7009), if the provider takes it; a failure changes nothing.

        To connect and to wait together take no longer than the provider's timeout: somebody is waiting.
        """
        try:
            endpoint = self.load_server_metadata()["revocation_endpoint"]
            if isinstance(endpoint, str):
                self.post(  # type: ignore[no-untyped-call]
                    endpoint,
                    data={"token": refresh_token, "token_type_hint": "refresh_token"},
                    auth=(self.client_id, self.client_secret),
                    withhold_token=True,
                    timeout=self._timeout / 2,
                ).raise_for_status()
        except requests.RequestException as error:
            log.warning("refresh token not given back: %s", type(error).__name__)

    def logout_address(self, id_token: str | None, goodbye: str) -> str | None:
        """Return where the provider ends its own session (RP-Initiated Logout 1.0), if it says so.

        Without an ID token as a hint the provider asks the person, who may stay: it is not told to come back
        to ``goodbye``, which would say otherwise.
        """
        if not self.load_server_metadata()["end_session_endpoint"]:
            return None
        hint = {"id_token_hint": id_token, "post_logout_redirect_uri": goodbye} if id_token else {}
        address: str = self.create_logout_url(client_id=self.client_id, **hint)["url"]
        return address

    def _get(self, endpoint: str, **options: Any) -> requests.Response:
        answer: requests.Response = self.get(self.load_server_metadata()[endpoint], **options)  # type: ignore[no-untyped-call]
        return answer
