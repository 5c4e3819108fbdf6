"""New tokens for a session before the old ones end: one request at a time, and a lost answer ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from requests import RequestException
from requests.exceptions import InvalidJSONError, Timeout

from flask_relying_party.clock import Clock
from flask_relying_party.id_token import IdTokenRefused
from flask_relying_party.keys import LEEWAY
from flask_relying_party.options import Options
from flask_relying_party.person import ClaimsRefused, Person, read_person
from flask_relying_party.provider import Provider, RefreshRefused
from flask_relying_party.sessions import PortalSession, Sessions, Tokens

AHEAD = timedelta(seconds=20)
ATTEMPTS = 2
LOOK_SECONDS = 0.05

log = logging.getLogger(__name__)


class Refresher:
    """Uses refresh tokens. Each is good once, so threads and workers agree on who does, by the session's row."""

    def __init__(self, options: Options, sessions: Sessions, provider: Provider, clock: Clock) -> None:
        self._required = options.required_acr
        self._sessions = sessions
        self._provider = provider
        self._clock = clock
        # Both attempts, each with a connection and an answer to wait for. Should the process die in between,
        # another goes on after this time.
        self._claim = timedelta(seconds=2 * ATTEMPTS * options.provider_timeout_seconds)

    def due(self, session: PortalSession) -> bool:
        """Say whether the access token is about to end, and another can be had."""
        return session.refreshable and self._clock.now() >= session.tokens.ends_at - AHEAD

    def renewed(self, session: PortalSession) -> PortalSession | None:
        """Return the session with new tokens, stored before anybody uses them; ``None``: the provider ended it.

        Raises ``requests.RequestException`` when the provider does not answer; the session stays.
        """
        for _ in range(int(self._claim.total_seconds() / LOOK_SECONDS)):
            if self._sessions.claim_refresh(session, self._clock.now() + self._claim):
                return self._refreshed(session)
            # Another worker is at it, or has just been: then the row holds what it got.
            present = self._sessions.fresh(session.key)
            if present is None or present.tokens.access_token != session.tokens.access_token:
                return present
            sleep(LOOK_SECONDS)
        raise Timeout("another worker still waits for the provider")

    def _refreshed(self, session: PortalSession) -> PortalSession | None:
        asked_at = self._clock.now()
        try:
            answer = self._asked(session)
            tokens = _tokens(answer, session, asked_at)
            self._expect_same_person(answer, session.person)
        except RequestException:
            self._sessions.release_refresh(session)
            raise
        except (RefreshRefused, IdTokenRefused, ClaimsRefused) as error:
            log.warning("session not refreshed: %s", type(error).__name__)
            self._sessions.end(session)
            return None
        self._sessions.renew(session, tokens, asked_at)
        return self._sessions.fresh(session.key)

    def _asked(self, session: PortalSession) -> Mapping[str, Any]:
        """Ask a second time at once when no answer came: the provider sends the same successor again (10 seconds)."""
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                return self._provider.refreshed(str(session.tokens.refresh_token))
            except RequestException:
                if not attempts_left:
                    raise
        raise AssertionError

    def _expect_same_person(self, answer: Mapping[str, Any], person: Person) -> None:
        """Raise ``ClaimsRefused`` for an ID token that says anything else than the first one (Core §12.2)."""
        if "userinfo" not in answer:
            return
        claims = {"name": person.name, **answer["userinfo"]}
        told = read_person(claims, required=self._required, now=self._clock.now(), leeway=LEEWAY)
        if (told.who, told.sid, told.acr, told.auth_time) != (
            person.who,
            person.sid,
            person.acr,
            person.auth_time,
        ):
            raise ClaimsRefused("sub")


def _tokens(answer: Mapping[str, Any], session: PortalSession, asked_at: datetime) -> Tokens:
    try:
        return Tokens(
            access_token=str(answer["access_token"]),
            id_token=str(answer.get("id_token", session.tokens.id_token)),
            ends_at=asked_at + timedelta(seconds=int(answer["expires_in"])),
            refresh_token=str(answer.get("refresh_token", session.tokens.refresh_token)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidJSONError("not a token answer") from error
