"""Whom a code names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.person import AskAgain, Holder, Match, Nobody, OnePerson, named_by
from tests.rules.situations import NO_DEADLINE

DOCTOR, FERNAND, LULU, NEW = (Match(name, 70) for name in ("doctor", "fernand", "lulu", "new"))
HOLDERS = {
    "doctor": Holder(None),
    "fernand": Holder("d-fernand", own_password=True),
    "lulu": Holder("d-lulu", own_password=True),
    "new": Holder("d-new"),
}
"""Fernand and Lulu have chosen passwords of their own, the new assistant has not."""

PRACTICES, FERNANDS, LULUS = None, "d-fernand", "d-lulu"

Named = Nobody | OnePerson | AskAgain


def _named(matches: set[Match], knower: str | None = PRACTICES, own_passwords: bool = False) -> Named:
    return named_by(matches, HOLDERS, knower, own_passwords=own_passwords)


def test_no_match_is_nobody() -> None:
    assert _named(set()) == Nobody()


@pytest.mark.parametrize("match", [DOCTOR, FERNAND, LULU, NEW])
def test_one_match_is_that_person(match: Match) -> None:
    assert _named({match}) == OnePerson(match)


def test_one_phone_that_matches_at_two_steps_is_one_person_and_the_later_step_is_spent() -> None:
    assert _named({Match("doctor", 69), Match("doctor", 70)}) == OnePerson(Match("doctor", 70))


@pytest.mark.attack(47)
@pytest.mark.parametrize(
    "matches",
    [
        pytest.param({FERNAND, LULU}, id="two assistants"),
        pytest.param({FERNAND, Match("fernand", 69), LULU}, id="one of them twice"),
    ],
)
def test_two_assistants_are_nobody_and_every_step_is_named_to_be_spent(matches: set[Match]) -> None:
    assert _named(matches) == AskAgain(frozenset(matches))


@pytest.mark.attack(48)
@pytest.mark.parametrize("other", [FERNAND, LULU])
def test_doctor_and_assistant_are_nobody_never_the_doctor_by_default(other: Match) -> None:
    assert _named({DOCTOR, other}) == AskAgain(frozenset({DOCTOR, other}))


@pytest.mark.parametrize(
    ("knower", "match", "enters"),
    [
        (PRACTICES, DOCTOR, True),
        (PRACTICES, NEW, True),
        (PRACTICES, FERNAND, False),
        (PRACTICES, LULU, False),
        (FERNANDS, FERNAND, True),
        (FERNANDS, LULU, False),
        (FERNANDS, DOCTOR, False),
        (FERNANDS, NEW, False),
        (LULUS, LULU, True),
        (LULUS, FERNAND, False),
    ],
)
def test_with_own_passwords_password_and_code_are_one_persons(
    knower: str | None, match: Match, enters: bool
) -> None:
    assert _named({match}, knower, own_passwords=True) == (OnePerson(match) if enters else Nobody())


@pytest.mark.parametrize("knower", [PRACTICES, FERNANDS, LULUS])
@pytest.mark.parametrize("matches", [{DOCTOR, FERNAND}, {FERNAND, LULU}, {DOCTOR, NEW}])
def test_a_password_never_settles_which_of_several_phones_it_was(
    knower: str | None, matches: set[Match]
) -> None:
    assert _named(matches, knower, own_passwords=True) == AskAgain(frozenset(matches))


@pytest.mark.parametrize("match", [DOCTOR, FERNAND, LULU, NEW])
def test_with_the_practices_password_it_does_not_count_who_chose_one_of_their_own(match: Match) -> None:
    assert _named({match}, PRACTICES, own_passwords=False) == OnePerson(match)


@NO_DEADLINE
@given(
    st.frozensets(st.builds(Match, st.sampled_from(sorted(HOLDERS)), st.integers(1, 4))),
    st.sampled_from([PRACTICES, FERNANDS, LULUS]),
    st.booleans(),
)
def test_somebody_is_named_only_when_exactly_one_authenticator_matches(
    matches: frozenset[Match], knower: str | None, own_passwords: bool
) -> None:
    named = _named(set(matches), knower, own_passwords)
    count = len({match.authenticator_id for match in matches})
    assert isinstance(named, AskAgain) == (count > 1)
    assert not isinstance(named, OnePerson) or (count == 1 and named.match in matches)
    assert not isinstance(named, AskAgain) or named.matches == matches
    if not own_passwords:
        assert isinstance(named, OnePerson) == (count == 1)
