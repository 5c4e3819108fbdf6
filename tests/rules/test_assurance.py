"""What proofs are worth, what a policy demands at a date, and the activation box."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.assurance import (
    Acr,
    ActivationBox,
    Policy,
    Proof,
    acr_of,
    activation_box,
    amr_of,
    auth_time_of,
    meets,
    strictest,
    wanted_acr,
)
from tests.rules.situations import BEFORE, FROM, MFA_DAY, NO_DEADLINE, moments, policies

PWD, PWD_LATER, OTP = Proof("pwd", 100), Proof("pwd", 900), Proof("otp", 500)
SUMMER_DAY = date(2026, 7, 1)
SUMMER_MIDNIGHT = datetime(2026, 6, 30, 22, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("proofs", "acr", "amr"),
    [
        ((), "pwd", []),
        ((PWD,), "pwd", ["pwd"]),
        ((OTP,), "pwd", ["otp"]),
        ((PWD, PWD_LATER), "pwd", ["pwd"]),
        ((OTP, OTP), "pwd", ["otp"]),
        ((PWD, OTP), "mfa", ["pwd", "otp", "mfa"]),
        ((OTP, PWD), "mfa", ["pwd", "otp", "mfa"]),
        ((PWD, OTP, PWD_LATER), "mfa", ["pwd", "otp", "mfa"]),
    ],
)
def test_two_factors_are_two_kinds_never_one_kind_twice(
    proofs: tuple[Proof, ...], acr: str, amr: list[str]
) -> None:
    assert (acr_of(proofs), amr_of(proofs)) == (acr, amr)


@pytest.mark.parametrize(
    ("proofs", "at"), [((PWD,), 100), ((PWD, OTP), 100), ((OTP, PWD_LATER), 500), ((PWD_LATER, PWD), 100)]
)
def test_auth_time_is_that_of_the_oldest_factor_counted(proofs: tuple[Proof, ...], at: int) -> None:
    assert auth_time_of(proofs) == at


def test_auth_time_of_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        auth_time_of(())


@pytest.mark.parametrize(
    ("acr", "wanted", "met"),
    [("pwd", "pwd", True), ("pwd", "mfa", False), ("mfa", "pwd", True), ("mfa", "mfa", True)],
)
def test_mfa_meets_pwd_and_not_the_other_way_round(acr: Acr, wanted: Acr, met: bool) -> None:
    assert meets(acr, wanted) is met


@pytest.mark.parametrize(
    ("policy", "now", "in_force"),
    [
        (Policy.optional(), BEFORE, False),
        (Policy.optional(), datetime.max.replace(tzinfo=UTC), False),
        (Policy.required(), BEFORE, True),
        (Policy.required(), datetime.min.replace(tzinfo=UTC), True),
        (Policy.required_from(date.min), BEFORE, True),
        (Policy.required_from(MFA_DAY), BEFORE, False),
        (Policy.required_from(MFA_DAY), FROM, True),
        (Policy.required_from(MFA_DAY), FROM + timedelta(days=3650), True),
        (Policy.required_from(SUMMER_DAY), SUMMER_MIDNIGHT - SECOND, False),
        (Policy.required_from(SUMMER_DAY), SUMMER_MIDNIGHT, True),
        (Policy.required_from(date(1, 1, 2)), BEFORE, True),
        (Policy.required_from(date.max), BEFORE, False),
    ],
)
def test_a_policy_begins_at_midnight_in_monaco_in_winter_and_in_summer(
    policy: Policy, now: datetime, in_force: bool
) -> None:
    assert policy.in_force(now) is in_force


def test_the_zone_in_which_the_moment_is_written_does_not_matter() -> None:
    policy = Policy.required_from(MFA_DAY)
    for hours in (-12, 0, 1, 14):
        zone = timezone(timedelta(hours=hours))
        assert not policy.in_force(BEFORE.astimezone(zone))
        assert policy.in_force(FROM.astimezone(zone))


@pytest.mark.parametrize(
    ("days", "strict"),
    [
        ([], None),
        ([None], None),
        ([None, MFA_DAY], MFA_DAY),
        ([MFA_DAY, SUMMER_DAY], MFA_DAY),
        ([SUMMER_DAY, None, MFA_DAY], MFA_DAY),
        ([MFA_DAY, date.min], date.min),
    ],
)
def test_the_policy_that_begins_first_is_the_strictest(days: list[date | None], strict: date | None) -> None:
    assert strictest(map(Policy, days)) == Policy(strict)


@NO_DEADLINE
@given(st.lists(policies), moments)
def test_the_strictest_is_in_force_exactly_when_one_of_them_is(many: list[Policy], now: datetime) -> None:
    assert strictest(many).in_force(now) == any(policy.in_force(now) for policy in many)


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    ("asked", "wanted", "silently"),
    [
        ([], None, None),
        (["gold"], None, None),
        (["MFA"], None, None),
        (["pwd"], "pwd", "pwd"),
        (["mfa"], "mfa", "mfa"),
        (["gold", "mfa"], "mfa", "mfa"),
        (["mfa", "gold"], "mfa", "mfa"),
        (["mfa", "pwd"], "mfa", "pwd"),
        (["pwd", "mfa"], "pwd", "pwd"),
    ],
)
def test_the_first_offered_acr_value_is_reached_for_and_silently_any_will_do(
    asked: list[str], wanted: Acr | None, silently: Acr | None
) -> None:
    assert wanted_acr(asked) == wanted
    assert wanted_acr(asked, silent=True) == silently


@pytest.mark.parametrize(
    ("policies", "floor", "now", "state", "since"),
    [
        ([Policy.required_from(MFA_DAY)], "pwd", BEFORE, "free", MFA_DAY),
        ([Policy.required_from(MFA_DAY)], "pwd", FROM, "locked", MFA_DAY),
        ([Policy.optional()], "pwd", FROM, "free", None),
        ([Policy.required()], "pwd", BEFORE, "locked", None),
        ([Policy.optional()], "mfa", BEFORE, "locked", None),
        ([Policy.optional(), Policy.required()], "pwd", FROM, "free", None),
        ([Policy.required_from(MFA_DAY), Policy.required()], "pwd", BEFORE, "free", MFA_DAY),
        ([Policy.required_from(MFA_DAY), Policy.required()], "pwd", FROM, "locked", MFA_DAY),
        ([Policy.required_from(SUMMER_DAY), Policy.required_from(MFA_DAY)], "pwd", BEFORE, "free", MFA_DAY),
        (
            [Policy.required_from(MFA_DAY), Policy.required_from(SUMMER_DAY)],
            "pwd",
            SUMMER_MIDNIGHT,
            "locked",
            SUMMER_DAY,
        ),
    ],
)
def test_the_box_is_free_with_the_next_day_and_locked_once_everybody_is_obliged(
    policies: list[Policy], floor: Acr, now: datetime, state: str, since: date | None
) -> None:
    box = activation_box(policies, floor, now)
    assert (box.state, box.since) == (state, since)


def test_a_free_box_never_shows_a_day_that_has_passed() -> None:
    policies = [Policy.required_from(MFA_DAY), Policy.required_from(SUMMER_DAY)]
    assert activation_box(policies, "pwd", FROM) == ActivationBox("free", SUMMER_DAY)
    assert activation_box([policies[0], Policy.optional()], "pwd", FROM) == ActivationBox("free", None)


def test_a_box_locked_by_the_service_never_says_since_a_day_to_come() -> None:
    assert activation_box([Policy.required_from(MFA_DAY)], "mfa", BEFORE) == ActivationBox("locked", None)
