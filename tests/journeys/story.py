"""What several journeys do or look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyotp
import pytest
from idp_password.argon2id import Recipe
from sqlalchemy import event, select

from idp.storage.schema import audit_event, authenticator, failure
from tests.clock import MovableClock
from tests.provider import Provider, Someone, Visit

COOKIES = ("browser", "session", "proof", "identifier", "device")
_CODE = re.compile(r"<li><code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>")
_KEY = re.compile(r'<button name="key" value="(\d)"[^>]*>(\d)</button>')


def cookie(visit: Visit, purpose: str) -> str | None:
    """Return the value of one of the provider's cookies in this browser."""
    found = visit.client.get_cookie(f"__Host-idp_{purpose}", "idp.test")
    return found.value if found else None


def plant(visit: Visit, purpose: str, value: str) -> None:
    """Put a cookie into this browser."""
    visit.client.set_cookie(f"__Host-idp_{purpose}", value, domain="idp.test", secure=True)


def twin(visit: Visit) -> Visit:
    """Return another window of the same browser: the same cookies now, the same page."""
    other = Visit(visit.provider)
    for purpose in COOKIES:
        if value := cookie(visit, purpose):
            plant(other, purpose, value)
    other.page = visit.page
    return other


def html(visit: Visit) -> str:
    """Return the last answer's body."""
    assert visit.response is not None
    return visit.response.text


def labels(visit: Visit) -> str:
    """Return the keypad's labels in their order on the page."""
    found = _KEY.findall(html(visit))
    assert [place for place, _label in found] == list("0123456789")
    return "".join(label for _place, label in found)


def press(visit: Visit, digits: str, **more: str) -> None:
    """Press keys of the keypad as a browser without JavaScript does: one POST each."""
    for digit in digits:
        visit.submit(key=str(labels(visit).index(digit)), **more)


def switch_user(visit: Visit) -> None:
    """Press *Changer d'utilisateur* on the page."""
    place = next(place for place, form in enumerate(visit.page.forms) if form.action.endswith("/switch"))
    visit.submit(place)


def code_of(secret: str, clock: MovableClock, *, steps: int = 0) -> str:
    """Return what a phone with ``secret`` shows."""
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + 30 * steps)


def activate(visit: Visit, who: Someone) -> Someone:
    """Confirm the secret that the activation page shows, go past the recovery codes, return the person with a phone."""
    assert visit.step == "activation"
    assert visit.page.secret is not None
    secret = visit.page.secret
    visit.submit(code=code_of(secret, visit.provider.clock))
    if visit.left_for is None and visit.step == "recovery-codes":
        visit.submit()
    return Someone(who.identifier, who.password, who.name, secret)


def codes_shown(visit: Visit) -> list[str]:
    """Return the recovery codes that the page shows."""
    return _CODE.findall(html(visit))


def failures_of(provider: Provider) -> dict[str, int]:
    """Return the failures in a row, by kind of guess, on known devices and on new ones together."""
    with provider.parts.database.read() as connection:
        rows = connection.execute(select(failure.c.key, failure.c.count).where(failure.c.count > 0)).all()
    found: Counter[str] = Counter()
    for key, count in rows:
        found[key.partition(":")[0]] += count
    return dict(found)


def authenticators_of(provider: Provider, who: Someone) -> list[dict[str, Any]]:
    """Return the rows of the account's authenticators."""
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
        found = connection.execute(select(authenticator).where(authenticator.c.account_id == account_id))
        return [dict(row) for row in found.mappings()]


@contextmanager
def statements(provider: Provider) -> Iterator[list[str]]:
    """Give the SQL statements that run inside the block."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    engine = provider.parts.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def count_verifications(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Return a list that grows with each computation of Argon2 by its recipe: cost and salt."""
    seen: list[Recipe] = []
    right = Recipe.computed

    def computed(self: Recipe, secret: bytes) -> bytes:
        seen.append(self)
        return right(self, secret)

    monkeypatch.setattr(Recipe, "computed", computed)
    return seen


def audit_kinds(provider: Provider, *prefixes: str) -> list[str]:
    """Return the kinds of all audited events in order, those that begin with one of ``prefixes`` if given."""
    return [line["kind"] for line in audit_lines(provider) if line["kind"].startswith(prefixes or "")]


def audit_lines(provider: Provider) -> list[dict[str, Any]]:
    """Return every line of the audit, the oldest first."""
    with provider.parts.database.read() as connection:
        return [
            dict(row) for row in connection.execute(select(audit_event).order_by(audit_event.c.id)).mappings()
        ]
