"""A service asks for a one-time address; the enrolment happens at the provider, and leads back."""

from __future__ import annotations

import json
from typing import Any

import pyotp
import pytest

from tests.journeys.story import html
from tests.profile_api.portal import BACK, Portal, came_back, good, pointers, portal
from tests.profile_api.test_assistants import audited
from tests.provider import ISSUER, Provider, Someone, Visit
from tests.storage.racing import race

WISHED = {"name": "  NAUDIN   Fernand ", "valid_from": "2026-02-01", "valid_until": "2026-12-31"}


@pytest.fixture
def visit(provider: Provider) -> Visit:
    """Give the doctor's browser."""
    return provider.browser()


@pytest.fixture
def doctors(provider: Provider, doctor: Someone, visit: Visit) -> Portal:
    """Give the portal where the doctor signed in with this browser."""
    return portal(provider, doctor, visit=visit)


def asked(doctors: Portal, **told: Any) -> str:
    """Return the path of a one-time address."""
    return str(good(doctors.enrol(**told), 201)["enrolment_uri"]).removeprefix(ISSUER)


def filled(visit: Visit) -> dict[str, str]:
    """Return the code of the phone that scanned the page."""
    assert visit.page.secret is not None
    return {"code": pyotp.TOTP(visit.page.secret).at(int(visit.provider.clock.now().timestamp()))}


def test_the_page_is_filled_and_leads_back_once_somebody_was_added(
    provider: Provider, doctor: Someone, doctors: Portal, visit: Visit
) -> None:
    answer = doctors.enrol(**WISHED)
    told = good(answer, 201)
    assert told["expires_at"] == "2026-01-15T09:40:00Z"
    assert answer.headers["Location"] == told["enrolment_uri"]
    page = visit.get(told["enrolment_uri"].removeprefix(ISSUER))
    assert page.status == 200
    assert "Demandé par : Service managing" in page.text
    entered = page.forms[0].fields
    assert (entered["name"], entered["valid_from"], entered["valid_until"]) == (
        "NAUDIN Fernand",
        "2026-02-01",
        "2026-12-31",
    )
    assert visit.response is not None
    assert "form-action 'self' https://managing.test;" in visit.response.headers["Content-Security-Policy"]
    assert visit.submit(code="000000").status == 422
    assert visit.page.forms[0].fields["name"] == "NAUDIN Fernand"
    visit.submit(**filled(visit))
    assert came_back(visit)
    [one] = doctors.listed()
    assert (one["name"], one["valid_from"], one["valid_until"]) == (
        "NAUDIN Fernand",
        "2026-02-01",
        "2026-12-31",
    )
    [line] = audited(provider, "assistant.added", doctor)
    assert line["client_id"] == "managing"
    assert "peut désormais" not in visit.get("/profile").text


def test_without_wishes_it_begins_today_and_stays_open(doctors: Portal, visit: Visit) -> None:
    entered = visit.get(asked(doctors, name=None)).forms[0].fields
    assert (entered["name"], entered["valid_from"], entered["valid_until"]) == ("", "2026-01-15", "")


@pytest.mark.attack(57)
def test_a_list_that_is_full_meanwhile_leads_back_to_the_service(
    provider: Provider, doctor: Someone, doctors: Portal, visit: Visit
) -> None:
    visit.get(asked(doctors, name="Le onzième"))
    for number in range(10):
        provider.add_assistant(doctor, f"Number {number}")
    page = visit.submit(**filled(visit))
    assert (page.status, page.error) == (409, "too_many_assistants")
    assert f'href="{BACK}"' in html(visit)
    assert "Retour au service" in page.text


def test_who_cancels_goes_back_too_and_nobody_is_added(doctors: Portal, visit: Visit) -> None:
    visit.get(asked(doctors))
    page = visit.page.url
    visit.submit(cancel="1")
    assert came_back(visit)
    assert doctors.listed() == []
    assert visit.get(page).error == "enrolment_over"


def test_the_address_opens_once_and_the_page_as_often_as_it_is_reloaded(
    provider: Provider, doctors: Portal, visit: Visit
) -> None:
    address = asked(doctors, name="NAUDIN Fernand")
    secret = visit.get(address).secret
    page = visit.page.url
    assert visit.get(address).error == "enrolment_over"
    assert "Retournez au service" in visit.page.text
    assert visit.get(page).secret == secret
    visit.submit(**filled(visit))
    assert came_back(visit)
    assert (visit.get(page).status, visit.page.error) == (404, "enrolment_over")
    assert len(doctors.listed()) == 1


def test_of_many_who_open_it_at_once_one_does(doctors: Portal, visit: Visit) -> None:
    address = asked(doctors)
    cookies = visit.client.get_cookie("__Host-idp_session", "idp.test")
    assert cookies is not None

    def open_it(_number: int) -> int:
        return (
            doctors.provider.http()
            .get(address, base_url=ISSUER, headers={"Cookie": f"__Host-idp_session={cookies.value}"})
            .status_code
        )

    assert sorted(race(6, open_it)) == [303, *[404] * 5]


