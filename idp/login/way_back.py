"""Which services this browser was signing in to, for the page of a sign-in that is over: kept in its signed cookie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import session as browser_session

from idp.login.cookies import fingerprint

_KEPT: Final = "services"
_MOST: Final = 3
"""Sign-ins that are remembered, the latest: other tabs had theirs."""


def keep(transaction_id: str, client_id: str | None) -> None:
    """Note for which service a sign-in begins; ``None``: for none, and nothing is kept."""
    if client_id is not None:
        browser_session[_KEPT] = [*_kept(), (_name(transaction_id), client_id)][-_MOST:]


def forget() -> None:
    """Forget every one: somebody else sits there next."""
    browser_session.pop(_KEPT, None)


def service_of(transaction_id: str) -> str | None:
    """Return the ``client_id`` that a sign-in of this very browser was for, or ``None``."""
    return dict(_kept()).get(_name(transaction_id))


def _kept() -> Sequence[tuple[str, str]]:
    return [(name, client_id) for name, client_id in browser_session.get(_KEPT, ())]


def _name(transaction_id: str) -> str:
    return fingerprint(transaction_id)[:16]
