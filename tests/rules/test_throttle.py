"""How long failures make the next attempt wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.rules.throttle import delay_after


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        (0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 3), (6, 5), (7, 10), (8, 30), (9, 60),
        (10, 120), (11, 300), (12, 600), (13, 900), (14, 900), (1_000_000, 900),
    ],
)  # fmt: skip
def test_three_failures_are_free_then_the_wait_grows_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    assert delay_after(failures) == timedelta(seconds=seconds)


def test_one_more_failure_never_shortens_the_wait() -> None:
    delays = [delay_after(failures) for failures in range(50)]
    assert delays == sorted(delays)
