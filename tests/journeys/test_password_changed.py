"""*Modifier le mot de passe*: by its holder, with the present one, and everything that the old one opened ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from idp.storage.schema import account, delegation
from tests.clock import MovableClock
from tests.journeys.story import audit_lines, cookie, count_verifications, html
from tests.journeys.told import BY_MAIL, told
from tests.provider import PASSWORD, Provider, Someone, Visit
from tests.storage.racing import race

PAGE = "/profile/password"
NEW = "pluie tabac violon"
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


def _change(visit: Visit, current: str = PASSWORD, new: str = NEW) -> None:
    visit.get(PAGE)
    visit.submit(current_password=current, new_password=new)


def _stored(provider: Provider, who: Someone) -> str:
    with provider.parts.database.read() as connection:
        found = connection.execute(select(account.c.password).where(account.c.identifier == who.identifier))
        return str(found.scalar_one())


def _of_password(provider: Provider) -> list[str]:
    return [one["kind"] for one in audit_lines(provider) if one["kind"].startswith("password.changed")]


def _enters(provider: Provider, who: Someone) -> bool:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    return visit.step == "code" or visit.left_for is not None


def _doubled(provider: Provider, visit: Visit) -> Visit:
    """Return another browser with the same cookies, a second tab of before."""
    other = provider.browser()
    for purpose in ("session", "browser"):
        value = cookie(visit, purpose)
        assert value is not None
        other.client.set_cookie(f"__Host-idp_{purpose}", value, domain="idp.test", secure=True)
    other.page = visit.page
    return other


def test_a_changed_password_opens_and_the_old_one_does_not(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    before = len(told(provider))
    _change(visit)
    assert visit.page.url == "/profile"
    assert "Votre mot de passe est modifié." in html(visit)
    assert not _enters(provider, doctor)
    assert _enters(provider, replace(doctor, password=NEW))
    (line,) = [one for one in audit_lines(provider) if one["kind"] == "password.changed"]
    assert (line["actor_id"], line["detail"]) == (None, {})
    assert told(provider)[before:] == [("password_changed", MAIL, {})]


def test_the_page_is_reached_from_the_profile_and_left_without_change(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    assert f'href="{PAGE}"' in html(visit)
    page = visit.get(PAGE)
    assert page.forms[0].fields["username"] == doctor.identifier
    assert "Au moins 8 caractères" in page.text
    visit.submit(cancel="1", new_password=NEW, current_password=PASSWORD)
    assert visit.page.url == "/profile"
    assert _enters(provider, doctor)
    assert not _of_password(provider)


@pytest.mark.attack(27)
def test_this_session_goes_on_under_a_new_cookie_and_every_other_one_ends(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    provider.clock.advance(seconds=30)
    tablet, helper = provider.browser(), provider.browser()
    tokens = [
        provider.redeem(other.sign_in(who)).get_json()
        for other, who in ((tablet, doctor), (helper, assistant))
    ]
    visit.authorize()
    mine = provider.redeem(visit.answer["code"]).get_json()
    before, fixed = cookie(visit, "session"), _doubled(provider, visit)
    _change(visit)
    assert cookie(visit, "session") not in (None, before)
    assert visit.get("/profile").url == "/profile"
    assert provider.refresh(mine["refresh_token"]).status_code == 200
    for other in (tablet, helper, fixed):
        other.get("/profile")
        assert other.step == "identification"
    for ended in tokens:
        assert provider.userinfo(ended["access_token"]).status_code == 401
        assert provider.refresh(ended["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_a_password_that_is_long_only_as_it_is_typed_is_taken_and_opens(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    long = "Mille pâtes à l'île ½ " + "".join(f"e\u0301{number}" for number in range(100, 150))
    assert len(long) > 256
    _change(visit, new=long)
    assert visit.page.url == "/profile"
    assert _enters(provider, replace(doctor, password=long))


@pytest.mark.attack(74)
def test_whoever_stands_at_the_activation_with_the_old_password_does_not_activate(
    provider: Provider, newcomer: Someone
) -> None:
    thief = provider.browser()
    thief.authorize()
    thief.identify(newcomer, activate_mfa="1")
    assert thief.step == "activation"
    provider.clock.advance(seconds=5)
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(newcomer)
    _change(visit)
    assert visit.page.url == "/profile"
    thief.submit(code="000000")
    assert thief.step == "identification"
    thief.get("/profile")
    assert thief.step == "identification"


@pytest.mark.attack(12)
def test_both_factors_shown_lately_are_wanted_once_there_are_two(
    provider: Provider, doctor: Someone, newcomer: Someone, visit: Visit
) -> None:
    visit.get(PAGE)
    provider.clock.advance(seconds=901)
    for answer in (visit.submit(current_password=PASSWORD, new_password=NEW), visit.get(PAGE)):
        assert (answer.status, answer.error) == (403, "insufficient_user_authentication")
    visit.submit()
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == PAGE
    _change(visit)
    assert _of_password(provider) == ["password.changed"]
    young = provider.browser()
    young.get(PAGE)
    young.identify(newcomer)
    assert "Au moins 15 caractères" in young.page.text


@pytest.mark.attack(55)
def test_an_assistant_changes_nothing(provider: Provider, doctor: Someone, assistant: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(assistant)
    assert (visit.get(PAGE).status, visit.page.error) == (403, "insufficient_scope")
    visit.get("/")
    assert visit.post(PAGE, {"current_password": PASSWORD, "new_password": NEW}).status == 403
    assert _enters(provider, doctor)


@pytest.mark.parametrize(
    ("current", "new", "fields"),
    [
        ("", "", ["current_password", "new_password"]),
        ("", NEW, ["current_password"]),
        (PASSWORD, "", ["new_password"]),
        (PASSWORD, PASSWORD, ["new_password"]),
        (PASSWORD, "７ court", ["new_password"]),
        (PASSWORD, "Sunshine", ["new_password"]),
        (PASSWORD, "durand alice", ["new_password"]),
        (PASSWORD, "408461408461", ["new_password"]),
        (PASSWORD, "é" * 257, ["new_password"]),
        (PASSWORD, "e\u0301" * 257, ["new_password"]),
        (PASSWORD, "ᾂ" * 20 + "e\u0301" * 600, ["new_password"]),
    ],
)
def test_what_may_not_be_chosen_is_said_at_its_field_and_counts_as_no_attempt(
    provider: Provider, doctor: Someone, visit: Visit, current: str, new: str, fields: list[str]
) -> None:
    for _ in range(5):
        _change(visit, current, new)
        assert visit.page.status == 422
    assert [f'href="#{field}"' in html(visit) for field in ("current_password", "new_password")] == [
        field in fields for field in ("current_password", "new_password")
    ]
    assert not new or new not in html(visit)
    assert _enters(provider, doctor)


@pytest.mark.attack(6)
def test_a_wrong_present_password_counts_like_one_at_the_sign_in(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    for _ in range(4):
        _change(visit, current="13572468")
        assert (visit.page.status, visit.page.error) == (422, "invalid_credentials")
    _change(visit)
    assert (visit.page.status, visit.page.error) == (429, "slow_down")
    # The same browser, at the page of the sign-in, waits as well.
    other = _doubled(provider, visit)
    device = cookie(visit, "device")
    if device is not None:
        other.client.set_cookie("__Host-idp_device", device, domain="idp.test", secure=True)
    other.authorize(prompt="login")
    assert other.identify(doctor).status == 429
    provider.clock.advance(seconds=1)
    _change(visit)
    assert visit.page.url == "/profile"
    assert _enters(provider, replace(doctor, password=NEW))


def test_of_two_changes_at_once_one_counts(provider: Provider, doctor: Someone, visit: Visit) -> None:
    visit.get(PAGE)
    tabs = [_doubled(provider, visit) for _ in range(4)]

    def change(number: int) -> str:
        tabs[number].submit(current_password=PASSWORD, new_password=f"{NEW} {number}")
        return tabs[number].page.url

    answers = race(len(tabs), change)
    assert _of_password(provider) == ["password.changed"]
    assert answers.count("/profile") == 1
    opening = [
        number for number in range(4) if _enters(provider, replace(doctor, password=f"{NEW} {number}"))
    ]
    assert len(opening) == 1


def test_the_new_password_is_kept_as_argon2id_alone(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    before = _stored(provider, doctor)
    _change(visit)
    after = _stored(provider, doctor)
    assert after != before
    assert after.startswith("$argon2id$")


def test_it_shares_its_salt_with_the_assistants_own_passwords_so_that_a_sign_in_computes_once(
    provider: Provider, visit: Visit, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert assistant.secret
    knowledge = provider.parts.plugins.knowledge
    own = knowledge.hash("violon genou pluie")
    with provider.parts.database.write() as connection:
        connection.execute(update(delegation).values(password=own))
    _change(visit)
    with provider.parts.database.read() as connection:
        holder = connection.execute(select(account.c.password)).scalar_one()
    computed = count_verifications(monkeypatch)
    assert knowledge.verify([holder, own], NEW).which == 0
    assert knowledge.verify([holder, own], "violon genou pluie").which == 1
    assert len(computed) == 2


@pytest.mark.attack(70)
def test_no_password_stands_in_the_log_or_the_audit(
    provider: Provider, doctor: Someone, visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _change(visit, current="a wrong one of today")
        _change(visit)
    for secret in ("a wrong one of today", NEW, PASSWORD, _stored(provider, doctor)):
        assert secret not in caplog.text
        assert secret not in str(audit_lines(provider))
