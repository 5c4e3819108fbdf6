"""What people forgot, answered by the worker: once, and only to whoever is on file. On both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from idp.accounts import directory
from idp.notices.requests import LINK_LIFETIME, PIECE, Forgotten, RecoveryRequests
from idp.storage.keyring import Keyring
from idp.storage.schema import recovery_request, single_use_link
from tests.notices.conftest import MAIL, Desk
from tests.storage.racing import race


def _requests(desk: Desk, keyring: Keyring | None = None) -> RecoveryRequests:
    return RecoveryRequests(
        desk.database, desk.clock, keyring or desk.keyring, desk.outbox, "https://idp.example.org"
    )


def _asked(desk: Desk, typed: str, forgotten: Forgotten = "password", keyring: Keyring | None = None) -> None:
    with desk.database.write() as connection:
        _requests(desk, keyring).note(connection, forgotten, typed)


def _left(desk: Desk) -> int:
    with desk.database.read() as connection:
        found: int = connection.execute(select(func.count()).select_from(recovery_request)).scalar_one()
    return found


def test_each_request_is_answered_once_by_whichever_worker(desk: Desk) -> None:
    for _ in range(3):
        _asked(desk, "408461")
    workers = [_requests(desk) for _ in range(4)]
    race(4, lambda number: workers[number].answer())
    assert _left(desk) == 0
    assert [row["kind"] for row in desk.rows()] == ["password_link"] * 3
    assert [line["kind"] for line in desk.audited()] == ["recovery.link_sent"] * 3
    with desk.database.read() as connection:
        links = connection.execute(select(single_use_link)).all()
    assert {link.expires_at - link.created_at for link in links} == {LINK_LIFETIME}


def test_what_nobody_has_is_asked_in_vain(desk: Desk) -> None:
    _asked(desk, "999999")
    _asked(desk, "no such key", "identifier")
    assert _requests(desk).answer() == 2
    assert (desk.rows(), desk.audited(), _left(desk)) == ([], [], 0)


@pytest.mark.parametrize("accounts", [1, 3, 12])
def test_an_address_gets_its_identifiers_ten_at_most(desk: Desk, accounts: int) -> None:
    with desk.database.write() as connection:
        for number in range(1, accounts):
            directory.add_account(connection, desk.sub, f"20{number}", "insured", "phc", desk.clock.now())
    key = directory.email_key({"email": MAIL})
    assert key is not None
    _asked(desk, key, "identifier")
    _requests(desk).answer()
    assert [row["kind"] for row in desk.rows()] == ["identifier"] * min(accounts, 10)
    assert {row["recipient"] for row in desk.rows()} == {MAIL}


def test_more_than_a_piece_is_left_for_the_next_run(desk: Desk) -> None:
    for number in range(PIECE + 1):
        _asked(desk, f"unknown {number}")
    assert _requests(desk).answer() == PIECE
    assert _left(desk) == 1
    assert _requests(desk).answer() == 1
    assert _requests(desk).answer() == 0


def test_what_can_no_longer_be_read_holds_nothing_up(desk: Desk) -> None:
    other = Keyring({"gone": bytes(32)})
    _asked(desk, "408461", keyring=other)
    _asked(desk, "408461")
    assert _requests(desk).answer() == 2
    assert len(desk.rows()) == 1
    assert _left(desk) == 0
