"""Who may see a page: a browser with a session that the provider still vouches for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from threading import Lock

import requests
from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from fse_portal.clock import Clock
from fse_portal.provider import Provider
from fse_portal.sessions import PortalSession, Sessions
from fse_portal.settings import Settings

SignedInView = Callable[[PortalSession], ResponseReturnValue]

STRIPES = 64


class Gate:
    """Lets signed-in browsers through; asks the provider about each at most every ``revalidate_seconds``."""

    def __init__(self, settings: Settings, sessions: Sessions, provider: Provider, clock: Clock) -> None:
        self._settings = settings
        self._sessions = sessions
        self._provider = provider
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

    def signed_in(self, view: SignedInView) -> Callable[[], ResponseReturnValue]:
        """Give ``view`` the vouched-for session, or send the browser through identification and back here.

        Raises ``requests.RequestException`` when the provider does not answer; the session is kept then.
        """

        @wraps(view)
        def guarded() -> ResponseReturnValue:
            session = self.session()
            session = session and self._vouched_for(session)
            if session is None:
                here = request.full_path.rstrip("?")
                return redirect(url_for("sign_in.login", target_link_uri=here))
            return view(session)

        return guarded

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
            asked_at = self._clock.now()
            if self._provider.still_vouches_for(fresh.identity, fresh.tokens.access_token):
                self._sessions.confirm(fresh, asked_at)
                return fresh
            self._sessions.end(fresh)
            return None
        finally:
            lock.release()

    def _due(self, session: PortalSession) -> bool:
        age = self._clock.now() - session.checked_at
        # A clock that was put back must not extend trust.
        return not timedelta(0) <= age < self._every
