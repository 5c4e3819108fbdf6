"""The on-screen keypad, by one POST a key: no JavaScript is needed."""

from __future__ import annotations

import re

import pytest

from tests.journeys.story import count_verifications, failures_of, html, labels, press, twin
from tests.provider import PASSWORD, Provider, Someone


def test_a_password_is_entered_key_by_key_in_one_order(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    order = labels(visit)
    press(visit, PASSWORD, identifier=newcomer.identifier)
    assert labels(visit) == order
    assert visit.page.forms[0].fields["identifier"] == newcomer.identifier
    assert f"{len(PASSWORD)} chiffres saisis" in visit.page.text
    assert failures_of(provider) == {}
    visit.submit()
    assert "code" in visit.answer


def test_erase_clears_what_was_pressed(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, "999", identifier=newcomer.identifier)
    visit.submit(key="erase")
    assert "Aucun chiffre saisi" in visit.page.text
    press(visit, PASSWORD)
    visit.submit()
    assert "code" in visit.answer


@pytest.mark.parametrize("key", ["10", "x", "", "١", "-1", "0" * 5_000])
def test_what_is_no_key_changes_nothing(provider: Provider, key: str) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, "1")
    visit.submit(key=key)
    assert visit.page.status == 200
    assert "1 chiffre saisi" in visit.page.text


def test_a_typed_password_counts_before_the_keys(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, "99")
    visit.identify(newcomer)
    assert "code" in visit.answer


@pytest.mark.attack(72)
def test_each_attempt_gets_another_order(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    seen = set()
    for _ in range(4):
        before = visit.page.forms[0].fields["keypad"]
        press(visit, "12345678", identifier=doctor.identifier)
        visit.submit()
        assert visit.page.status in (422, 429)
        assert visit.page.forms[0].fields["keypad"] != before
        assert visit.page.forms[0].fields["positions"] == ""
        seen.add(labels(visit))
        provider.clock.advance(seconds=60)
    assert len(seen) > 1


@pytest.mark.attack(72)
@pytest.mark.attack(73)
def test_positions_of_an_attempt_before_are_refused_and_judge_nothing(
    provider: Provider, newcomer: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, PASSWORD, identifier=newcomer.identifier)
    recorded = dict(visit.page.forms[0].fields)
    visit.submit(positions="", password="13572468")
    verified = count_verifications(monkeypatch)
    counted = failures_of(provider)
    page = visit.post(visit.page.url, recorded)
    assert page.status == 422
    assert "Les touches du clavier ont changé de place" in page.text
    assert page.forms[0].fields["identifier"] == newcomer.identifier
    assert (verified, failures_of(provider)) == ([], counted)


@pytest.mark.attack(73)
def test_recorded_positions_open_nothing_in_another_sign_in(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, PASSWORD, identifier=newcomer.identifier)
    recorded = dict(visit.page.forms[0].fields)
    thief = provider.browser()
    thief.authorize()
    fresh = {"csrf_token": thief.page.forms[0].fields["csrf_token"]}
    thief.post(thief.page.url, {**recorded, **fresh})
    assert "Les touches du clavier ont changé de place" in thief.page.text
    visit.submit()
    assert "code" in visit.answer
    visit.post(visit.page.url, recorded)
    assert visit.page.error == "expired"


@pytest.mark.attack(72)
def test_a_map_swapped_for_that_of_another_tab_is_refused(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    other = twin(visit)
    other.authorize()
    press(other, PASSWORD, identifier=newcomer.identifier)
    visit.submit(**{name: other.page.forms[0].fields[name] for name in ("identifier", "keypad", "positions")})
    assert visit.page.status == 422
    assert visit.left_for is None


@pytest.mark.attack(72)
def test_a_press_on_a_keypad_that_is_gone_starts_over(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    stale = twin(visit)
    visit.submit(identifier=newcomer.identifier, password="13572468")
    stale.submit(key="3")
    assert stale.page.status == 422
    assert stale.page.forms[0].fields["positions"] == ""


@pytest.mark.attack(72)
def test_an_expired_map_leads_to_a_clear_page(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    press(visit, PASSWORD, identifier=newcomer.identifier)
    provider.clock.advance(seconds=601)
    visit.submit()
    assert (visit.page.status, visit.page.error) == (400, "expired")


@pytest.mark.parametrize("positions", ["12x", "١٢", "-1", "1" * 65, "a" * 50_000])
def test_what_are_no_positions_is_no_password(provider: Provider, doctor: Someone, positions: str) -> None:
    visit = provider.browser()
    visit.authorize()
    page = visit.submit(identifier=doctor.identifier, positions=positions)
    assert page.status == 422
    assert "Saisissez votre mot de passe" in page.text
    assert failures_of(provider) == {}


@pytest.mark.attack(72)
def test_the_page_holds_the_order_in_its_labels_alone(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize()
    order = labels(visit)
    assert order not in html(visit)
    places = "".join(str(order.index(digit)) for digit in "0123456789")
    assert places not in html(visit)
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html(visit))
    assert [name for name, _value in hidden] == ["csrf_token", "keypad", "positions"]
    assert dict(hidden)["positions"] == ""
    assert visit.response is not None
    assert all(order not in value for _name, value in visit.response.headers)
