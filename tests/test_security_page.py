"""``idp/SECURITY.md`` promises only what a test proves, and its figures are those of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from idp.rules import throttle
from tests.attack_table import marked

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "idp" / "SECURITY.md"
TEXT = PAGE.read_text(encoding="utf-8")

PROMISED = {*range(1, 15), *range(25, 29), *range(47, 64), 69, 70, *range(72, 77)}
"""The attacks on people, which the page is about."""

ASVS_SECTIONS = [*(f"V6.{n}" for n in range(1, 9)), *(f"V7.{n}" for n in range(1, 7))]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def numbers(cell: str) -> set[int]:
    """The attacks that a cell names: ``1–8, 58``."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:–(\d+))?", cell):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_attack_that_the_page_names_has_a_test_and_no_attack_on_people_is_left_out() -> None:
    named = set().union(*(numbers(row[-1]) for row in rows("What is defended")))
    assert not named - marked().keys()
    assert not PROMISED - named


def test_each_section_of_asvs_on_authentication_and_sessions_is_answered_once() -> None:
    assert [
        row[0].partition(" ")[0] for row in rows("ASVS 5.0, authentication and sessions, section by section")
    ] == (ASVS_SECTIONS)


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]


def test_the_figures_of_the_guessing_bound_are_those_of_the_rules() -> None:
    told = dict(re.findall(r"<!-- (\w+) -->(\S+?)<!-- -->", TEXT))
    seven_digits = throttle.chance_at_a_password(throttle.digit_passwords(7))
    assert told == {
        "new": str(throttle.CODE_ELSEWHERE.budget),
        "known": str(throttle.CODE_ON_KNOWN_DEVICE.budget),
        "stranger": f"{1000 * throttle.chance_of_a_stranger():.2f}",
        "assistant": f"{1000 * throttle.chance_of_an_assistant():.2f}",
        "password": f"{1000 * seven_digits:.2f}",
    }
