"""OAuth 2.0 Form Post Response Mode 1.0: answers as a page whose form posts itself to the service."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.protocol.answers import body, redirected_error
from tests.provider import ISSUER, Provider, Someone, Visit, authorization_request, redirect_uri, urlencoded

BY_FORM = {"response_mode": "form_post"}
ORIGIN = "https://open.test"


def posted(visit: Visit, client_id: str = "open") -> dict[str, str]:
    """Return what the page shown would post to the service, the page checked."""
    assert visit.left_for is None
    assert visit.response is not None
    assert (visit.page.status, visit.page.error) == (200, None), visit.page.text
    (form,) = visit.page.forms
    assert (form.action, form.method) == (redirect_uri(client_id), "post")
    assert visit.response.headers["Cache-Control"] == "no-store"
    assert 'id="form-post"' in visit.response.text
    assert "/static/form_post.js?v=" in visit.response.text
    assert form.fields.pop("iss") == ISSUER
    return form.fields


def posted_error(visit: Visit) -> str:
    """Return the error that the page shown would post."""
    answer = posted(visit)
    assert answer.pop("state") == "the-state"
    assert re.fullmatch(r"[\x20\x21\x23-\x5B\x5D-\x7E]+", answer.pop("error_description"))
    assert set(answer) == {"error"}
    return answer["error"]


@pytest.mark.attack(17)
def test_a_code_is_posted_with_state_and_issuer_and_nothing_else(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM)
    visit.identify(doctor)
    answer = posted(visit)
    assert set(answer) == {"code", "state"}
    assert answer["state"] == "the-state"
    assert "Continuer" in visit.page.text
    body(provider.redeem(answer["code"]))


def test_the_session_is_opened_by_the_same_answer(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM)
    visit.identify(secured)
    visit.enter_code(secured)
    first = posted(visit)["code"]
    visit.authorize(**BY_FORM, prompt="none")
    second = posted(visit)["code"]
    assert first != second
    for code in (first, second):
        assert provider.redeem(code).status_code == 200


@pytest.mark.attack(25)
def test_the_pages_form_may_go_to_the_service_and_nowhere_else(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM)
    visit.identify(doctor)
    assert visit.response is not None
    policy = visit.response.headers["Content-Security-Policy"]
    assert f"form-action 'self' {ORIGIN};" in policy
    assert "script-src 'self';" in policy


def test_a_native_client_is_posted_to_at_the_port_that_it_chose(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize("native", **BY_FORM, redirect_uri="http://127.0.0.1:41234/cb")
    visit.identify(doctor)
    (form,) = visit.page.forms
    assert form.action == "http://127.0.0.1:41234/cb"
    assert visit.response is not None
    assert "form-action 'self' http://127.0.0.1:41234;" in visit.response.headers["Content-Security-Policy"]


@pytest.mark.attack(25)
@pytest.mark.parametrize(
    "state",
    [
        "s" * 128,
        (string.punctuation + string.digits + " +%2B&amp;=" + string.ascii_letters)[:128].ljust(128, "~"),
        "é€𝄞" * 40,
        '"><script>alert(1)</script>',
        "'><input name=code value=evil>",
        "&quot;&#34;&lt;",
    ],
)
def test_state_comes_back_as_it_was_and_is_text_on_the_page(
    provider: Provider, doctor: Someone, state: str
) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM, state=state)
    visit.identify(doctor)
    answer = posted(visit)
    assert set(answer) == {"code", "state"}
    assert answer["state"] == state
    assert visit.response is not None
    assert "<script>alert" not in visit.response.text
    visit.authorize(**BY_FORM, state=state, prompt="banana")
    assert posted(visit)["state"] == state


@pytest.mark.attack(17)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "banana"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_an_error_goes_back_in_the_same_mode(
    provider: Provider, changes: dict[str, str | None], error: str
) -> None:
    visit = provider.browser()
    visit.authorize("open", **{**BY_FORM, **changes})
    assert posted_error(visit) == error


@pytest.mark.attack(17)
def test_who_cancels_is_told_by_a_form_too(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM)
    visit.submit(cancel="1")
    assert posted_error(visit) == "access_denied"


@pytest.mark.parametrize("modes", [["fragment"], ["form_post.jwt"], ["form_post", "form_post"], ["é"]])
def test_a_mode_that_is_none_is_answered_in_the_query(provider: Provider, modes: list[str]) -> None:
    visit = provider.browser()
    query = urlencoded(authorization_request("open"))
    visit.get(f"/oauth2/authorize?{query}&{'&'.join(f'response_mode={mode}' for mode in modes)}")
    assert redirected_error(visit) == "invalid_request"


@pytest.mark.attack(16)
@pytest.mark.parametrize("wrong", [{}, {"response_type": "token"}, {"scope": "no"}, {"prompt": "banana"}])
def test_nothing_is_posted_to_an_address_that_is_not_registered(
    provider: Provider, wrong: dict[str, str]
) -> None:
    visit = provider.browser()
    visit.authorize(**BY_FORM, **wrong, redirect_uri="https://evil.test/callback")
    assert (visit.page.status, visit.page.error) == (400, "invalid_request")
    assert visit.response is not None
    assert "evil.test" not in visit.response.text
    assert not visit.page.forms


def test_a_request_that_was_posted_from_another_site_is_answered_by_a_form_too(
    provider: Provider, doctor: Someone
) -> None:
    request = {**authorization_request("open"), **BY_FORM}
    crossing = provider.http().post("/oauth2/authorize", data=request, base_url=ISSUER)
    visit = provider.browser()
    visit.get(crossing.headers["Location"])
    visit.identify(doctor)
    assert "code" in posted(visit)


def test_one_sign_in_posts_one_code(provider: Provider, doctor: Someone) -> None:
    """The browser asks before it sends the last form again: then there is a page, and no second code."""
    visit = provider.browser()
    page = visit.authorize(**BY_FORM)
    visit.identify(doctor)
    assert "code" in posted(visit)
    visit.page = page
    visit.identify(doctor)
    assert (visit.page.status, visit.page.error) == (400, "expired")


@dataclass
class Received:
    """What a service was posted, and by which headers it can tell from where."""

    answers: list[dict[str, list[str]]] = field(default_factory=list)
    origins: list[tuple[str | None, str | None]] = field(default_factory=list)
    """``Origin`` and ``Referer``."""


def _wired(context: BrowserContext, client: FlaskClient) -> tuple[Received, Page]:
    """Return what a service is posted, and the browser's page at the identification that it asked for."""
    received = Received()

    def service(route: Route) -> None:
        assert route.request.method == "POST"
        received.answers.append(parse_qs(route.request.post_data or ""))
        headers = route.request.all_headers()
        received.origins.append((headers.get("origin"), headers.get("referer")))
        route.fulfill(status=200, content_type="text/html", body="<title>Service</title><h1>Bienvenue</h1>")

    def ours(route: Route) -> None:
        request = route.request
        answer = client.open(
            request.url.removeprefix(ISSUER),
            method=request.method,
            data=request.post_data_buffer,
            base_url=ISSUER,
            headers={"Content-Type": request.headers.get("content-type", ""), "Referer": f"{ISSUER}/"},
        )
        headers = {name: value for name, value in answer.headers if name != "Set-Cookie"}
        route.fulfill(status=answer.status_code, headers=headers, body=answer.data)

    context.route(f"{ORIGIN}/callback", service)
    context.route(f"{ISSUER}/**", ours)

    query = urlencoded({**authorization_request("open"), **BY_FORM})
    first = client.get(f"/oauth2/authorize?{query}", base_url=ISSUER).headers["Location"]
    page = context.new_page()
    page.goto(ISSUER + first)
    return received, page


