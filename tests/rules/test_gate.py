"""Who may open a page of a service behind the gateway, and how everybody else goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given

from idp.rules.assurance import Policy
from idp.rules.gate import Gate, Way, way_in
from idp.rules.next_step import Demand, Standing, Step, next_step
from tests.rules.situations import (
    ASSISTANT,
    DOCTORS,
    FROM,
    NO_DEADLINE,
    OPTIONAL,
    code,
    demands,
    moments,
    password,
    profile_policies,
    standings,
)

BOTH = DOCTORS | {"insured"}
SERVICE = Demand(BOTH, policy=Policy.optional(), assistants_allowed=True)
NEW = Standing("health_professional", activated=False, proofs=(password(),), earlier=True)
WHOLE = replace(NEW, activated=True, proofs=(password(), code()))
ACTING = replace(WHOLE, actor=ASSISTANT)
INSURED = replace(NEW, profile="insured")
OPEN, MFA, OF_DOCTORS, IN_PERSON = (
    Gate(),
    Gate(acr="mfa"),
    Gate(profiles=DOCTORS),
    Gate(assistants_refused=True),
)


@pytest.mark.parametrize(
    ("demand", "gate", "standing", "way"),
    [
        pytest.param(SERVICE, OPEN, None, Way.SIGN_IN, id="nobody"),
        pytest.param(SERVICE, MFA, None, Way.SIGN_IN, id="nobody, two factors"),
        pytest.param(SERVICE, OPEN, NEW, Way.OPEN, id="password"),
        pytest.param(SERVICE, MFA, NEW, Way.STEP_UP, id="password where two factors are asked"),
        pytest.param(
            SERVICE,
            MFA,
            replace(NEW, proofs=(password(3600),)),
            Way.STEP_UP,
            id="an old password, two factors",
        ),
        pytest.param(SERVICE, MFA, WHOLE, Way.OPEN, id="two factors"),
        pytest.param(SERVICE, OPEN, replace(NEW, activated=True), Way.STEP_UP, id="activated meanwhile"),
        pytest.param(replace(SERVICE, floor="mfa"), OPEN, NEW, Way.STEP_UP, id="the file's floor"),
        pytest.param(
            replace(SERVICE, policy=Policy.required()), OPEN, NEW, Way.STEP_UP, id="the file's policy"
        ),
        pytest.param(SERVICE, OF_DOCTORS, INSURED, Way.PROFILE_REFUSED, id="another profile"),
        pytest.param(
            SERVICE, Gate(DOCTORS, "mfa"), INSURED, Way.PROFILE_REFUSED, id="never a code for nothing"
        ),
        pytest.param(
            replace(SERVICE, profiles=DOCTORS), OPEN, INSURED, Way.PROFILE_REFUSED, id="the file's profiles"
        ),
        pytest.param(SERVICE, OPEN, ACTING, Way.OPEN, id="an assistant"),
        pytest.param(
            SERVICE, IN_PERSON, ACTING, Way.ASSISTANT_REFUSED, id="an assistant where none is admitted"
        ),
        pytest.param(SERVICE, IN_PERSON, WHOLE, Way.OPEN, id="the practitioner there"),
        pytest.param(
            replace(SERVICE, assistants_allowed=False),
            OPEN,
            ACTING,
            Way.ASSISTANT_REFUSED,
            id="the file refuses them",
        ),
        pytest.param(
            SERVICE,
            OPEN,
            replace(WHOLE, not_before=FROM.timestamp() + 1),
            Way.SIGN_IN,
            id="what was proved is over",
        ),
        pytest.param(
            SERVICE, OPEN, replace(NEW, profile="employer"), Way.PROFILE_REFUSED, id="a profile nobody knows"
        ),
    ],
)
def test_how_somebody_goes_on(demand: Demand, gate: Gate, standing: Standing | None, way: Way) -> None:
    assert way_in(gate.narrowed(demand), standing, OPTIONAL, FROM) is way


def test_who_has_to_choose_own_secrets_first_signs_in_again() -> None:
    assert way_in(OPEN.narrowed(SERVICE), ACTING, OPTIONAL, FROM, own_passwords=True) is Way.SIGN_IN


@NO_DEADLINE
@given(demands, standings, profile_policies, moments)
def test_a_gate_opens_to_nobody_whom_the_file_would_not_admit(
    demand: Demand, standing: Standing, policies: dict[str, Policy], now: datetime
) -> None:
    for gate in (OPEN, MFA, OF_DOCTORS, IN_PERSON):
        if way_in(gate.narrowed(demand), standing, policies, now) is Way.OPEN:
            assert next_step(replace(demand, acr_values=()), standing, policies, now) is Step.ADMITTED
