"""A forgotten password or identifier: the page says the same to everybody, and only a message on file opens a way."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, select

from idp.accounts import directory
from idp.storage.schema import person, recovery_request, single_use_link
from idp.worker import jobs_of
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.journeys.story import audit_lines, failures_of, html, statements
from tests.journeys.told import BY_MAIL, told
from tests.mail import mail_server
from tests.provider import ISSUER, PASSWORD, Provider, Someone, Visit
from tests.storage.racing import race

NEW = "pluie tabac violon"
MAIL = "alice.durand@example.org"
ASK, NAME, RESET = "/forgotten/password", "/forgotten/identifier", "/forgotten/reset"


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


def _ask(provider: Provider, typed: str, path: str = ASK) -> Visit:
    visit = provider.browser()
    visit.get(path)
    visit.submit(typed=typed)
    return visit


def _answer(provider: Provider) -> int:
    """Do what the worker does with what was asked."""
    return _work(provider, "forgotten")


def _work(provider: Provider, *jobs: str) -> int:
    """Do some of the worker's jobs once, in their order, and return how much the last one did."""
    with ThreadPoolExecutor(1) as lanes:
        found = jobs_of(provider.settings, provider.parts, Event(), lanes)
        return [job.run() for job in found if job.name in jobs][-1]


def _link(provider: Provider, who: Someone) -> str:
    """Return the path of a fresh link of theirs."""
    _ask(provider, who.identifier)
    _answer(provider)
    links = [values["link"] for kind, _to, values in told(provider) if kind == "password_link"]
    return links[-1].removeprefix(ISSUER)


def _use(provider: Provider, path: str, new: str = NEW) -> Visit:
    visit = provider.browser()
    visit.get(path)
    if visit.page.forms:
        visit.submit(new_password=new)
    return visit


def _enters(provider: Provider, who: Someone) -> bool:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    return visit.step == "code" or visit.left_for is not None


def _kinds(provider: Provider, kind: str) -> list[dict[str, object]]:
    return [line["detail"] for line in audit_lines(provider) if line["kind"] == kind]


def test_a_link_opens_the_way_to_a_new_password_and_the_phone_is_still_asked_for(
    provider: Provider, doctor: Someone
) -> None:
    path = _link(provider, doctor)
    kind, to, values = told(provider)[-1]
    assert (kind, to, values["minutes"]) == ("password_link", MAIL, "15")
    assert re.fullmatch(rf"{ISSUER}/forgotten/reset/[\w-]{{43}}", values["link"])
    visit = provider.browser()
    page = visit.get(path)
    assert page.url == RESET
    assert page.forms[0].fields["username"] == doctor.identifier
    assert "Au moins 8 caractères" in page.text
    visit.submit(new_password=NEW)
    assert "Votre mot de passe est changé" in visit.page.text
    assert "le code de votre téléphone vous sera demandé" in visit.page.text
    assert not _enters(provider, doctor)
    changed = replace(doctor, password=NEW)
    visit = provider.browser()
    provider.clock.advance(seconds=30)
    assert visit.sign_in(changed)
    assert provider.claims(provider.redeem(visit.answer["code"]).get_json()["id_token"])["acr"] == "mfa"
    assert told(provider)[-1][:2] == ("password_changed", MAIL) or ("password_changed", MAIL, {}) in told(
        provider
    )
    assert _kinds(provider, "recovery.link_sent") == [{"forgotten": "password", "contacts": 1}]
    assert _kinds(provider, "password.reset") == [{"by": "link"}]


def test_it_arrives_by_mail_and_works(provider: Provider, tmp_path: Path, clock: MovableClock) -> None:
    folder = tmp_path / "mailing"
    folder.mkdir()
    with mail_server(server_context(tmp_path)) as mailbox:
        smtp = {
            "host": "localhost",
            "port": mailbox.port,
            "sender": "caisses@example.org",
            "ca_file": str(certificate(tmp_path)),
        }
        mailing = Provider(folder, clock, plugins={"notifiers": ["smtp"]}, smtp=smtp)
        doctor = mailing.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})
        _ask(mailing, doctor.identifier)
        _work(mailing, "forgotten", "notices")
        (mail,) = mailbox.mails
        body = mail.get_body(("plain",))
        assert body is not None
        link = re.search(rf"{ISSUER}(/forgotten/reset/\S+)", body.get_content())
        assert link is not None
        _use(mailing, link[1])
        assert _enters(mailing, replace(doctor, password=NEW))
        mailing.parts.database.dispose()


