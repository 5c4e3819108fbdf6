"""Signing in at a guarded host through the provider, step-up in place, and what a sign-in ends on that fails."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from werkzeug.test import TestResponse

from idp.gateway import sign_in
from idp.storage.errors import StorageUnavailable
from tests.gateway.visiting import LOOPBACK, PORTAL, WARDS, Browser, carried, query_of
from tests.journeys.story import activate
from tests.provider import ISSUER, Provider, Someone

LOGIN = f"{PORTAL}/_gateway/login?{urlencode({'iss': ISSUER})}"


def authorized(browser: Browser, who: Someone, path: str = "/") -> str:
    """Sign in as far as the callback, and return its address."""
    browser.visit.get(browser.ask(path).headers["Location"].removeprefix(ISSUER))
    if browser.visit.left_for is None:
        browser.visit.identify(who)
    if browser.visit.left_for is None:
        browser.visit.enter_code(who)
    assert browser.visit.left_for is not None
    return browser.visit.left_for


def with_query(address: str, **changes: str | None) -> str:
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return parts._replace(
        query=urlencode({name: value for name, value in query.items() if value is not None})
    ).geturl()


def is_end(response: TestResponse, status: int, code: str) -> None:
    """Assert that an answer is a page on which a sign-in ends: it leads nowhere by itself, and opens no session."""
    assert response.status_code == status, response.status
    assert f'data-error="{code}"' in response.text
    assert "Location" not in response.headers
    assert "Refresh" not in response.headers
    assert "Set-Cookie" not in response.headers


def test_a_browser_signs_in_and_comes_back_to_the_very_page(browser: Browser, doctor: Someone) -> None:
    sent = browser.ask("/dossier/%C3%A9t%C3%A9?a=1&b=%2F")
    assert sent.status_code == 302
    asked = query_of(sent)
    assert asked["redirect_uri"] == f"{PORTAL}/_gateway/callback"
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert asked["scope"] == "email openid profile"
    assert len(asked["state"]) == len(asked["nonce"]) == 43
    assert "prompt" not in asked
    browser.follow(sent)
    browser.visit.identify(doctor)
    browser.visit.enter_code(doctor)
    assert browser.visit.left_for is not None
    back = browser.own(browser.visit.left_for)
    assert back.headers["Location"] == f"{PORTAL}/dossier/%C3%A9t%C3%A9?a=1&b=%2F"
    assert browser.ask("/").status_code == 204


def test_who_is_signed_in_elsewhere_comes_in_without_a_question(browser: Browser, doctor: Someone) -> None:
    browser.visit.sign_in(doctor, "open", scope="openid")
    assert browser.open("/").status_code == 204


def test_cookies_are_for_the_host_alone_and_hold_random_values(browser: Browser, doctor: Someone) -> None:
    browser.sign_in(doctor)
    jar = browser.jars[PORTAL]
    assert set(jar) == {"__Host-gateway", "__Host-gateway-browser"}
    assert all(len(value) == 43 for value in jar.values())
    assert len(set(jar.values())) == 2


@pytest.mark.parametrize(
    ("origin", "names"),
    [
        (LOOPBACK, {"gateway-8005", "gateway-browser-8005"}),
        (WARDS, {"__Host-gateway-8443", "__Host-gateway-browser-8443"}),
    ],
)
def test_each_port_of_a_host_has_cookies_of_its_own(
    browser: Browser, newcomer: Someone, origin: str, names: set[str]
) -> None:
    """Browsers send a cookie to every port of its host."""
    assert browser.sign_in(newcomer, "/ward", origin).status_code == 204
    assert set(browser.jars[origin]) == names


def test_several_tabs_can_sign_in_at_a_time(browser: Browser, doctor: Someone) -> None:
    first, second = browser.ask("/one"), browser.ask("/two")
    assert browser.follow(first) is first
    browser.visit.identify(doctor)
    browser.visit.enter_code(doctor)
    assert browser.back().status_code == 204
    assert browser.follow(second).status_code == 204


@pytest.mark.attack(24)
@pytest.mark.attack(27)
def test_an_answer_counts_in_the_browser_that_asked_and_once(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    callback = authorized(browser, doctor)
    victim = Browser(gate)
    is_end(victim.own(callback), 400, "expired")
    victim.ask("/")
    is_end(victim.own(callback), 400, "expired")
    # The victim's attempt used the answer up: nobody comes in by it.
    is_end(browser.own(callback), 400, "expired")
    again = authorized(browser, doctor)
    assert browser.own(again).status_code == 302
    is_end(browser.own(again), 400, "expired")


@pytest.mark.attack(24)
@pytest.mark.parametrize(
    "changes",
    [
        {"state": None},
        {"state": "made-up"},
        {"iss": None},
        {"iss": "https://evil.test"},
        {"code": None},
        {"code": "made-up"},
        {"code": ""},
    ],
)
def test_an_answer_that_is_not_quite_right_opens_nothing(
    browser: Browser, doctor: Someone, changes: dict[str, str | None]
) -> None:
    is_end(browser.own(with_query(authorized(browser, doctor), **changes)), 400, "expired")
    assert browser.ask("/", headers={}).status_code == 401


@pytest.mark.attack(33)
def test_a_parameter_that_comes_twice_opens_nothing(browser: Browser, doctor: Someone) -> None:
    callback = authorized(browser, doctor)
    is_end(browser.own(f"{callback}&{urlencode({'state': 'x'})}"), 400, "expired")


@pytest.mark.attack(24)
def test_the_code_of_another_sign_in_gives_nothing(
    gate: Provider, doctor: Someone, newcomer: Someone
) -> None:
    own, foreign = Browser(gate), Browser(gate)
    taken = dict(parse_qsl(urlsplit(authorized(foreign, newcomer)).query))["code"]
    is_end(own.own(with_query(authorized(own, doctor), code=taken)), 400, "expired")


def test_the_answer_to_another_nonce_gives_nothing(gate: Provider, browser: Browser, doctor: Someone) -> None:
    sent = browser.ask("/")
    sent.headers["Location"] = with_query(sent.headers["Location"], nonce="another")
    browser.follow(sent)
    browser.visit.identify(doctor)
    browser.visit.enter_code(doctor)
    assert browser.visit.left_for is not None
    is_end(browser.own(browser.visit.left_for), 400, "expired")


def test_the_answer_of_one_host_gives_nothing_on_another(browser: Browser, doctor: Someone) -> None:
    callback = authorized(browser, doctor)
    browser.jars[WARDS] = carried(browser.jars[PORTAL], WARDS)
    is_end(browser.own(callback.replace(PORTAL, WARDS)), 400, "expired")


def test_a_browser_that_keeps_no_cookie_ends_on_a_page(browser: Browser, doctor: Someone) -> None:
    callback = authorized(browser, doctor)
    browser.jars.clear()
    is_end(browser.own(callback), 400, "expired")


def test_a_sign_in_takes_no_longer_than_the_provider_gives(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    sent = browser.ask("/")
    browser.follow(sent)
    gate.clock.advance(seconds=gate.settings.transaction_lifetime + 61)
    is_end(
        browser.own(
            f"{PORTAL}/_gateway/callback?" + urlencode({**query_of(sent), "iss": ISSUER, "code": "x"})
        ),
        400,
        "expired",
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("access_denied", 403, "access_denied"),
        ("login_required", 403, "access_denied"),
        ("server_error", 403, "access_denied"),
        ("unmet_authentication_requirements", 403, "unmet_authentication_requirements"),
    ],
)
def test_an_error_ends_on_a_page_with_a_way_to_try_again(
    browser: Browser, error: str, status: int, code: str
) -> None:
    state = query_of(browser.ask("/dossier?a=1"))["state"]
    answer = urlencode({"error": error, "state": state, "iss": ISSUER})
    ended = browser.own(f"{PORTAL}/_gateway/callback?{answer}")
    is_end(ended, status, code)
    assert f'href="{PORTAL}/dossier?a=1"' in ended.text


def test_whoever_the_provider_refuses_ends_on_a_page(gate: Provider, browser: Browser) -> None:
    """The file of ``wards`` refuses assistants; the provider says why, and sends them back with an error."""
    owner = gate.add(secrets.token_hex(6), "DURAND Alice", mfa=True)
    browser.open("/ward", WARDS)
    browser.visit.identify(owner)
    browser.visit.enter_code(gate.add_assistant(owner, "NAUDIN Fernand"))
    browser.visit.submit(cancel="1")
    is_end(browser.back(), 403, "access_denied")


@pytest.mark.attack(12)
@pytest.mark.attack(27)
def test_two_factors_are_shown_in_place_and_the_session_is_another(
    browser: Browser, newcomer: Someone
) -> None:
    assert browser.sign_in(newcomer).headers["Remote-Acr"] == "pwd"
    before = browser.cookie(PORTAL)
    program = browser.ask("/compte/rib", headers={"Accept": "application/json"})
    assert program.status_code == 401
    assert program.headers["WWW-Authenticate"] == (
        'Bearer realm="portail.test", error="insufficient_user_authentication", '
        'error_description="two factors are needed", acr_values="mfa"'
    )
    sent = browser.open("/compte/rib")
    assert query_of(sent)["acr_values"] == "mfa"
    activate(browser.visit, newcomer)
    assert browser.back().headers["Remote-Acr"] == "mfa"
    assert browser.cookie(PORTAL) != before
    browser.jars[PORTAL] = dict(pair.split("=") for pair in before.split("; "))
    assert browser.ask("/", headers={}).status_code == 401


def test_a_rule_of_two_factors_asks_for_them_at_once(browser: Browser, newcomer: Someone) -> None:
    browser.open("/compte")
    browser.visit.identify(newcomer)
    activate(browser.visit, newcomer)
    assert browser.back().headers["Remote-Acr"] == "mfa"


@pytest.mark.attack(26)
@pytest.mark.parametrize("path", ["/x//evil.test", "/%40evil.test", "/@evil.test", "/:evil"])
def test_whatever_page_was_asked_for_it_is_one_of_this_host(
    browser: Browser, newcomer: Someone, path: str
) -> None:
    assert browser.own(authorized(browser, newcomer, path)).headers["Location"] == PORTAL + path


def test_another_service_can_start_a_sign_in_that_ends_here(browser: Browser, newcomer: Someone) -> None:
    sent = browser.own(f"{LOGIN}&{urlencode({'target_link_uri': f'{PORTAL}/dossier?a=1'})}")
    browser.follow(sent)
    browser.visit.identify(newcomer)
    assert browser.visit.left_for is not None
    assert browser.own(browser.visit.left_for).headers["Location"] == f"{PORTAL}/dossier?a=1"
    for link in (LOGIN, f"{PORTAL}/_gateway/login"):
        assert browser.own(link).headers["Location"] == f"{PORTAL}/"


def test_a_visit_that_names_no_page_begins_where_a_rule_opens_one(
    browser: Browser, newcomer: Someone
) -> None:
    """The file of ``wards`` has no rule for ``/``."""
    browser.follow(browser.own(f"{WARDS}/_gateway/login?{urlencode({'iss': ISSUER})}"))
    browser.visit.identify(newcomer)
    assert browser.back().status_code == 204
    for link in (f"{WARDS}/_gateway/login", f"{WARDS}/_gateway/login?target_link_uri=//evil.test"):
        assert browser.own(link).headers["Location"] == f"{WARDS}/ward"
    ended = browser.own(f"{WARDS}/_gateway/callback?state=made-up")
    is_end(ended, 400, "expired")
    assert f'href="{WARDS}/ward"' in ended.text


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (f"/dossier?q={'a' * 2037}", f"/dossier?q={'a' * 2037}"),
        (f"/dossier?q={'a' * 2038}", "/dossier"),
        (f"/dossier?q={'a' * 7000}", "/dossier"),
        (f"/{'a' * 2048}", "/"),
        (f"/{'a' * 2048}?q={'a' * 5000}", "/"),
    ],
    ids=["2048", "2049", "7000", "path", "path and query"],
)
def test_what_is_kept_of_an_address_for_nobody_in_particular_is_bounded(
    browser: Browser, newcomer: Someone, asked: str, kept: str
) -> None:
    assert browser.own(authorized(browser, newcomer, asked)).headers["Location"] == PORTAL + kept


@pytest.mark.attack(26)
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/",
        f"{PORTAL}.evil.test/",
        f"{PORTAL}@evil.test/",
        "//evil.test",
        "/x",
        f"{PORTAL}/a/../b",
        f"{PORTAL}//evil.test",
    ],
)
def test_and_nowhere_else(browser: Browser, newcomer: Someone, link: str) -> None:
    sent = browser.own(f"{LOGIN}&{urlencode({'target_link_uri': link})}")
    browser.follow(sent)
    browser.visit.identify(newcomer)
    assert browser.visit.left_for is not None
    assert browser.own(browser.visit.left_for).headers["Location"] == f"{PORTAL}/"


@pytest.mark.parametrize(
    "query", ["?iss=", "?iss=https%3A%2F%2Fevil.test", f"?{urlencode({'iss': ISSUER})}&iss=x"]
)
def test_a_link_that_names_another_provider_starts_nothing(browser: Browser, query: str) -> None:
    response = browser.own(f"{PORTAL}/_gateway/login{query}")
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_a_login_at_a_page_of_two_factors_asks_for_them(browser: Browser) -> None:
    sent = browser.own(f"{LOGIN}&{urlencode({'target_link_uri': f'{PORTAL}/compte'})}")
    assert query_of(sent)["acr_values"] == "mfa"


@pytest.mark.attack(20)
def test_nobody_outside_redeems_a_code_of_the_gateway(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    code = dict(parse_qsl(urlsplit(authorized(browser, doctor)).query))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{PORTAL}/_gateway/callback"}
    for credentials in ({}, {"client_secret": ""}, {"client_secret": "x"}):
        refused = gate.http().post(
            "/oauth2/token",
            data={**data, "client_id": "old-portal", "code_verifier": "a" * 43, **credentials},
        )
        assert refused.status_code == 401
    assert browser.back().status_code == 204


@pytest.mark.parametrize("broken", ["get", "put", "delete", "read", "redeem"])
def test_a_store_that_goes_once_the_answer_is_taken_leaves_nothing_half_done(
    gate: Provider, browser: Browser, doctor: Someone, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = browser.ask("/"), browser.ask("/dossier?a=1")
    browser.follow(first)
    browser.visit.identify(doctor)
    browser.visit.enter_code(doctor)
    assert browser.back().status_code == 204
    browser.visit.get(second.headers["Location"].removeprefix(ISSUER))
    assert browser.visit.left_for is not None
    before = len(gate.audited("tokens.issued"))
    store, take = gate.parts.ephemeral, gate.parts.ephemeral.take

    def gone(*_anything: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as failing:

        def taken(key: str) -> bytes | None:
            found = take(key)
            where = {"read": gate.parts.database, "redeem": sign_in}.get(broken, store)
            failing.setattr(where, broken, gone)
            return found

        failing.setattr(store, "take", taken)
        ended = browser.own(browser.visit.left_for)
    is_end(ended, 503, "temporarily_unavailable")
    assert f'href="{PORTAL}/dossier?a=1"' in ended.text
    # Whoever waits and loads this address again would be told that it was used.
    assert "Retry-After" not in ended.headers
    assert len(gate.audited("tokens.issued")) == before
    is_end(browser.own(browser.visit.left_for), 400, "expired")
    assert browser.open("/dossier?a=1").status_code == 204
