"""Open sessions: whose, from which device, since when; ended by their owner, at once and everywhere."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from idp.accounts import devices, sessions
from idp.clearing import clear_away
from tests.journeys.practice import doctors_browser, rows
from tests.journeys.story import audit_lines, html
from tests.journeys.test_journal import FIREFOX, _from
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

PAGE = "/profile/sessions"
DEVICES = "Appareils connus"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36"
)


def _cards(visit: Visit) -> dict[str, list[str]]:
    """Return the lines of the page by the heading above them."""
    assert visit.get(PAGE).status == 200
    cards = re.findall(
        r"<section class=\"card\".*?<h2[^>]*>(.*?)</h2>(.*?)</section>", html(visit), re.DOTALL
    )
    return {
        heading: [
            " ".join(re.sub("<[^>]+>", " ", line).split())
            for line in re.findall(r"<li>\s*<div>(.*?)</div>", body, re.DOTALL)
        ]
        for heading, body in cards
    }


def _listed(visit: Visit) -> dict[str, list[str]]:
    """Return the sessions on the page by whose they are."""
    return {heading: lines for heading, lines in _cards(visit).items() if heading != DEVICES}


def _press(visit: Visit, field: str, place: int = 0, **entered: str) -> None:
    """Press the button of the ``place``-th form that holds ``field``."""
    found = [number for number, form in enumerate(visit.page.forms) if field in form.fields]
    visit.submit(found[place], **entered)


def _values(visit: Visit, field: str) -> list[str]:
    return [form.fields[field] for form in visit.page.forms if field in form.fields]


def _tokens(provider: Provider, visit: Visit, who: Someone, client_id: str = "open") -> dict[str, Any]:
    """Sign in with the next code of the phone and return what the service got."""
    provider.clock.advance(seconds=30)
    answer = provider.redeem(visit.sign_in(who, client_id), client_id)
    assert answer.status_code == 200
    return dict(answer.get_json())


def _lives(provider: Provider, visit: Visit, tokens: dict[str, Any]) -> tuple[bool, bool]:
    """Say whether the browser is still signed in and whether userinfo still answers."""
    visit.authorize("open", prompt="none")
    return "code" in visit.answer, provider.userinfo(tokens["access_token"]).status_code == 200


def _refreshes(provider: Provider, tokens: dict[str, Any]) -> bool:
    return provider.refresh(tokens["refresh_token"]).status_code == 200


def _ended(provider: Provider) -> list[dict[str, Any]]:
    lines = [line for line in audit_lines(provider) if line["kind"] == "session.ended"]
    with provider.parts.database.read() as connection:
        holder = provider.account_id(connection, Someone("408461", "", ""))
    assert all((line["account_id"], line["actor_id"]) == (holder, None) for line in lines)
    return [line["detail"] for line in lines]


def test_the_page_shows_each_session_with_its_device_and_marks_this_one(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    _tokens(provider, _from(provider, ANDROID), assistant)
    provider.clock.advance(seconds=60)
    visit = _from(provider, FIREFOX)
    provider.clock.advance(seconds=30)
    visit.get("/profile")
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert _listed(visit) == {
        "Vos sessions": [
            "Firefox, Windows cette session depuis le 15/01 10:32, jusqu'au 15/01 18:32 au plus tard"
        ],
        "NAUDIN Fernand": ["Chrome Mobile, Android depuis le 15/01 10:30, jusqu'au 14/02 10:30 au plus tard"],
    }
    assert "Terminer toutes" not in visit.page.text


def test_one_session_of_ones_own_is_ended_everywhere_and_no_other(
    provider: Provider, doctor: Someone
) -> None:
    elsewhere, kept = provider.browser(), provider.browser()
    tokens = _tokens(provider, elsewhere, doctor)
    others = _tokens(provider, kept, doctor)
    elsewhere.authorize("strict")
    code_still_out = elsewhere.answer["code"]
    provider.clock.advance(seconds=30)
    visit = doctors_browser(provider, doctor)
    assert len(_listed(visit)["Vos sessions"]) == 3
    _press(visit, "sid", 1)
    assert (visit.page.url, visit.page.status) == (PAGE, 200)
    assert "1 session est terminée." in visit.page.text
    assert len(_listed(visit)["Vos sessions"]) == 2
    assert provider.redeem(code_still_out, "strict").status_code == 400
    assert _lives(provider, elsewhere, tokens) == (False, False)
    assert not _refreshes(provider, tokens)
    elsewhere.get(PAGE)
    assert elsewhere.step == "identification"
    assert _lives(provider, kept, others) == (True, True)
    assert _refreshes(provider, others)
    [line] = _ended(provider)
    assert line == {"of": "holder", "sid": provider.claims(tokens["id_token"])["sid"]}


def test_all_other_sessions_of_ones_own_end_and_this_one_and_the_assistants_go_on(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    others = [provider.browser(), provider.browser()]
    given = [_tokens(provider, other, doctor) for other in others]
    assistants = provider.browser()
    theirs = _tokens(provider, assistants, assistant)
    visit = provider.browser()
    mine = _tokens(provider, visit, doctor)
    _listed(visit)
    assert _values(visit, "all") == ["holder"]
    _press(visit, "all")
    assert "2 sessions sont terminées." in visit.page.text
    assert list(_listed(visit)) == ["Vos sessions", "NAUDIN Fernand"]
    assert len(_listed(visit)["Vos sessions"]) == 1
    for other, tokens in zip(others, given, strict=True):
        assert _lives(provider, other, tokens) == (False, False)
        assert not _refreshes(provider, tokens)
    for browser, tokens in ((visit, mine), (assistants, theirs)):
        assert _lives(provider, browser, tokens) == (True, True)
        assert _refreshes(provider, tokens)
    assert _ended(provider) == [{"of": "holder", "sessions": 2}]


@pytest.mark.parametrize("every", [True, False])
def test_an_assistants_sessions_end_one_by_one_or_all_and_nobody_elses(
    provider: Provider, doctor: Someone, assistant: Someone, every: bool
) -> None:
    browsers = [provider.browser(), provider.browser()]
    given = [_tokens(provider, browser, assistant) for browser in browsers]
    colleague = provider.add_assistant(doctor, "VOLFONI Paul")
    others = provider.browser()
    others_tokens = _tokens(provider, others, colleague)
    visit = doctors_browser(provider, doctor)
    page = _listed(visit)
    assert {heading: len(lines) for heading, lines in page.items()} == {
        "Vos sessions": 1,
        "VOLFONI Paul": 1,
        "NAUDIN Fernand": 2,
    }
    ids = {row["name"]: row["id"] for row in rows(provider)}
    if every:
        assert _values(visit, "all") == [ids["NAUDIN Fernand"]]
        _press(visit, "all")
        expected = [{"of": ids["NAUDIN Fernand"], "sessions": 2}]
    else:
        sids = [provider.claims(tokens["id_token"])["sid"] for tokens in given]
        for sid in sids:
            _press(visit, "sid", _values(visit, "sid").index(sid))
        expected = [{"of": ids["NAUDIN Fernand"], "sid": sid} for sid in sids]
    for browser, tokens in zip(browsers, given, strict=True):
        assert _lives(provider, browser, tokens) == (False, False)
        assert not _refreshes(provider, tokens)
    assert _lives(provider, others, others_tokens) == (True, True)
    assert list(_listed(visit)) == ["Vos sessions", "VOLFONI Paul"]
    assert _ended(provider) == expected
    again = _tokens(provider, browsers[0], assistant)
    assert _lives(provider, browsers[0], again) == (True, True)


@pytest.mark.attack(55)
@pytest.mark.attack(56)
@pytest.mark.parametrize("field", ["sid", "all", "device"])
def test_what_is_somebody_elses_does_not_exist_here(
    provider: Provider, doctor: Someone, assistant: Someone, field: str
) -> None:
    theirs = provider.browser()
    tokens = _tokens(provider, theirs, assistant)
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        devices.make_known(connection, account_id, None, "0" * 64, "Firefox", provider.clock.now())
        known = devices.of_account(connection, account_id, provider.clock.now())[0].id
    wanted = {
        "sid": provider.claims(tokens["id_token"])["sid"],
        "all": rows(provider)[0]["id"],
        "device": known,
    }
    visit = doctors_browser(provider, provider.add("408463", "PETIT Anne", mfa=True))
    for value in (wanted[field], "", "none", "everybody"):
        visit.get(PAGE)
        page = visit.post(PAGE, {field: value})
        assert (page.status, page.error) == (404, "not_found")
    assert visit.get(PAGE).status == 200
    page = visit.post(PAGE, {})
    assert page.status == 404
    assert _lives(provider, theirs, tokens) == (True, True)
    with provider.parts.database.read() as connection:
        assert devices.of_account(connection, account_id, provider.clock.now())
    assert _ended(provider) == []


@pytest.mark.attack(55)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_assistant_neither_sees_nor_ends_any_session(
    provider: Provider, doctor: Someone, assistant: Someone, method: str
) -> None:
    doctors = provider.browser()
    tokens = _tokens(provider, doctors, doctor)
    visit = provider.browser()
    visit.sign_in(assistant)
    visit.get("/")
    sid = provider.claims(tokens["id_token"])["sid"]
    page = visit.get(PAGE) if method == "GET" else visit.post(PAGE, {"sid": sid})
    assert (page.status, page.error) == (403, "insufficient_scope")
    assert _lives(provider, doctors, tokens) == (True, True)
    denied = [line for line in audit_lines(provider) if line["kind"] == "managing.denied"]
    assert [(line["detail"]["why"], line["actor_id"] is not None) for line in denied] == [
        ("insufficient_scope", True)
    ]


@pytest.mark.attack(56)
def test_a_session_left_open_ends_nothing_until_both_factors_are_shown_again(
    provider: Provider, doctor: Someone
) -> None:
    elsewhere = provider.browser()
    tokens = _tokens(provider, elsewhere, doctor)
    provider.clock.advance(seconds=30)
    visit = doctors_browser(provider, doctor)
    _listed(visit)
    assert _values(visit, "sid")
    provider.clock.advance(seconds=901)
    stale = _values(visit, "sid")[0]
    page = visit.post(PAGE, {"sid": stale})
    assert (page.status, page.error) == (403, "insufficient_user_authentication")
    _listed(visit)
    assert _values(visit, "sid") == []
    assert "identifiez-vous à nouveau" in visit.page.text
    visit.submit()
    assert visit.step == "identification"
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == PAGE
    _press(visit, "sid")
    assert not _refreshes(provider, tokens)


def test_without_a_second_factor_the_password_suffices(provider: Provider, newcomer: Someone) -> None:
    elsewhere = provider.browser()
    elsewhere.sign_in(newcomer)
    visit = provider.browser()
    visit.get(PAGE)
    visit.identify(newcomer)
    _press(visit, "sid")
    elsewhere.authorize(prompt="none")
    assert elsewhere.answer["error"] == "login_required"


def test_an_insured_person_ends_their_own(provider: Provider) -> None:
    insured = provider.add("2001235", "ROSSI Carla", "insured", mfa=True)
    elsewhere = provider.browser()
    elsewhere.sign_in(insured)
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.get(PAGE)
    visit.identify(insured)
    visit.enter_code(insured)
    _press(visit, "all")
    elsewhere.authorize(prompt="none")
    assert elsewhere.answer["error"] == "login_required"


def test_a_form_of_another_site_ends_nothing(provider: Provider, doctor: Someone) -> None:
    elsewhere = provider.browser()
    tokens = _tokens(provider, elsewhere, doctor)
    provider.clock.advance(seconds=30)
    visit = doctors_browser(provider, doctor)
    _listed(visit)
    for token in ("", "x"):
        page = visit.post(PAGE, {"sid": _values(visit, "sid")[0], "csrf_token": token})
        assert (page.status, page.error) == (400, "expired")
        _listed(visit)
    assert _lives(provider, elsewhere, tokens) == (True, True)


def test_this_very_session_can_be_ended_too(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    tokens = _tokens(provider, visit, doctor)
    visit.get(PAGE)
    visit.post(PAGE, {"sid": provider.claims(tokens["id_token"])["sid"]})
    assert visit.step == "identification"
    assert not _refreshes(provider, tokens)


def test_a_service_that_still_refreshes_keeps_its_session_on_the_page_until_it_is_ended(
    provider: Provider, doctor: Someone
) -> None:
    elsewhere = _from(provider, ANDROID)
    tokens = _tokens(provider, elsewhere, doctor)
    _tokens(provider, provider.browser(), doctor, "plain")
    provider.clock.advance(seconds=8 * 3600 + 1)
    clear_away(provider.parts)
    elsewhere.authorize(prompt="none")
    assert elsewhere.answer["error"] == "login_required"
    visit = doctors_browser(provider, doctor)
    assert [line.split(" depuis")[0] for line in _listed(visit)["Vos sessions"]] == [
        "Appareil inconnu cette session",
        "Chrome Mobile, Android",
    ]
    _press(visit, "sid")
    assert not _refreshes(provider, tokens)
    assert len(_listed(visit)["Vos sessions"]) == 1


def test_a_session_of_which_nothing_is_left_is_gone_from_page_and_register(
    provider: Provider, doctor: Someone
) -> None:
    _tokens(provider, provider.browser(), doctor)
    lifetime = timedelta(seconds=provider.settings.refresh_lifetime)
    provider.clock.advance(seconds=lifetime.total_seconds())
    visit = doctors_browser(provider, doctor)
    assert len(_listed(visit)["Vos sessions"]) == 1
    clear_away(provider.parts)
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
        epoch = provider.clock.now() - 2 * lifetime
        assert len(sessions.of_account(connection, account_id, epoch)) == 1


@pytest.mark.parametrize("way", ["removed", "over"])
def test_an_assistant_who_may_no_longer_enter_has_no_session_on_the_page(
    provider: Provider, doctor: Someone, way: str
) -> None:
    name = "NAUDIN Fernand"
    assistant = provider.add_assistant(doctor, name, last=date(2026, 1, 15))
    _tokens(provider, provider.browser(), assistant)
    if way == "removed":
        provider.remove_assistant(doctor, name)
    else:
        provider.clock.advance(seconds=14 * 3600)
    visit = doctors_browser(provider, doctor)
    assert list(_listed(visit)) == ["Vos sessions"]
    if way == "over":
        visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
        visit.submit(valid_until="2026-03-01")
        assert list(_listed(visit)) == ["Vos sessions"]


def test_ending_twice_at_the_same_moment_is_one_end(provider: Provider, doctor: Someone) -> None:
    tokens = _tokens(provider, provider.browser(), doctor)
    sid = provider.claims(tokens["id_token"])["sid"]
    provider.clock.advance(seconds=30)
    visit = doctors_browser(provider, doctor)
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    del visit

    def end(_number: int) -> bool:
        with provider.parts.database.write() as connection:
            return sessions.end(connection, account_id, sid, provider.clock.now())

    assert sorted(race(6, end)) == [False] * 5 + [True]


def test_a_known_device_is_shown_with_its_people_and_forgotten(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    now = provider.clock.now()
    delegation_id = rows(provider)[0]["id"]
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        devices.make_known(connection, account_id, None, "1" * 64, "Firefox, Windows", now)
        devices.make_known(connection, account_id, delegation_id, "1" * 64, "Firefox, Windows", now)
    visit = doctors_browser(provider, doctor)
    assert [line for line in _cards(visit)[DEVICES] if "cet appareil" in line] == [
        "Appareil inconnu · Vous cet appareil dernière utilisation le 15/01 10:30"
    ]
    shown = "Firefox, Windows · Vous, NAUDIN Fernand dernière utilisation le 15/01 10:30"
    place = _cards(visit)[DEVICES].index(shown)
    forgotten = _values(visit, "device")[place]
    _press(visit, "device", place)
    assert "L'appareil est oublié." in visit.page.text
    assert shown not in _cards(visit).get(DEVICES, [])
    audited = [line["detail"] for line in audit_lines(provider) if line["kind"] == "device.forgotten"]
    assert audited == [{"device": forgotten}]
