"""What the list of services says of each one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given

from idp.rules.assurance import Policy, acr_of, meets
from idp.rules.next_step import Demand, Standing, Step, next_step, required_acr
from idp.rules.opening import Opening, opening
from tests.rules.situations import (
    ASSISTANT,
    BEFORE,
    DOCTORS,
    FROM,
    MFA_DAY,
    OPTIONAL,
    THOROUGH,
    code,
    demands,
    moments,
    password,
    profile_policies,
    standings,
)

SERVICE = Demand(DOCTORS, policy=Policy.optional())
FROM_THE_DAY = replace(SERVICE, policy=Policy.required_from(MFA_DAY))
ASSISTED = replace(SERVICE, assistants_allowed=True)
BY_PASSWORD = Standing("health_professional", activated=False, proofs=(password(),), earlier=True)
WHOLE = replace(BY_PASSWORD, activated=True, proofs=(password(), code()))
ACTING = replace(WHOLE, actor=ASSISTANT)


@pytest.mark.parametrize(
    ("demand", "standing", "now", "found"),
    [
        pytest.param(SERVICE, BY_PASSWORD, FROM, "at_once", id="the password suffices"),
        pytest.param(FROM_THE_DAY, BY_PASSWORD, BEFORE, "at_once", id="before the day"),
        pytest.param(FROM_THE_DAY, BY_PASSWORD, FROM, "second_factor", id="from the day on"),
        pytest.param(replace(SERVICE, floor="mfa"), BY_PASSWORD, BEFORE, "second_factor", id="floor mfa"),
        pytest.param(
            replace(SERVICE, floor="mfa"),
            replace(BY_PASSWORD, proofs=(password(301),)),
            BEFORE,
            "second_factor",
            id="to activate, by a password shown long ago",
        ),
        pytest.param(
            SERVICE, replace(BY_PASSWORD, activated=True), FROM, "second_factor", id="activated meanwhile"
        ),
        pytest.param(FROM_THE_DAY, WHOLE, FROM, "at_once", id="two factors"),
        pytest.param(ASSISTED, ACTING, FROM, "at_once", id="an assistant where they are allowed"),
        pytest.param(SERVICE, ACTING, FROM, "practitioner_only", id="an assistant where they are not"),
        pytest.param(SERVICE, replace(WHOLE, profile="insured"), FROM, None, id="another profile's"),
        pytest.param(replace(SERVICE, consent="required"), WHOLE, FROM, "at_once", id="consent is to come"),
        pytest.param(
            SERVICE, replace(WHOLE, not_before=FROM.timestamp() + 1), FROM, "at_once", id="to be shown again"
        ),
    ],
)
def test_what_the_list_says_of_a_service(
    demand: Demand, standing: Standing, now: datetime, found: Opening | None
) -> None:
    assert opening(demand, standing, OPTIONAL, now) == found


@THOROUGH
@given(demands, standings, profile_policies, moments)
def test_it_is_what_the_sign_in_would_say(
    demand: Demand, standing: Standing, policies: Mapping[str, Policy], now: datetime
) -> None:
    said, step = opening(demand, standing, policies, now), next_step(demand, standing, policies, now)
    if step is Step.ADMITTED:
        assert said == "at_once"
    if step is Step.ASSISTANT_REFUSED:
        assert said == "practitioner_only"
    if step is Step.PROFILE_REFUSED:
        assert said is None
    if said == "practitioner_only":
        assert standing.actor is not None
    if said in ("at_once", "second_factor"):
        enough = meets(acr_of(standing.proofs), required_acr(demand, standing, policies, now))
        assert (said == "at_once") == enough
