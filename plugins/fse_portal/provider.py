"""The provider as the portal sees it: Authlib's Flask client, with what that leaves open closed."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, redirect, session
from werkzeug.wrappers import Response

from fse_portal.clock import Clock
from fse_portal.id_token import IdTokenVerifier
from fse_portal.keys import FetchedKeys
from fse_portal.pending import PendingLogins
from fse_portal.settings import Settings

SCOPE = "openid profile practitioner offline_access"
NAME = "fse"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
LOGINS_A_BROWSER = 8

log = logging.getLogger(__name__)


class RefreshRefused(Exception):
    """The provider gives nothing more for this refresh token (``invalid_grant``): the person signs in anew."""


class Provider(FlaskOAuth2App):
    """One OpenID Provider; what asks it raises ``requests.RequestException`` when it does not answer."""

    def __init__(
        self, framework: Any, name: str | None = None, *, settings: Settings, clock: Clock, **options: Any
    ) -> None:
        super().__init__(framework, name, **options)
        self._issuer = settings.issuer
        self._discovery = f"{settings.issuer}/.well-known/openid-configuration"
        self._required = settings.required_acr
        self._timeout = settings.provider_timeout_seconds
        self._redirect_uri = settings.redirect_uri
        self._metadata: dict[str, Any] | None = None
        self.keys = FetchedKeys(self.fetch_jwk_set, clock)
        self._verifier = IdTokenVerifier(
            self.keys, clock, issuer=settings.issuer, client_id=settings.client_id
        )

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

    def begin(
        self,
        target: str,
        *,
        wishes: Mapping[str, str] | None = None,
        unfinished: Mapping[str, Any] | None = None,
        earlier: Sequence[str] = (),
    ) -> Response:
        """Send the browser to the provider, and from there to ``target`` or on with what is ``unfinished``.

        ``wishes`` go into the authorization request (``prompt``, ``acr_values``, ``max_age``). What is unfinished
        stays on the server, beside the verifier, and is given back once. The verifier is made here, not by
        Authlib, which would write it to its debug log.
        """
        verifier = secrets.token_urlsafe(48)
        wishes = ({"acr_values": "mfa"} if self._required == "mfa" else {}) | dict(wishes or {})
        started = self.create_authorization_url(
            self._redirect_uri,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
            **wishes,
        )
        self._forget_oldest_logins()
        self.save_authorize_data(
            redirect_uri=self._redirect_uri,
            code_verifier=verifier,
            target=target,
            unfinished=unfinished,
            wishes=wishes,
            earlier=earlier,
            **started,
        )
        return redirect(started["url"])

    def started_login(self, state: str) -> Mapping[str, Any] | None:
        """Return what the sign-in with that ``state`` has to remember, if this browser started one."""
        found: Mapping[str, Any] | None = self.framework.get_state_data(session, state)
        return found

    def forget_login(self, state: str, started: Mapping[str, Any]) -> None:
        """Make ``state`` worthless, and those that it was begun again for."""
        for each in (state, *started["earlier"]):
            self.framework.clear_state_data(session, each)

    def begin_again(self, state: str, started: Mapping[str, Any]) -> Response:
        """Send the browser to the provider anew, for what that sign-in was for.

        It is forgotten with the new one only: the provider may still be out of reach, and the way back leads here.
        """
        return self.begin(
            started["target"],
            wishes=started["wishes"],
            unfinished=started["unfinished"],
            earlier=(*started["earlier"], state),
        )

    def redeemed(self, state: str, started: Mapping[str, Any], code: str) -> Mapping[str, Any]:
        """Return the token answer for ``code``, its ID token verified as ``userinfo``.

        Unlike Authlib's ``authorize_access_token`` it forgets nothing: the sign-in is marked ``redeemed``, since its
        code must not be sent twice, and stays until the caller has succeeded. Raises ``OAuthError`` for the
        provider's refusal, ``IdTokenRefused``, ``KeyError`` for an answer that lacks a token.
        """
        self.framework.set_state_data(session, state, {**started, "redeemed": True})
        answer: dict[str, Any] = self.fetch_access_token(  # type: ignore[no-untyped-call]
            redirect_uri=started["redirect_uri"], code=code, code_verifier=started["code_verifier"]
        )
        verified = self._verifier.verify(
            answer["id_token"], access_token=answer["access_token"], nonce=started["nonce"]
        )
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

    def _forget_oldest_logins(self) -> None:
        """Keep the cookie of started sign-ins small: browsers silently drop one above 4 KB."""
        names = [name for name in session if name.startswith(f"_state_{self.name}_")]
        for name in sorted(names, key=lambda name: session[name]["exp"])[: -(LOGINS_A_BROWSER - 1)]:
            session.pop(name)


def register_provider(app: Flask, settings: Settings, clock: Clock, pending: PendingLogins) -> Provider:
    """Attach the provider to ``app``. Nothing is fetched before the first sign-in."""
    client: Provider = OAuth(app, cache=pending).register(  # type: ignore[no-untyped-call]
        NAME,
        client_cls=Provider,
        settings=settings,
        clock=clock,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        client_kwargs={
            "scope": SCOPE,
            "default_timeout": settings.provider_timeout_seconds,
            # A redirected token request would carry code and secret to wherever the answer says.
            "max_redirects": 0,
            "trust_env": not settings.provider_is_local,
        },
    )
    return client
