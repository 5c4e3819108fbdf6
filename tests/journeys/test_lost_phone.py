"""A lost phone: a recovery code opens once or lets a new phone in, support does the rest, and assistants do neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.accounts import activation_codes, phones, recovery_codes
from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser
from tests.journeys.story import (
    audit_kinds,
    audit_lines,
    authenticators_of,
    code_of,
    codes_shown,
    cookie,
    failures_of,
    html,
    twin,
)
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

MAIL = "alice.durand@example.org"
WRONG = "Code incorrect, expiré ou déjà utilisé"
NOBODYS = "00000-00000"


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
def codes(provider: Provider, doctor: Someone) -> list[str]:
    """Give the doctor's recovery codes."""
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        return recovery_codes.renew(connection, provider.parts.keyring, account_id, provider.clock.now())


def _reset(provider: Provider, who: Someone) -> str:
    """Do what support does, and return the code that it gives."""
    with provider.parts.database.write() as connection:
        account_id, now = provider.account_id(connection, who), provider.clock.now()
        phones.reset(connection, account_id, now)
        return activation_codes.make(
            connection, provider.parts.keyring, account_id, now, even_activated=True
        ).code


def _left(provider: Provider, who: Someone) -> int:
    with provider.parts.database.read() as connection:
        return recovery_codes.left(connection, provider.account_id(connection, who))


def _at_code(provider: Provider, who: Someone, client_id: str = "open") -> Visit:
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(who)
    assert visit.step == "code"
    return visit


def _at_lost_phone(provider: Provider, who: Someone, client_id: str = "open") -> Visit:
    visit = _at_code(provider, who, client_id)
    [address] = [
        address for text, address in visit.page.links if text == "Téléphone perdu, cassé ou changé ?"
    ]
    visit.get(address)
    assert visit.step == "lost-phone"
    return visit


def _confirm(visit: Visit) -> str:
    """Enter the code of the new phone, and return its secret."""
    secret = visit.page.secret
    assert secret is not None
    visit.submit(code=code_of(secret, visit.provider.clock))
    return secret


def _notices(provider: Provider) -> list[tuple[str, dict[str, str]]]:
    """Return what was told, in the order of the alphabet; the sign-in itself may have told of a new device."""
    found = [(kind, values) for kind, _to, values in told(provider) if kind != "new_device"]
    return sorted(found, key=str)


