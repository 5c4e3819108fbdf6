"""Reminders: once for each end of an assistant's access, once a week of the day of double authentication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pyotp
import pytest

from idp.accounts import delegations, directory
from idp.accounts.delegations import NewAssistant
from idp.notices import reminders
from idp.notices.kinds import Notice
from idp.notices.reminders import remind_of_day, remind_of_ends, to_remind_of_day
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import window_of_days
from idp.storage.schema import account
from tests.notices.conftest import CONTACTS, Desk, Post, kinds
from tests.storage.racing import race

PROFILE = "health_professional"
DAY = date(2026, 3, 1)


@pytest.fixture
def assistant(desk: Desk) -> Callable[..., str]:
    """Give a function that adds an assistant until a last day and returns the delegation's id."""

    def added(last: date | None, name: str = "NAUDIN Fernand") -> str:
        new = NewAssistant(name, window_of_days(date(2025, 12, 3), last), pyotp.random_base32(), None)
        with desk.database.write() as connection:
            return delegations.add(connection, desk.keyring, desk.account_id, new, 10, desk.clock.now())

    return added


def today(desk: Desk) -> date:
    return desk.clock.now().astimezone(FUND_ZONE).date()


def remind(desk: Desk) -> int:
    return remind_of_ends(desk.database, desk.clock, desk.outbox)


def told(desk: Desk, post: Post) -> list[str]:
    """Send what is queued, and return the texts."""
    desk.delivery().deliver()
    texts = [message.text for message in post.taken]
    post.taken.clear()
    return texts


def move_end(desk: Desk, delegation_id: str, last: date | None) -> None:
    end = window_of_days(date(2025, 12, 3), last).end
    with desk.database.write() as connection:
        assert delegations.set_end(connection, desk.account_id, delegation_id, end, 10, desk.clock.now())


