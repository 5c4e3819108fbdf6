"""Who may act for a practitioner, when, and what an actor may never do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from idp.rules.assurance import FUND_ZONE, Acr, meets

PRACTITIONER = "health_professional"
"""The only profile whose accounts have assistants."""

MANAGE_SCOPE = "assistants:manage"
"""What a service needs to manage a practitioner's assistants in their name."""

MANAGING_SECONDS = 900
"""How long a sign-in is recent enough to change who may enter."""

ENDING_SOON = timedelta(days=14)
"""How long before its end a practitioner is told that an assistant's time is running out."""

Denial = Literal["insufficient_scope", "insufficient_user_authentication"]
"""Why a managing act is refused: RFC 6750 §3.1, RFC 9470 §3."""


@dataclass(frozen=True)
class Window:
    """A half-open span ``[start, end)`` of aware UTC moments; without an end it stays open."""

    start: datetime
    end: datetime | None

    def holds(self, now: datetime) -> bool:
        """Say whether ``now`` lies in the span."""
        return self.start <= now and (self.end is None or now < self.end)

    def is_over(self, now: datetime) -> bool:
        """Say whether the span lies wholly before ``now``."""
        return self.end is not None and now >= self.end


@dataclass(frozen=True)
class Actor:
    """The assistant who acts: ``sub`` and ``name`` go into ``act`` (RFC 8693 §4.1), the rest into ``delegation``."""

    sub: str
    name: str
    delegation_id: str
    window: Window


def window_of_days(first: date, last: date | None) -> Window:
    """Return the span from the start of ``first`` to the end of ``last``, days of Europe/Monaco, in UTC.

    A day of the change of hour is 23 or 25 hours long and still ends at its own midnight. Raises ``ValueError`` when
    ``last`` lies before ``first``, ``OverflowError`` at the two ends of the calendar (years 1 and 9999).
    """
    if last is not None and last < first:
        raise ValueError("the last day lies before the first")
    return Window(_midnight(first), None if last is None else _midnight(last + timedelta(days=1)))


def first_day(window: Window) -> date:
    """Return the first day of a span made by :func:`window_of_days`."""
    return window.start.astimezone(FUND_ZONE).date()


def last_day(window: Window) -> date | None:
    """Return the last day of a span made by :func:`window_of_days`, or ``None`` while it stays open."""
    return None if window.end is None else (window.end - timedelta(seconds=1)).astimezone(FUND_ZONE).date()


def ends_soon(window: Window, now: datetime) -> bool:
    """Say whether the span has an end that is still to come, at most ``ENDING_SOON`` from ``now``."""
    return window.end is not None and now < window.end <= now + ENDING_SOON


def reached_from(signed_in: str, linked_from: Mapping[str, str | None]) -> frozenset[str]:
    """Return the other delegations of one assistant that a sign-in by the delegation ``signed_in`` will do for.

    ``linked_from`` holds the assistant's delegations in force, each with the one whose sign-in its practitioner
    accepted by entering a link code. Acceptance goes that way only, and on from there: a practitioner who agreed to
    nothing lets nobody in by the secrets of another practice.
    """
    reached = {signed_in} & linked_from.keys()
    while more := {one for one, origin in linked_from.items() if origin in reached} - reached:
        reached |= more
    return frozenset(reached - {signed_in})


def managing_denied(acr: Acr, actor: Actor | None, age: float) -> Denial | None:
    """Return why a managing act is refused, or ``None`` when it is allowed.

    Only in person, only with two factors, and only while the older of them is at most ``MANAGING_SECONDS`` old
    (``age``, seconds): a session left open on a shared computer must not let a phone be bound to the account.
    """
    if actor is not None:
        return "insufficient_scope"
    return None if meets(acr, "mfa") and age <= MANAGING_SECONDS else "insufficient_user_authentication"


def grantable(scope: Iterable[str], profile: str, actor: Actor | None) -> tuple[str, ...]:
    """Return the words of a scope that whoever is there may grant; what is left out is said to the service by
    ``scope`` in its answer (RFC 6749 §3.3).

    Managing assistants is the practitioner's own: no actor grants it, and nobody of another profile.
    """
    own = actor is None and profile == PRACTITIONER
    return tuple(word for word in scope if own or word != MANAGE_SCOPE)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), FUND_ZONE).astimezone(UTC)