def _identified(page: Page, who: Someone) -> None:
    page.get_by_label("Identifiant", exact=True).fill(who.identifier)
    page.get_by_label("Mot de passe", exact=True).fill(who.password)
    page.get_by_role("button", name="Connexion").click()


@pytest.mark.server
def test_in_a_browser_the_form_leaves_by_itself_and_the_back_button_does_not_lead_to_it_again(
    provider: Provider, doctor: Someone, chromium: Browser
) -> None:
    context = chromium.new_context()
    received, page = _wired(context, provider.app.test_client())
    _identified(page, doctor)
    expect(page).to_have_title("Service")
    page.go_back()
    expect(page.locator("main")).to_have_attribute("data-error", "expired")
    context.close()
    (answer,) = received.answers
    assert received.origins == [(ISSUER, f"{ISSUER}/")]
    assert answer["state"] == ["the-state"]
    assert provider.redeem(answer["code"][0]).status_code == 200


@pytest.mark.server
def test_without_javascript_a_button_leads_on(provider: Provider, doctor: Someone, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    received, page = _wired(context, provider.app.test_client())
    _identified(page, doctor)
    expect(page.get_by_role("heading", level=1)).to_have_text("Retour au service")
    assert received.answers == []
    page.get_by_role("button", name="Continuer").press("Enter")
    expect(page).to_have_title("Service")
    context.close()
    assert received.origins == [(ISSUER, f"{ISSUER}/")]
    assert provider.redeem(received.answers[0]["code"][0]).status_code == 200
