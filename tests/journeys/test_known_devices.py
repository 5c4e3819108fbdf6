"""The devices that an account knows: how they become so, what that is worth, and who hears of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import request
from flask.testing import FlaskClient
from sqlalchemy import select

from idp.accounts import devices
from idp.accounts.devices import Device
from idp.login.cookies import Cookies
from idp.login.devices import KnownDevices
from idp.notices.outbox import Outbox
from idp.storage.keyring import Keyring
from idp.storage.schema import audit_event, device
from tests.clock import MovableClock
from tests.journeys.guessing import WRONG_PASSWORD, at_code, code_counters
from tests.journeys.story import activate, cookie, failures_of, plant, statements
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit

MAIL = "alice.durand@example.org"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that tells people by mail."""
    whole = Provider(tmp_path, clock, **BY_MAIL)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with a mail address."""
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})


def _enter(visit: Visit, who: Someone) -> Visit:
    """Sign in all the way with a fresh code, in a browser where nobody is signed in."""
    visit.provider.clock.advance(seconds=30)
    for purpose in ("session", "proof"):
        plant(visit, purpose, "")
    visit.sign_in(who)
    return visit


def _known(provider: Provider, who: Someone) -> list[Device]:
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
        return list(devices.of_account(connection, account_id, provider.clock.now()))


def _kept(visit: Visit) -> str:
    assert visit.response is not None
    lines = visit.response.headers.getlist("Set-Cookie")
    return next((line for line in lines if line.startswith("__Host-idp_device=")), "")


def _firefox(provider: Provider) -> Visit:
    visit = provider.browser()
    visit.client = FlaskClient(provider.app, use_cookies=True)
    visit.client.environ_base = {"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": FIREFOX}
    return visit


def test_two_factors_make_a_device_known_and_the_password_alone_of_their_account_does_not(
    provider: Provider, doctor: Someone
) -> None:
    visit = at_code(provider.browser(), doctor)
    assert cookie(visit, "device") is None
    visit.enter_code(doctor)
    (one,) = _known(provider, doctor)
    assert (one.by_holder, one.assistants) == (True, ())
    (line,) = provider.audited("device.known")
    assert (line["actor_id"], line["detail"]) == (None, {"device": one.label})


def test_first_activation_makes_the_device_known(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, activate_mfa="1")
    activate(visit, newcomer)
    assert len(_known(provider, newcomer)) == 1


def test_a_password_alone_makes_a_device_known_while_it_is_all_that_the_account_has(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _enter(provider.browser(), newcomer)
    (one,) = _known(provider, newcomer)
    assert one.by_holder
    assert cookie(visit, "device") is not None
    assert len(provider.audited("device.known")) == 1


@pytest.mark.attack(4)
@pytest.mark.attack(10)
def test_the_first_activation_forgets_what_a_password_alone_made_known(
    provider: Provider, newcomer: Someone
) -> None:
    earlier = [_enter(provider.browser(), newcomer) for _ in range(2)]
    before = {one.token for one in _known(provider, newcomer)}
    visit = earlier[0]
    visit.authorize(prompt="login")
    visit.identify(newcomer, activate_mfa="1")
    activate(visit, newcomer)
    (after,) = _known(provider, newcomer)
    assert len(before) == 2
    assert after.token not in before
    provider.clock.advance(seconds=30)
    thief = at_code(earlier[1], newcomer)
    thief.submit(code="000000")
    assert code_counters(provider, newcomer, known=True).spent == 0
    assert code_counters(provider, newcomer, known=False).spent == 1


def test_a_password_alone_that_comes_in_after_the_activation_makes_nothing_known(
    provider: Provider, doctor: Someone
) -> None:
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        now = provider.clock.now()
        made = devices.make_known(
            connection, account_id, None, "0" * 64, "Firefox", now, by_password_alone=True
        )
    assert made == "activated"
    assert _known(provider, doctor) == []


def test_the_cookie_lasts_four_hundred_days_no_script_reads_it_and_each_sign_in_renews_it(
    provider: Provider, doctor: Someone
) -> None:
    visit = _enter(provider.browser(), doctor)
    first = _kept(visit)
    attributes = {part.strip() for part in first.split(";")[1:] if not part.strip().startswith("Expires")}
    assert attributes == {"Secure", "HttpOnly", f"Max-Age={400 * 86_400}", "Path=/", "SameSite=Lax"}
    provider.clock.advance(seconds=86_400)
    again = _kept(_enter(visit, doctor))
    assert again.partition(";")[0] == first.partition(";")[0]
    assert [one.last_used_at for one in _known(provider, doctor)] == [provider.clock.now()]


def test_single_sign_on_makes_nothing_known_and_renews_nothing(provider: Provider, doctor: Someone) -> None:
    visit = _enter(provider.browser(), doctor)
    visit.authorize("public")
    assert "code" in visit.answer
    assert _kept(visit) == ""
    assert len(provider.audited("device.known")) == 1


@pytest.mark.attack(11)
def test_a_known_device_opens_nothing(provider: Provider, doctor: Someone) -> None:
    mine = _enter(provider.browser(), doctor)
    visit = provider.browser()
    plant(visit, "device", cookie(mine, "device") or "")
    visit.authorize("public", prompt="none")
    assert visit.answer["error"] == "login_required"
    for path in ("/profile", "/profile/assistants/new"):
        visit.get(path)
        assert visit.step == "identification"
    assert at_code(visit, doctor).step == "code"
    assert cookie(visit, "session") is None


def test_the_first_device_is_not_told_the_next_one_is_and_the_same_one_never_again(
    provider: Provider, doctor: Someone
) -> None:
    computer = _enter(provider.browser(), doctor)
    _enter(computer, doctor)
    assert told(provider) == []
    laptop = _enter(_firefox(provider), doctor)
    assert told(provider) == [("new_device", MAIL, {"who": doctor.name, "device": "Firefox, Windows"})]
    _enter(laptop, doctor)
    _enter(computer, doctor)
    assert len(told(provider)) == 1
    assert len(provider.audited("device.known")) == 2


def test_an_assistants_new_device_is_told_by_their_name_and_the_practices_own_is_not(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    computer = _enter(provider.browser(), doctor)
    _enter(computer, assistant)
    assert told(provider) == []
    (one,) = _known(provider, doctor)
    assert (one.by_holder, one.assistants) == (True, (assistant.name,))
    _enter(_firefox(provider), assistant)
    assert [values["who"] for _kind, _to, values in told(provider)] == [assistant.name]
    with provider.parts.database.read() as connection:
        query = select(audit_event.c.actor_id).where(audit_event.c.kind == "device.known")
        actors = connection.execute(query.order_by(audit_event.c.id)).scalars().all()
    assert [actor is None for actor in actors] == [True, False]


def test_one_browser_is_known_to_every_account_that_is_used_there_by_one_cookie(
    provider: Provider, doctor: Someone
) -> None:
    colleague = provider.add("408463", "VIDAL Jeanne", mfa=True)
    visit = _enter(provider.browser(), doctor)
    mine = cookie(visit, "device")
    _enter(visit, colleague)
    assert cookie(visit, "device") == mine
    (one,), (other,) = _known(provider, doctor), _known(provider, colleague)
    assert one.token == other.token


def test_a_device_forgotten_everywhere_gets_a_new_token_so_that_a_copy_of_the_old_one_is_worth_nothing(
    provider: Provider, doctor: Someone
) -> None:
    visit = _enter(provider.browser(), doctor)
    (before,), copied = _known(provider, doctor), cookie(visit, "device") or ""
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        assert devices.forget_one(connection, account_id, before.id)
    _enter(visit, doctor)
    (after,) = _known(provider, doctor)
    assert after.token != before.token
    assert cookie(visit, "device") != copied


def test_the_token_stands_nowhere_but_in_the_browser(provider: Provider, doctor: Someone) -> None:
    visit = _enter(provider.browser(), doctor)
    raw = (cookie(visit, "device") or "").rpartition(".")[0]
    assert len(raw) == 43
    with provider.parts.database.read() as connection:
        kept = str(connection.execute(select(device)).all()) + str(
            connection.execute(select(audit_event)).all()
        )
    assert raw not in kept


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "a" * 43,
        "a" * 43 + ".b" * 20,
        "é" * 43,
        ".",
        "a.b.c",
        "x" * 4_000,
        '"quoted"',
        "\u20ac.\u20ac",
    ],
)
def test_an_invented_cookie_is_no_device_and_costs_no_look_up(
    provider: Provider, doctor: Someone, value: str
) -> None:
    _enter(provider.browser(), doctor)
    ran = []
    for planted in (None, value):
        visit = provider.browser()
        visit.authorize()
        if planted is not None:
            plant(visit, "device", planted)
        with statements(provider) as seen:
            visit.submit(identifier=doctor.identifier, password=WRONG_PASSWORD)
        assert visit.page.status == 422
        ran.append([re.sub(r"\s+", " ", one)[:60] for one in seen])
    assert ran[0] == ran[1]
    assert "device" not in str(ran)


def test_a_signature_by_an_older_key_still_counts_and_one_by_a_key_that_is_gone_does_not(
    provider: Provider, doctor: Someone, tmp_path: Path
) -> None:
    mine = cookie(_enter(provider.browser(), doctor), "device") or ""
    (one,) = _known(provider, doctor)
    old = (tmp_path / "keyring").read_text()
    rotations = {
        Keyring.generate_line("second") + "\n" + old: one.token,
        Keyring.generate_line("third") + "\n": None,
    }
    for lines, token in rotations.items():
        (tmp_path / "rotated").write_text(lines)
        keyring = Keyring.from_file(tmp_path / "rotated")
        known = KnownDevices(
            provider.parts.database, provider.clock, Cookies(True), keyring, Outbox(keyring, {})
        )
        with provider.app.test_request_context(headers={"Cookie": f"__Host-idp_device={mine}"}):
            assert known.token(request) == token


@pytest.mark.attack(10)
@pytest.mark.parametrize("activated", [True, False])
def test_a_strangers_wrong_passwords_slow_no_known_device(
    provider: Provider, doctor: Someone, newcomer: Someone, activated: bool
) -> None:
    doctor = doctor if activated else newcomer
    computer = _enter(provider.browser(), doctor)
    stranger = provider.browser()
    judged = 0
    while judged < 25:
        stranger.authorize()
        stranger.submit(identifier=doctor.identifier, password=WRONG_PASSWORD)
        judged += stranger.page.status == 422
        if stranger.page.status == 429:
            assert stranger.response is not None
            provider.clock.advance(seconds=int(stranger.response.headers["Retry-After"]))
    new = provider.browser()
    new.authorize()
    assert new.identify(doctor).status == 429
    _enter(computer, doctor)
    assert failures_of(provider)["password"] == 25


@pytest.mark.attack(9)
def test_with_a_device_cookie_too_every_identifier_costs_and_looks_the_same(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    mine = cookie(_enter(provider.browser(), doctor), "device") or ""
    provider.disable(insured)
    costs, answers = [], []
    for identifier in (doctor.identifier, "999999", insured.identifier):
        visit = provider.browser()
        plant(visit, "device", mine)
        visit.authorize()
        with statements(provider) as seen:
            visit.submit(identifier=identifier, password=WRONG_PASSWORD)
        costs.append([statement.split(" ")[0] for statement in seen])
        answers.append((visit.page.status, re.sub(r"\d", "", visit.page.text)))
    assert costs[0] == costs[1] == costs[2]
    assert answers[0] == answers[1] == answers[2]
