"""The truth table that people read is the one that the rules answer."""

from __future__ import annotations

from tests.generated_part import with_part
from tests.rules.truth_table import NAME, README, table


def test_the_committed_table_is_the_generated_one() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_part(text, NAME, table()), "run `python -m tests.rules.truth_table --write`"


def test_the_table_stays_short_enough_to_be_read() -> None:
    assert table().count("\n") <= 60
