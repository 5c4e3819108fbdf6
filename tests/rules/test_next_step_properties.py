"""What no situation whatever may lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from idp.rules.assurance import ACR_VALUES, Policy, Proof, acr_of, meets, strictest
from idp.rules.next_step import (
    Demand,
    Standing,
    Step,
    next_step,
    offers_to_continue,
    required_acr,
    silent_error,
)
from tests.rules.situations import THOROUGH, demands, moments, policies, profile_policies, standings

ENDS = {Step.ADMITTED, Step.PROFILE_REFUSED, Step.ASSISTANT_REFUSED}
Policies = Mapping[str, Policy]


@THOROUGH
@given(demands, standings, profile_policies, moments, st.booleans())
def test_nobody_is_admitted_below_what_is_demanded(
    demand: Demand, standing: Standing, settings: Policies, now: datetime, wanted: bool
) -> None:
    if next_step(demand, standing, settings, now, activation_wanted=wanted) is not Step.ADMITTED:
        return
    methods = {proof.method for proof in standing.proofs}
    assert "pwd" in methods
    assert standing.profile in demand.profiles
    obliged = demand.policy.in_force(now) or settings[standing.profile].in_force(now)
    if wanted or obliged or demand.floor == "mfa" or standing.activated or standing.actor:
        assert methods == {"pwd", "otp"}
    offered = [value for value in ACR_VALUES if value in demand.acr_values]
    assert not offered or any(meets(acr_of(standing.proofs), value) for value in offered)


@THOROUGH
@given(demands, standings, profile_policies, moments)
def test_an_actor_is_never_admitted_where_assistants_are_refused(
    demand: Demand, standing: Standing, settings: Policies, now: datetime
) -> None:
    step = next_step(demand, standing, settings, now)
    if standing.actor is not None and not demand.assistants_allowed:
        assert step is not Step.ADMITTED
    if standing.actor is None:
        assert step is not Step.ASSISTANT_REFUSED
    else:
        assert step is not Step.ACTIVATION


@THOROUGH
@given(demands, standings, profile_policies, moments, policies)
def test_a_stricter_demand_never_makes_it_weaker(
    demand: Demand, standing: Standing, settings: Policies, now: datetime, extra: Policy
) -> None:
    harder = [
        (replace(demand, policy=strictest([demand.policy, extra])), settings),
        (replace(demand, floor="mfa"), settings),
        (replace(demand, assistants_allowed=False), settings),
        (demand, {name: strictest([policy, extra]) for name, policy in settings.items()}),
    ]
    for strict, strict_settings in harder:
        if next_step(strict, standing, strict_settings, now) is Step.ADMITTED:
            assert next_step(demand, standing, settings, now) is Step.ADMITTED
        if standing.profile in settings:
            needed = required_acr(strict, standing, strict_settings, now)
            assert meets(needed, required_acr(demand, standing, settings, now))


@THOROUGH
@given(demands, standings, profile_policies, moments, st.booleans())
def test_everybody_reaches_an_end_after_at_most_two_pages(
    demand: Demand, standing: Standing, settings: Policies, now: datetime, wanted: bool
) -> None:
    pages = []
    step = next_step(demand, standing, settings, now, activation_wanted=wanted)
    while step not in ENDS:
        pages.append(step)
        assert len(pages) <= 2
        standing = _after(step, standing, int(now.timestamp()))
        step = next_step(demand, standing, settings, now, activation_wanted=wanted)
    assert len(set(pages)) == len(pages)


@THOROUGH
@given(demands, st.none() | standings, profile_policies, moments)
def test_prompt_none_gets_an_error_exactly_when_nobody_is_admitted(
    demand: Demand, standing: Standing | None, settings: Policies, now: datetime
) -> None:
    step = next_step(demand, standing, settings, now)
    assert (silent_error(step, demand) is None) == (step is Step.ADMITTED)


@THOROUGH
@given(demands, standings, profile_policies, moments, st.booleans())
def test_fresh_recovery_codes_stand_before_the_service_for_their_holder_and_change_nothing_else(
    demand: Demand, standing: Standing, settings: Policies, now: datetime, wanted: bool
) -> None:
    without = next_step(demand, standing, settings, now, activation_wanted=wanted)
    step = next_step(demand, standing, settings, now, activation_wanted=wanted, fresh_codes=True)
    holder_arrives = without is Step.ADMITTED and standing.actor is None
    assert step is (Step.RECOVERY_CODES if holder_arrives else without)
    assert (silent_error(step, demand) is None) == (step is Step.ADMITTED)


@THOROUGH
@given(demands, standings, profile_policies, moments, st.booleans())
def test_with_own_passwords_nobody_acts_whose_secrets_the_practitioner_knows(
    demand: Demand, standing: Standing, settings: Policies, now: datetime, several: bool
) -> None:
    without = next_step(demand, standing, settings, now)
    step = next_step(demand, standing, settings, now, own_passwords=True, several=several)
    if standing.actor is None:
        assert step is without
    elif without is Step.ADMITTED and not standing.own_password:
        assert step in (Step.REKEY, Step.IDENTIFICATION)
    else:
        assert step is (Step.CHOICE if without is Step.ADMITTED and several else without)
    assert (silent_error(step, demand) is None) == (step is Step.ADMITTED)


@THOROUGH
@given(demands, st.none() | standings, profile_policies, moments, st.sampled_from(["required", "anew"]))
def test_consent_is_asked_of_exactly_those_who_would_be_let_in_and_opens_nothing(
    demand: Demand,
    standing: Standing | None,
    settings: Policies,
    now: datetime,
    asked: Literal["required", "anew"],
) -> None:
    without = next_step(demand, standing, settings, now)
    asking = replace(demand, consent=asked)
    step = next_step(asking, standing, settings, now)
    assert step is (Step.CONSENT if without is Step.ADMITTED else without)
    assert silent_error(step, asking) is not None
    assert next_step(asking, standing, settings, now, consented=True) is without
    assert next_step(demand, standing, settings, now, consented=True) is without


@THOROUGH
@given(demands, standings, profile_policies, moments)
def test_whoever_goes_on_as_themselves_stands_where_they_would_had_nobody_been_asked_to_choose(
    demand: Demand, standing: Standing, settings: Policies, now: datetime
) -> None:
    asking, not_asking = replace(demand, select_account=True), replace(demand, select_account=False)
    without = next_step(not_asking, standing, settings, now)
    assert next_step(asking, standing, settings, now, selected=True) is without
    if standing.earlier:
        assert next_step(asking, standing, settings, now) is Step.IDENTIFICATION
    assert offers_to_continue(asking, standing, settings, now) == (without is not Step.IDENTIFICATION)
    assert next_step(not_asking, standing, settings, now, selected=True) is without


def _after(step: Step, standing: Standing, now: int) -> Standing:
    """Return who stands there once the page of ``step`` was answered rightly."""
    if step is Step.IDENTIFICATION:
        return replace(standing, proofs=(Proof("pwd", now),), actor=None, earlier=False)
    return replace(standing, proofs=(*standing.proofs, Proof("otp", now)), activated=True)
