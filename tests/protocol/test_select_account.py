"""``prompt=select_account`` (OpenID Connect Core §3.1.2.1): whoever is signed in goes on, or somebody else signs in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.story import html, twin
from tests.protocol.answers import activate, body, redirected_error, tokens
from tests.protocol.consenting import ASKED
from tests.provider import Provider, Someone, Visit

GO_ON = 'name="continue"'


def _choosing(
    provider: Provider, who: Someone, client_id: str = "open", **changes: str
) -> tuple[Visit, dict[str, Any]]:
    """Return a browser at the page that asks who it is, and the ID token of the sign-in before."""
    visit = provider.browser()
    before = provider.claims(tokens(provider, who, visit=visit)["id_token"])
    provider.clock.advance(seconds=90)
    visit.authorize(client_id, **{"prompt": "select_account", **changes})
    assert (visit.left_for, visit.step) == (None, "identification")
    return visit, before


def _button(visit: Visit) -> str:
    """Return what *Continuer en tant que …* sends."""
    value = html(visit).partition(GO_ON)[2].partition('value="')[2].partition('"')[0]
    assert value
    return value


def _go_on(visit: Visit) -> None:
    visit.submit(**{"continue": _button(visit)})


def _claims(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    return provider.claims(body(provider.redeem(visit.answer["code"], client_id))["id_token"])


def test_the_page_names_who_is_signed_in_and_its_main_action_stays_the_sign_in(
    provider: Provider, secured: Someone
) -> None:
    visit, _before = _choosing(provider, secured)
    page = html(visit)
    assert f"Continuer en tant que {secured.name}" in visit.page.text
    assert f"Vous êtes identifié comme {secured.name}. Ce n'est pas vous ?" in visit.page.text
    form = page.partition('id="identification-form"')[2].partition("</form>")[0]
    assert form.index('<button class="main">') < form.index(GO_ON)
    assert "Changer d'utilisateur" in visit.page.text
    visit.submit()
    assert (visit.page.status, visit.page.error) == (422, "invalid_form")
    assert GO_ON in html(visit)


def test_an_assistant_is_named_with_the_practice(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    visit, _before = _choosing(provider, assistant)
    said = f"Vous êtes identifié comme {assistant.name}, pour {secured.name}. Ce n'est pas vous ?"
    assert said in visit.page.text


@pytest.mark.parametrize("who", ["doctor", "secured", "assistant"])
def test_going_on_asks_for_nothing_and_keeps_person_actor_and_session(
    provider: Provider, who: str, request: pytest.FixtureRequest
) -> None:
    someone = request.getfixturevalue(who)
    visit, before = _choosing(provider, someone)
    assert f"Continuer en tant que {someone.name}" in visit.page.text
    _go_on(visit)
    after = _claims(provider, visit)
    kept = ("sub", "sid", "auth_time", "acr", "amr", "act", "delegation")
    assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
    assert (after.get("act", {}).get("name") == "NAUDIN Fernand") == (who == "assistant")


def test_somebody_else_signs_in_beside_it_and_ends_the_session_before(
    provider: Provider, secured: Someone, insured: Someone
) -> None:
    visit = provider.browser()
    given = tokens(provider, secured, visit=visit)
    visit.authorize(prompt="select_account")
    visit.identify(insured)
    after = _claims(provider, visit)
    assert after["sub"] == provider.claims(tokens(provider, insured)["id_token"])["sub"]
    assert after["sid"] != provider.claims(given["id_token"])["sid"]
    assert provider.userinfo(given["access_token"]).status_code == 401


@pytest.mark.attack(29)
@pytest.mark.parametrize(
    "changes", [{"prompt": "login"}, {"prompt": "login select_account"}, {"max_age": "60"}, {"max_age": "0"}]
)
def test_it_is_offered_only_where_asked_and_never_where_the_sign_in_before_counts_no_longer(
    provider: Provider, secured: Someone, changes: dict[str, str]
) -> None:
    visit, before = _choosing(provider, secured)
    button = _button(visit)
    visit.authorize(**{"prompt": "select_account", **changes})
    assert visit.step == "identification"
    assert GO_ON not in html(visit)
    visit.submit(**{"continue": button})
    assert (visit.left_for, visit.step) == (None, "identification")
    visit.identify(secured)
    visit.enter_code(secured)
    assert _claims(provider, visit)["auth_time"] == before["auth_time"] + 90


def test_nobody_signed_in_is_offered_nothing(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.authorize(prompt="select_account")
    assert GO_ON not in html(visit)
    visit.submit(**{"continue": "x"})
    assert (visit.left_for, visit.step, visit.page.status) == (None, "identification", 422)
    assert "L'identification précédente ne compte plus" in visit.page.text


@pytest.mark.attack(29)
def test_going_on_is_no_way_around_what_the_service_demands(provider: Provider, doctor: Someone) -> None:
    visit, before = _choosing(provider, doctor, "strict")
    _go_on(visit)
    assert visit.step == "activation"
    activate(visit)
    after = _claims(provider, visit, "strict")
    assert (before["acr"], after["acr"]) == ("pwd", "mfa")
    assert (after["sid"], after["auth_time"]) == (before["sid"], before["auth_time"])


def test_with_consent_both_are_asked(provider: Provider, secured: Someone) -> None:
    visit, before = _choosing(provider, secured, ASKED, prompt="consent select_account")
    _go_on(visit)
    assert visit.step == "consent"
    visit.submit()
    assert _claims(provider, visit, ASKED)["sid"] == before["sid"]


@pytest.mark.attack(63)
def test_an_assistant_hears_that_the_service_refuses_them(provider: Provider, assistant: Someone) -> None:
    visit, _before = _choosing(provider, assistant, "retirement")
    _go_on(visit)
    assert (visit.step, visit.page.status) == ("refused", 403)


@pytest.mark.attack(60)
@pytest.mark.parametrize("doctor_first", [True, False])
def test_a_page_left_open_goes_on_as_nobody_but_whom_it_named(
    provider: Provider, secured: Someone, assistant: Someone, doctor_first: bool
) -> None:
    """In another tab the other one of the practice signs in meanwhile."""
    first, second = (secured, assistant) if doctor_first else (assistant, secured)
    visit, _before = _choosing(provider, first)
    left_open, button = visit.page, _button(visit)
    visit.sign_in(second, prompt="login")
    visit.page = left_open
    visit.submit(**{"continue": button, "identifier": "608349"})
    assert (visit.left_for, visit.step) == (None, "identification")
    assert (visit.page.status, visit.page.error) == (422, "invalid_form")
    assert "Une autre personne s'est identifiée entre-temps" in visit.page.text
    assert 'value="608349"' in html(visit)
    assert f"Continuer en tant que {second.name}" in visit.page.text
    _go_on(visit)
    assert (_claims(provider, visit).get("act") is None) == (not doctor_first)


@pytest.mark.attack(23)
def test_another_browser_cannot_press_it(provider: Provider, secured: Someone) -> None:
    visit, _before = _choosing(provider, secured)
    button = _button(visit)
    thief = provider.browser()
    thief.authorize()
    assert thief.post(visit.page.url, {"continue": button}).status == 400
    visit.client.delete_cookie("__Host-idp_session", domain="idp.test")
    visit.submit(**{"continue": button})
    assert (visit.left_for, visit.step) == (None, "identification")


@pytest.mark.attack(60)
def test_what_somebody_else_proved_in_the_same_sign_in_goes_on_with_nobody(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    """The doctor stops after the password; whoever presses the button of the page before is the assistant as before."""
    visit, _before = _choosing(provider, assistant)
    before, button = twin(visit), _button(visit)
    visit.identify(secured)
    assert visit.step == "code"
    same_browser = twin(visit)
    same_browser.post(before.page.url, {"continue": button})
    assert (same_browser.left_for, same_browser.step) == (None, "code")
    before.submit(**{"continue": button})
    assert _claims(provider, before)["act"]["name"] == assistant.name
    visit.enter_code(secured)
    assert (visit.left_for, visit.page.error) == (None, "expired")


def test_prompt_none_goes_with_no_choice(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(secured)
    visit.authorize(prompt="none select_account")
    assert redirected_error(visit) == "invalid_request"
