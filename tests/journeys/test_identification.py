"""The first page: identifier and password."""

from __future__ import annotations

import re

import pytest

from tests.journeys.story import (
    audit_lines,
    cookie,
    count_verifications,
    failures_of,
    html,
    labels,
    statements,
    switch_user,
)
from tests.provider import PASSWORD, Provider, Someone, Visit

WRONG = "13572468"


def _same_for_all(visit: Visit, identifier: str) -> str:
    """Return the page without what is fresh on every page."""
    text = html(visit).replace(identifier, "IDENTIFIER")
    text = re.sub(r'name="(csrf_token|keypad)" value="[^"]+"', r'name="\1"', text)
    return re.sub(r"formnovalidate>\d</button>", "formnovalidate></button>", text)


def test_the_right_password_leads_on_to_the_service(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    code = visit.sign_in(newcomer)
    tokens = provider.redeem(code).json
    assert tokens is not None
    assert provider.claims(tokens["id_token"])["acr"] == "pwd"


@pytest.mark.attack(9)
def test_wrong_unknown_and_disabled_look_the_same_and_cost_the_same(
    provider: Provider, doctor: Someone, insured: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.disable(insured)
    verified = count_verifications(monkeypatch)
    answers, costs = [], []
    cases = [
        (doctor.identifier, WRONG),
        ("999999", PASSWORD),
        ("999998", WRONG),
        (insured.identifier, PASSWORD),
    ]
    for identifier, password in cases:
        visit = provider.browser()
        visit.authorize()
        with statements(provider) as ran:
            page = visit.submit(identifier=identifier, password=password)
        answers.append((page.status, _same_for_all(visit, identifier)))
        costs.append((len(verified), [statement.split(" ")[0] for statement in ran]))
        verified.clear()
    assert answers[0][0] == 422
    assert "Identifiant ou mot de passe incorrect" in answers[0][1]
    assert all(answer == answers[0] for answer in answers)
    assert costs[0][0] == 1
    assert all(cost == costs[0] for cost in costs)


@pytest.mark.attack(9)
def test_a_throttled_identifier_answers_alike_whether_an_account_has_it_or_not(
    provider: Provider, doctor: Someone
) -> None:
    answers = []
    for identifier in (doctor.identifier, "999999"):
        visit = provider.browser()
        visit.authorize()
        for _ in range(5):
            page = visit.submit(identifier=identifier, password=WRONG)
        assert visit.response is not None
        answers.append((page.status, visit.response.headers["Retry-After"], _same_for_all(visit, identifier)))
    assert answers[0][0] == 429
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "entered", [{"identifier": "408461"}, {"password": PASSWORD}, {}, {"identifier": " \u200b"}]
)
def test_empty_fields_recover_on_the_page_keep_the_identifier_and_count_nothing(
    provider: Provider, doctor: Someone, entered: dict[str, str]
) -> None:
    visit = provider.browser()
    visit.authorize()
    page = visit.submit(**entered)
    assert page.status == 422
    assert page.forms[0].fields["identifier"] == entered.get("identifier", "")
    assert page.forms[0].fields["password"] == ""
    assert failures_of(provider) == {}
    visit.identify(doctor)
    assert visit.step == "code"


def test_a_wrong_password_keeps_identifier_and_choices_and_never_the_password(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("portal")
    visit.submit(identifier=newcomer.identifier, password=WRONG, activate_mfa="1", remember_me="1")
    fields = visit.page.forms[0].fields
    assert (fields["identifier"], fields["activate_mfa"], fields["remember_me"]) == ("408462", "1", "1")
    assert WRONG not in html(visit)
    visit.submit(password=newcomer.password)
    assert visit.step == "activation"


@pytest.mark.parametrize("password", ["x" * 257, "x" * 60_000])
def test_an_endless_password_is_refused_like_a_wrong_one(
    provider: Provider, doctor: Someone, password: str
) -> None:
    visit = provider.browser()
    visit.authorize()
    assert visit.submit(identifier=doctor.identifier, password=password).status == 422


@pytest.mark.parametrize("identifier", ["x" * 65, "x" * 60_000])
def test_an_endless_identifier_is_no_identifier(provider: Provider, identifier: str) -> None:
    visit = provider.browser()
    visit.authorize()
    assert visit.submit(identifier=identifier, password=PASSWORD).status == 422
    assert failures_of(provider) == {}


def test_remember_me_keeps_the_identifier_on_this_device_and_nothing_else(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, remember_me="1")
    assert cookie(visit, "identifier") == newcomer.identifier
    visit.get("/")
    switch_user(visit)
    page = visit.authorize()
    assert visit.step == "identification"
    assert page.forms[0].fields["identifier"] == newcomer.identifier
    assert page.forms[0].fields["remember_me"] == "1"
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_unticking_remember_me_forgets_the_identifier(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, remember_me="1")
    visit.get("/")
    switch_user(visit)
    visit.authorize()
    fields = visit.page.forms[0].fields
    del fields["remember_me"]
    visit.identify(newcomer)
    assert not cookie(visit, "identifier")
    assert provider.browser().authorize().forms[0].fields["identifier"] == ""


def test_a_wrong_password_remembers_nothing(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.submit(identifier=doctor.identifier, password=WRONG, remember_me="1")
    assert cookie(visit, "identifier") is None


def test_login_hint_fills_the_identifier(provider: Provider) -> None:
    assert provider.browser().authorize(login_hint="408461").forms[0].fields["identifier"] == "408461"


def test_cancelling_tells_the_service(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.submit(cancel="1")
    assert visit.answer == {
        "error": "access_denied",
        "error_description": "the person cancelled",
        "state": "the-state",
        "iss": "https://idp.test",
    }


def test_each_attempt_is_audited_once_without_what_was_typed(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.submit(identifier=newcomer.identifier, password=WRONG)
    visit.submit(identifier="unknown-one", password=WRONG)
    visit.identify(newcomer)
    lines = audit_lines(provider)
    assert [line["kind"] for line in lines] == [
        "password.refused", "password.refused", "password.accepted", "session.signed_in", "device.known",
    ]  # fmt: skip
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, newcomer)
    assert [line["account_id"] for line in lines] == [account_id, None, *[account_id] * 3]
    assert [line["detail"] for line in lines[:3]] == [{"service": "Service open"}] * 3
    assert lines[3]["detail"] == {"methods": ["pwd"]}
    assert "unknown-one" not in str(lines)


def test_help_leads_back_to_the_sign_in_under_way(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.authorize()
    assert visit.client.get("/forgotten/password", base_url="https://idp.test").status_code == 200
    answer = visit.client.get(
        "/forgotten/password", base_url="https://idp.test", headers={"Referer": f"https://idp.test{page.url}"}
    )
    assert f'href="https://idp.test{page.url}"' in answer.text
    foreign = visit.client.get(
        "/forgotten/password", base_url="https://idp.test", headers={"Referer": "https://evil.test/signin/x"}
    )
    assert "evil.test" not in foreign.text


def test_the_keypad_is_offered_beside_the_password_field(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize()
    assert sorted(labels(visit)) == list("0123456789")
