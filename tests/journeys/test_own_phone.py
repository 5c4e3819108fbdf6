"""Another phone for whoever still holds the one before: both show a code, on the profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser
from tests.journeys.story import audit_kinds, authenticators_of, code_of, failures_of, html
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

MAIL = "alice.durand@example.org"


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that tells people by mail."""
    whole = Provider(tmp_path, clock, **BY_MAIL)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with the second factor and a mail address."""
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})


@pytest.fixture
def at_phone(provider: Provider, visit: Visit) -> Visit:
    """Give the doctor's browser at the page, with a code of the old phone that is not spent."""
    provider.clock.advance(seconds=30)
    visit.get("/profile/phone")
    assert visit.page.secret is not None
    return visit


def _new(visit: Visit, *, steps: int = 0) -> str:
    assert visit.page.secret is not None
    return code_of(visit.page.secret, visit.provider.clock, steps=steps)


def _enters(provider: Provider, doctor: Someone, code: str) -> bool:
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    visit.submit(code=code)
    return visit.left_for is not None


def test_the_new_phone_takes_the_place_of_the_old_one_and_this_session_goes_on(
    provider: Provider, doctor: Someone, at_phone: Visit
) -> None:
    secret = at_phone.page.secret
    assert secret is not None
    assert secret != doctor.secret
    at_phone.submit(code=_new(at_phone), code_old=doctor.code(provider.clock))
    assert at_phone.page.url == "/profile"
    assert "Votre nouveau téléphone est enregistré." in at_phone.page.text
    at_phone.authorize(prompt="none")
    assert "code" in at_phone.answer
    provider.clock.advance(seconds=30)
    assert not _enters(provider, doctor, doctor.code(provider.clock))
    assert _enters(provider, doctor, code_of(secret, provider.clock))
    at_phone.get("/profile/phone")
    assert secret not in html(at_phone)


def test_it_is_audited_and_told(provider: Provider, doctor: Someone, at_phone: Visit) -> None:
    at_phone.submit(code=_new(at_phone), code_old=doctor.code(provider.clock))
    [line] = provider.audited("mfa.phone_replaced")
    assert line["detail"] == {"proved_by": "phone"}
    assert [(to, values) for kind, to, values in told(provider) if kind == "phone_added"] == [
        (MAIL, {"who": doctor.name})
    ]


