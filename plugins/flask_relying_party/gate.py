"""Who is there: a browser with a session that the provider still vouches for."""

from __future__ import annotations

import hmac
from datetime import timedelta
from threading import Lock

import requests
from flask import request

from flask_relying_party.clock import Clock
from flask_relying_party.failures import SignInFailed
from flask_relying_party.options import Options
from flask_relying_party.person import contradicts
from flask_relying_party.provider import Provider
from flask_relying_party.refreshing import Refresher
from flask_relying_party.sessions import PortalSession, Sessions
from flask_relying_party.unfinished import FORM_TOKEN

STRIPES = 64


class Gate:
    """Knows signed-in browsers; asks the provider about each at most every ``revalidate_seconds``."""

    def __init__(self, options: Options, sessions: Sessions, provider: Provider, clock: Clock) -> None:
        self._options = options
        self._sessions = sessions
        self._provider = provider
        self._refresher = Refresher(options, sessions, provider, clock)
        self._clock = clock
        self._every = timedelta(seconds=options.revalidate_seconds)
        # Requests of one browser share a lock, and so one question to the provider; unrelated ones rarely do.
        self._locks = tuple(Lock() for _ in range(STRIPES))

    def cookie(self) -> str | None:
        """Return the id that the browser sent, whatever it is worth."""
        return request.cookies.get(self._options.session_cookie)

    def session(self) -> PortalSession | None:
        """Return the browser's live session without asking the provider."""
        cookie = self.cookie()
        return self._sessions.find(cookie) if cookie else None

    def known(self) -> PortalSession | None:
        """Return the browser's session, live or over."""
        cookie = self.cookie()
        return self._sessions.known(cookie) if cookie else None

    def expect_own_form(self, session: PortalSession) -> None:
        """Raise ``SignInFailed`` unless the form was made for ``session``: another site cannot know its token."""
        sent = request.form.get(FORM_TOKEN, "")
        if not hmac.compare_digest(sent.encode(), session.form_token.encode()):
            raise SignInFailed("invalid_form")

    def vouched_for(self, session: PortalSession) -> PortalSession | None:
        """Return the session if it is live and the provider still vouches for it, with new tokens when they are due.

        Raises ``requests.RequestException`` when the provider does not answer; the session is kept then.
        """
        if not self._sessions.is_live(session):
            return None
        if not self._due(session):
            return session
        lock = self._locks[int(session.key, 16) % STRIPES]
        if not lock.acquire(timeout=self._options.provider_timeout_seconds):
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
        if profile is None or contradicts(session.person, profile):
            self._sessions.end(session)
            return None
        self._sessions.confirm(session, asked_at)
        return session

    def _due(self, session: PortalSession) -> bool:
        age = self._clock.now() - session.checked_at
        # A clock that was put back must not extend trust.
        return not timedelta(0) <= age < self._every
