"""Whom a code names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.person import AskAgain, Match, Nobody, OnePerson, named_by
from tests.rules.situations import NO_DEADLINE

DOCTOR, FERNAND, LULU = Match("doctor", 70), Match("fernand", 70), Match("lulu", 69)


def test_no_match_is_nobody() -> None:
    assert named_by(frozenset()) == Nobody()


@pytest.mark.parametrize("match", [DOCTOR, FERNAND, LULU])
def test_one_match_is_that_person(match: Match) -> None:
    assert named_by({match}) == OnePerson(match)


def test_one_phone_that_matches_at_two_steps_is_one_person_and_the_later_step_is_spent() -> None:
    assert named_by({Match("doctor", 69), Match("doctor", 70)}) == OnePerson(Match("doctor", 70))


@pytest.mark.attack(47)
@pytest.mark.parametrize(
    "matches",
    [
        pytest.param({FERNAND, LULU}, id="two assistants"),
        pytest.param({FERNAND, Match("fernand", 69), LULU}, id="one of them twice"),
    ],
)
def test_two_assistants_are_nobody_and_every_step_is_named_to_be_spent(matches: set[Match]) -> None:
    assert named_by(matches) == AskAgain(frozenset(matches))


@pytest.mark.attack(48)
@pytest.mark.parametrize("other", [FERNAND, LULU])
def test_doctor_and_assistant_are_nobody_never_the_doctor_by_default(other: Match) -> None:
    assert named_by({DOCTOR, other}) == AskAgain(frozenset({DOCTOR, other}))


@NO_DEADLINE
@given(st.frozensets(st.builds(Match, st.sampled_from("abc"), st.integers(1, 4))))
def test_somebody_is_named_only_when_exactly_one_authenticator_matches(matches: frozenset[Match]) -> None:
    named = named_by(matches)
    assert isinstance(named, OnePerson) == (len({match.authenticator_id for match in matches}) == 1)
    assert not isinstance(named, OnePerson) or named.match in matches
    assert not isinstance(named, AskAgain) or named.matches == matches
