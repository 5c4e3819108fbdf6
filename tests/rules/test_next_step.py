"""Every situation of the product, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

import pytest

from idp.rules.assurance import Acr, Policy
from idp.rules.next_step import (
    Demand,
    Standing,
    Step,
    next_step,
    offers_to_continue,
    required_acr,
    silent_error,
)
from tests.rules.situations import ASSISTANT, BEFORE, DOCTORS, FROM, MFA_DAY, OPTIONAL, code, password

SERVICE = Demand(DOCTORS, policy=Policy.optional())
FROM_THE_DAY = replace(SERVICE, policy=Policy.required_from(MFA_DAY))
STRICT = replace(SERVICE, floor="mfa")
ASSISTED = replace(SERVICE, assistants_allowed=True)

NEW = Standing("health_professional", activated=False, proofs=(password(),))
HALF = replace(NEW, activated=True)
WHOLE = replace(HALF, proofs=(password(), code()))
ACTING = replace(WHOLE, actor=ASSISTANT)
INSURED = replace(NEW, profile="insured")


def step_of(demand: Demand, standing: Standing | None, now: datetime = FROM) -> Step:
    return next_step(demand, standing, OPTIONAL, now)


@pytest.mark.parametrize(
    ("demand", "standing", "now", "step"),
    [
        pytest.param(SERVICE, None, FROM, Step.IDENTIFICATION, id="nobody is known"),
        pytest.param(STRICT, None, FROM, Step.IDENTIFICATION, id="nobody, strict service"),
        pytest.param(SERVICE, replace(NEW, proofs=()), FROM, Step.IDENTIFICATION, id="nothing proved"),
        pytest.param(SERVICE, replace(NEW, proofs=(code(),)), FROM, Step.IDENTIFICATION, id="a code alone"),
        pytest.param(SERVICE, NEW, FROM, Step.ADMITTED, id="optional: the password suffices"),
        pytest.param(FROM_THE_DAY, NEW, BEFORE, Step.ADMITTED, id="before the day"),
        pytest.param(FROM_THE_DAY, NEW, FROM, Step.ACTIVATION, id="from the day on"),
        pytest.param(FROM_THE_DAY, HALF, BEFORE, Step.CODE, id="activated before the day"),
        pytest.param(FROM_THE_DAY, HALF, FROM, Step.CODE, id="activated, from the day on"),
        pytest.param(FROM_THE_DAY, WHOLE, FROM, Step.ADMITTED, id="two factors"),
        pytest.param(Demand(DOCTORS), NEW, BEFORE, Step.ACTIVATION, id="a file that says nothing requires"),
        pytest.param(STRICT, NEW, BEFORE, Step.ACTIVATION, id="floor mfa, not activated"),
        pytest.param(STRICT, HALF, BEFORE, Step.CODE, id="floor mfa, activated"),
        pytest.param(STRICT, WHOLE, BEFORE, Step.ADMITTED, id="floor mfa, two factors"),
        pytest.param(SERVICE, INSURED, FROM, Step.PROFILE_REFUSED, id="another profile's service"),
        pytest.param(STRICT, INSURED, FROM, Step.PROFILE_REFUSED, id="refused before any activation"),
        pytest.param(
            replace(SERVICE, profiles=frozenset({"employer"})),
            replace(NEW, profile="employer"),
            FROM,
            Step.PROFILE_REFUSED,
            id="a profile without settings",
        ),
    ],
)
def test_what_the_service_demands_decides_the_page(
    demand: Demand, standing: Standing | None, now: datetime, step: Step
) -> None:
    assert step_of(demand, standing, now) is step


@pytest.mark.parametrize(
    ("client", "profile", "step"),
    [
        (Policy.optional(), Policy.optional(), Step.ADMITTED),
        (Policy.required(), Policy.optional(), Step.ACTIVATION),
        (Policy.optional(), Policy.required(), Step.ACTIVATION),
        (Policy.required_from(MFA_DAY), Policy.optional(), Step.ADMITTED),
        (Policy.required_from(MFA_DAY), Policy.required(), Step.ACTIVATION),
    ],
)
def test_the_strictest_of_client_and_profile_wins(client: Policy, profile: Policy, step: Step) -> None:
    demand = replace(SERVICE, policy=client)
    assert next_step(demand, NEW, {"health_professional": profile}, BEFORE) is step


@pytest.mark.attack(75)
@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("acr_values", [(), ("pwd",), ("gold",)])
def test_an_activated_account_needs_its_code_even_where_the_policy_is_optional(
    acr_values: tuple[str, ...], earlier: bool
) -> None:
    demand = replace(SERVICE, acr_values=acr_values)
    assert step_of(demand, replace(HALF, earlier=earlier)) is Step.CODE


@pytest.mark.attack(76)
def test_a_password_session_no_longer_admits_once_the_day_has_come() -> None:
    session = replace(NEW, earlier=True)
    assert step_of(FROM_THE_DAY, session, BEFORE) is Step.ADMITTED
    assert step_of(FROM_THE_DAY, session, FROM) is Step.ACTIVATION


@pytest.mark.parametrize(
    ("standing", "step"),
    [(NEW, Step.ACTIVATION), (HALF, Step.CODE), (WHOLE, Step.ADMITTED), (None, Step.IDENTIFICATION)],
)
def test_the_ticked_box_asks_for_the_second_factor(standing: Standing | None, step: Step) -> None:
    assert next_step(SERVICE, standing, OPTIONAL, BEFORE, activation_wanted=True) is step


def test_the_unticked_box_asks_for_nothing_less() -> None:
    assert next_step(STRICT, NEW, OPTIONAL, BEFORE, activation_wanted=False) is Step.ACTIVATION


@pytest.mark.attack(63)
@pytest.mark.parametrize("demand", [SERVICE, STRICT, FROM_THE_DAY, Demand(DOCTORS)])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_assistant_is_refused_unless_the_file_allows_them(demand: Demand, earlier: bool) -> None:
    acting = replace(ACTING, earlier=earlier)
    assert step_of(demand, acting) is Step.ASSISTANT_REFUSED
    assert step_of(replace(demand, assistants_allowed=True), acting) is Step.ADMITTED
    assert step_of(demand, replace(acting, actor=None)) is Step.ADMITTED


@pytest.mark.parametrize("activated", [False, True])
def test_an_actor_always_needs_a_code_and_never_activates_the_account(activated: bool) -> None:
    acting = replace(NEW, actor=ASSISTANT, activated=activated)
    assert step_of(ASSISTED, acting) is Step.CODE


KEYED = replace(ACTING, own_password=True)


@pytest.mark.parametrize(
    ("demand", "standing", "own_passwords", "several", "step"),
    [
        pytest.param(ASSISTED, ACTING, False, False, Step.ADMITTED, id="with the practice's password"),
        pytest.param(ASSISTED, ACTING, False, True, Step.CHOICE, id="of several practitioners"),
        pytest.param(ASSISTED, ACTING, True, False, Step.REKEY, id="without own secrets yet"),
        pytest.param(ASSISTED, ACTING, True, True, Step.REKEY, id="own secrets first, then for whom"),
        pytest.param(ASSISTED, KEYED, True, False, Step.ADMITTED, id="with own secrets"),
        pytest.param(ASSISTED, KEYED, True, True, Step.CHOICE, id="with own secrets, of several"),
        pytest.param(ASSISTED, KEYED, False, False, Step.ADMITTED, id="own secrets that do not count"),
        pytest.param(SERVICE, ACTING, True, True, Step.ASSISTANT_REFUSED, id="refused before either"),
        pytest.param(SERVICE, WHOLE, True, True, Step.ADMITTED, id="the holder is asked neither"),
        pytest.param(
            ASSISTED,
            replace(ACTING, proofs=(password(),)),
            True,
            True,
            Step.CODE,
            id="the code before either",
        ),
    ],
)
def test_an_assistant_chooses_own_secrets_then_for_whom(
    demand: Demand, standing: Standing, own_passwords: bool, several: bool, step: Step
) -> None:
    found = next_step(demand, standing, OPTIONAL, FROM, own_passwords=own_passwords, several=several)
    assert found is step


def test_own_secrets_are_not_chosen_in_a_session_that_somebody_may_have_found_open() -> None:
    for ago, step in ((300, Step.REKEY), (301, Step.IDENTIFICATION)):
        found = replace(ACTING, proofs=(password(ago), code(ago)), earlier=True)
        assert next_step(ASSISTED, found, OPTIONAL, FROM, own_passwords=True) is step


@pytest.mark.parametrize("asked", ["required", "anew"])
@pytest.mark.parametrize(
    ("demand", "standing"),
    [(SERVICE, NEW), (STRICT, WHOLE), (ASSISTED, ACTING), (SERVICE, replace(WHOLE, earlier=True))],
)
def test_consent_is_asked_last_of_whoever_would_be_let_in(
    demand: Demand, standing: Standing, asked: Literal["required", "anew"]
) -> None:
    assert step_of(demand, standing) is Step.ADMITTED
    asking = replace(demand, consent=asked)
    assert step_of(asking, standing) is Step.CONSENT
    assert next_step(asking, standing, OPTIONAL, FROM, consented=True) is Step.ADMITTED
    assert silent_error(Step.CONSENT, asking) == "consent_required"


def test_fresh_codes_and_the_choice_for_whom_come_before_consent() -> None:
    asking = replace(ASSISTED, consent="required")
    assert next_step(asking, WHOLE, OPTIONAL, FROM, fresh_codes=True) is Step.RECOVERY_CODES
    assert next_step(asking, ACTING, OPTIONAL, FROM, several=True) is Step.CHOICE


def test_an_assistant_of_another_profile_than_the_service_admits_is_refused() -> None:
    assert step_of(replace(ASSISTED, profiles=frozenset({"insured"})), ACTING) is Step.PROFILE_REFUSED


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    ("acr_values", "standing", "step"),
    [
        (("mfa",), NEW, Step.ACTIVATION),
        (("mfa",), HALF, Step.CODE),
        (("mfa",), WHOLE, Step.ADMITTED),
        (("gold", "mfa"), NEW, Step.ACTIVATION),
        (("mfa", "pwd"), NEW, Step.ACTIVATION),
        (("pwd", "mfa"), NEW, Step.ADMITTED),
        (("pwd",), WHOLE, Step.ADMITTED),
        (("gold",), NEW, Step.ADMITTED),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_asked_acr_values_step_up_in_place(
    acr_values: tuple[str, ...], standing: Standing, step: Step, earlier: bool
) -> None:
    assert step_of(replace(SERVICE, acr_values=acr_values), replace(standing, earlier=earlier)) is step


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    ("max_age", "ages", "step"),
    [
        (None, (90_000, 0), Step.ADMITTED),
        (60, (60, 0), Step.ADMITTED),
        (60, (61, 0), Step.IDENTIFICATION),
        (60, (0, 61), Step.IDENTIFICATION),
        (0, (0, 0), Step.IDENTIFICATION),
    ],
)
def test_max_age_counts_from_the_oldest_factor_of_an_earlier_sign_in(
    max_age: int | None, ages: tuple[int, int], step: Step
) -> None:
    demand = replace(SERVICE, max_age=max_age)
    session = replace(WHOLE, proofs=(password(ages[0]), code(ages[1])), earlier=True)
    assert step_of(demand, session) is step
    assert step_of(demand, replace(session, earlier=False)) is Step.ADMITTED


@pytest.mark.attack(29)
def test_a_demanded_new_sign_in_ignores_the_earlier_one_and_takes_the_new_one() -> None:
    demand = replace(SERVICE, sign_in_again=True)
    assert step_of(demand, replace(WHOLE, earlier=True)) is Step.IDENTIFICATION
    assert step_of(demand, WHOLE) is Step.ADMITTED


CHOOSING = replace(ASSISTED, select_account=True)
SIGNED_IN = replace(WHOLE, earlier=True)
OLD = replace(WHOLE, proofs=(password(61), code()), earlier=True)


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    ("demand", "standing", "offered", "step"),
    [
        pytest.param(CHOOSING, SIGNED_IN, True, Step.ADMITTED, id="two factors"),
        pytest.param(CHOOSING, replace(ACTING, earlier=True), True, Step.ADMITTED, id="an assistant"),
        pytest.param(CHOOSING, replace(NEW, earlier=True), True, Step.ADMITTED, id="a password"),
        pytest.param(CHOOSING, replace(HALF, earlier=True), True, Step.CODE, id="a code is missing"),
        pytest.param(
            replace(CHOOSING, floor="mfa"),
            replace(NEW, earlier=True),
            True,
            Step.ACTIVATION,
            id="to activate",
        ),
        pytest.param(
            replace(CHOOSING, floor="mfa"),
            replace(NEW, proofs=(password(301),), earlier=True),
            False,
            Step.IDENTIFICATION,
            id="too long ago to activate",
        ),
        pytest.param(
            replace(CHOOSING, assistants_allowed=False),
            replace(ACTING, earlier=True),
            True,
            Step.ASSISTANT_REFUSED,
            id="hears why",
        ),
        pytest.param(
            replace(CHOOSING, sign_in_again=True), SIGNED_IN, False, Step.IDENTIFICATION, id="prompt=login"
        ),
        pytest.param(replace(CHOOSING, max_age=60), OLD, False, Step.IDENTIFICATION, id="too old"),
        pytest.param(replace(CHOOSING, max_age=61), OLD, True, Step.ADMITTED, id="just not too old"),
        pytest.param(CHOOSING, None, False, Step.IDENTIFICATION, id="nobody"),
    ],
)
def test_asked_to_choose_an_earlier_sign_in_counts_once_chosen_and_only_where_it_would_count(
    demand: Demand, standing: Standing | None, offered: bool, step: Step
) -> None:
    assert step_of(demand, standing) is Step.IDENTIFICATION
    assert offers_to_continue(demand, standing, OPTIONAL, FROM) is offered
    assert next_step(demand, standing, OPTIONAL, FROM, selected=True) is step


def test_who_signs_in_now_has_chosen_and_nobody_is_offered_what_was_not_asked() -> None:
    assert step_of(CHOOSING, WHOLE) is Step.ADMITTED
    assert not offers_to_continue(ASSISTED, SIGNED_IN, OPTIONAL, FROM)


def test_going_on_skips_no_choice_of_own_secrets() -> None:
    found = replace(ACTING, proofs=(password(301), code(301)), earlier=True)
    assert offers_to_continue(CHOOSING, found, OPTIONAL, FROM)
    assert not offers_to_continue(CHOOSING, found, OPTIONAL, FROM, own_passwords=True)


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    ("demand", "standing", "error"),
    [
        (SERVICE, None, "login_required"),
        (SERVICE, NEW, None),
        (SERVICE, HALF, "login_required"),
        (FROM_THE_DAY, NEW, "login_required"),
        (STRICT, NEW, "login_required"),
        (SERVICE, INSURED, "access_denied"),
        (SERVICE, ACTING, "access_denied"),
        (ASSISTED, ACTING, None),
        (replace(SERVICE, acr_values=("mfa",)), None, "login_required"),
        (replace(SERVICE, acr_values=("mfa",)), NEW, "unmet_authentication_requirements"),
        (replace(SERVICE, acr_values=("mfa",)), HALF, "unmet_authentication_requirements"),
        (replace(SERVICE, acr_values=("mfa", "pwd")), NEW, None),
        (replace(SERVICE, acr_values=("gold",)), NEW, None),
        (replace(SERVICE, max_age=0), NEW, "login_required"),
    ],
)
def test_prompt_none_gets_the_error_that_says_what_is_missing(
    demand: Demand, standing: Standing | None, error: str | None
) -> None:
    silent = replace(demand, silent=True)
    session = replace(standing, earlier=True) if standing else None
    assert silent_error(step_of(silent, session), silent) == error


@pytest.mark.parametrize(
    ("demand", "standing", "now", "acr"),
    [
        (SERVICE, NEW, FROM, "pwd"),
        (SERVICE, HALF, FROM, "mfa"),
        (SERVICE, replace(NEW, actor=ASSISTANT), FROM, "mfa"),
        (STRICT, NEW, FROM, "mfa"),
        (FROM_THE_DAY, NEW, BEFORE, "pwd"),
        (FROM_THE_DAY, NEW, FROM, "mfa"),
        (replace(SERVICE, acr_values=("mfa",)), NEW, FROM, "mfa"),
    ],
)
def test_the_level_needed_is_the_strictest_of_all_reasons(
    demand: Demand, standing: Standing, now: datetime, acr: Acr
) -> None:
    assert required_acr(demand, standing, OPTIONAL, now) == acr


def test_the_level_of_a_profile_without_a_policy_is_an_error() -> None:
    with pytest.raises(KeyError):
        required_acr(SERVICE, NEW, {}, FROM)
