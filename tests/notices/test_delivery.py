"""The outbox worked: each notice sent once, tried again when it was not taken, given up when that is of no use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from idp.notices.delivery import LEASE
from idp.notices.kinds import Notice
from idp.plugins import Message, NotDelivered, Unreachable
from idp.storage.keyring import Keyring
from tests.notices.conftest import MAIL, Desk, Post, kinds
from tests.notices.samples import LINK
from tests.storage.racing import race

HOUR = 3_600


def refusing(error: Exception, *, times: int = 10_000) -> Callable[[Message], None]:
    """Return what raises ``error`` so many times."""
    left = [times]

    def refuse(_message: Message) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return refuse


def test_a_notice_is_sent_once_and_its_content_dropped(desk: Desk, post: Post) -> None:
    desk.tell("new device")
    desk.clock.advance(seconds=3)
    assert desk.delivery().deliver() == 1
    (message,) = post.taken
    row = desk.row()
    assert (message.id, message.kind, message.recipient, message.language) == (
        row["id"],
        "new_device",
        MAIL,
        "fr",
    )
    assert message.subject == "Connexion depuis un nouvel appareil"
    assert "NAUDIN Fernand" in message.text
    assert "NAUDIN Fernand" in message.html
    assert (message.created_at, message.sent_at) == (row["created_at"], desk.clock.now())
    assert (row["content"], row["sent_at"], row["given_up_at"]) == ("", desk.clock.now(), None)
    desk.clock.advance(seconds=1_000_000)
    assert desk.delivery().deliver() == 0
    assert len(post.tried) == 1


def test_a_notice_that_is_not_taken_is_tried_again_after_longer_and_longer(desk: Desk, post: Post) -> None:
    desk.tell()
    begun = desk.clock.now()
    post.before = refusing(NotDelivered("busy"))
    delivery, tried = desk.delivery(), []
    while desk.row()["given_up_at"] is None:
        desk.clock.set(desk.row()["due_at"] - timedelta(seconds=1))
        assert delivery.deliver() == 0
        desk.clock.advance(seconds=1)
        assert delivery.deliver() == 1
        tried.append(desk.clock.now() - begun)
    desk.clock.advance(seconds=10 * 24 * HOUR)
    assert delivery.deliver() == 0
    minutes = [int(after.total_seconds() // 60) for after in tried]
    assert minutes == [0, 1, 6, 36, 156, 516, 1236, 1956, 2676, 3396, 4116]
    row = desk.row()
    assert row["given_up_at"] == begun + tried[-1] <= begun + timedelta(days=3)
    assert (row["content"], row["sent_at"]) == ("", None)
    (line,) = desk.audited()
    assert (line["kind"], line["account_id"]) == ("notice.given_up", desk.account_id)
    assert line["detail"] == {
        "notice": row["id"],
        "kind": "password_changed",
        "notifier": "post",
        "why": "undeliverable",
    }


def test_a_notice_taken_at_the_second_attempt_is_the_same_one(desk: Desk, post: Post) -> None:
    desk.tell()
    post.before = refusing(NotDelivered("busy"), times=1)
    desk.delivery().deliver()
    desk.clock.advance(seconds=59)
    assert desk.delivery().deliver() == 0
    desk.clock.advance(seconds=1)
    desk.delivery().deliver()
    first, second = post.tried
    assert (first.id, first.text, first.created_at) == (second.id, second.text, second.created_at)
    assert first.sent_at < second.sent_at
    assert desk.row()["sent_at"] == desk.clock.now()
    assert not desk.audited()


def test_a_permanent_refusal_ends_it_at_once(desk: Desk, post: Post) -> None:
    desk.tell("password link")
    post.before = refusing(NotDelivered("no such person", permanent=True))
    desk.delivery().deliver()
    row = desk.row()
    assert (row["content"], row["given_up_at"]) == ("", desk.clock.now())
    (line,) = desk.audited()
    assert line["detail"]["why"] == "refused"
    assert MAIL not in repr(line)
    desk.clock.advance(seconds=HOUR)
    assert desk.delivery().deliver() == 0


def test_a_link_is_never_sent_after_its_minutes(desk: Desk, post: Post) -> None:
    desk.tell("password link")
    desk.clock.advance(seconds=15 * 60)
    desk.delivery().deliver()
    assert not post.tried
    assert (desk.row()["content"], desk.audited()[0]["detail"]["why"]) == ("", "expired")


def test_a_link_is_tried_as_long_as_it_lives_and_not_kept_longer(desk: Desk, post: Post) -> None:
    desk.tell("password link")
    begun = desk.clock.now()
    post.before = refusing(NotDelivered("busy"))
    for _ in range(30):
        desk.delivery().deliver()
        desk.clock.advance(seconds=60)
    assert [(one.sent_at - begun).total_seconds() for one in post.tried] == [0, 60, 360]
    assert desk.row()["content"] == ""


def test_a_notice_that_waited_for_days_is_still_tried_once(desk: Desk, post: Post) -> None:
    desk.tell()
    desk.tell("new device")
    desk.clock.advance(seconds=10 * 24 * HOUR)
    post.before = refusing(NotDelivered("busy"), times=1)
    desk.delivery().deliver()
    assert (len(post.tried), len(post.taken)) == (2, 1)
    assert sorted(row["given_up_at"] is None for row in desk.rows()) == [False, True]


def test_a_broken_template_stops_no_other_notice(
    desk: Desk, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    mails = desk.folder / "mail"
    mails.mkdir()
    (mails / "identifier.txt").write_text("{{ identifier }} {{ nowhere }}", encoding="utf-8")
    desk.tell("identifier")
    desk.tell("password changed")
    desk.delivery().deliver()
    assert kinds(post.taken) == [Notice.PASSWORD_CHANGED]
    assert "UndefinedError" in caplog.text
    assert "608349" not in caplog.text
    (mails / "identifier.txt").unlink()
    desk.clock.advance(seconds=60)
    desk.delivery().deliver()
    assert kinds(post.taken) == [Notice.PASSWORD_CHANGED, Notice.IDENTIFIER]


def test_a_notifier_that_fails_stops_no_other_notice(
    desk: Desk, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    desk.tell("password link")
    desk.tell()
    post.before = refusing(RuntimeError(f"cannot send {LINK} to {MAIL}"), times=1)
    desk.delivery().deliver()
    assert kinds(post.taken) == [Notice.PASSWORD_CHANGED]
    assert "RuntimeError" in caplog.text
    assert LINK not in caplog.text
    assert MAIL not in caplog.text
    desk.clock.advance(seconds=60)
    desk.delivery().deliver()
    assert kinds(post.taken)[1:] == [Notice.PASSWORD_LINK]


def test_while_nobody_answers_one_notice_a_round_is_tried_and_other_ways_go_on(
    desk: Desk, post: Post
) -> None:
    letter = Post()
    desk.notifiers["letter"] = letter
    for _ in range(3):
        desk.tell()
    post.before = refusing(Unreachable("gone"), times=2)
    desk.delivery().deliver()
    assert (len(post.tried), len(letter.taken)) == (1, 3)
    desk.delivery().deliver()
    assert len(post.tried) == 2
    desk.delivery().deliver()
    assert len(post.taken) == 1
    desk.clock.advance(seconds=60)
    desk.delivery().deliver()
    assert {one.id for one in post.taken} == {one["id"] for one in desk.rows() if one["notifier"] == "post"}


def test_what_somebody_waits_for_overtakes_the_rest(desk: Desk, post: Post) -> None:
    for _ in range(60):
        desk.tell()
    desk.clock.advance(seconds=1)
    desk.tell("password link")
    assert desk.delivery().deliver() == 50
    assert kinds(post.taken)[0] is Notice.PASSWORD_LINK
    assert desk.delivery().deliver() == 11
    assert len({one.id for one in post.taken}) == 61


def test_many_workers_at_once_send_each_notice_once(desk: Desk, post: Post) -> None:
    for _ in range(12):
        desk.tell()
    race(6, lambda _: desk.delivery().deliver())
    assert sorted(one.id for one in post.tried) == sorted(row["id"] for row in desk.rows())
    assert all(row["sent_at"] for row in desk.rows())


def test_after_a_crash_the_notice_goes_out_once_more_under_the_same_id(desk: Desk, post: Post) -> None:
    desk.tell()

    def crash(_message: Message) -> None:
        post.taken.append(_message)
        raise KeyboardInterrupt

    post.before = crash
    with pytest.raises(KeyboardInterrupt):
        desk.delivery().deliver()
    post.before = lambda _: None
    desk.clock.advance(seconds=LEASE.total_seconds() - 1)
    assert desk.delivery().deliver() == 0
    desk.clock.advance(seconds=1)
    desk.delivery().deliver()
    first, second = post.taken
    assert first.id == second.id
    assert desk.row()["attempts"] == 2


def test_a_worker_that_overran_its_lease_undoes_nothing(desk: Desk, post: Post) -> None:
    desk.tell()

    def overrun(_message: Message) -> None:
        post.before = lambda _: None
        desk.clock.advance(seconds=LEASE.total_seconds())
        desk.delivery().deliver()
        raise NotDelivered("too slow", permanent=True)

    post.before = overrun
    desk.delivery().deliver()
    row = desk.row()
    assert (row["sent_at"], row["given_up_at"]) == (desk.clock.now(), None)
    assert not desk.audited()


def test_a_worker_that_is_told_to_stop_begins_no_other_notice(desk: Desk, post: Post) -> None:
    for _ in range(3):
        desk.tell()
    post.before = lambda _: desk.stop.set()
    desk.delivery().deliver()
    assert len(post.taken) == 1
    desk.stop.clear()
    desk.delivery().deliver()
    assert len(post.taken) == 2


def test_what_waits_for_a_notifier_that_is_gone_is_kept_three_days(desk: Desk, post: Post) -> None:
    desk.tell("password link")
    desk.delivery({}).deliver()
    assert desk.row()["content"]
    desk.clock.advance(seconds=3 * 24 * HOUR)
    assert desk.delivery({}).deliver() == 1
    assert (desk.row()["content"], desk.audited()[0]["detail"]["why"]) == ("", "no notifier")
    assert not post.tried


def test_what_no_key_opens_is_tried_again_and_stops_nothing(
    desk: Desk, post: Post, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    desk.tell()
    other = tmp_path / "other-keyring"
    other.write_text(Keyring.generate_line("other") + "\n")
    desk.delivery(keyring=Keyring.from_file(other)).deliver()
    assert not post.tried
    assert "SealBroken" in caplog.text
    desk.clock.advance(seconds=60)
    desk.delivery().deliver()
    assert len(post.taken) == 1
