"""The doctor's journal: who was let in, where, when, from which device; one line for each session and service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from idp.accounts import journal
from idp.accounts.journal import Admission
from idp.clearing import forget
from idp.storage.schema import journal_entry, person
from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser
from tests.journeys.story import activate, audit_lines, html, statements
from tests.provider import Provider, Someone, Visit
from tests.storage.conftest import ON_POSTGRESQL
from tests.storage.racing import race

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:134.0) Gecko/20100101 Firefox/134.0"
KEPT = timedelta(days=365)


def _lines(visit: Visit, path: str = "/profile/journal") -> list[str]:
    """Return the lines of the journal at ``path`` as they read."""
    assert visit.get(path).status == 200
    found = re.findall(r"<li><div>(.*?)</div></li>", html(visit), re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", "", line).split()) for line in found]


def _from(provider: Provider, agent: str) -> Visit:
    visit = provider.browser()
    visit.client.environ_base["HTTP_USER_AGENT"] = agent
    return visit


def _link(visit: Visit, text: str) -> str | None:
    return next((address for words, address in visit.page.links if words.startswith(text)), None)


def _admission(provider: Provider, who: Someone, at: datetime, sid: str, service: str) -> Admission:
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
        sub = connection.execute(select(person.c.id).where(person.c.name == who.name)).scalar_one()
    return Admission(at, account_id, sub, sid, "open", service, "")


def _fill(provider: Provider, who: Someone, count: int, start: datetime) -> None:
    """Write lines a minute apart, the first at ``start``: *Service 0*, *Service 1*, …"""
    for number in range(count):
        at = start + timedelta(minutes=number)
        new = _admission(provider, who, at, f"{who.identifier} {at}", f"Service {number}")
        with provider.parts.database.write() as connection:
            journal.admitted(connection, new)


def _count(provider: Provider) -> int:
    with provider.parts.database.read() as connection:
        return connection.execute(select(func.count()).select_from(journal_entry)).scalar_one()


def test_a_line_reads_as_the_doctor_expects_it(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    provider.clock.set(datetime(2026, 1, 13, 8, 12, tzinfo=UTC))
    _from(provider, FIREFOX).sign_in(assistant, "portal")
    visit = doctors_browser(provider, doctor)
    assert _lines(visit) == [
        "DURAND Alice · Profil · 13/01 09:12 Appareil inconnu",
        "NAUDIN Fernand · Service portal · 13/01 09:12 Firefox, Windows",
    ]
    assert _lines(visit, "/profile") == _lines(visit)


def test_a_session_leaves_one_line_at_each_service_however_often_it_is_renewed(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    for client_id in ("open", "strict", "open", "strict", "public"):
        provider.clock.advance(seconds=60)
        visit.authorize(client_id, prompt="none")
        assert "code" in visit.answer
    services = [line.split(" · ")[1] for line in _lines(visit)]
    assert services == ["Service public", "Service strict", "Service open"]


def test_a_step_up_goes_on_with_its_line_and_another_session_has_its_own(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer, "open")
    visit.authorize("open", acr_values="mfa")
    phone = activate(visit, newcomer)
    visit.authorize("open", prompt="none")
    assert len(_lines(visit)) == 1
    provider.clock.advance(seconds=30)
    provider.browser().sign_in(phone, "open")
    assert len(_lines(visit)) == 2


def test_nobody_who_was_not_let_in_leaves_a_line(
    provider: Provider, doctor: Someone, assistant: Someone, insured: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("open", prompt="none")
    visit.authorize("open")
    visit.submit(identifier=doctor.identifier, password="0000")
    visit.identify(doctor)
    visit.submit(code="000000")
    refused = provider.browser()
    refused.authorize("retirement")
    refused.identify(doctor)
    refused.enter_code(assistant)
    assert refused.step == "refused"
    elsewhere = provider.browser()
    elsewhere.authorize("portal")
    elsewhere.identify(insured)
    assert elsewhere.step == "refused"
    assert _count(provider) == 0


def test_somebody_else_than_the_one_who_was_expected_leaves_no_line(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    hint = provider.redeem(provider.browser().sign_in(insured)).get_json()["id_token"]
    visit = provider.browser()
    visit.sign_in(doctor, "strict")
    before = _count(provider)
    visit.authorize("open", id_token_hint=hint)
    assert visit.answer["error"] == "login_required"
    assert _count(provider) == before


@pytest.mark.attack(55)
@pytest.mark.parametrize("path", ["/profile/journal", "/profile/journal?before=1"])
def test_an_assistant_never_reads_it_and_the_try_is_audited(
    provider: Provider, doctor: Someone, assistant: Someone, path: str
) -> None:
    visit = provider.browser()
    visit.sign_in(assistant)
    page = visit.get(path)
    assert (page.status, page.error) == (403, "insufficient_scope")
    assert doctor.identifier not in page.text
    denied = [line for line in audit_lines(provider) if line["kind"] == "managing.denied"]
    assert [line["detail"]["endpoint"] for line in denied] == ["records.show_journal"]


def test_nobody_reads_another_accounts_journal(provider: Provider, doctor: Someone, insured: Someone) -> None:
    other = provider.browser()
    other.sign_in(insured)
    with provider.parts.database.read() as connection:
        line = connection.execute(select(journal_entry.c.id)).scalar_one()
    visit = doctors_browser(provider, doctor)
    for path in ("/profile/journal", f"/profile/journal?before={line + 1}", "/profile"):
        assert insured.name not in " ".join(_lines(visit, path))
    assert [line.split(" · ")[0] for line in _lines(other)] == [insured.name]


def test_who_is_not_signed_in_identifies_themselves_first(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.get("/profile/journal")
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == "/profile/journal"


def test_older_lines_are_a_page_away_and_none_is_lost_or_twice_while_new_ones_come(
    provider: Provider, doctor: Someone
) -> None:
    _fill(provider, doctor, 119, datetime(2026, 1, 2, 6, tzinfo=UTC))
    visit = doctors_browser(provider, doctor)
    seen, path = [], "/profile/journal"
    sizes = []
    while True:
        page = _lines(visit, path)
        sizes.append(len(page))
        seen += page
        older = _link(visit, "Plus anciennes")
        if older is None:
            break
        path = older
        _fill(provider, doctor, 3, datetime(2026, 1, 15, 10 + len(sizes), tzinfo=UTC))
    assert sizes == [50, 50, 20]
    assert len(set(seen)) == 120
    assert [int(line.split()[4]) for line in seen[1:]] == list(range(118, -1, -1))
    assert _link(visit, "Les plus récentes") == "/profile/journal"


def test_a_page_deep_in_the_past_costs_as_much_as_the_first(provider: Provider, doctor: Someone) -> None:
    _fill(provider, doctor, 110, datetime(2026, 1, 2, 6, tzinfo=UTC))
    visit = doctors_browser(provider, doctor)
    _lines(visit)
    older = _link(visit, "Plus anciennes")
    assert older is not None
    with statements(provider) as seen:
        visit.get(older)
    read = [statement for statement in seen if "journal_entry" in statement]
    assert len(read) == 1
    assert "LIMIT" in read[0]
    assert "journal_entry.id <" in read[0]
    with provider.parts.database.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM journal_entry WHERE account_id = 'a' AND at > '2025' AND id < 9 "
            "ORDER BY id DESC LIMIT 51"
        ).all()
    told = " ".join(str(row) for row in plan)
    assert "ix_journal_entry_account_id_id" in told
    assert "TEMP B-TREE" not in told


@pytest.mark.parametrize("before", ["", "-1", "1 OR 1=1", "９", "9" * 19, "1.5", "x"])
def test_an_address_that_names_no_line_is_a_page_not_found(
    provider: Provider, doctor: Someone, before: str
) -> None:
    visit = doctors_browser(provider, doctor)
    answer = visit.client.get(
        "/profile/journal", query_string={"before": before}, base_url="https://idp.test"
    )
    assert answer.status_code == 404


def test_a_line_of_another_year_says_which_and_summer_has_its_hour(
    provider: Provider, doctor: Someone
) -> None:
    for number, at in enumerate(
        (
            datetime(2025, 7, 1, 7, 12, tzinfo=UTC),
            datetime(2025, 12, 31, 22, 59, tzinfo=UTC),
            # Already the new year at the fund.
            datetime(2025, 12, 31, 23, 0, tzinfo=UTC),
        )
    ):
        new = _admission(provider, doctor, at, f"s{number}", "FSE")
        with provider.parts.database.write() as connection:
            journal.admitted(connection, new)
    moments = [line.split(" · ")[2] for line in _lines(doctors_browser(provider, doctor))]
    assert [moment.removesuffix(" Appareil inconnu") for moment in moments] == [
        "15/01 10:30",
        "01/01 00:00",
        "31/12/2025 23:59",
        "01/07/2025 09:12",
    ]


def test_what_is_older_than_the_retention_is_neither_shown_nor_kept(
    provider: Provider, doctor: Someone
) -> None:
    now = provider.clock.now()
    for at, service in ((now - KEPT, "trop ancien"), (now - KEPT + timedelta(seconds=1), "encore là")):
        new = _admission(provider, doctor, at, service, service)
        with provider.parts.database.write() as connection:
            journal.admitted(connection, new)
    visit = doctors_browser(provider, doctor)
    assert [line.split(" · ")[1] for line in _lines(visit)] == ["Profil", "encore là"]
    assert "conservée 365 jours" in visit.page.text
    assert forget(provider.parts, KEPT) == 1
    assert _count(provider) == 2


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def stored(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give the provider on each database."""
    address = None
    if request.param != "sqlite":
        address = request.getfixturevalue("postgres_server").fresh_database()
    whole = Provider(tmp_path, clock, address)
    yield whole
    whole.parts.database.dispose()


def test_the_same_session_let_in_many_times_at_once_leaves_one_line(stored: Provider) -> None:
    doctor = stored.add("408461", "DURAND Alice")
    new = _admission(stored, doctor, stored.clock.now(), "the-session", "FSE")

    def write(_number: int) -> None:
        with stored.parts.database.write() as connection:
            journal.admitted(connection, new)

    race(8, write)
    assert _count(stored) == 1


def test_lines_of_the_same_moment_are_all_shown_over_two_pages(stored: Provider) -> None:
    doctor = stored.add("408461", "DURAND Alice", mfa=True)
    at = stored.clock.now()
    for number in range(60):
        new = _admission(stored, doctor, at, f"s{number}", f"Service {number}")
        with stored.parts.database.write() as connection:
            journal.admitted(connection, new)
    visit = doctors_browser(stored, doctor)
    first = _lines(visit)
    older = _link(visit, "Plus anciennes")
    assert older is not None
    assert len({*first, *_lines(visit, older)}) == 61
