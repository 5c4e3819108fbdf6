"""When a notice is tried again, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idp.notices.kinds import Notice, dies_at
from idp.notices.schedule import next_attempt

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
NEVER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 5), (3, 30), (4, 120), (5, 360), (6, 720), (7, 720), (100, 720)]
)
def test_each_attempt_waits_longer_up_to_half_a_day(attempts: int, minutes: int) -> None:
    assert next_attempt(attempts, NOW, NEVER) == NOW + timedelta(minutes=minutes)


def test_nothing_is_tried_at_its_last_moment_or_later() -> None:
    assert next_attempt(1, NOW, NOW + timedelta(seconds=61)) is not None
    assert next_attempt(1, NOW, NOW + timedelta(seconds=60)) is None


@pytest.mark.parametrize("kind", Notice)
def test_a_link_dies_with_its_minutes_and_nothing_else_does(kind: Notice) -> None:
    expected = NOW + timedelta(minutes=15) if kind is Notice.PASSWORD_LINK else None
    assert dies_at(kind, NOW, {"minutes": "15"}) == expected
