"""Who may see a page: a browser with a session that the provider still vouches for."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from functools import wraps
from threading import Lock

import requests
from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from fse_portal.clock import Clock
from fse_portal.errors import Refused
from fse_portal.identity import contradicts
from fse_portal.provider import Provider
from fse_portal.refreshing import Refresher
from fse_portal.sessions import PortalSession, Sessions
from fse_portal.settings import Settings
from fse_portal.unfinished import unfinished_form

SignedInView = Callable[[PortalSession], ResponseReturnValue]

STRIPES = 64


class Gate:
    """Lets signed-in browsers through; asks the provider about each at most every ``revalidate_seconds``."""

    def __init__(self, settings: Settings, sessions: Sessions, provider: Provider, clock: Clock) -> None:
        self._settings = settings
        self._sessions = sessions
        self._provider = provider
        self._refresher = Refresher(settings, sessions, provider, clock)
        self._clock = clock
        self._every = timedelta(seconds=settings.revalidate_seconds)
        # Requests of one browser share a lock, and so one question to the provider; unrelated ones rarely do.
        self._locks = tuple(Lock() for _ in range(STRIPES))

    def cookie(self) -> str | None:
        """Return the id that the browser sent, whatever it is worth."""
        return request.cookies.get(self._settings.session_cookie)

    def session(self) -> PortalSession | None:
        """Return the browser's live session without asking the provider."""
        cookie = self.cookie()
        return self._sessions.find(cookie) if cookie else None

    def known(self) -> PortalSession | None:
        """Return the browser's session, live or over."""
        cookie = self.cookie()
        return self._sessions.known(cookie) if cookie else None

    def signed_in(self, view: SignedInView) -> Callable[[], ResponseReturnValue]:
        """Give ``view`` the vouched-for session, or send the browser through identification and back here.

        Raises ``requests.RequestException`` when the provider does not answer; the session is kept then.
        """

        @wraps(view)
        def guarded() -> ResponseReturnValue:
            session = self.session()
            session = session and self._vouched_for(session)
            if session is None:
                return redirect(url_for("sign_in.login", target_link_uri=request.full_path.rstrip("?")))
            return view(session)

        return guarded

    def posted(self, view: SignedInView) -> Callable[[], ResponseReturnValue]:
        """Do the same for a form of ours: what was typed outlives an identification on the way.

        Raises ``Refused`` for a form without this browser's own token.
        """

        @wraps(view)
        def guarded() -> ResponseReturnValue:
            known = self.known()
            if known is None:
                return redirect(url_for("sign_in.login", target_link_uri=request.path))
            self.expect_own_form(known)
            session = self._vouched_for(known) if self._sessions.is_live(known) else None
            if session is None:
                kept = unfinished_form(request.path, request.form, known.identity)
                return self._provider.begin(request.path, unfinished=asdict(kept))
            return view(session)

        return guarded

    def expect_own_form(self, session: PortalSession) -> None:
        """Raise ``Refused`` unless the request's form was made for ``session``: another site cannot know its token."""
        sent = request.form.get("form_token", "")
        if not hmac.compare_digest(sent.encode(), session.form_token.encode()):
            raise Refused("invalid_form")

    def _vouched_for(self, session: PortalSession) -> PortalSession | None:
        if not self._due(session):
            return session
        lock = self._locks[int(session.key, 16) % STRIPES]
        if not lock.acquire(timeout=self._settings.provider_timeout_seconds):
            raise requests.exceptions.Timeout("another request still waits for the provider")
        try:
            fresh = self._sessions.fresh(session.key)
            if fresh is None or not self._due(fresh):
                return fresh
            if self._refresher.due(fresh):
                # It asks the provider what userinfo would be asked: whether this person is still let in.
                return self._refresher.renewed(fresh)
            return self._confirmed(fresh)
        finally:
            lock.release()

    def _confirmed(self, session: PortalSession, *, refreshed: bool = False) -> PortalSession | None:
        """Ask userinfo. An access token that is refused is not the end yet: its time may have come there already."""
        asked_at = self._clock.now()
        profile = self._provider.profile_of(session.tokens.access_token)
        if profile is None and session.refreshable and not refreshed:
            renewed = self._refresher.renewed(session)
            return renewed and self._confirmed(renewed, refreshed=True)
        if profile is None or contradicts(session.identity, profile):
            self._sessions.end(session)
            return None
        self._sessions.confirm(session, asked_at)
        return session

    def _due(self, session: PortalSession) -> bool:
        age = self._clock.now() - session.checked_at
        # A clock that was put back must not extend trust.
        return not timedelta(0) <= age < self._every
