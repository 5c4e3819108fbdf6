"""For a portal's own tests: somebody who is signed in, without a provider."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask.testing import FlaskClient

from flask_relying_party.clock import Clock, SystemClock
from flask_relying_party.database import Database
from flask_relying_party.person import Person
from flask_relying_party.sessions import Limits, Sessions, Tokens

_LIFETIME = timedelta(hours=1)


def sign_in(
    client: FlaskClient,
    database: str | Path,
    person: Person,
    *,
    cookie: str = "sso_session",
    clock: Clock | None = None,
) -> str:
    """Give the test's browser a session of ``person`` in the portal's file, and return its form token.

    ``cookie`` is the session's, ``__Host-sso_session`` where ``base_url`` is https. The provider is asked as ever once
    ``revalidate_seconds`` are over by the portal's ``clock``: give it one that stands still, or answer in its place.
    """
    clock = clock or SystemClock()
    now = clock.now()
    sessions = Sessions(Database(Path(database)), clock, Limits(_LIFETIME, _LIFETIME))
    tokens = Tokens("no access token", "no ID token", ends_at=now + _LIFETIME)
    value = sessions.start(person, tokens, int(now.timestamp()), replacing=None)
    client.set_cookie(cookie, value)
    found = sessions.find(value)
    return found.form_token if found else ""
