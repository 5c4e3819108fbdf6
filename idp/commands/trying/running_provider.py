"""First station: the provider answers, is who the settings say, and has the same time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests import Response

from idp.clock import Clock
from idp.commands.trying.calling import NotAnswered
from idp.commands.trying.finding import Finding, right, wrong
from idp.commands.trying.trial import Running, Trial

_ABOUT = "provider"
_CLOCK = "clock"
_TOLERATED_SECONDS = 30
"""What libraries forgive in ``iat`` and ``exp`` without being told is often less; what TOTP forgives is 30 s."""


def reached(trial: Trial) -> tuple[Running | None, list[Finding]]:
    """Return the running provider, or ``None`` when there is nothing to walk to, and what was found."""
    address = f"{trial.issuer}/.well-known/openid-configuration"
    trial.tell(f"asking the provider who it is: {address}")
    try:
        answer = trial.caller.get(address)
    except NotAnswered as error:
        todo = "Start it, or name the running one by --issuer"
        return None, [wrong(_ABOUT, f"{trial.issuer} cannot be reached: {error}", todo)]
    metadata = _document(answer)
    if metadata is None:
        says = f"{address} answers {answer.status_code}, and no discovery document"
        return None, [
            wrong(_ABOUT, says, "Another program answers there: correct issuer, or the proxy before it")
        ]
    if metadata["issuer"] != trial.issuer:
        says = (
            f"it says issuer {metadata['issuer']!r}, not {trial.issuer!r}: services compare every character"
        )
        return None, [wrong(_ABOUT, says, "Use the issuer that it says, everywhere")]
    return Running(trial.issuer, metadata), [
        right(_ABOUT, f"answers as {trial.issuer}"),
        *clock_of("provider", answer, trial.clock),
    ]


def clock_of(who: str, answer: Response, clock: Clock) -> Iterator[Finding]:
    """Yield what its ``Date`` header says of its clock; nothing of an answer without one."""
    said = _date(answer.headers.get("Date"))
    if said is None:
        return
    apart = (said - clock.now()).total_seconds()
    if abs(apart) > _TOLERATED_SECONDS:
        says = f"the {who} is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine"
        yield wrong(_CLOCK, says, "Let all of them follow NTP: tokens are judged by the second")
    else:
        yield right(_CLOCK, f"the {who} has the time of this machine")


def _document(answer: Response) -> dict[str, Any] | None:
    try:
        found = answer.json() if answer.status_code == 200 else None
    except ValueError:
        return None
    needed = ("issuer", "authorization_endpoint", "token_endpoint")
    whole = isinstance(found, dict) and all(isinstance(found.get(name), str) for name in needed)
    return found if whole else None


def _date(text: str | None) -> datetime | None:
    try:
        found = None if text is None else parsedate_to_datetime(text)
    except ValueError:
        return None
    # RFC 9110 §5.6.7: whatever zone it writes, it is UTC.
    return None if found is None else found.replace(tzinfo=UTC)