@pytest.mark.attack(61)
def test_a_recovery_code_lets_a_new_phone_in_for_the_old_one(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    assert visit.page.forms[0].fields["choice"] == "replace"
    visit.submit(recovery_code=codes[3].lower())
    assert "Il vous restera 9 codes de récupération." in visit.page.text
    secret = _confirm(visit)
    tokens = provider.redeem(visit.answer["code"]).get_json()
    claims = provider.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert "act" not in claims
    provider.clock.advance(seconds=30)
    old = _at_code(provider, doctor)
    old.enter_code(doctor)
    assert old.page.status == 422
    old.submit(code=code_of(secret, provider.clock))
    assert "code" in old.answer
    assert _left(provider, doctor) == 9
    assert [one["secret"] is None for one in authenticators_of(provider, doctor)].count(False) == 1


@pytest.mark.attack(61)
def test_replacing_is_audited_and_told_without_the_code(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    _confirm(visit)
    lines = [
        line for line in audit_lines(provider) if line["kind"] in ("recovery.code_used", "mfa.phone_replaced")
    ]
    assert [line["detail"] for line in lines] == [{"for": "phone", "left": 9}, {"proved_by": "recovery"}]
    assert _notices(provider) == [("phone_added", {"who": doctor.name}), ("recovery_used", {"left": "9"})]
    assert codes[0] not in str(audit_lines(provider))
    assert codes[0].replace("-", "") not in str(audit_lines(provider))


@pytest.mark.attack(61)
def test_replacing_ends_the_holders_sessions_and_tokens_and_no_assistants(
    provider: Provider, doctor: Someone, assistant: Someone, codes: list[str]
) -> None:
    thief, helper = provider.browser(), provider.browser()
    stolen = provider.redeem(thief.sign_in(doctor)).get_json()["refresh_token"]
    helpers = provider.redeem(helper.sign_in(assistant)).get_json()["refresh_token"]
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    _confirm(visit)
    thief.authorize(prompt="none")
    assert thief.answer["error"] == "login_required"
    assert provider.refresh(stolen).status_code == 400
    assert provider.refresh(helpers).status_code == 200
    helper.authorize(prompt="none")
    assert "code" in helper.answer


@pytest.mark.attack(61)
def test_a_sign_in_begun_before_the_phone_was_replaced_has_to_begin_again(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    early = _at_code(provider, doctor)
    provider.clock.advance(seconds=1)
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    secret = _confirm(visit)
    provider.clock.advance(seconds=30)
    early.submit(code=code_of(secret, provider.clock))
    assert early.step == "identification"


def test_the_session_of_this_browser_ends_too_and_the_new_one_is_a_new_one(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = provider.browser()
    before = provider.redeem(visit.sign_in(doctor)).get_json()
    visit.authorize(prompt="login")
    visit.identify(doctor)
    visit.get(visit.page.url.replace("/code", "/lost-phone"))
    visit.submit(recovery_code=codes[0])
    _confirm(visit)
    after = provider.redeem(visit.answer["code"]).get_json()
    sids = [provider.claims(one["id_token"])["sid"] for one in (before, after)]
    assert sids[0] != sids[1]
    assert provider.refresh(before["refresh_token"]).status_code == 400
    assert provider.refresh(after["refresh_token"]).status_code == 200
    visit.authorize(prompt="none")
    assert "code" in visit.answer


@pytest.mark.attack(61)
def test_a_phone_only_forgotten_is_kept_and_the_code_opens_once(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0], choice="forgotten")
    tokens = provider.redeem(visit.answer["code"]).get_json()
    assert provider.claims(tokens["id_token"])["amr"] == ["pwd", "otp", "mfa"]
    assert _notices(provider) == [("recovery_used", {"left": "9"})]
    [line] = provider.audited("recovery.code_used")
    assert line["detail"] == {"for": "sign-in", "left": 9}
    again = _at_lost_phone(provider, doctor)
    again.submit(recovery_code=codes[0], choice="forgotten")
    assert (again.page.status, again.page.error) == (422, "invalid_code")
    assert WRONG in again.page.text
    assert again.page.forms[0].fields["choice"] == "forgotten"
    assert codes[0] not in html(again)
    phone = _at_code(provider, doctor)
    phone.enter_code(doctor)
    assert "code" in phone.answer


@pytest.mark.attack(61)
def test_whoever_leaves_before_the_new_phone_shows_a_code_keeps_everything(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    assert visit.page.secret is not None
    assert visit.submit(code="000000").status == 422
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"
    assert _left(provider, doctor) == 10
    assert audit_kinds(provider, "recovery.", "mfa.") == []
    assert told(provider) == []
    phone = _at_code(provider, doctor)
    phone.enter_code(doctor)
    assert "code" in phone.answer


@pytest.mark.attack(13)
def test_the_new_secret_stays_the_same_and_once_confirmed_is_never_shown(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    address = visit.page.url
    visit.submit(recovery_code=codes[0])
    secret = visit.page.secret
    assert secret is not None
    assert visit.get(address).secret == visit.submit(code="12345").secret == secret
    _confirm(visit)
    visit.get(address)
    assert visit.page.error == "expired"
    assert secret not in html(visit)


def test_the_way_back_to_the_code_of_the_phone_stays_open(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    visit.get(visit.page.url.replace("/lost-phone", "/code"))
    visit.enter_code(doctor)
    assert "code" in visit.answer
    assert _left(provider, doctor) == 10


@pytest.mark.attack(61)
@pytest.mark.parametrize("choice", ["replace", "forgotten"])
def test_one_recovery_code_raced_in_many_browsers_counts_once(
    provider: Provider, doctor: Someone, codes: list[str], choice: str
) -> None:
    browsers = [_at_lost_phone(provider, doctor) for _ in range(6)]
    if choice == "replace":
        for visit in browsers:
            visit.submit(recovery_code=codes[0])

    def use(number: int) -> bool:
        visit = browsers[number]
        if choice == "replace":
            _confirm(visit)
        else:
            visit.submit(recovery_code=codes[0], choice="forgotten")
        return visit.left_for is not None

    assert race(len(browsers), use).count(True) == 1
    assert _left(provider, doctor) == 9
    assert len(provider.audited("recovery.code_used")) == 1
    kept = [one for one in authenticators_of(provider, doctor) if one["secret"] is not None]
    assert len(kept) == 1


@pytest.mark.attack(61)
def test_a_code_held_in_one_browser_and_used_in_another_replaces_nothing(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    held = _at_lost_phone(provider, doctor)
    held.submit(recovery_code=codes[0])
    used = _at_lost_phone(provider, doctor)
    used.submit(recovery_code=codes[0], choice="forgotten")
    _confirm(held)
    assert (held.page.status, held.page.secret) == (422, None)
    assert WRONG in held.page.text
    assert audit_kinds(provider, "mfa.") == []
    held.submit(recovery_code=codes[1])
    _confirm(held)
    assert "code" in held.answer


@pytest.mark.attack(61)
def test_an_assistant_with_the_practices_password_gets_nowhere_without_a_code(
    provider: Provider, doctor: Someone, assistant: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, assistant)
    assert "Assistant(e) : le praticien enregistre votre nouveau téléphone" in visit.page.text
    for typed in ("", assistant.code(provider.clock), doctor.code(provider.clock), NOBODYS, "x" * 7_000):
        for choice in ("replace", "forgotten"):
            visit.submit(recovery_code=typed, choice=choice)
            assert (visit.page.status, visit.page.secret) == (422, None)
    assert len(provider.audited("recovery.code_refused")) == 2


@pytest.mark.attack(61)
def test_a_code_names_the_doctor_even_where_assistants_are_refused(
    provider: Provider, doctor: Someone, assistant: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor, "retirement")
    visit.submit(recovery_code=codes[0], choice="forgotten")
    tokens = provider.redeem(visit.answer["code"], "retirement").get_json()
    assert "act" not in provider.claims(tokens["id_token"])


def test_another_accounts_code_is_wrong(provider: Provider, doctor: Someone, codes: list[str]) -> None:
    other = provider.add("408463", "PETIT Anne", mfa=True)
    visit = _at_lost_phone(provider, other)
    visit.submit(recovery_code=codes[0])
    assert (visit.page.status, visit.page.secret) == (422, None)


@pytest.mark.attack(11)
def test_the_page_opens_only_to_whoever_showed_the_password_in_this_sign_in(
    provider: Provider, doctor: Someone, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize()
    lost = visit.page.url.replace("/identification", "/lost-phone")
    visit.get(lost)
    assert visit.step == "identification"
    visit.post(lost, {"recovery_code": NOBODYS})
    assert visit.step == "identification"
    visit.identify(newcomer, activate_mfa="1")
    visit.get(lost)
    assert visit.step == "activation"


def test_a_session_that_is_stepped_up_shows_the_password_first(provider: Provider, newcomer: Someone) -> None:
    here, elsewhere = provider.browser(), provider.browser()
    here.sign_in(newcomer)
    elsewhere.authorize()
    elsewhere.identify(newcomer, activate_mfa="1")
    _confirm(elsewhere)
    codes = codes_shown(elsewhere)
    here.authorize("strict")
    assert here.step == "code"
    assert "Téléphone perdu" not in here.page.text
    here.get(here.page.url.replace("/code", "/lost-phone"))
    assert here.step == "code"
    here.post(
        here.page.url.replace("/code", "/lost-phone"), {"recovery_code": codes[0], "choice": "forgotten"}
    )
    assert here.left_for is None
    assert _left(provider, newcomer) == 10


@pytest.mark.attack(23)
def test_a_code_that_was_held_counts_in_its_own_browser_and_after_its_own_password(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    address = visit.page.url
    visit.submit(recovery_code=codes[0])
    secret = visit.page.secret
    assert secret is not None
    assert provider.browser().get(address).error == "expired"
    other = twin(visit)
    other.client.delete_cookie("__Host-idp_proof", domain="idp.test")
    other.get(address)
    assert other.step == "identification"
    other.identify(doctor)
    other.get(address)
    assert other.page.secret is None
    assert secret not in html(other)


def test_guesses_are_slowed_down_apart_and_never_stopped(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    visit = _at_lost_phone(provider, doctor)
    for _ in range(4):
        assert visit.submit(recovery_code=NOBODYS).status == 422
    page = visit.submit(recovery_code=codes[0])
    assert (page.status, page.error) == (429, "slow_down")
    assert failures_of(provider) == {"recovery": 4}
    for _ in range(40):
        provider.clock.advance(seconds=7_200)
        visit = _at_lost_phone(provider, doctor)
        assert visit.submit(recovery_code=NOBODYS).status == 422
    provider.clock.advance(seconds=7_200)
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0], choice="forgotten")
    assert "code" in visit.answer


@pytest.mark.attack(10)
def test_strangers_who_hammer_hold_up_no_known_device(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    practice = provider.browser()
    practice.sign_in(doctor)
    stranger = _at_lost_phone(provider, doctor)
    for _ in range(4):
        stranger.submit(recovery_code=NOBODYS)
    assert stranger.submit(recovery_code=NOBODYS).status == 429
    practice.authorize(prompt="login")
    practice.identify(doctor)
    practice.get(practice.page.url.replace("/code", "/lost-phone"))
    practice.submit(recovery_code=codes[0], choice="forgotten")
    assert "code" in practice.answer


def test_after_support_reset_the_phone_its_code_lets_a_new_one_in_whatever_is_chosen(
    provider: Provider, doctor: Someone, assistant: Someone, codes: list[str]
) -> None:
    given = _reset(provider, doctor)
    provider.clock.advance(seconds=1)
    dead = _at_lost_phone(provider, doctor)
    assert WRONG in dead.submit(recovery_code=codes[0]).text
    dead.get(dead.page.url.replace("/lost-phone", "/code"))
    dead.enter_code(doctor)
    assert dead.page.status == 422
    dead.enter_code(assistant)
    assert "code" in dead.answer
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=given, choice="forgotten")
    assert visit.left_for is None
    _confirm(visit)
    assert visit.step == "recovery-codes"
    assert len(codes_shown(visit)) == 10
    visit.submit()
    assert "code" in visit.answer
    assert [line["detail"] for line in provider.audited("mfa.phone_replaced")] == [
        {"proved_by": "activation"}
    ]
    assert provider.audited("recovery.code_used") == []
    assert _notices(provider) == [("phone_added", {"who": doctor.name})]
    again = _at_lost_phone(provider, doctor)
    assert WRONG in again.submit(recovery_code=given).text


def test_whoever_uses_the_last_code_for_a_new_phone_gets_ten_others(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    for code in codes[:-1]:
        _at_lost_phone(provider, doctor).submit(recovery_code=code, choice="forgotten")
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[-1])
    assert "C'était votre dernier code de récupération" in visit.page.text
    _confirm(visit)
    fresh = codes_shown(visit)
    assert len(set(fresh) - set(codes)) == 10
    visit.submit()
    assert "code" in visit.answer
    assert _left(provider, doctor) == 10


def test_the_last_code_for_a_forgotten_phone_leaves_none(
    provider: Provider, doctor: Someone, codes: list[str]
) -> None:
    for code in codes:
        visit = _at_lost_phone(provider, doctor)
        visit.submit(recovery_code=code, choice="forgotten")
        assert "code" in visit.answer
    visit.get("/profile")
    assert "Codes de récupérationAucun Créer de nouveaux codes" in visit.page.text
    assert ("recovery_used", {"left": "0"}) in _notices(provider)


@pytest.mark.attack(61)
def test_a_disabled_account_recovers_nothing(provider: Provider, doctor: Someone, codes: list[str]) -> None:
    visit = _at_lost_phone(provider, doctor)
    visit.submit(recovery_code=codes[0])
    secret = visit.page.secret
    assert secret is not None
    provider.disable(doctor)
    visit.submit(code=code_of(secret, provider.clock))
    assert visit.step == "identification"
    assert _left(provider, doctor) == 10


def test_an_insured_person_recovers_in_the_same_way(provider: Provider) -> None:
    someone = provider.add("2001235", "BIANCHI Luca", "insured", mfa=True)
    visit = doctors_browser(provider, someone)
    visit.get("/profile/recovery-codes")
    visit.submit()
    [code, *_] = codes_shown(visit)
    other = _at_lost_phone(provider, someone)
    other.submit(recovery_code=code)
    _confirm(other)
    assert "code" in other.answer
    assert cookie(other, "session") is not None
