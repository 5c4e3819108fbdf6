"""The way back reloaded before it was answered, or after a failure: nothing is sent twice, nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from flask import Flask, request
from flask_relying_party import RelyingParty, SignInFailed
from flask_relying_party.starting import Started, StartedLogins
from werkzeug.test import Cookie, TestResponse

from tests.portal.conftest import BASE_URL, Browser
from tests.portal.stand_in import ABSENT, DOCTOR, DOCTOR_BY_PASSWORD, StandIn
from tests.relying_party_extension.test_extension import signed_in_by_password, token_of
from tests.storage.racing import race


class Operation:
    """A view that demands both factors: what it has done, and what it meets on the way."""

    def __init__(self, portal: Flask) -> None:
        self.done: list[str] = []
        self.failures: list[int] = []
        self.there, self.go_on = Event(), Event()
        self.go_on.set()
        sso = portal.extensions["relying_party"]
        assert isinstance(sso, RelyingParty)
        self.sso = sso
        portal.add_url_rule("/iban", "iban", sso.login_required(acr="mfa")(self.change), methods=["POST"])
        portal.add_url_rule("/iban", "blank", sso.login_required(lambda: "the form"), methods=["GET"])

    def change(self) -> tuple[str, int]:
        """Write down what was typed, unless something fails."""
        self.there.set()
        assert self.go_on.wait(20)
        if self.failures:
            status = self.failures.pop()
            if status == 503:
                raise SignInFailed("provider_unavailable")
            return "failed", status
        self.done.append(request.form["iban"])
        return "changed", 200


@pytest.fixture
def operation(portal: Flask) -> Iterator[Operation]:
    whole = Operation(portal)
    yield whole
    whole.go_on.set()


def interrupted(browser: Browser, provider: StandIn) -> str:
    """Send the form by password alone and step up; return the address of the callback."""
    token = signed_in_by_password(browser, provider)
    needed = browser.post("/iban", {"form_token": token, "iban": "MC58"})
    provider.does.person = DOCTOR
    return browser.at_provider(needed)


def reloaded(browser: Browser, address: str) -> TestResponse:
    """Ask as the browser does now, and let the cookies of the answer be lost."""
    kept = "; ".join(
        f"{name}={cookie.value}" for name in ("sso_login", "sso_session") if (cookie := _of(browser, name))
    )
    client = browser.portal.test_client(use_cookies=False)
    return client.get(address.removeprefix(BASE_URL), base_url=BASE_URL, headers={"Cookie": kept})


def _of(browser: Browser, name: str) -> Cookie | None:
    return browser.client.get_cookie(name, domain="127.0.0.1")


@pytest.mark.attack(19)
def test_of_two_ways_back_at_once_one_sends_the_code_and_the_other_begins_again(
    browser: Browser, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = browser.at_provider(browser.get("/login?target_link_uri=/form"))
    both, find = Barrier(2), StartedLogins.find

    def found_by_both(self: StartedLogins, state: str) -> Started | None:
        found = find(self, state)
        both.wait(20)
        return found

    with monkeypatch.context() as together:
        together.setattr(StartedLogins, "find", found_by_both)
        answers = race(2, lambda _number: reloaded(browser, address))
    assert provider.asked["/oauth2/token"] == 1
    led = sorted(answer.location.partition("?")[0] for answer in answers)
    assert led == ["/form", f"{provider.issuer}/oauth2/authorize"]


def test_a_form_that_is_being_done_is_not_done_again_for_who_reloads(
    browser: Browser, provider: StandIn, operation: Operation
) -> None:
    address = interrupted(browser, provider)
    operation.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reloaded, browser, address)
        assert operation.there.wait(20)
        again = browser.get(address)
        back = browser.get(browser.at_provider(again))
        operation.go_on.set()
        assert first.result(timeout=20).text == "changed"
    assert (back.status_code, back.location) == (302, "/iban")
    assert browser.get("/iban").text == "the form"
    assert operation.done == ["MC58"]


def test_of_two_ways_on_with_a_form_one_does_it(
    browser: Browser, provider: StandIn, operation: Operation
) -> None:
    address = interrupted(browser, provider)
    provider.does.lost_answers = 1
    assert browser.get(address).status_code == 503
    ways = [browser.at_provider(browser.get(address)) for _ in range(2)]
    assert [browser.get(way).status_code for way in ways] == [200, 302]
    assert operation.done == ["MC58"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_form_whose_view_failed_after_the_step_up_goes_on_when_the_page_is_reloaded(
    browser: Browser, provider: StandIn, operation: Operation, status: int
) -> None:
    address = interrupted(browser, provider)
    operation.failures = [status]
    failed = browser.get(address)
    assert (failed.status_code, operation.done) == (status, [])
    if status == 503:
        assert f'href="{address.removeprefix(BASE_URL).replace("&", "&amp;")}"' in failed.text
    done = browser.get(browser.at_provider(browser.get(address)))
    assert (done.text, operation.done) == ("changed", ["MC58"])
    assert 'data-error="invalid_state"' in browser.get(address).text


def test_a_form_that_could_not_be_shown_again_after_giving_up_is_shown_on_reloading(
    browser: Browser, provider: StandIn, portal: Flask
) -> None:
    sso, failures = portal.extensions["relying_party"], [1]

    def again(_because: str) -> tuple[str, int]:
        return ("failed", 500) if failures and failures.pop() else (request.form["iban"], 403)

    @portal.post("/own-page", endpoint="own_page")
    @sso.login_required(acr="mfa", again=again)  # type: ignore[untyped-decorator]
    def change() -> str:
        return "changed"

    provider.does.person = DOCTOR_BY_PASSWORD
    token = token_of(browser.open("/form"))
    needed = browser.post("/own-page", {"form_token": token, "iban": "MC58"})
    provider.does.answer = {"code": ABSENT, "error": "access_denied"}
    address = browser.at_provider(needed)
    assert browser.get(address).status_code == 500
    page = browser.get(address)
    assert (page.status_code, page.text) == (403, "MC58")
