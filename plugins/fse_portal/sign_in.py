"""Identification at the provider, the way back, and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_client import OAuthError
from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from requests import RequestException
from werkzeug.wrappers import Response

from fse_portal.addresses import local_target
from fse_portal.clock import Clock
from fse_portal.errors import Refused, provider_code
from fse_portal.gate import Gate
from fse_portal.id_token import IdTokenRefused
from fse_portal.identity import ClaimsRefused, Identity, read_identity
from fse_portal.keys import LEEWAY
from fse_portal.provider import Provider
from fse_portal.sessions import PortalSession, SessionEnded, Sessions, Tokens
from fse_portal.settings import Settings
from fse_portal.step_up import InsufficientAuthentication
from fse_portal.tabs import FIRST_PAGE, PAGES
from fse_portal.unfinished import Posting, Unfinished

TOKEN_LIFETIME_SECONDS = 300
ASK_AGAIN = "ask_again"


class SignIn:
    """The pages ``/login``, ``/callback``, ``/logout`` and ``/goodbye``."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        sessions: Sessions,
        gate: Gate,
        postings: Mapping[str, Posting],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._postings = postings
        self._provider = provider
        self._sessions = sessions
        self._gate = gate
        self._clock = clock

    def pages(self) -> Blueprint:
        """Return the pages, to be registered with an application."""
        pages = Blueprint("sign_in", __name__)
        pages.add_url_rule("/login", "login", self._login, methods=["GET", "POST"])
        pages.add_url_rule("/callback", "callback", self._callback, methods=["GET"])
        pages.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        pages.add_url_rule("/goodbye", "goodbye", self._goodbye, methods=["GET"])
        return pages

    def _login(self) -> ResponseReturnValue:
        # A third party may start here too, by either method (OpenID Connect Core §4).
        if request.values.get("iss", self._settings.issuer) != self._settings.issuer:
            raise Refused("invalid_issuer")
        target = local_target(
            request.values.get("target_link_uri"),
            base_url=self._settings.base_url,
            pages=PAGES,
            default=FIRST_PAGE,
        )
        return self._provider.begin(
            target, wishes={"prompt": "login"} if session.pop(ASK_AGAIN, False) else {}
        )

    def _callback(self) -> ResponseReturnValue:
        # Authlib would report an ``error`` before looking at ``state``, and never look at ``iss`` (RFC 9207).
        if any(len(values) > 1 for _, values in request.args.lists()):
            raise Refused("invalid_request")
        state = request.args.get("state", "")
        started = self._provider.started_login(state)
        if started is None:
            raise Refused("invalid_state")
        unfinished = Unfinished(**started["unfinished"]) if started["unfinished"] else None
        if started.get("redeemed"):
            # Its code was sent, and then something failed. A code is good once; what it was for goes on.
            return self._provider.begin_again(state, started)
        refusal = _refusal(request.args, self._settings.issuer)
        if refusal:
            self._provider.forget_login(state, started)
            return self._refused(refusal, unfinished)
        try:
            answer = self._signed_in(state, started, unfinished)
        except Refused:
            self._provider.forget_login(state, started)
            raise
        # Not before: until now whoever reloads the page goes on with what was typed.
        self._provider.forget_login(state, started)
        return answer

    def _signed_in(
        self, state: str, started: Mapping[str, Any], unfinished: Unfinished | None
    ) -> ResponseReturnValue:
        """Open a session by the code that the provider sent, and go where the sign-in was to lead."""
        claims, tokens = _exchange(self._provider, state, started, self._clock)
        replaced = self._gate.known()
        try:
            cookie = self._sessions.start(
                self._identity(claims), tokens, claims["iat"], replacing=self._gate.cookie()
            )
        except SessionEnded as error:
            raise Refused("session_ended") from error
        opened = self._sessions.find(cookie)
        response = (
            self._finished(opened, unfinished)
            if opened and unfinished
            else make_response(redirect(started["target"]))
        )
        response.set_cookie(
            self._settings.session_cookie,
            cookie,
            secure=self._settings.secure,
            httponly=True,
            samesite="Lax",
        )
        if replaced and replaced.tokens.refresh_token:
            self._provider.give_back(replaced.tokens.refresh_token)
        return response

    def _finished(self, opened: PortalSession, unfinished: Unfinished) -> Response:
        """Go on with a form where its sender was interrupted; nothing of it is for anybody else."""
        posting = self._postings[unfinished.path]
        if opened.identity.sub != unfinished.sub:
            return make_response(redirect(FIRST_PAGE))
        if not unfinished.is_of(opened.identity):
            # Another person of the same practice: it is not done in their name before they have said so.
            return make_response(posting.shown_again(opened, unfinished.form, "other_person"))
        try:
            return make_response(posting.perform(opened, unfinished.form))
        except InsufficientAuthentication:
            return make_response(posting.shown_again(opened, unfinished.form, "not_stepped_up"))

    def _refused(self, code: str, unfinished: Unfinished | None) -> ResponseReturnValue:
        """Tell that the provider refused; whoever is still signed in and was sending a form finds it as it was."""
        present = self._gate.session()
        if unfinished and present and unfinished.is_of(present.identity) and code == "access_denied":
            return self._postings[unfinished.path].shown_again(present, unfinished.form, "not_stepped_up")
        raise Refused(code)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        try:
            return read_identity(
                claims, required=self._settings.required_acr, now=self._clock.now(), leeway=LEEWAY
            )
        except ClaimsRefused as error:
            too_weak = error.args == ("acr",)
            raise Refused("unmet_authentication_requirements" if too_weak else "invalid_token") from error

    def _logout(self) -> ResponseReturnValue:
        ended = self._gate.known()
        if ended is None:
            # Perhaps another site's form, without our cookie: nothing is ended before the provider has asked.
            return self._leave(None)
        self._gate.expect_own_form(ended)
        self._sessions.end(ended)
        response = self._leave(ended.tokens.id_token)
        response.delete_cookie(
            self._settings.session_cookie, secure=self._settings.secure, httponly=True, samesite="Lax"
        )
        return response

    def _leave(self, id_token: str | None) -> Response:
        try:
            address = self._provider.logout_address(id_token, f"{self._settings.base_url}/goodbye")
        except RequestException:
            address = None
        if address is None:
            # The provider may still know this browser: on a shared computer the next person must be asked.
            session[ASK_AGAIN] = True
        return redirect(address or url_for("sign_in.goodbye"))

    def _goodbye(self) -> str:
        return render_template("goodbye.html", provider_left_open=session.get(ASK_AGAIN, False))