@pytest.mark.attack(9)
def test_known_unknown_disabled_unreachable_and_asked_too_often_get_one_answer_by_the_same_work(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    disabled = provider.add("555555", "DISABLED", attributes={"email": "x@example.org"})
    provider.disable(disabled)
    cases = {
        ASK: [doctor.identifier, "999999", disabled.identifier, insured.identifier, "x" * 60],
        NAME: [MAIL, "nobody@example.org", "x@example.org", "é@exemple.fr"],
    }
    for path, typed in cases.items():
        answers, costs = set(), set()
        for one in typed * 2:
            visit = provider.browser()
            visit.get(path)
            with statements(provider) as ran:
                page = visit.submit(typed=one)
            answers.add((page.status, re.sub('name="csrf_token" value="[^"]*"', "", html(visit))))
            costs.add(tuple(statement.split(" ")[0] for statement in ran if "PRAGMA" not in statement))
        assert len(answers) == 1
        assert [status for status, _ in answers] == [200]
        assert len(costs) == 1
    for _ in range(5):
        page = _ask(provider, doctor.identifier).page
    assert page.status == 200
    assert "attempt.throttled" in [line["kind"] for line in audit_lines(provider)]


@pytest.mark.attack(6)
def test_however_it_is_spelled_an_identifier_is_asked_for_by_one_counter(
    provider: Provider, doctor: Someone
) -> None:
    provider.add("dr.durand", "DURAND Bob", attributes={"email": "bob@example.org"})
    for spelling in ("Dr.Durand", " dr.durand ", "ＤＲ．ＤＵＲＡＮＤ", "dr.\u200bdurand", "DR.DURAND"):
        _ask(provider, spelling)
    assert failures_of(provider)["forgotten"] == 4
    with provider.parts.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(recovery_request)).scalar_one() == 4
    _answer(provider)
    assert [to for _kind, to, _values in told(provider)] == ["bob@example.org"] * 3


@pytest.mark.attack(10)
@pytest.mark.parametrize(("path", "kind"), [(ASK, "password_link"), (NAME, "identifier")])
def test_strangers_who_ask_all_the_time_do_not_keep_the_owner_from_being_answered(
    provider: Provider, doctor: Someone, path: str, kind: str
) -> None:
    """At once on a browser that the account knows, within five minutes on any other; links enough live meanwhile."""
    mine = provider.browser()
    mine.sign_in(doctor)
    typed = doctor.identifier if path == ASK else MAIL

    def asked(visit: Visit) -> bool:
        visit.get(path)
        visit.submit(typed=typed)
        return _answer(provider) == 1

    def sent() -> list[dict[str, str]]:
        return [values for found, _to, values in told(provider) if found == kind]

    for _ in range(25):
        while not asked(provider.browser()):
            provider.clock.advance(seconds=30)
    assert not asked(provider.browser())
    provider.clock.advance(seconds=299)
    assert not asked(provider.browser())
    before = len(sent())
    assert asked(mine)
    assert len(sent()) == before + (path == NAME)
    provider.clock.advance(seconds=1)
    assert asked(provider.browser())
    if path == ASK:
        link = sent()[-1]["link"].removeprefix(ISSUER)
        assert "Votre mot de passe est changé" in _use(provider, link).page.text


