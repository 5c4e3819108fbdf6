"""OpenID Connect Core §3.1.2.1: what only helps the person, and never fails a request."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.protocol.answers import body, tokens
from tests.provider import Provider, Someone, authorization_request

AUTHORIZE = "/oauth2/authorize"


def test_login_hint_fills_the_identifier(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize(login_hint=doctor.identifier)
    assert visit.page.forms[0].fields["identifier"] == doctor.identifier
    visit.submit(password=doctor.password)
    assert visit.answer["code"]


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_login_hint_names_who_is_asked_for_whoever_is_signed_in(
    provider: Provider, doctor: Someone, insured: Someone, prompt: str
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    for hint, shown in ((insured.identifier, insured.identifier), (None, doctor.identifier)):
        visit.authorize(login_hint=hint, prompt=prompt)
        assert visit.page.forms[0].fields["identifier"] == shown


def test_login_hint_is_text_and_nothing_else(provider: Provider) -> None:
    visit = provider.browser()
    hint = '"><script>alert(1)</script>'
    visit.authorize(login_hint=hint)
    assert visit.page.forms[0].fields["identifier"] == hint
    assert visit.response is not None
    assert "<script>alert" not in visit.response.text


@pytest.mark.parametrize(
    "ui_locales",
    [
        "fr-CA",
        "xx",
        "é",
        "fr_FR.UTF-8@euro",
        "../..",
        "a" * 4096,
        "fr-CA " * 700,
        "- _ -x- %s {0}",
        "\x00\r\n",
    ],
)
def test_any_ui_locales_shows_the_page(provider: Provider, ui_locales: str) -> None:
    visit = provider.browser()
    visit.authorize(ui_locales=ui_locales)
    assert (visit.step, visit.page.status) == ("identification", 200)


@pytest.mark.parametrize("name", ["ui_locales", "state", "nonce", "login_hint", "display", "unheard_of"])
@pytest.mark.parametrize("octets", ["%ff%fe", "%c3%28", "%ed%a0%80", "%00"])
def test_octets_that_are_no_text_break_nothing(
    provider: Provider, doctor: Someone, name: str, octets: str
) -> None:
    request = {key: value for key, value in authorization_request("open").items() if key != name}
    visit = provider.browser()
    visit.get(f"{AUTHORIZE}?{urlencode(request)}&{name}={octets}")
    assert (visit.step, visit.page.status) == ("identification", 200)
    visit.identify(doctor)
    assert provider.redeem(visit.answer["code"]).status_code == 200
    posted = provider.http().post(
        AUTHORIZE,
        data=f"{urlencode(request)}&{name}={octets}",
        content_type="application/x-www-form-urlencoded",
    )
    assert posted.headers["Location"].startswith(f"{AUTHORIZE}?")


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram", 'é"'])
def test_any_display_shows_the_page(provider: Provider, display: str) -> None:
    visit = provider.browser()
    visit.authorize(display=display)
    assert visit.step == "identification"


def test_select_account_offers_the_account_in_the_session_and_a_change_of_user(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    visit.authorize(prompt="select_account")
    assert visit.step == "identification"
    assert visit.page.forms[0].fields["identifier"] == doctor.identifier
    assert "Changer d'utilisateur" in visit.page.text
    visit.submit(1)
    assert visit.page.forms[0].fields["identifier"] == ""
    visit.identify(insured)
    first = provider.claims(body(provider.redeem(visit.answer["code"]))["id_token"])
    assert first["sub"] == provider.claims(tokens(provider, insured)["id_token"])["sub"]