def test_other_sessions_of_the_doctor_end_with_their_tokens_and_no_assistants(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    provider.clock.advance(seconds=30)
    other, helper = provider.browser(), provider.browser()
    stolen = provider.redeem(other.sign_in(doctor)).get_json()["refresh_token"]
    helpers = provider.redeem(helper.sign_in(assistant)).get_json()["refresh_token"]
    visit.authorize(prompt="none")
    mine = provider.redeem(visit.answer["code"]).get_json()["refresh_token"]
    provider.clock.advance(seconds=30)
    visit.get("/profile/phone")
    visit.submit(code=_new(visit), code_old=doctor.code(provider.clock))
    other.authorize(prompt="none")
    assert other.answer["error"] == "login_required"
    assert provider.refresh(stolen).status_code == 400
    assert provider.refresh(helpers).status_code == 200
    assert provider.refresh(mine).status_code == 200


@pytest.mark.attack(13)
def test_reloading_wrong_codes_and_annuler_keep_the_pending_secret_and_the_old_phone(
    provider: Provider, doctor: Someone, at_phone: Visit
) -> None:
    secret = at_phone.page.secret
    right = {"code": _new(at_phone), "code_old": doctor.code(provider.clock)}
    for wrong, fields in (
        ({"code": "000000"}, ["code"]),
        ({"code": ""}, ["code"]),
        ({"code_old": "12"}, ["code_old"]),
        ({"code": "1", "code_old": ""}, ["code", "code_old"]),
        ({"code_old": "000000"}, ["code_old"]),
        ({"code_old": right["code"]}, ["code_old"]),
    ):
        page = at_phone.submit(**{**right, **wrong})
        assert (page.status, page.secret) == (422, secret)
        assert [
            field for field in ("code", "code_old") if f'id="{field}-problem"' in html(at_phone)
        ] == fields
    assert at_phone.get("/profile/phone").secret == secret
    at_phone.submit(cancel="1")
    assert at_phone.page.url == "/profile"
    assert len(authenticators_of(provider, doctor)) == 1
    assert audit_kinds(provider, "mfa.") == []
    assert _enters(provider, doctor, right["code_old"])


@pytest.mark.attack(1)
def test_both_steps_are_spent_and_a_spent_one_of_the_old_phone_replaces_nothing(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    visit.get("/profile/phone")
    spent = doctor.code(provider.clock)  # the sign-in was by this very code
    assert visit.submit(code=_new(visit), code_old=spent).status == 422
    provider.clock.advance(seconds=30)
    new = _new(visit)
    visit.submit(code=new, code_old=doctor.code(provider.clock))
    assert visit.page.url == "/profile"
    assert not _enters(provider, doctor, new)


@pytest.mark.attack(12)
@pytest.mark.attack(61)
def test_an_assistants_code_is_no_code_of_the_old_phone(
    provider: Provider, doctor: Someone, assistant: Someone, at_phone: Visit
) -> None:
    page = at_phone.submit(code=_new(at_phone), code_old=assistant.code(provider.clock))
    assert page.status == 422
    assert len(authenticators_of(provider, doctor)) == 2


@pytest.mark.attack(5)
def test_guesses_at_the_old_phones_code_count_with_those_at_the_sign_in(
    provider: Provider, doctor: Someone, at_phone: Visit
) -> None:
    for _ in range(4):
        assert at_phone.submit(code=_new(at_phone), code_old="000000").status == 422
    assert failures_of(provider)["code"] == 4
    page = at_phone.submit(code=_new(at_phone), code_old=doctor.code(provider.clock))
    assert (page.status, page.error) == (429, "slow_down")
    assert at_phone.response is not None
    assert at_phone.response.headers["Retry-After"] == "1"
    provider.clock.advance(seconds=1)
    at_phone.submit(code=_new(at_phone), code_old=doctor.code(provider.clock))
    assert at_phone.page.url == "/profile"


@pytest.mark.attack(4)
def test_somebody_at_the_doctors_open_session_cannot_guess_on(
    provider: Provider, doctor: Someone, at_phone: Visit
) -> None:
    judged = 0
    for _ in range(60):
        page = at_phone.submit(code=_new(at_phone), code_old="000000")
        judged += page.status == 422 and "Trop de codes incorrects" not in page.text
        if "Trop de codes incorrects" in page.text:
            break
        provider.clock.advance(seconds=12)
    assert judged <= 32
    assert audit_kinds(provider, "mfa.") == []


def test_of_two_windows_at_once_one_replaces(provider: Provider, doctor: Someone, at_phone: Visit) -> None:
    code, old = _new(at_phone), doctor.code(provider.clock)
    form = at_phone.page.forms[0].fields

    def post(_number: int) -> int:
        answer = at_phone.provider.app.test_client(use_cookies=False).post(
            "/profile/phone",
            data={**form, "code": code, "code_old": old},
            base_url="https://idp.test",
            headers={"Referer": "https://idp.test/", "Cookie": cookies},
        )
        return answer.status_code

    cookies = "; ".join(
        f"{one.key}={one.value}"
        for name in ("browser", "session", "device")
        if (one := at_phone.client.get_cookie(f"__Host-idp_{name}", "idp.test"))
    )
    assert race(6, post).count(303) == 1
    assert len(provider.audited("mfa.phone_replaced")) == 1
    assert [one["secret"] is None for one in authenticators_of(provider, doctor)].count(False) == 1


def test_an_insured_person_changes_their_phone_too(provider: Provider) -> None:
    someone = provider.add("2001235", "BIANCHI Luca", "insured", mfa=True)
    visit = doctors_browser(provider, someone)
    provider.clock.advance(seconds=30)
    visit.get("/profile/phone")
    visit.submit(code=_new(visit), code_old=someone.code(provider.clock))
    assert visit.page.url == "/profile"
