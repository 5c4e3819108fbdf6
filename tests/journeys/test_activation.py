"""The first activation: one secret until its first right code, then never shown again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.journeys.story import (
    activate,
    audit_kinds,
    authenticators_of,
    code_of,
    cookie,
    html,
    twin,
)
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race


def _at_activation(provider: Provider, who: Someone, client_id: str = "open") -> Visit:
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(who, activate_mfa="1")
    assert visit.step == "activation"
    return visit


def test_the_page_shows_the_secret_as_picture_and_as_text_and_says_why(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    secret = visit.page.secret
    assert secret is not None
    assert re.fullmatch("[A-Z2-7]{32}", secret)
    assert " ".join(re.findall("....", secret)) in visit.page.text
    assert "<svg" in html(visit)
    assert "En conformité avec les recommandations du RGPD" in visit.page.text
    assert "Vos assistant(e)s auront besoin de leur propre code" in visit.page.text
    assert "Identifiant : 408462" in visit.page.text


def test_an_insured_person_is_told_nothing_about_assistants(provider: Provider, insured: Someone) -> None:
    assert "assistant" not in _at_activation(provider, insured).page.text


def test_the_first_right_code_activates_and_leads_to_the_service_with_both_factors(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    activate(visit, newcomer)
    tokens = provider.redeem(visit.answer["code"]).json
    assert tokens is not None
    claims = provider.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert len(authenticators_of(provider, newcomer)) == 1
    assert audit_kinds(provider, "mfa.") == ["mfa.activated"]


@pytest.mark.attack(13)
def test_reloading_wrong_codes_and_the_back_button_keep_the_same_secret(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    secret, address = visit.page.secret, visit.page.url
    assert visit.get(address).secret == secret
    for wrong, told in (
        ("000000", "Code incorrect ou expiré"),
        ("12345", "Saisissez les six chiffres"),
        ("", "Saisissez les six chiffres"),
    ):
        page = visit.submit(code=wrong)
        assert (page.status, page.secret) == (422, secret)
        assert told in page.text
    visit.get(address.replace("/activation", "/identification"))
    assert (visit.step, visit.page.secret) == ("activation", secret)
    assert authenticators_of(provider, newcomer) == []


@pytest.mark.attack(13)
def test_windows_that_open_the_page_at_the_same_moment_show_one_secret(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize()
    fields = {**visit.page.forms[0].fields, "identifier": newcomer.identifier, "password": newcomer.password}
    answer = visit.client.post(
        visit.page.url, data={**fields, "activate_mfa": "1"}, base_url="https://idp.test",
        headers={"Referer": "https://idp.test/"},
    )  # fmt: skip
    windows = [twin(visit) for _ in range(8)]
    race(len(windows), lambda number: windows[number].get(answer.headers["Location"]))
    assert len({window.page.secret for window in windows}) == 1


@pytest.mark.attack(13)
def test_a_confirmed_secret_is_never_shown_again(provider: Provider, newcomer: Someone) -> None:
    visit = _at_activation(provider, newcomer)
    address = visit.page.url
    phone = activate(visit, newcomer)
    assert phone.secret is not None
    key = " ".join(re.findall("....", phone.secret))
    for path in (
        address,
        address.replace("/activation", "/code"),
        "/profile",
        "/profile/assistants/new",
        "/",
    ):
        visit.get(path)
        assert phone.secret not in html(visit)
        assert key not in visit.page.text
    assert visit.get(address).error == "expired"


@pytest.mark.attack(13)
def test_sending_the_page_again_after_success_adds_no_second_authenticator(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    address, page = visit.page.url, visit.page
    phone = activate(visit, newcomer)
    provider.clock.advance(seconds=30)
    visit.page = page
    visit.post(address, {"code": phone.code(provider.clock)})
    assert visit.page.error == "expired"
    assert len(authenticators_of(provider, newcomer)) == 1


def test_another_sign_in_shows_another_secret(provider: Provider, newcomer: Someone) -> None:
    assert _at_activation(provider, newcomer).page.secret != _at_activation(provider, newcomer).page.secret


@pytest.mark.attack(13)
def test_of_two_browsers_the_first_one_activates_and_the_other_is_asked_for_its_code(
    provider: Provider, newcomer: Someone
) -> None:
    first, second = _at_activation(provider, newcomer), _at_activation(provider, newcomer)
    lost = second.page.secret
    assert lost is not None
    phone = activate(first, newcomer)
    second.submit(code=code_of(lost, provider.clock))
    assert second.step == "code"
    assert lost not in html(second)
    second.submit(code=code_of(lost, provider.clock))
    assert second.page.status == 422
    provider.clock.advance(seconds=30)
    second.enter_code(phone)
    assert "code" in second.answer
    assert len(authenticators_of(provider, newcomer)) == 1


@pytest.mark.attack(13)
def test_activations_raced_in_many_browsers_give_one_authenticator(
    provider: Provider, newcomer: Someone
) -> None:
    browsers = [_at_activation(provider, newcomer) for _ in range(6)]

    def confirm(number: int) -> str:
        visit = browsers[number]
        activate(visit, newcomer)
        return "in" if visit.left_for else visit.step

    assert sorted(race(len(browsers), confirm)) == ["code"] * 5 + ["in"]
    assert len(authenticators_of(provider, newcomer)) == 1
    assert audit_kinds(provider, "mfa.") == ["mfa.activated"]


def test_cancelling_tells_the_service_and_activates_nothing(provider: Provider, newcomer: Someone) -> None:
    visit = _at_activation(provider, newcomer)
    address = visit.page.url
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"
    assert cookie(visit, "session") is None
    assert visit.get(address).error == "expired"
    assert authenticators_of(provider, newcomer) == []


def test_an_expired_activation_leads_to_a_clear_page_and_activates_nothing(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    assert visit.page.secret is not None
    provider.clock.advance(seconds=600)
    visit.submit(code=code_of(visit.page.secret, provider.clock))
    assert (visit.page.status, visit.page.error) == (400, "expired")
    assert "Recommencer" in visit.page.text
    assert authenticators_of(provider, newcomer) == []


def test_the_secret_travels_in_no_field_no_cookie_no_address_and_is_not_stored_by_browsers(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_activation(provider, newcomer)
    secret = visit.page.secret
    assert secret is not None
    assert visit.response is not None
    assert visit.response.headers["Cache-Control"] == "no-store"
    inputs = re.findall(r"<(?:input|button)[^>]*>", html(visit))
    assert not any(secret in one for one in inputs)
    assert all(secret not in value for form in visit.page.forms for value in form.fields.values())
    assert all(secret not in value for _name, value in visit.response.headers)
    assert secret not in visit.page.url


def test_the_step_that_confirmed_the_phone_is_spent(provider: Provider, newcomer: Someone) -> None:
    phone = activate(_at_activation(provider, newcomer), newcomer)
    again = provider.browser()
    again.authorize()
    again.identify(phone)
    again.enter_code(phone)
    assert again.page.status == 422
    provider.clock.advance(seconds=30)
    again.enter_code(phone)
    assert "code" in again.answer


@pytest.mark.attack(75)
@pytest.mark.parametrize("client_id", ["open", "portal", "strict", "retirement", "public"])
def test_after_activation_the_password_alone_suffices_nowhere(
    provider: Provider, doctor: Someone, client_id: str
) -> None:
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(doctor)
    assert visit.step == "code"
    assert cookie(visit, "session") is None


@pytest.mark.attack(75)
def test_an_open_password_session_is_worth_nothing_after_activation_elsewhere(
    provider: Provider, newcomer: Someone
) -> None:
    here = provider.browser()
    tokens = provider.redeem(here.sign_in(newcomer)).json
    assert tokens is not None
    activate(_at_activation(provider, newcomer), newcomer)
    here.authorize(prompt="none")
    assert here.answer["error"] == "login_required"
    here.get("/profile")
    assert here.step == "code"
    here.authorize()
    assert here.step == "code"
    assert provider.refresh(tokens["refresh_token"]).status_code == 400


def test_a_ticked_box_on_an_activated_account_asks_for_the_code(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor, activate_mfa="1")
    assert visit.step == "code"


def test_activation_confirms_with_the_code_of_the_step_before(provider: Provider, newcomer: Someone) -> None:
    visit = _at_activation(provider, newcomer)
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, provider.clock, steps=-2))
    assert visit.page.status == 422
    visit.submit(code=code_of(visit.page.secret, provider.clock, steps=-1))
    assert visit.step == "recovery-codes"


def test_an_account_disabled_on_the_way_activates_nothing(provider: Provider, newcomer: Someone) -> None:
    visit = _at_activation(provider, newcomer)
    provider.disable(newcomer)
    activate_page, secret = visit.page.url, visit.page.secret
    assert secret is not None
    visit.post(activate_page, {"code": code_of(secret, provider.clock)})
    assert visit.step == "identification"
    assert authenticators_of(provider, newcomer) == []


def test_another_process_goes_on_with_the_same_activation(
    provider: Provider, newcomer: Someone, elsewhere: Callable[[], Visit]
) -> None:
    visit = _at_activation(provider, newcomer)
    secret = visit.page.secret
    there = elsewhere()
    for purpose in ("browser", "proof"):
        value = cookie(visit, purpose)
        assert value is not None
        there.client.set_cookie(f"__Host-idp_{purpose}", value, domain="idp.test", secure=True)
    assert there.get(visit.page.url).secret == secret
    activate(there, newcomer)
    assert "code" in there.answer
