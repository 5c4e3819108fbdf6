"""Identification at the provider, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_client import OAuthError
from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from flask_relying_party.addresses import Targets
from flask_relying_party.browser_notes import BrowserNotes
from flask_relying_party.clock import Clock
from flask_relying_party.failures import SignInFailed, provider_code, told_as_failures
from flask_relying_party.gate import Gate
from flask_relying_party.id_token import IdTokenRefused
from flask_relying_party.keys import LEEWAY
from flask_relying_party.options import Options
from flask_relying_party.person import ClaimsRefused, Person, read_person
from flask_relying_party.provider import Provider
from flask_relying_party.resuming import Because, resume
from flask_relying_party.sessions import PortalSession, SessionEnded, Sessions, Tokens
from flask_relying_party.starting import CodeSent, Started, StartedLogins
from flask_relying_party.step_up import Demand, InsufficientAuthentication
from flask_relying_party.unfinished import Unfinished

TOKEN_LIFETIME_SECONDS = 300


class SignIn:
    """The addresses ``/login`` and ``/callback``."""

    def __init__(
        self,
        options: Options,
        provider: Provider,
        started: StartedLogins,
        sessions: Sessions,
        gate: Gate,
        notes: BrowserNotes,
        targets: Targets,
        clock: Clock,
    ) -> None:
        self._options = options
        self._provider = provider
        self._started = started
        self._sessions = sessions
        self._gate = gate
        self._notes = notes
        self._targets = targets
        self._clock = clock

    def add_to(self, pages: Blueprint) -> None:
        """Add the addresses."""
        pages.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        pages.add_url_rule("/callback", "callback", self._callback, methods=["GET"])

    def _login(self) -> ResponseReturnValue:
        # A third party may start here too, by either method (OpenID Connect Core §4).
        if request.values.get("iss", self._options.issuer) != self._options.issuer:
            raise SignInFailed("invalid_issuer")
        target = self._targets.of(request.values.get("target_link_uri"))
        notes = self._notes.here()
        with told_as_failures():
            answer = self._started.begin(target, wishes={"prompt": "login"} if notes.ask_again else {})
        notes.ask_again = False
        return answer

    def _callback(self) -> ResponseReturnValue:
        # Authlib would report an ``error`` before looking at ``state``, and never look at ``iss`` (RFC 9207).
        if any(len(values) > 1 for _, values in request.args.lists()):
            raise SignInFailed("invalid_request")
        with told_as_failures():
            started = self._started.find(request.args.get("state", ""))
            if started is None:
                raise SignInFailed("invalid_state")
            replaced = self._gate.known()
            try:
                cookie, session = self._open(started)
            except CodeSent:
                # Something failed then, or is still waited for elsewhere. What the sign-in was for goes on.
                return self._started.begin_again(started)
            except SignInFailed as failed:
                present = self._gate.session() if failed.code == "access_denied" else None
                unfinished = started.unfinished
                if present and unfinished and unfinished.is_of(present.person):
                    # Who gave up at the provider, and is still signed in, finds their form as it was.
                    return self._resumed(started, unfinished, present, "not_stepped_up")
                self._started.forget(started)
                raise
        answer = self._finished(session, started)
        answer.set_cookie(
            self._options.session_cookie, cookie, secure=self._options.secure, httponly=True, samesite="Lax"
        )
        if replaced and replaced.tokens.refresh_token:
            self._provider.give_back(replaced.tokens.refresh_token)
        return answer

    def _open(self, started: Started) -> tuple[str, PortalSession]:
        """Open a session by the code that the provider sent; return its cookie too."""
        if refusal := _refusal(request.args, self._options.issuer):
            raise SignInFailed(refusal)
        claims, tokens = self._exchanged(started)
        person = self._person(claims)
        if started.unfinished is None:
            # Checked here, so that a page that asks for more does not send the browser round in a circle.
            self._expect(person, started.wishes)
        try:
            cookie = self._sessions.start(person, tokens, claims["iat"], replacing=self._gate.cookie())
        except SessionEnded as error:
            raise SignInFailed("session_ended") from error
        session = self._sessions.find(cookie)
        if session is None:
            raise SignInFailed("session_ended")
        return cookie, session

    def _expect(self, person: Person, wishes: Mapping[str, str]) -> None:
        try:
            Demand.of(wishes).check(person, self._clock.now())
        except InsufficientAuthentication as error:
            raise SignInFailed("not_stepped_up") from error

    def _finished(self, session: PortalSession, started: Started) -> Response:
        """Go where the sign-in was to lead, or on with a form; nothing of it is for anybody else."""
        unfinished = started.unfinished
        if unfinished is not None and session.person.sub == unfinished.sub:
            # Another person of the same account: it is not done in their name before they have said so.
            because: Because | None = None if unfinished.is_of(session.person) else "other_person"
            return self._resumed(started, unfinished, session, because)
        with told_as_failures():
            self._started.forget(started)
        return redirect(started.target if unfinished is None else self._targets.first_page)

    def _resumed(
        self, started: Started, unfinished: Unfinished, session: PortalSession, because: Because | None
    ) -> Response:
        """Go on with the form, once. While it is answered by 5xx, whoever reloads the page goes on with it again."""
        with told_as_failures():
            if not self._started.claim_form(started):
                # Another request goes on with it, whose answer this browser did not wait for.
                self._started.forget(started)
                return redirect(started.target)
        answer = resume(unfinished, session, self._options.base_url, because)
        with told_as_failures():
            if answer.status_code >= 500:
                self._started.release_form(started)
            else:
                self._started.forget(started)
        return answer

    def _person(self, claims: Mapping[str, Any]) -> Person:
        try:
            return read_person(
                claims, required=self._options.required_acr, now=self._clock.now(), leeway=LEEWAY
            )
        except ClaimsRefused as error:
            too_weak = error.args == ("acr",)
            raise SignInFailed(
                "unmet_authentication_requirements" if too_weak else "invalid_token"
            ) from error

    def _exchanged(self, started: Started) -> tuple[Mapping[str, Any], Tokens]:
        """Redeem the code. A name that the ID token leaves out is asked of userinfo (OIDC Core §5.4)."""
        asked_at = self._clock.now()
        try:
            answer = self._started.redeemed(started, request.args["code"])
            claims = answer["userinfo"]
            access_token, lifetime = answer["access_token"], answer.get("expires_in", TOKEN_LIFETIME_SECONDS)
            expires_at = asked_at + timedelta(seconds=int(lifetime))
            refresh_token = _text_or_none(answer.get("refresh_token"))
            tokens = Tokens(str(access_token), str(answer["id_token"]), expires_at, refresh_token)
            if str(answer["token_type"]).lower() != "bearer":
                raise SignInFailed("invalid_response")
        except IdTokenRefused as error:
            raise SignInFailed("invalid_token") from error
        except OAuthError as error:
            raise SignInFailed(provider_code(error.error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise SignInFailed("invalid_response") from error
        if "name" in claims:
            return claims, tokens
        profile = self._provider.profile_of(tokens.access_token)
        if profile is None or profile.get("sub") != claims["sub"]:
            raise SignInFailed("invalid_token")
        return {**claims, "name": profile.get("name")}, tokens


def _refusal(answer: Mapping[str, str], issuer: str) -> str | None:
    if answer.get("iss") != issuer:
        return "invalid_issuer"
    if "error" in answer:
        return provider_code(answer["error"])
    return None if answer.get("code") else "invalid_response"


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
