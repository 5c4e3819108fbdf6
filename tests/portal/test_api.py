"""The portal's API: access tokens of the provider for it, and the challenges of RFC 6750 and RFC 9470."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from fse_portal.app import create_app
from fse_portal.settings import Settings
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.forging import signed_with_own_key, signed_with_public_key, unsigned
from tests.portal.stand_in import ABSENT, ASSISTANT, DOCTOR, DOCTOR_BY_PASSWORD, StandIn

SHEET = {
    "date": "2026-01-13",
    "caisse": "CCSS",
    "matricule": "123456",
    "rang": "1",
    "acte": "C",
    "montant": "25",
}
STEP_UP = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="a stronger or more recent sign-in is needed"'
)


@pytest.fixture(autouse=True)
def present_day(clock: MovableClock) -> None:
    assert clock.now().date().isoformat() >= SHEET["date"]


@pytest.fixture
def call(portal: Flask, provider: StandIn) -> Callable[..., TestResponse]:
    """Call the API, with a right token unless another is given."""

    def ask(
        method: str = "GET", path: str = "/api/feuilles", *, token: str | None = None, **how: Any
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {provider.access_token() if token is None else token}"}
        return portal.test_client(use_cookies=False).open(path, method=method, **{"headers": headers} | how)

    return ask


def challenge(answer: TestResponse, status: int, error: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.headers["WWW-Authenticate"]
    assert told.isascii()
    assert told.startswith(f'Bearer error="{error}"')
    assert answer.json
    assert answer.json["error"] == error
    return told


def test_a_sheet_is_sent_listed_and_cancelled(call: Callable[..., TestResponse]) -> None:
    sent = call("POST", json=SHEET)
    assert (sent.status_code, sent.json) == (201, {"numero": 1})
    listed = call("GET").json
    assert listed
    (sheet,) = listed["feuilles"]
    assert (sheet["beneficiaire"], sheet["montant"], sheet["assistant"]) == (
        "ROSSIGNEUX Camille",
        "25,00 €",
        None,
    )
    assert call("GET", "/api/feuilles?date=2026-01-12").json == {"feuilles": []}
    assert call("DELETE", "/api/feuilles/1").status_code == 204
    again = call("DELETE", "/api/feuilles/1")
    assert (again.status_code, again.headers["Cache-Control"]) == (404, "no-store")
    listed = call("GET", "/api/feuilles?date=2026-01-13").json
    assert listed
    assert listed["feuilles"][0]["annulee"] is True


def test_the_pages_show_what_the_api_did(
    call: Callable[..., TestResponse], browser: Browser, provider: StandIn
) -> None:
    provider.does.person = ASSISTANT
    call("POST", json=SHEET)
    browser.open("/login")
    assert "par NAUDIN Fernand" in browser.get("/historique").text


@pytest.mark.attack(59)
def test_the_actor_of_an_access_token_is_seen(call: Callable[..., TestResponse], provider: StandIn) -> None:
    provider.does.person = ASSISTANT
    call("POST", json=SHEET)
    listed = call("GET").json
    assert listed
    assert listed["feuilles"][0]["assistant"] == "NAUDIN Fernand"


def test_below_two_factors_sending_is_challenged_and_listing_is_not(
    call: Callable[..., TestResponse], provider: StandIn
) -> None:
    provider.does.person = DOCTOR_BY_PASSWORD
    told = challenge(call("POST", json=SHEET), 401, "insufficient_user_authentication")
    assert told == f'{STEP_UP}, acr_values="mfa"'
    assert call("GET").json == {"feuilles": []}


def test_where_the_portal_requires_two_factors_a_password_opens_nothing(
    make_settings: Callable[..., Settings], clock: MovableClock, provider: StandIn
) -> None:
    strict = create_app(make_settings(required_acr="mfa"), clock).test_client(use_cookies=False)
    answers = []
    for provider.does.person in (DOCTOR_BY_PASSWORD, DOCTOR):
        headers = {"Authorization": f"Bearer {provider.access_token()}"}
        answers.append(strict.get("/api/feuilles", headers=headers))
    weak, strong = answers
    told = challenge(weak, 401, "insufficient_user_authentication")
    assert told == f'{STEP_UP}, acr_values="mfa"'
    assert strong.status_code == 200


def test_an_old_sign_in_is_challenged_with_max_age(
    call: Callable[..., TestResponse], provider: StandIn, clock: MovableClock
) -> None:
    call("POST", json=SHEET)
    old = provider.access_token(auth_time=int(clock.now().timestamp()) - 901)
    told = challenge(call("DELETE", "/api/feuilles/1", token=old), 401, "insufficient_user_authentication")
    assert told == f'{STEP_UP}, acr_values="mfa", max_age="900"'
    assert call("POST", token=old, json=SHEET).status_code == 201


def test_without_a_token_nothing_is_called_wrong(portal: Flask) -> None:
    answer = portal.test_client().get("/api/feuilles")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="fse"')


@pytest.mark.parametrize(
    "value", ["Bearer", "Basic YTpi", "Bearer a b", "Bearer a, Bearer b", "Bearer é", "bearer  ", ""]
)
def test_what_is_no_bearer_token_is_refused(call: Callable[..., TestResponse], value: str) -> None:
    challenge(
        call(headers={"Authorization": value.encode("utf-8").decode("latin-1")}), 400, "invalid_request"
    )


def test_a_token_in_the_address_the_body_or_a_cookie_is_none(
    call: Callable[..., TestResponse], provider: StandIn, browser: Browser
) -> None:
    token = provider.access_token()
    assert call(path=f"/api/feuilles?access_token={token}", headers={}).status_code == 401
    assert call("POST", headers={}, data={"access_token": token}).status_code == 401
    browser.open("/login")
    assert browser.get("/api/feuilles").status_code == 401


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://evil.example"}, "of another issuer"),
        ({"aud": "portail-fse"}, "for another resource"),
        ({"aud": ABSENT}, "for another resource"),
        ({"aud": "http://127.0.0.1:8081/api/"}, "for another resource"),
        ({"aud": ["https://another.example"]}, "for another resource"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": ABSENT}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": 4_000_000_000}, "issued in the future"),
        ({"iat": ABSENT}, "issued in the future"),
        ({"client_id": ABSENT}, "incomplete"),
        ({"jti": ABSENT}, "incomplete"),
        ({"sub": ABSENT}, "not about a person"),
        ({"acr": ABSENT}, "not about a person"),
        ({"acr": "gold"}, "not about a person"),
        ({"amr": ["pwd"]}, "not about a person"),
        ({"auth_time": ABSENT}, "not about a person"),
        ({"act": {"sub": "a-1", "name": "NAUDIN", "act": {"sub": "b"}}}, "not about a person"),
        ({"act": {"sub": "a-1", "name": "NAUDIN Fernand"}}, "not about a person"),
    ],
)
def test_a_wrong_claim_opens_nothing(
    call: Callable[..., TestResponse], provider: StandIn, changes: dict[str, Any], why: str
) -> None:
    told = challenge(call(token=provider.access_token(**changes)), 401, "invalid_token")
    assert told.endswith(f'error_description="the token is {why}"')


def test_one_audience_of_several_may_be_this_api(
    call: Callable[..., TestResponse], provider: StandIn
) -> None:
    several = ["https://another.example", "http://127.0.0.1:8081/api"]
    assert call(token=provider.access_token(aud=several)).status_code == 200


def test_it_ends_to_the_second(
    call: Callable[..., TestResponse], provider: StandIn, clock: MovableClock
) -> None:
    token = provider.access_token()
    clock.advance(seconds=299)
    assert call(token=token).status_code == 200
    clock.advance(seconds=1)
    challenge(call(token=token), 401, "invalid_token")


@pytest.mark.attack(38)
@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", ABSENT])
def test_another_kind_of_token_opens_nothing(
    call: Callable[..., TestResponse], provider: StandIn, typ: object
) -> None:
    told = challenge(call(token=provider.access_token({"typ": typ})), 401, "invalid_token")
    assert told.endswith('"the token is not an access token"')


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: unsigned, id="none"),
        pytest.param(signed_with_public_key, id="HS256 with the public key"),
        pytest.param(lambda _: signed_with_own_key(), id="another key"),
        pytest.param(lambda _: lambda token: "A" * 9000, id="too long"),
    ],
)
def test_a_forged_token_opens_nothing(
    call: Callable[..., TestResponse],
    provider: StandIn,
    forge: Callable[[StandIn], Callable[[str], str]],
) -> None:
    provider.does.forge = forge(provider)
    told = challenge(call(token=provider.access_token()), 401, "invalid_token")
    assert told.endswith('"the token is not signed by the provider"')


@pytest.mark.parametrize("scope", ["", "openid profile", "fse2", ABSENT])
def test_a_token_without_the_scope_is_told_which(
    call: Callable[..., TestResponse], provider: StandIn, scope: object
) -> None:
    told = challenge(call(token=provider.access_token(scope=scope)), 403, "insufficient_scope")
    assert told.endswith('scope="fse"')


def test_a_token_dies_with_the_session_that_a_logout_ends(
    call: Callable[..., TestResponse], portal: Flask, provider: StandIn
) -> None:
    token = provider.access_token()
    sent = {"logout_token": provider.logout_token()}
    assert portal.test_client().post("/backchannel-logout", data=sent).status_code == 200
    told = challenge(call(token=token), 401, "invalid_token")
    assert told.endswith('"the token is of a session that ended"')


@pytest.mark.parametrize(
    "how",
    [
        {"data": "{"},
        {"data": "{", "content_type": "application/json"},
        {"json": [SHEET]},
        {"json": {**SHEET, "montant": 25}},
        {"data": SHEET},
        {"data": "[" * 9000, "content_type": "application/json"},
    ],
)
def test_what_is_no_object_of_strings_is_refused(
    call: Callable[..., TestResponse], how: dict[str, Any]
) -> None:
    answer = call("POST", **how)
    assert (answer.status_code, answer.is_json) == (400, True)
    assert answer.json
    assert answer.json["error"] == "invalid_request"


def test_a_wrong_field_is_named_before_anything_more_is_asked(
    call: Callable[..., TestResponse], provider: StandIn
) -> None:
    provider.does.person = DOCTOR_BY_PASSWORD
    answer = call("POST", json={**SHEET, "matricule": "999999", "montant": ""})
    assert answer.status_code == 422
    assert answer.json
    assert set(answer.json["fields"]) == {"matricule", "montant"}


def test_another_practice_is_another_world(call: Callable[..., TestResponse], provider: StandIn) -> None:
    call("POST", json=SHEET)
    provider.does.person = {**DOCTOR, "sub": "p-2"}
    assert call("GET").json == {"feuilles": []}
    assert call("DELETE", "/api/feuilles/1").status_code == 404


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "1.0", "٢", "9" * 30, "9" * 5000])
def test_a_number_that_no_sheet_has_is_not_found(call: Callable[..., TestResponse], number: str) -> None:
    call("POST", json=SHEET)
    answer = call("DELETE", f"/api/feuilles/{number}")
    assert (answer.status_code, answer.is_json) == (404, True)


def test_errors_are_json(call: Callable[..., TestResponse], provider: StandIn, portal: Flask) -> None:
    assert call("GET", "/api/nowhere").json == {"error": "not_found"}
    assert call("PUT").json == {"error": "method_not_allowed"}
    assert call("POST", json={"x": "a" * 20_000}).status_code == 400