def test_the_practitioner_is_told_two_weeks_before_the_end_and_once(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    assistant(today(desk) + timedelta(days=30))
    assistant(None, "ROSSI Carla")
    assert remind(desk) == 0
    end = window_of_days(today(desk), today(desk) + timedelta(days=30)).end
    assert end is not None
    desk.clock.set(end - timedelta(days=14, seconds=1))
    assert remind(desk) == 0
    desk.clock.advance(seconds=1)
    assert remind(desk) == 1
    (text,) = told(desk, post)
    assert "NAUDIN Fernand" in text
    assert "14/02/2026 au soir" in text
    for _ in range(20):
        desk.clock.advance(seconds=86_400)
        assert remind(desk) == 0
    assert not told(desk, post)


def test_another_end_is_told_of_anew(desk: Desk, post: Post, assistant: Callable[..., str]) -> None:
    one = assistant(today(desk) + timedelta(days=30))
    desk.clock.advance(seconds=20 * 86_400)
    remind(desk)
    assert len(told(desk, post)) == 1
    move_end(desk, one, today(desk) + timedelta(days=40))
    assert remind(desk) == 0
    desk.clock.advance(seconds=30 * 86_400)
    assert remind(desk) == 1
    assert len(told(desk, post)) == 1


def test_who_entered_the_end_within_these_days_is_not_told(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    assistant(today(desk) + timedelta(days=5))
    remind(desk)
    assert not told(desk, post)
    assert remind(desk) == 0


def test_nobody_is_told_of_an_assistant_who_is_gone(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    one = assistant(today(desk) + timedelta(days=30))
    desk.clock.advance(seconds=20 * 86_400)
    with desk.database.write() as connection:
        assert delegations.remove(connection, desk.account_id, one, desk.sub, desk.clock.now())
    assert remind(desk) == 0
    assert not told(desk, post)


def test_nobody_is_told_of_an_end_that_has_come_nor_at_a_closed_account(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    assistant(today(desk) + timedelta(days=30))
    desk.clock.advance(seconds=20 * 86_400)
    with desk.database.write() as connection:
        directory.set_disabled(connection, desk.account_id, desk.clock.now())
    assert remind(desk) == 0
    with desk.database.write() as connection:
        directory.set_disabled(connection, desk.account_id, None)
    desk.clock.advance(seconds=20 * 86_400)
    assert remind(desk) == 0


def test_while_nobody_can_be_told_no_end_counts_as_told_of(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    assistant(today(desk) + timedelta(days=30))
    desk.clock.advance(seconds=20 * 86_400)
    desk.notifiers.clear()
    assert remind(desk) == 0
    desk.notifiers["post"] = post
    assert remind(desk) == 1
    assert len(told(desk, post)) == 1


def test_many_workers_at_once_tell_of_an_end_once(
    desk: Desk, post: Post, assistant: Callable[..., str]
) -> None:
    for number in range(3):
        assistant(today(desk) + timedelta(days=30), f"ASSISTANT {number}")
    desk.clock.advance(seconds=20 * 86_400)
    race(6, lambda _: remind(desk))
    assert len(told(desk, post)) == 3


def more_accounts(desk: Desk, number: int, attributes: dict[str, object]) -> None:
    with desk.database.write() as connection:
        for one in range(number):
            sub = directory.add_person(connection, f"DOCTOR {one}", desk.clock.now(), attributes)
            identifier = f"5{len(attributes)}{one:04}"
            directory.add_account(connection, sub, identifier, PROFILE, "$argon2id$…", desk.clock.now())


def reminded(desk: Desk) -> tuple[int, int]:
    pieces = list(remind_of_day(desk.database, desk.clock, desk.outbox, PROFILE, DAY))
    return sum(piece.told for piece in pieces), sum(piece.unreached for piece in pieces)


def test_who_has_not_activated_is_told_of_the_day_once_a_week(desk: Desk, post: Post) -> None:
    assert to_remind_of_day(desk.database, PROFILE, desk.clock.now()) == 1
    assert reminded(desk) == (1, 0)
    (text,) = told(desk, post)
    assert "01/03/2026" in text
    assert "Il reste 45 jours." in text
    desk.clock.advance(seconds=7 * 86_400 - 1)
    assert to_remind_of_day(desk.database, PROFILE, desk.clock.now()) == 0
    assert reminded(desk) == (0, 0)
    desk.clock.advance(seconds=1)
    assert reminded(desk) == (1, 0)
    assert "Il reste 38 jours." in told(desk, post)[0]


@pytest.mark.parametrize("column", ["activated_at", "disabled_at"])
def test_who_has_activated_or_is_out_is_not_told(desk: Desk, column: str) -> None:
    with desk.database.write() as connection:
        connection.execute(account.update().values({column: desk.clock.now()}))
    assert to_remind_of_day(desk.database, PROFILE, desk.clock.now()) == 0
    assert reminded(desk) == (0, 0)


def test_another_profile_is_not_told(desk: Desk) -> None:
    assert to_remind_of_day(desk.database, "insured", desk.clock.now()) == 0
    assert not list(remind_of_day(desk.database, desk.clock, desk.outbox, "insured", DAY))


def test_who_cannot_be_reached_is_asked_about_again(desk: Desk, post: Post) -> None:
    more_accounts(desk, 2, {})
    assert reminded(desk) == (1, 2)
    assert reminded(desk) == (0, 2)
    assert len(told(desk, post)) == 1


def test_many_are_told_a_piece_at_a_time_and_twice_at_once_nobody_twice(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "PIECE", 7)
    more_accounts(desk, 30, dict(CONTACTS))
    outcomes = race(3, lambda _: reminded(desk))
    assert (sum(told for told, _ in outcomes), sum(unreached for _, unreached in outcomes)) == (31, 0)
    assert len(desk.rows()) == 31
    assert len({row["account_id"] for row in desk.rows()}) == 31
    desk.delivery().deliver()
    assert set(kinds(post.taken)) == {Notice.DATE_APPROACHING}