def _refusal(answer: Mapping[str, str], issuer: str) -> str | None:
    if answer.get("iss") != issuer:
        return "invalid_issuer"
    if "error" in answer:
        return provider_code(answer["error"])
    return None if answer.get("code") else "invalid_response"


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _exchange(
    provider: Provider, state: str, started: Mapping[str, Any], clock: Clock
) -> tuple[Mapping[str, Any], Tokens]:
    """Redeem the code. A name that the ID token leaves out is asked of userinfo (OIDC Core §5.4)."""
    asked_at = clock.now()
    try:
        answer = provider.redeemed(state, started, request.args["code"])
        claims = answer["userinfo"]
        access_token, lifetime = answer["access_token"], answer.get("expires_in", TOKEN_LIFETIME_SECONDS)
        expires_at = asked_at + timedelta(seconds=int(lifetime))
        tokens = Tokens(
            str(access_token), str(answer["id_token"]), expires_at, _text_or_none(answer.get("refresh_token"))
        )
        if str(answer["token_type"]).lower() != "bearer":
            raise Refused("invalid_response")
    except IdTokenRefused as error:
        raise Refused("invalid_token") from error
    except OAuthError as error:
        raise Refused(provider_code(error.error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("invalid_response") from error
    if "name" in claims:
        return claims, tokens
    profile = provider.profile_of(tokens.access_token)
    if profile is None or profile.get("sub") != claims["sub"]:
        raise Refused("invalid_token")
    return {**claims, "name": profile.get("name")}, tokens
