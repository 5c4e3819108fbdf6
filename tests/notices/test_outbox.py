"""Queueing: with the act or not at all, for every contact, sealed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import event

from idp.notices.kinds import Notice
from tests.notices.conftest import MAIL, Desk, Post
from tests.notices.samples import LINK


class Broken(Post):
    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        raise KeyError(f"no {attributes}")


class Everywhere(Post):
    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        return ["a", "b", "a", "", "c" * 254, "d" * 255]


def test_a_notice_is_queued_for_every_contact_on_file_in_the_persons_language(desk: Desk) -> None:
    desk.notifiers |= {"letter": Everywhere(), "none": Post(attribute="absent")}
    assert desk.tell() == 4
    assert {(row["notifier"], row["recipient"]) for row in desk.rows()} == {
        ("post", MAIL),
        ("letter", "a"),
        ("letter", "b"),
        ("letter", "c" * 254),
    }
    assert {row["language"] for row in desk.rows()} == {"fr"}
    assert {row["due_at"] for row in desk.rows()} == {desk.clock.now()}


def test_a_notice_is_lost_with_the_act_that_it_tells_of(desk: Desk) -> None:
    def act() -> None:
        with desk.database.write() as connection:
            assert (
                desk.outbox.tell(connection, Notice.PASSWORD_CHANGED, desk.account_id, desk.clock.now()) == 1
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    assert not desk.rows()


def test_without_a_notifier_nothing_is_asked_of_the_database(desk: Desk) -> None:
    desk.notifiers.clear()
    ran: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        ran.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", note)
    assert desk.tell() == 0
    assert [statement for statement in ran if not statement.startswith(("BEGIN", "PRAGMA"))] == []
    assert not desk.outbox.reaches


def test_what_a_kind_needs_is_asked_for_when_it_is_queued(desk: Desk) -> None:
    with desk.database.write() as connection, pytest.raises(ValueError, match="first, last expected"):
        desk.outbox.tell(connection, Notice.ASSISTANT_ADDED, desk.account_id, desk.clock.now(), who="X")


def test_a_notifier_that_fails_takes_no_act_down(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.notifiers["broken"] = Broken()
    assert desk.tell() == 1
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "notifier broken finds no recipients: KeyError"
    ]


@pytest.mark.attack(69)
def test_a_dump_holds_no_link_neither_while_it_waits_nor_after(desk: Desk, post: Post) -> None:
    desk.tell("password link")
    assert LINK not in repr(desk.rows())
    assert "recovery/" not in repr(desk.rows())
    desk.delivery().deliver()
    assert LINK in post.taken[0].text
    assert desk.row()["content"] == ""
