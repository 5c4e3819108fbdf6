"""The table of attacks is current, and the first attacks to be warded off are."""

from __future__ import annotations

import ast

from tests.attack_table import NAME, README, _marks, marked, table
from tests.generated_part import with_part

WARDED_OFF = {
    1, 2, 3, 5, 7, 9, 11, 12, 13, *range(15, 21), 25, 26, 27, 29, 33,
    47, 48, 49, 51, 52, 53, 55, 57, 63, 75,
}  # fmt: skip
"""Numbers that a release may never be without a test of."""


def test_the_committed_table_is_the_generated_one() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_part(text, NAME, table()), "run `python -m tests.attack_table --write`"


def test_every_attack_to_be_warded_off_has_a_test() -> None:
    assert not WARDED_OFF - marked().keys()


def test_a_mark_is_found_wherever_pytest_takes_one() -> None:
    source = """
pytestmark = [pytest.mark.attack(1), pytest.mark.server]

@pytest.mark.attack(2, 3)
def test_a(): pass

@mark.attack(4)
class TestB:
    pytestmark = pytest.mark.attack(5)

    @pytest.mark.attack(6)
    def test_c(self): pass

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.attack(7)), 2])
def test_d(x): pass

TestE = pytest.mark.attack(8)(Machine.TestCase)
TestF.pytestmark = [pytest.mark.attack(9)]
"""
    assert sorted(_marks(ast.parse(source), "all")) == [
        (1, "all"), (2, "test_a"), (3, "test_a"), (4, "TestB"), (5, "TestB"), (6, "test_c"), (7, "test_d"),
        (8, "TestE"), (9, "TestF"),
    ]  # fmt: skip