@pytest.mark.attack(9)
@pytest.mark.parametrize(("path", "theirs"), [(ASK, "999999"), (NAME, "nobody@example.org")])
def test_a_known_browser_costs_and_shows_the_same_whatever_was_typed(
    provider: Provider, doctor: Someone, path: str, theirs: str
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    answers = set()
    for typed in (doctor.identifier if path == ASK else MAIL, theirs):
        visit.get(path)
        with statements(provider) as ran:
            page = visit.submit(typed=typed)
        answers.add((page.status, page.text, *(one.split(" ")[0] for one in ran if "PRAGMA" not in one)))
    assert len(answers) == 1


def test_nobody_is_flooded_and_each_link_that_was_sent_works_until_one_is_used(
    provider: Provider, doctor: Someone
) -> None:
    for _ in range(8):
        _ask(provider, doctor.identifier)
        provider.clock.advance(seconds=11)
        _answer(provider)
    links = [values["link"].removeprefix(ISSUER) for _kind, _to, values in told(provider)]
    assert len(links) == 3
    assert "Votre mot de passe est changé" in _use(provider, links[0]).page.text
    for other in links:
        page = _use(provider, other).page
        assert (page.status, page.error) == (410, "expired")


@pytest.mark.attack(69)
def test_neither_the_link_nor_what_was_typed_stands_in_the_database(
    provider: Provider, doctor: Someone
) -> None:
    _ask(provider, doctor.identifier)
    with provider.parts.database.read() as connection:
        asked = connection.execute(select(recovery_request)).one()
    assert doctor.identifier not in asked.typed
    _answer(provider)
    token = told(provider)[-1][2]["link"].rpartition("/")[2]
    dump = "\n".join(_dump(provider))
    assert token not in dump
    assert PASSWORD not in dump
    with provider.parts.database.read() as connection:
        (kept,) = connection.execute(select(single_use_link.c.token)).scalars().all()
    # What the dump holds is no link.
    assert _use(provider, f"{RESET}/{kept}").page.status == 410
    assert not _answer(provider)


@pytest.mark.attack(70)
def test_no_link_stands_in_the_log_the_audit_or_an_address_that_a_page_gives_away(
    provider: Provider, doctor: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        path = _link(provider, doctor)
        token = path.rpartition("/")[2]
        visit = provider.browser()
        visit.get(path)
        assert token not in visit.page.url
        assert token not in html(visit)
        assert visit.response is not None
        assert visit.response.headers["Referrer-Policy"] == "same-origin"
        assert visit.response.headers["Cache-Control"] == "no-store"
        visit.submit(new_password=NEW)
    assert token not in caplog.text
    assert NEW not in caplog.text
    assert token not in str(audit_lines(provider))


def test_looking_at_a_link_uses_nothing_up(provider: Provider, doctor: Someone) -> None:
    path = _link(provider, doctor)
    for _ in range(3):
        assert provider.browser().get(path).status == 200
    visit = provider.browser()
    visit.get(path)
    assert visit.submit(new_password="court").status == 422
    assert visit.submit(new_password="").status == 422
    visit.submit(cancel="1", new_password=NEW)
    assert visit.page.url == "/"
    assert _enters(provider, doctor)
    assert "Votre mot de passe est changé" in _use(provider, path).page.text


def test_a_link_is_used_once_whoever_races(
    provider: Provider, doctor: Someone, elsewhere: Callable[[], Visit]
) -> None:
    path = _link(provider, doctor)
    browsers = [provider.browser() if number % 2 else elsewhere() for number in range(6)]
    for visit in browsers:
        visit.get(path)
    answers = race(6, lambda number: browsers[number].submit(new_password=f"{NEW} {number}").status)
    assert sorted(answers) == [200, 410, 410, 410, 410, 410]
    winner = answers.index(200)
    assert _enters(provider, replace(doctor, password=f"{NEW} {winner}"))
    assert len(_kinds(provider, "password.reset")) == 1


def _activate_elsewhere(provider: Provider, who: Someone) -> None:
    visit = provider.browser()
    provider.clock.advance(seconds=30)
    visit.get("/profile")
    visit.identify(who)
    visit.enter_code(who)
    visit.get("/profile/password")
    visit.submit(current_password=who.password, new_password="autre chose encore")


OVERTAKEN: dict[str, Callable[[Provider, Someone], object]] = {
    "its time is over": lambda provider, _who: provider.clock.advance(seconds=15 * 60),
    "the account was disabled": lambda provider, who: provider.disable(who),
    "the password was changed": _activate_elsewhere,
    "it was used": lambda provider, who: _use(provider, OVERTAKEN_PATHS[who.identifier]),
}
OVERTAKEN_PATHS: dict[str, str] = {}


@pytest.mark.parametrize("why", OVERTAKEN)
def test_a_link_is_worthless_once_anything_overtook_it(provider: Provider, doctor: Someone, why: str) -> None:
    path = OVERTAKEN_PATHS[doctor.identifier] = _link(provider, doctor)
    held = provider.browser()
    held.get(path)
    OVERTAKEN[why](provider, doctor)
    for visit in (held, provider.browser()):
        if visit is held:
            visit.submit(new_password="mot de passe volé")
        else:
            visit.get(path)
        assert (visit.page.status, visit.page.error) == (410, "expired")
        assert ASK in html(visit)
    assert not _enters(provider, replace(doctor, password="mot de passe volé"))


def test_everything_at_the_account_ends_and_a_sign_in_under_way_begins_again(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    provider.clock.advance(seconds=30)
    helper = provider.browser()
    tokens = provider.redeem(helper.sign_in(assistant)).get_json()
    under_way = provider.browser()
    under_way.authorize()
    under_way.identify(doctor)
    provider.clock.advance(seconds=30)
    _use(provider, _link(provider, doctor))
    under_way.enter_code(doctor)
    assert under_way.step == "identification"
    for other in (visit, helper):
        other.get("/profile")
        assert other.step == "identification"
    assert provider.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    provider.clock.advance(seconds=30)
    with_new = replace(assistant, password=NEW)
    assert provider.browser().sign_in(with_new)


def test_who_locked_themselves_out_by_wrong_passwords_enters_at_once(
    provider: Provider, doctor: Someone
) -> None:
    for _ in range(12):
        visit = provider.browser()
        visit.authorize()
        visit.submit(identifier=doctor.identifier, password="13572468")
    path = _link(provider, doctor)
    _use(provider, path)
    visit = provider.browser()
    visit.authorize()
    visit.identify(replace(doctor, password=NEW))
    assert visit.step == "code"


@pytest.mark.attack(4)
def test_a_link_gives_no_guesses_at_codes_back(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    for _ in range(3):
        visit.submit(code="000000")
    before = failures_of(provider)["code"]
    _use(provider, _link(provider, doctor))
    assert failures_of(provider)["code"] == before == 3


def test_an_identifier_is_sent_to_the_address_that_is_on_file(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    second = provider.add("2001235", "DURAND Alice", "insured", attributes={"email": MAIL.title()})
    off = provider.add("2001236", "DURAND Alice", "insured", attributes={"email": MAIL})
    provider.disable(off)
    page = _ask(provider, f"  {MAIL.upper()} ", NAME).page
    assert "votre identifiant y parvient" in page.text
    assert MAIL not in html(_ask(provider, MAIL, NAME))
    _answer(provider)
    sent = {(kind, values["identifier"]) for kind, _to, values in told(provider)}
    assert sent == {("identifier", doctor.identifier), ("identifier", second.identifier)}
    assert insured.identifier not in str(told(provider))


@pytest.mark.parametrize(
    ("path", "typed"),
    [(ASK, ""), (ASK, " \u200b"), (ASK, "x" * 300), (NAME, ""), (NAME, "alice"), (NAME, "@"), (NAME, "a@")],
)
def test_what_cannot_be_one_is_said_and_shown_again(provider: Provider, path: str, typed: str) -> None:
    visit = _ask(provider, typed, path)
    assert visit.page.status == 422
    assert visit.page.forms[0].fields["typed"] == typed[:254]
    with provider.parts.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(recovery_request)).scalar_one() == 0


def test_without_a_way_to_tell_anybody_the_page_says_whom_to_call(
    tmp_path: Path, clock: MovableClock
) -> None:
    folder = tmp_path / "silent"
    folder.mkdir()
    silent = Provider(folder, clock)
    doctor = silent.add("408461", "DURAND Alice", attributes={"email": MAIL})
    for path in (ASK, NAME):
        visit = silent.browser()
        page = visit.get(path)
        assert "+377 00 00 00 00" in page.text
        assert page.forms == []
        visit.get("/")
        assert visit.post(path, {"typed": doctor.identifier}).forms == []
    with silent.parts.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(recovery_request)).scalar_one() == 0
    silent.parts.database.dispose()


def test_both_ways_stand_on_the_page_of_the_sign_in(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.authorize()
    for path, words in ((ASK, "Mot de passe oublié ?"), (NAME, "Identifiant oublié ?")):
        assert f'<a href="{path}">{words}</a>' in html(visit)
    answer = visit.client.get(ASK, base_url=ISSUER, headers={"Referer": f"{ISSUER}{page.url}"})
    assert f'href="{ISSUER}{page.url}"' in answer.text


def test_a_request_that_waited_too_long_is_dropped_and_a_new_address_is_found(
    provider: Provider, doctor: Someone
) -> None:
    _ask(provider, doctor.identifier)
    provider.clock.advance(seconds=3601)
    assert _answer(provider) == 1
    assert told(provider) == []
    with provider.parts.database.write() as connection:
        moved = {"email": "new@example.org"}
        key = directory.email_key(moved)
        connection.execute(person.update().values(attributes=moved, email_key=key))
    _ask(provider, "new@example.org", NAME)
    _answer(provider)
    assert [(kind, to) for kind, to, _values in told(provider)] == [("identifier", "new@example.org")]


def test_a_made_up_link_is_worth_nothing(provider: Provider, doctor: Someone) -> None:
    for token in ("x", "x" * 4_000, "%00", "é", "a" * 43):
        visit = provider.browser()
        page = visit.get(f"{RESET}/{token}")
        assert (page.status, page.error) == (410, "expired")
    assert provider.browser().get(RESET).status == 410
    visit = provider.browser()
    visit.get("/")
    assert visit.post(RESET, {"new_password": NEW}).status == 410
    assert _enters(provider, doctor)


def _dump(provider: Provider) -> Iterator[str]:
    with provider.parts.database.read() as connection:
        raw = connection.connection.driver_connection
        yield from raw.iterdump()  # type: ignore[union-attr]
