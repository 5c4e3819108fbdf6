"""What every answer carries so that no other site can frame, script or lead astray."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Response, request, request_finished
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from idp.login.home import local_path
from idp.storage.schema import delegation
from tests.journeys.story import switch_user
from tests.provider import ISSUER, Provider, Someone

EVIL = ("//evil.test", "/\\evil.test", "\\evil.test", "https://evil.test", "///evil.test", "/\t/evil.test")
"""Addresses that some browser takes for another host's."""


@pytest.fixture
def answers(provider: Provider) -> Iterator[list[tuple[str, Response]]]:
    """Give every answer of the provider with the path that was asked."""
    seen: list[tuple[str, Response]] = []

    def note(_app: object, response: Response) -> None:
        seen.append((request.path, response))

    with request_finished.connected_to(note, provider.app):
        yield seen


def _walk(provider: Provider, doctor: Someone, assistant: Someone, newcomer: Someone) -> None:
    """See every page of a person, and the errors."""
    visit = provider.browser()
    for path in (
        "/",
        "/register",
        "/forgotten/password",
        "/forgotten/identifier",
        "/forgotten/reset",
        "/nothing",
        "/profile/password",
        "/logout",
        "/logout/done",
    ):
        visit.get(path)
    visit.authorize("open", redirect_uri="https://evil.test/")
    visit.authorize("portal")
    visit.submit(identifier="x", password="y")
    visit.identify(doctor)
    visit.submit(code="0")
    visit.enter_code(doctor)
    visit.get("/profile")
    visit.get("/profile/assistants/new")
    visit.submit(name="")
    with provider.parts.database.read() as connection:
        one = connection.execute(select(delegation.c.id)).scalar_one()
    visit.get(f"/profile/assistants/{one}")
    visit.get("/profile/assistants/none")
    visit.get("/logout")
    visit.get("/")
    switch_user(visit)
    visit.authorize("retirement")
    visit.identify(doctor)
    visit.enter_code(assistant)
    assert visit.step == "refused"
    visit.authorize("open")
    visit.identify(newcomer)
    visit.get("/profile/assistants/new")
    visit.get("/profile")
    visit.submit()
    assert visit.step == "activation"
    visit.submit(code="000000")
    visit.client.put("/profile", base_url=ISSUER)
    visit.client.post("/", data={"x": "y" * 70_000}, base_url=ISSUER)
    visit.post("/", {"csrf_token": "x"})


@pytest.mark.attack(25)
def test_no_answer_can_be_framed_and_no_script_but_our_own_runs(
    provider: Provider,
    doctor: Someone,
    assistant: Someone,
    newcomer: Someone,
    answers: list[tuple[str, Response]],
) -> None:
    _walk(provider, doctor, assistant, newcomer)
    assert {response.status_code for _path, response in answers} >= {200, 303, 400, 403, 404, 405, 413, 422}
    assert len(answers) > 40
    for path, response in answers:
        directives = response.headers["Content-Security-Policy"].split("; ")
        assert "frame-ancestors 'none'" in directives, path
        assert "default-src 'none'" in directives, path
        assert "base-uri 'none'" in directives, path
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")
        if response.mimetype == "text/html" and response.status_code != 303:
            assert "form-action 'self'" in response.headers["Content-Security-Policy"]
            assert " style=" not in response.get_data(as_text=True)
            assert "javascript:" not in response.get_data(as_text=True)


@pytest.mark.attack(25)
def test_what_people_enter_is_text_on_every_page(
    provider: Provider, answers: list[tuple[str, Response]]
) -> None:
    script = "<script>alert(1)</script>"
    doctor = provider.add("408470", script, mfa=True)
    assistant = provider.add_assistant(doctor, f"{script}\"'")
    visit = provider.browser()
    visit.authorize(login_hint=f'"{script}')
    visit.submit(identifier=f'"{script}', password="x")
    visit.identify(doctor)
    visit.enter_code(doctor)
    elsewhere = provider.browser()
    elsewhere.client.environ_base["HTTP_USER_AGENT"] = f"{script}/1.0 ({script})"
    elsewhere.sign_in(assistant)
    for path in ("/profile", "/profile/journal", "/profile/sessions", "/profile/assistants/new"):
        assert visit.get(path).status == 200
    visit.submit(name=f'"{script}')
    visit.get("/")
    provider.clock.advance(seconds=30)
    visit.authorize("retirement", prompt="login")
    visit.identify(doctor)
    visit.enter_code(assistant)
    assert visit.step == "refused"
    assert len(answers) > 12
    assert all(script not in response.get_data(as_text=True) for _path, response in answers)


def test_the_form_may_lead_to_the_service_that_asked_and_to_no_other(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize("strict")
    assert visit.response is not None
    policy = visit.response.headers["Content-Security-Policy"]
    assert "form-action 'self' https://strict.test;" in policy


@pytest.mark.attack(26)
@pytest.mark.parametrize(
    "wanted", [*EVIL, "", "profile", "/profile\n", "/é", "javascript:alert(1)", "//[", "http://[::1"]
)
def test_what_is_no_local_path_leads_home(wanted: str) -> None:
    assert local_path(wanted) == "/"


@pytest.mark.attack(26)
@pytest.mark.parametrize("wanted", ["/", "/profile", "/profile/assistants/0a1b", "/profile?x=//evil.test"])
def test_a_local_path_stays_as_it_is(wanted: str) -> None:
    assert local_path(wanted) == wanted


@pytest.mark.attack(26)
@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.one_of(st.text(), st.text(alphabet="/\\.:@?#%[]\t\n evil.test")))
@example("/\u2028/evil.test")
@example("/;@evil.test")
def test_no_wanted_path_leaves_this_host(wanted: str) -> None:
    led = local_path(wanted)
    for base in (f"{ISSUER}/signin/x/code", "http://127.0.0.1:8000/"):
        target = urlsplit(urljoin(base, led.replace("\\", "/")))
        assert (target.scheme, target.netloc) == urlsplit(base)[:2]


@pytest.mark.attack(26)
@pytest.mark.parametrize("prefix", ["", "/profile", "/profile/assistants"])
@pytest.mark.parametrize("path", EVIL)
def test_an_odd_path_asked_before_sign_in_never_leads_away(
    provider: Provider, doctor: Someone, prefix: str, path: str
) -> None:
    visit = provider.browser()
    answer = visit.client.get(f"{prefix}/{path}", base_url=ISSUER)
    while 300 <= answer.status_code < 400:
        target = urlsplit(urljoin(ISSUER, answer.headers["Location"]))
        assert target.netloc == urlsplit(ISSUER).netloc
        answer = visit.client.get(answer.headers["Location"], base_url=ISSUER)
    visit.get("/profile?next=//evil.test")
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert (visit.left_for, visit.page.url) == (None, "/profile")


def test_the_home_page_leads_to_the_service_of_the_profile_or_to_the_own_profile(provider: Provider) -> None:
    visit = provider.browser()
    visit.get("/")
    visit.submit(profile="health_professional")
    assert visit.left_for == "https://portal.test/login?iss=https%3A%2F%2Fidp.test"
    visit.get("/")
    visit.submit(profile="insured")
    assert visit.step == "identification"
    visit.get("/")
    for chosen in ("", "nobody", "//evil.test"):
        page = visit.submit(profile=chosen)
        assert page.status == 422
        assert "Sélectionnez un profil." in page.text