def test_the_address_and_its_page_end_after_ten_minutes(
    provider: Provider, doctor: Someone, doctors: Portal, visit: Visit
) -> None:
    late, opened = asked(doctors), asked(doctors)
    provider.clock.advance(seconds=599)
    assert visit.get(opened).status == 200
    page = visit.page.url
    provider.clock.advance(seconds=1)
    assert visit.get(late).error == "enrolment_over"
    provider.clock.advance(seconds=320)
    assert visit.get(page).error == "insufficient_user_authentication"
    visit.submit()
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert (visit.page.url, visit.page.status) == (page, 200)
    provider.clock.advance(seconds=280)
    assert visit.get(page).error == "enrolment_over"


@pytest.mark.attack(55)
def test_an_assistant_on_the_same_computer_opens_nothing(
    provider: Provider, doctors: Portal, visit: Visit, assistant: Someone
) -> None:
    address = asked(doctors)
    theirs = provider.browser()
    theirs.authorize()
    theirs.identify(assistant)
    theirs.enter_code(assistant)
    page = theirs.get(address)
    assert (page.status, page.error, page.secret) == (403, "insufficient_scope", None)
    assert visit.get(address).status == 200


@pytest.mark.attack(56)
def test_another_practitioner_opens_nothing_and_leaves_it_unused(
    provider: Provider, doctor: Someone, doctors: Portal, visit: Visit
) -> None:
    address = asked(doctors, name="NAUDIN Fernand")
    other = provider.add(f"o-{doctor.identifier}", "BONNARD Luc", mfa=True)
    theirs = provider.browser()
    portal(provider, other, visit=theirs)
    page = theirs.get(address)
    assert (page.status, page.error, page.secret) == (403, "other_account", None)
    assert "NAUDIN" not in html(theirs)
    assert visit.get(address).status == 200
    assert theirs.get(visit.page.url).error == "enrolment_over"


def test_another_session_of_the_same_practitioner_does_not_see_the_page(
    provider: Provider, doctor: Someone, doctors: Portal, visit: Visit
) -> None:
    visit.get(asked(doctors))
    provider.clock.advance(seconds=30)
    other = provider.browser()
    portal(provider, doctor, visit=other)
    assert other.get(visit.page.url).error == "enrolment_over"


@pytest.mark.attack(56)
def test_who_is_not_signed_in_or_signed_in_long_ago_proves_both_factors_and_arrives(
    provider: Provider, doctor: Someone, doctors: Portal
) -> None:
    address = asked(doctors, name="NAUDIN Fernand")
    provider.clock.advance(seconds=30)
    stranger = provider.browser()
    stranger.get(address)
    assert stranger.step == "identification"
    stranger.identify(doctor)
    stranger.enter_code(doctor)
    assert stranger.page.forms[0].fields["name"] == "NAUDIN Fernand"
    provider.clock.advance(seconds=800)
    again = portal(provider, doctor)
    address = asked(again, name="MARTIN Zoé")
    provider.clock.advance(seconds=200)
    assert stranger.get(address).error == "insufficient_user_authentication"
    stranger.submit()
    stranger.identify(doctor)
    stranger.enter_code(doctor)
    assert stranger.page.forms[0].fields["name"] == "MARTIN Zoé"


def test_a_password_session_is_asked_for_the_second_factor_first(
    provider: Provider, doctor: Someone, doctors: Portal
) -> None:
    newcomer = provider.add(f"n-{doctor.identifier}", "MARTIN Paul")
    theirs = provider.browser()
    theirs.authorize()
    theirs.identify(newcomer)
    assert theirs.get(asked(doctors)).error == "insufficient_user_authentication"


@pytest.mark.attack(15)
@pytest.mark.attack(26)
@pytest.mark.parametrize(
    "address",
    [
        "",
        "/profil",
        "//managing.test/",
        "https://evil.test/",
        "https://managing.test.evil.test/",
        "https://managing.test@evil.test/",
        "https://managing.test:444/",
        "http://managing.test/",
        "https://MANAGING.test/",
        "https://managing.test/#fragment",
        "https://managing.test/../x",
        "https://managing.test\\@evil.test/",
        "https://managing.test/\r\nX: y",
        "javascript:alert(1)",
        "https://open.test/callback",
        None,
        7,
    ],
)
def test_it_leads_back_to_the_services_own_origins_only(doctors: Portal, address: Any) -> None:
    assert pointers(doctors.enrol(return_uri=address)) == ["#/return_uri"]


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"name": ""}, ["#/name"]),
        ({"name": " \t "}, ["#/name"]),
        ({"name": "x" * 121}, ["#/name"]),
        ({"name": "a\u202eb"}, ["#/name"]),
        ({"name": "\ud800"}, ["#/name"]),
        ({"valid_from": "2026-02-30"}, ["#/valid_from"]),
        ({"valid_from": "2026-03-01", "valid_until": "2026-02-28"}, ["#/valid_until"]),
        ({"code": "123456", "secret": "A"}, ["#/code", "#/secret"]),
    ],
)
def test_wishes_that_the_page_would_refuse_are_pointed_at(
    doctors: Portal, told: dict[str, Any], where: list[str]
) -> None:
    assert pointers(doctors.enrol(**told)) == where


def test_no_secret_passes_through_the_service(doctors: Portal, visit: Visit) -> None:
    answer = doctors.enrol(name="NAUDIN Fernand")
    secret = visit.get(str(good(answer, 201)["enrolment_uri"]).removeprefix(ISSUER)).secret
    assert secret is not None
    visit.submit(**filled(visit))
    assert visit.left_for == BACK
    assert secret not in answer.text + json.dumps(doctors.listed())
