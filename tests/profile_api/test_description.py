"""The OpenAPI document against the API itself: schemathesis sends what fits it and what does not."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PhasesConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    SimpleCheckConfig,
    StatefulPhaseConfig,
)
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from idp.profile.api.openapi import document
from idp.profile.api.problems import Kind
from tests.profile_api.portal import Portal, good
from tests.provider import ISSUER, Provider, Someone

ADDRESSES = {
    ("GET", "/api/v1/assistants"),
    ("GET", "/api/v1/assistants/{id}"),
    ("PATCH", "/api/v1/assistants/{id}"),
    ("DELETE", "/api/v1/assistants/{id}"),
    ("POST", "/api/v1/enrolments"),
    ("GET", "/api/v1/openapi.json"),
}
OPERATIONS = {
    "listAssistants": {200, 400, 401, 405},
    "getAssistant": {200, 401, 405},
    "changeAssistant": {200, 401, 422},
    "removeAssistant": {204, 401},
    "askForEnrolment": {400, 401, 415, 422},
    "describe": {200, 405},
}
"""Statuses that schemathesis must come to, else it would show nothing."""


@pytest.fixture
def served(provider: Provider) -> dict[str, Any]:
    return good(provider.http().get("/api/v1/openapi.json"))


def test_anybody_may_read_it_and_it_says_what_it_is(served: dict[str, Any]) -> None:
    assert served == json.loads(document(ISSUER))
    assert served["openapi"] == "3.1.0"
    assert served["servers"] == [{"url": ISSUER}]


def test_it_describes_every_address_of_the_api_and_no_other(
    provider: Provider, served: dict[str, Any]
) -> None:
    described = {(method.upper(), path) for path, item in served["paths"].items() for method in item}
    there = {
        (method, rule.rule.replace("<assistant_id>", "{id}"))
        for rule in provider.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == ADDRESSES == there


def test_every_problem_is_described_where_its_type_points(served: dict[str, Any]) -> None:
    for kind in Kind:
        assert kind.type == f"/api/v1/openapi.json#/x-problems/{kind.code}"
        assert served["x-problems"][kind.code] == {"status": kind.status, "description": kind.meaning}
    assert len({kind.code for kind in Kind}) == len(Kind) == len(served["x-problems"])


class Run:
    """What schemathesis sends to one operation, the same at each run, valid and invalid; and what came of it."""

    def __init__(self, provider: Provider, operation: str, ignored_auth: bool, **project: Any) -> None:
        self.wrong: list[str] = []
        self.seen: Counter[int] = Counter()
        one = ProjectConfig(
            generation=GenerationConfig(modes=list(GenerationMode), max_examples=20, deterministic=True),
            phases=PhasesConfig(stateful=StatefulPhaseConfig(enabled=False)),
            # An end before the beginning or a foreign origin is beyond JSON Schema: valid data may be refused.
            checks=ChecksConfig(
                positive_data_acceptance=PositiveDataAcceptanceConfig(enabled=False),
                ignored_auth=SimpleCheckConfig(enabled=ignored_auth),
            ),
            continue_on_failure=True,
            **project,
        )
        config = SchemathesisConfig(seed=1, projects=ProjectsConfig(default=one))
        schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", provider.app, config=config)
        for event in from_schema(schema.include(operation_id=operation)).execute():
            if isinstance(event, ScenarioFinished):
                self._note(event)
            elif isinstance(event, NonFatalError | FatalError):
                self.wrong.append(str(event))

    def _note(self, event: ScenarioFinished) -> None:
        for checked in (one for several in event.recorder.checks.values() for one in several):
            if checked.failure_info is not None:
                failure = checked.failure_info.failure
                self.wrong.append(f"{failure.title}: {failure.message}\n{checked.failure_info.code_sample}")
        for call in event.recorder.interactions.values():
            if call.response is not None and call.request.method != "OPTIONS":
                self.seen[call.response.status_code] += 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_described(
    provider: Provider, doctors: Portal, assistant: Someone, operation: str
) -> None:
    one = doctors.listed()[0]["id"]
    headers = {"Authorization": f"Bearer {doctors.token}"}
    # The probe of ``ignored_auth`` after a good token does not work over WSGI: the next test goes without one.
    run = Run(provider, operation, ignored_auth=False, headers=headers, parameters={"path.id": one})
    assert not run.wrong, "\n\n".join(run.wrong)
    assert OPERATIONS[operation] <= run.seen.keys(), run.seen


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "describe"])
def test_without_a_token_nothing_is_answered(provider: Provider, operation: str) -> None:
    run = Run(provider, operation, ignored_auth=True)
    assert not run.wrong, "\n\n".join(run.wrong)
    assert run.seen[401] > 0
    assert set(run.seen) == {401, 405}, run.seen


def test_a_one_time_address_is_as_described(doctors: Portal) -> None:
    """No address that schemathesis makes up is one of the service's own."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", doctors.provider.app)
    answer = doctors.enrol(name="NAUDIN Fernand")
    assert answer.status_code == 201
    schema["/api/v1/enrolments"]["POST"].validate_response(answer)
