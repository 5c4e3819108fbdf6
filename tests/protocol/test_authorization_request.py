"""OpenID Connect Core §3.1.2.1, §3.1.2.2: what a request may say."""

from __future__ import annotations

import json
import string
from urllib.parse import urlencode

import pytest

from idp.demo.browser import read_page
from tests.protocol.answers import body, redirected_error, tokens
from tests.provider import ISSUER, Provider, Someone, Visit, authorization_request, redirect_uri

AUTHORIZE = "/oauth2/authorize"
REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": "code code"}, "unsupported_response_type"),
    ({"response_type": "CODE"}, "unsupported_response_type"),
    ({"response_type": "none"}, "unsupported_response_type"),
    ({"response_type": 'code"\\é'}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post query"}, "invalid_request"),
    ({"response_mode": "FORM_POST"}, "invalid_request"),
    ({"response_mode": "query.jwt"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": ""}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"scope": "OpenID"}, "invalid_scope"),
    ({"scope": "openid\tprofile"}, "invalid_scope"),
    ({"scope": "openid practitioner"}, "invalid_scope"),
    ({"prompt": "create"}, "invalid_request"),
    ({"prompt": "login something"}, "invalid_request"),
    ({"prompt": 'é"\\'}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "none select_account"}, "invalid_request"),
    ({"prompt": "consent none"}, "invalid_request"),
    ({"prompt": "Login"}, "invalid_request"),
    ({"max_age": "banana"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1.5"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"max_age": "9" * 400}, "invalid_request"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ({"request_uri": "https://open.test/request"}, "request_uri_not_supported"),
    ({"request_uri": "http://169.254.169.254/latest"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"claims": "banana"}, "invalid_request"),
    ({"claims": "[]"}, "invalid_request"),
    ({"claims": '"text"'}, "invalid_request"),
    ({"claims": "{"}, "invalid_request"),
    ({"claims": "[" * 8000}, "invalid_request"),
    ({"claims": "1" * 8000}, "invalid_request"),
    ({"nonce": "n" * 513}, "invalid_request"),
    ({"id_token_hint": "h" * 8193}, "invalid_request"),
    ({"login_hint": "l" * 2049}, "invalid_request"),
    ({"unheard_of": "u" * 2049}, "invalid_request"),
    ({"claims": "{" + " " * 8192 + "}"}, "invalid_request"),
]


@pytest.mark.attack(17)
@pytest.mark.parametrize(("changes", "error"), REFUSED)
def test_a_wrong_request_is_told_to_the_client_in_printable_ascii_with_state_and_iss(
    provider: Provider, changes: dict[str, str | None], error: str
) -> None:
    visit = provider.browser()
    visit.authorize("open", **changes)
    assert redirected_error(visit) == error


@pytest.mark.attack(17)
def test_a_right_request_leads_to_a_code_with_state_and_iss(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    assert set(visit.answer) == {"code", "state", "iss"}
    assert visit.answer["state"] == "the-state"
    assert visit.answer["iss"] == ISSUER
    assert visit.response is not None
    assert visit.response.status_code == 303
    assert visit.response.headers["Cache-Control"] == "no-store"
    assert visit.response.headers["Referrer-Policy"] == "same-origin"


def test_a_request_may_be_posted(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.post(AUTHORIZE, authorization_request("open"))
    visit.identify(doctor)
    assert provider.redeem(visit.answer["code"]).status_code == 200


@pytest.mark.parametrize("proxys", [{}, {"Cookie": "AWSALBCORS=sticky"}])
def test_a_request_posted_from_another_site_becomes_a_get_so_that_the_session_counts(
    provider: Provider, doctor: Someone, proxys: dict[str, str]
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    request = authorization_request("portal")
    crossing = provider.http().post(AUTHORIZE, data=request, base_url=ISSUER, headers=proxys)
    assert crossing.status_code == 303
    assert "Set-Cookie" not in crossing.headers
    assert crossing.headers["Location"] == f"{AUTHORIZE}?{urlencode(request)}"
    visit.get(crossing.headers["Location"])
    assert provider.redeem(visit.answer["code"], "portal").status_code == 200


def test_a_request_too_long_for_a_query_is_taken_as_it_was_posted(provider: Provider) -> None:
    claims = '{"userinfo": {"' + "n" * 7_000 + '": null}}'
    answer = provider.http().post(
        AUTHORIZE, data={**authorization_request("open"), "claims": claims}, base_url=ISSUER
    )
    assert answer.headers["Location"].startswith("/signin/")


def test_a_posted_request_is_read_from_its_body_alone(provider: Provider) -> None:
    query = urlencode({"scope": "profile", "prompt": "none"})
    visit = provider.browser()
    visit.post(f"{AUTHORIZE}?{query}", authorization_request("open"))
    assert visit.step == "identification"
    visit.post(f"{AUTHORIZE}?{urlencode(authorization_request('open'))}", {})
    assert visit.page.error == "invalid_request"
    assert visit.page.status == 400


@pytest.mark.attack(33)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "response_mode",
        "ui_locales",
        "unheard_of",
    ],
)
def test_a_parameter_sent_twice_is_refused(provider: Provider, method: str, name: str) -> None:
    request = authorization_request("open")
    value = request.setdefault(name, "login")
    visit = _opened(provider, method, [*request.items(), (name, value)])
    assert redirected_error(visit, state=None if name == "state" else "the-state") == "invalid_request"


@pytest.mark.attack(33)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_client_or_address_sent_twice_is_told_on_a_page(provider: Provider, method: str, name: str) -> None:
    request = authorization_request("open")
    visit = _opened(provider, method, [*request.items(), (name, request[name])])
    assert visit.left_for is None
    assert (visit.page.status, visit.page.error) == (400, "invalid_request")


def test_unknown_parameters_are_ignored(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    code = visit.sign_in(doctor, unheard_of="1", display="popup", claims_locales="fr", vtr='["P1"]')
    assert provider.redeem(code).status_code == 200


def test_empty_parameters_are_as_absent_ones(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    empty = dict.fromkeys(
        ("prompt", "max_age", "acr_values", "request", "claims", "response_mode", "nonce"), ""
    )
    given = body(provider.redeem(visit.sign_in(doctor, **empty)))
    assert "nonce" not in provider.claims(given["id_token"])


def test_response_mode_query_is_the_default_and_may_be_said(provider: Provider, doctor: Someone) -> None:
    assert provider.browser().sign_in(doctor, response_mode="query")


def test_a_scope_that_nobody_offers_is_ignored(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor, scope='openid unheard_of email é"')
    assert given["scope"] == "openid email"


def test_a_scope_asked_twice_is_granted_once(provider: Provider, doctor: Someone) -> None:
    assert tokens(provider, doctor, scope="email openid  email openid")["scope"] == "email openid"


def test_the_same_scope_is_granted_to_the_client_whose_file_allows_it(
    provider: Provider, doctor: Someone
) -> None:
    given = tokens(provider, doctor, "portal", scope="openid practitioner")
    assert given["scope"] == "openid practitioner"


def test_wellformed_claims_pass(provider: Provider, doctor: Someone) -> None:
    asked = json.dumps({"id_token": {"auth_time": {"essential": True}}})
    assert provider.browser().sign_in(doctor, claims=asked)


@pytest.mark.parametrize(
    "state",
    [
        "s" * 128,
        (string.punctuation + string.digits + " +%2B&=" + string.ascii_letters)[:128].ljust(128, "~"),
        "é€𝄞" * 40,
        "%00%0d%0aLocation: https://evil.test",
        "\r\nSet-Cookie: a=b",
    ],
)
def test_state_comes_back_as_it_was_with_a_code_and_with_an_error(
    provider: Provider, doctor: Someone, state: str
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, state=state)
    assert visit.answer["state"] == state
    visit.authorize(state=state, prompt="banana")
    assert redirected_error(visit, state=state) == "invalid_request"


def test_without_state_none_comes_back(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, state=None)
    assert set(visit.answer) == {"code", "iss"}
    visit.authorize(state=None, prompt="banana")
    assert redirected_error(visit, state=None) == "invalid_request"


def test_nonce_may_be_left_out_where_the_client_file_says_optional(
    provider: Provider, doctor: Someone
) -> None:
    given = tokens(provider, doctor, nonce=None)
    assert "nonce" not in provider.claims(given["id_token"])


def test_nonce_is_demanded_where_the_client_file_says_required(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize("noncer", nonce=None)
    assert redirected_error(visit, "noncer") == "invalid_request"
    visit.authorize("noncer", nonce="")
    assert redirected_error(visit, "noncer") == "invalid_request"
    assert provider.claims(tokens(provider, doctor, "noncer")["id_token"])["nonce"] == "the-nonce"


def test_other_methods_are_refused(provider: Provider) -> None:
    assert provider.http().put(AUTHORIZE).status_code == 405
    assert provider.http().delete(AUTHORIZE).status_code == 405


@pytest.mark.attack(17)
def test_who_cancels_is_told_to_the_client(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.submit(cancel="")
    assert redirected_error(visit) == "access_denied"


def test_nothing_but_the_registered_address_is_in_reach_of_the_pages_form(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize()
    assert visit.response is not None
    assert (
        f"form-action 'self' {redirect_uri('open').removesuffix('/callback')};"
        in visit.response.headers["Content-Security-Policy"]
    )


def _opened(provider: Provider, method: str, parameters: list[tuple[str, str]]) -> Visit:
    visit = provider.browser()
    encoded = urlencode(parameters)
    if method == "GET":
        visit.get(f"{AUTHORIZE}?{encoded}")
        return visit
    answer = provider.http().post(
        AUTHORIZE,
        data=encoded,
        content_type="application/x-www-form-urlencoded",
        base_url=ISSUER,
        headers={"Cookie": "__Host-idp_session=of-this-site"},
    )
    visit.response = answer
    visit.left_for = answer.headers.get("Location")
    visit.page = read_page(AUTHORIZE, answer.status_code, answer.text)
    return visit
