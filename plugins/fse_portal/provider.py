"""The provider as the portal sees it: Authlib's Flask client, with what that leaves open closed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import requests
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, redirect, session
from werkzeug.wrappers import Response

from fse_portal.clock import Clock
from fse_portal.id_token import FetchedKeys, IdTokenVerifier
from fse_portal.identity import Identity, contradicts
from fse_portal.sessions import PendingLogins
from fse_portal.settings import Settings

SCOPE = "openid profile practitioner"
NAME = "fse"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
LOGINS_A_BROWSER = 8


class Provider(FlaskOAuth2App):
    """One OpenID Provider; what asks it raises ``requests.RequestException`` when it does not answer."""

    def __init__(
        self, framework: Any, name: str | None = None, *, settings: Settings, clock: Clock, **options: Any
    ) -> None:
        super().__init__(framework, name, **options)
        self._issuer = settings.issuer
        self._discovery = f"{settings.issuer}/.well-known/openid-configuration"
        self._required = settings.required_acr
        self._redirect_uri = settings.redirect_uri
        self._metadata: dict[str, Any] | None = None
        self._verifier = IdTokenVerifier(
            FetchedKeys(self.fetch_jwk_set, clock),
            clock,
            issuer=settings.issuer,
            client_id=settings.client_id,
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
            self._metadata = kept | {"end_session_endpoint": found.get("end_session_endpoint")}
        return self._metadata

    def fetch_jwk_set(self, force: bool = False) -> Any:
        """Return the JWKS document as the provider publishes it now, whatever ``force`` says."""
        answer = self._get("jwks_uri", withhold_token=True)
        answer.raise_for_status()
        return answer.json()

    def begin(self, target: str, *, ask_again: bool) -> Response:
        """Send the browser to the provider; ``ask_again`` demands a new identification there.

        The verifier is made here, not by Authlib, which would write it to its debug log.
        """
        verifier = secrets.token_urlsafe(48)
        wishes = {"prompt": "login"} if ask_again else {}
        if self._required == "mfa":
            wishes["acr_values"] = "mfa"
        started = self.create_authorization_url(
            self._redirect_uri,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
            **wishes,
        )
        self._forget_oldest_logins()
        self.save_authorize_data(
            redirect_uri=self._redirect_uri, code_verifier=verifier, target=target, **started
        )
        return redirect(started["url"])

    def started_login(self, state: str) -> Mapping[str, Any] | None:
        """Return what the sign-in with that ``state`` has to remember, if this browser started one."""
        found: Mapping[str, Any] | None = self.framework.get_state_data(session, state)
        return found

    def forget_login(self, state: str) -> None:
        """Make ``state`` worthless."""
        self.framework.clear_state_data(session, state)

    def parse_id_token(
        self, token: Any, nonce: Any, claims_options: Any = None, claims_cls: Any = None, leeway: int = 0
    ) -> Any:
        """Return the verified claims (Authlib calls this with the tokens); raises ``IdTokenRefused``."""
        return self._verifier.verify(token["id_token"], access_token=token["access_token"], nonce=nonce)

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

    def still_vouches_for(self, identity: Identity, access_token: str) -> bool:
        """Return whether the provider still stands by that person and that actor."""
        profile = self.profile_of(access_token)
        return profile is not None and not contradicts(identity, profile)

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
