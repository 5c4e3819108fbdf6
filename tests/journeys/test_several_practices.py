"""One assistant of several practitioners: linked by a code of their own will, and choosing after sign-in for whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import delegations, reset_links, sessions
from idp.login.session import SessionStore
from idp.storage.schema import ephemeral, person
from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser, filled, listed, rows
from tests.journeys.story import audit_kinds, audit_lines, code_of, cookie, html, twin
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

HERE, THERE = "DURAND Alice", "PETIT Anne"


@pytest.fixture
def other(provider: Provider) -> Someone:
    """Give a second practitioner."""
    return provider.add("408463", THERE, mfa=True)


def _signed_in(provider: Provider, who: Someone) -> Visit:
    """Return the browser of somebody who signed in at their own practice."""
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.sign_in(who)
    return visit


def _link_code(visit: Visit) -> str:
    """Ask for a link code on the home page."""
    visit.get("/")
    assert "/link-code" in html(visit)
    visit.get("/link-code")
    visit.submit()
    return html(visit).partition('data-link-code="')[2].partition('"')[0]


def _added(provider: Provider, doctor: Someone, link_code: str, **changes: str) -> Someone:
    """Enter a link code at the second practitioner's, and return the assistant with the phone key of that practice."""
    provider.clock.advance(seconds=30)
    visit = doctors_browser(provider, doctor)
    secret = visit.get("/profile/assistants/new").secret
    visit.submit(**filled(visit, **{"valid_from": "2025-12-03", "link_code": link_code, **changes}))
    assert visit.page.url == "/profile"
    return Someone(doctor.identifier, doctor.password, "NAUDIN Fernand", secret)


@pytest.fixture
def there(provider: Provider, assistant: Someone, other: Someone) -> Someone:
    """Give the doctor's assistant as they sign in at the second practitioner's, linked."""
    return _added(provider, other, _link_code(_signed_in(provider, assistant)))


def _towards_choice(provider: Provider, who: Someone, client_id: str = "open", **asked: str) -> Visit:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize(client_id, **asked)
    visit.identify(who)
    visit.enter_code(who)
    return visit


def _names(visit: Visit) -> list[str]:
    """Return the practitioners that the page offers."""
    assert visit.step == "choice"
    labels = html(visit).split('<label for="delegation-')[1:]
    return [label.partition(">")[2].partition("<")[0] for label in labels]


def _ids(visit: Visit) -> list[str]:
    """Return their delegations, in the same order."""
    return [part[:32] for part in html(visit).split('name="delegation" value="')[1:]]


def _claims(provider: Provider, visit: Visit) -> dict[str, Any]:
    return provider.claims(provider.redeem(visit.answer["code"]).get_json()["id_token"])


def _account(provider: Provider, who: Someone) -> str:
    with provider.parts.database.read() as connection:
        return provider.account_id(connection, who)


@pytest.mark.attack(59)
def test_the_same_person_is_known_by_the_same_subject_at_both_practices(
    provider: Provider, assistant: Someone, there: Someone, other: Someone
) -> None:
    here = _towards_choice(provider, assistant)
    assert _names(here) == [HERE, THERE]
    here.submit()
    at_home = _claims(provider, here)
    abroad = _claims(provider, _towards_choice(provider, there))
    assert at_home["act"] == abroad["act"]
    assert at_home["sub"] != abroad["sub"]
    assert at_home["delegation"]["id"] != abroad["delegation"]["id"]
    [line] = [line for line in audit_lines(provider) if line["kind"] == "assistant.linked"]
    assert line["account_id"] == _account(provider, other)
    assert line["detail"] == {"delegation": abroad["delegation"]["id"]}


def test_choosing_the_other_practice_makes_the_session_theirs(
    provider: Provider, doctor: Someone, assistant: Someone, there: Someone, other: Someone
) -> None:
    visit = _towards_choice(provider, assistant)
    visit.submit()
    first = _claims(provider, visit)
    visit = _towards_choice(provider, assistant)
    chosen = _ids(visit)[1]
    visit.submit(delegation=chosen)
    claims = _claims(provider, visit)
    assert claims["delegation"]["id"] == chosen
    assert claims["act"] == first["act"]
    assert claims["sub"] != first["sub"]
    assert claims["sid"] != first["sid"]
    assert visit.get("/").text.count(f"Vous agissez pour {THERE}") == 1
    lines = [line for line in audit_lines(provider) if line["kind"] == "actor.chosen"]
    assert [line["account_id"] for line in lines] == [_account(provider, doctor), _account(provider, other)]
    assert {line["actor_id"] for line in lines} == {claims["act"]["sub"]}
    assert {tuple(line["detail"].items()) for line in lines} == {
        (("from", first["delegation"]["id"]), ("to", chosen))
    }
    signed_in = [line for line in audit_lines(provider) if line["kind"] == "session.signed_in"][-1]
    assert (signed_in["account_id"], signed_in["actor_id"]) == (
        _account(provider, other),
        claims["act"]["sub"],
    )
    doctors = doctors_browser(provider, other)
    assert listed(doctors)[0][4] != "–"


def test_the_page_comes_after_the_code_and_before_anything_is_granted(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant)
    page = visit.page
    assert (visit.step, visit.left_for) == ("choice", None)
    assert page.text.index(HERE) < page.text.index(THERE)
    visit.authorize("open", prompt="none")
    assert visit.answer["error"] == "login_required"


@pytest.mark.attack(60)
def test_a_silent_request_never_changes_for_whom_a_session_is(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant)
    chosen = _ids(visit)[1]
    visit.submit(delegation=chosen)
    first = _claims(provider, visit)
    for client_id in ("open", "strict"):
        visit.authorize(client_id, prompt="none")
        tokens = provider.redeem(visit.answer["code"], client_id).get_json()
        claims = provider.claims(tokens["id_token"])
        assert (claims["sub"], claims["act"], claims["sid"]) == (first["sub"], first["act"], first["sid"])
        assert claims["delegation"]["id"] == chosen
    visit.authorize()
    assert "code" in visit.answer


def test_another_sign_in_asks_again_for_whom(provider: Provider, assistant: Someone, there: Someone) -> None:
    visit = _towards_choice(provider, assistant)
    visit.submit()
    provider.clock.advance(seconds=30)
    visit.authorize(prompt="login")
    visit.identify(assistant)
    visit.enter_code(assistant)
    assert visit.step == "choice"


@pytest.mark.attack(62)
def test_a_sign_in_at_the_second_practice_does_not_do_for_the_first(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, there)
    claims = _claims(provider, visit)
    assert claims["sub"] == _sub(provider, THERE)
    visit = _towards_choice(provider, replace(assistant, secret=there.secret))
    assert (visit.step, visit.page.status) == ("code", 422)


def _sub(provider: Provider, name: str) -> str:
    with provider.parts.database.read() as connection:
        return str(connection.execute(select(person.c.id).where(person.c.name == name)).scalar_one())


@pytest.mark.attack(62)
@pytest.mark.parametrize("wanted", ["", "none", "of somebody else", "of a namesake"])
def test_only_what_is_offered_can_be_chosen(
    provider: Provider, assistant: Someone, there: Someone, other: Someone, wanted: str
) -> None:
    provider.add_assistant(other, "VOLFONI Raoul")
    third = provider.add("408464", "ROUX Jean", mfa=True)
    provider.add_assistant(third, assistant.name)
    by_name = {(row["name"], row["account_id"]): row["id"] for row in rows(provider)}
    wanted = {
        "of somebody else": by_name["VOLFONI Raoul", _account(provider, other)],
        "of a namesake": by_name[assistant.name, _account(provider, third)],
    }.get(wanted, wanted)
    visit = _towards_choice(provider, assistant)
    assert _names(visit) == [HERE, THERE]
    page = visit.submit(delegation=wanted)
    assert (visit.step, page.status, visit.left_for) == ("choice", 422, None)
    assert "Choisissez un praticien de la liste." in page.text
    assert "actor.chosen" not in audit_kinds(provider)
    visit.submit()
    assert "code" in visit.answer


def _remove(provider: Provider, doctor: Someone) -> None:
    provider.remove_assistant(doctor, "NAUDIN Fernand")


def _disable(provider: Provider, doctor: Someone) -> None:
    provider.disable(doctor)


ENDS = [_remove, _disable]
End = Callable[[Provider, Someone], None]


@pytest.mark.attack(52)
@pytest.mark.parametrize("end", ENDS)
def test_a_practice_that_no_longer_counts_is_not_offered(
    provider: Provider, assistant: Someone, there: Someone, other: Someone, end: End
) -> None:
    end(provider, other)
    visit = _towards_choice(provider, assistant)
    assert "code" in visit.answer


@pytest.mark.attack(51)
def test_one_whose_time_there_is_over_or_to_come_is_not_offered(
    provider: Provider, assistant: Someone, other: Someone
) -> None:
    code = _link_code(_signed_in(provider, assistant))
    _added(provider, other, code, valid_from="2026-01-20", valid_until="2026-01-25")
    for day, offered in ((15, False), (20, True), (25, True), (26, False)):
        provider.clock.set(provider.clock.now().replace(day=day, hour=12))
        visit = _towards_choice(provider, assistant)
        assert (visit.step == "choice") is offered


@pytest.mark.attack(52)
@pytest.mark.parametrize("end", ENDS)
def test_a_practice_that_goes_while_the_page_stands_open_is_refused(
    provider: Provider, assistant: Someone, there: Someone, other: Someone, end: End
) -> None:
    visit = _towards_choice(provider, assistant)
    chosen = _ids(visit)[1]
    end(provider, other)
    page = visit.submit(delegation=chosen)
    assert (visit.step, page.status, visit.left_for) == ("choice", 422, None)
    assert _names(visit) == [HERE]
    assert "actor.chosen" not in audit_kinds(provider)
    visit.submit()
    assert _claims(provider, visit)["sub"] == _sub(provider, HERE)


@pytest.mark.attack(52)
@pytest.mark.parametrize("end", ENDS)
def test_who_is_removed_where_they_signed_in_chooses_nothing_any_more(
    provider: Provider, doctor: Someone, assistant: Someone, there: Someone, end: End
) -> None:
    visit = _towards_choice(provider, assistant)
    chosen = _ids(visit)[1]
    end(provider, doctor)
    visit.submit(delegation=chosen)
    assert (visit.step, visit.left_for) == ("identification", None)
    assert "actor.chosen" not in audit_kinds(provider)


@pytest.mark.attack(63)
def test_nobody_is_asked_for_whom_at_a_service_that_refuses_assistants(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant, "retirement")
    assert (visit.step, visit.page.status) == ("refused", 403)


def test_cancelling_the_choice_goes_back_to_the_service_with_nobody(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant)
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"


def test_the_page_sent_twice_gives_one_session(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant)
    windows = [twin(visit) for _ in range(6)]
    chosen = _ids(visit)[1]
    race(len(windows), lambda number: windows[number].submit(delegation=chosen))
    assert sum(one.left_for is not None and "code" in one.answer for one in windows) == 1


@pytest.mark.attack(52)
def test_removing_at_one_practice_ends_nothing_that_was_signed_in_to_at_the_other(
    provider: Provider, doctor: Someone, assistant: Someone, there: Someone
) -> None:
    tokens = _tokens(provider, _towards_choice(provider, there, "portal"))
    provider.remove_assistant(doctor, assistant.name)
    assert provider.userinfo(tokens["access_token"]).status_code == 200
    assert provider.refresh(tokens["refresh_token"], "portal").status_code == 200
    assert _towards_choice(provider, there).left_for is not None
    assert _towards_choice(provider, assistant).step == "code"


def _tokens(provider: Provider, visit: Visit) -> dict[str, Any]:
    answer: dict[str, Any] = provider.redeem(visit.answer["code"], "portal").get_json()
    return answer


def _mine(provider: Provider, doctor: Someone) -> str:
    account_id = _account(provider, doctor)
    return next(str(row["id"]) for row in rows(provider) if row["account_id"] == account_id)


def _give_phone(provider: Provider, doctor: Someone) -> None:
    visit = doctors_browser(provider, doctor)
    secret = visit.get(f"/profile/assistants/{_mine(provider, doctor)}/phone").secret
    assert secret is not None
    visit.submit(code=code_of(secret, provider.clock))
    assert visit.page.url == "/profile"


def _end_yesterday(provider: Provider, doctor: Someone) -> None:
    now, one = provider.clock.now(), _mine(provider, doctor)
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        assert delegations.set_end(connection, account_id, one, now, 10, now)


def _reset_by_link(provider: Provider, doctor: Someone) -> None:
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        token = reset_links.make(connection, account_id, timedelta(minutes=15), provider.clock.now())
    visit = provider.browser()
    visit.get(f"/forgotten/reset/{token}")
    visit.submit(new_password="vélo rouge au port")
    assert "password.reset" in audit_kinds(provider)


def _change_password(provider: Provider, doctor: Someone) -> None:
    visit = doctors_browser(provider, doctor)
    visit.get("/profile/password")
    visit.submit(current_password=doctor.password, new_password="vélo rouge au port")
    assert visit.page.url == "/profile"


def _end_their_sessions(provider: Provider, doctor: Someone) -> None:
    one, now = _mine(provider, doctor), provider.clock.now()
    with provider.parts.database.write() as connection:
        sessions.end_all(connection, provider.account_id(connection, doctor), now, of=one)


@pytest.mark.attack(52)
@pytest.mark.parametrize(
    "act",
    [
        _give_phone,
        _remove,
        _disable,
        _end_yesterday,
        _reset_by_link,
        _change_password,
        _end_their_sessions,
    ],
)
def test_what_a_stolen_phone_opened_at_the_other_practice_ends_with_it(
    provider: Provider, doctor: Someone, assistant: Someone, there: Someone, act: End
) -> None:
    direct = _towards_choice(provider, there, "portal")
    kept = _tokens(provider, direct)
    thief = _towards_choice(provider, assistant, "portal")
    thief.submit(delegation=_ids(thief)[1])
    stolen = _tokens(provider, thief)
    thief.authorize("portal", prompt="none")
    still_out = thief.answer["code"]
    provider.clock.advance(seconds=30)
    act(provider, doctor)
    assert provider.userinfo(stolen["access_token"]).status_code == 401
    assert provider.refresh(stolen["refresh_token"], "portal").status_code == 400
    assert provider.redeem(still_out, "portal").status_code == 400
    thief.authorize("portal", prompt="none")
    assert thief.answer["error"] == "login_required"
    assert provider.refresh(kept["refresh_token"], "portal").status_code == 200
    direct.authorize("portal", prompt="none")
    assert "code" in direct.answer


def test_who_signs_in_directly_no_longer_depends_on_the_first_practice(
    provider: Provider, doctor: Someone, assistant: Someone, there: Someone
) -> None:
    visit = _towards_choice(provider, assistant, "portal")
    visit.submit(delegation=_ids(visit)[1])
    by_the_first = _tokens(provider, visit)
    provider.clock.advance(seconds=30)
    visit.authorize("portal", prompt="login")
    visit.identify(there)
    visit.enter_code(there)
    direct = _tokens(provider, visit)
    assert provider.refresh(by_the_first["refresh_token"], "portal").status_code == 400
    provider.remove_assistant(doctor, assistant.name)
    assert provider.refresh(direct["refresh_token"], "portal").status_code == 200


@pytest.mark.attack(52)
@pytest.mark.parametrize("act", [_give_phone, _remove, _disable, _reset_by_link, _change_password])
def test_an_act_at_the_first_practice_in_the_midst_of_choosing_lets_nobody_in(
    provider: Provider,
    doctor: Someone,
    assistant: Someone,
    there: Someone,
    act: End,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit = _towards_choice(provider, assistant)
    chosen = _ids(visit)[1]
    opening, done = SessionStore.open, list[bool]()

    def late(store: SessionStore, *what: Any) -> Any:
        opened = opening(store, *what)
        if not done:
            done.append(True)
            provider.clock.advance(seconds=30)
            act(provider, doctor)
        return opened

    monkeypatch.setattr(SessionStore, "open", late)
    visit.submit(delegation=chosen)
    assert (done, visit.left_for, visit.page.error) == ([True], None, "expired")
    assert cookie(visit, "session") is None
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_a_link_goes_on_from_the_second_practice_to_a_third(
    provider: Provider, assistant: Someone, there: Someone
) -> None:
    third = provider.add("408464", "ROUX Jean", mfa=True)
    visit = _towards_choice(provider, assistant)
    visit.submit(delegation=_ids(visit)[1])
    _added(provider, third, _link_code(visit))
    assert _names(_towards_choice(provider, assistant)) == [HERE, THERE, "ROUX Jean"]
    assert _names(_towards_choice(provider, there)) == [THERE, "ROUX Jean"]


class TestLinkCode:
    """The code itself: once, for a quarter of an hour, guessed by nobody."""

    def test_it_works_once(self, provider: Provider, assistant: Someone, other: Someone) -> None:
        code = _link_code(_signed_in(provider, assistant))
        _added(provider, other, code)
        third = provider.add("408464", "ROUX Jean", mfa=True)
        _refused(provider, third, code)

    def test_raced_at_two_practices_it_links_one(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        third = provider.add("408464", "ROUX Jean", mfa=True)
        code = _link_code(_signed_in(provider, assistant))
        windows = []
        for doctor in (other, third):
            windows.append(doctors_browser(provider, doctor))
            windows[-1].get("/profile/assistants/new")
        forms = [filled(one, link_code=code) for one in windows]
        race(2, lambda number: windows[number].submit(**forms[number]))
        assert audit_kinds(provider).count("assistant.linked") == 1
        assert len(rows(provider)) == 2

    def test_it_ends_after_a_quarter_of_an_hour(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        code = _link_code(_signed_in(provider, assistant))
        provider.clock.advance(seconds=900)
        _refused(provider, other, code)

    def test_it_may_be_typed_carelessly(self, provider: Provider, assistant: Someone, other: Someone) -> None:
        code = _link_code(_signed_in(provider, assistant))
        assert len(code.replace("-", "")) == 8
        _added(provider, other, f" {code.lower().replace('-', ' ')} ", name="Un autre nom")
        assert {row["name"] for row in rows(provider)} == {assistant.name}
        assert len({row["person_id"] for row in rows(provider)}) == 1

    def test_a_mistake_elsewhere_in_the_form_does_not_use_it_up(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        code = _link_code(_signed_in(provider, assistant))
        visit = doctors_browser(provider, other)
        visit.get("/profile/assistants/new")
        page = visit.submit(**filled(visit, link_code=code, code="000000"))
        assert page.forms[0].fields["link_code"] == code
        visit.submit(**filled(visit, link_code=code))
        assert visit.page.url == "/profile"

    @pytest.mark.parametrize("end", ENDS)
    def test_that_of_one_who_may_no_longer_act_links_nobody(
        self, provider: Provider, doctor: Someone, assistant: Someone, other: Someone, end: End
    ) -> None:
        code = _link_code(_signed_in(provider, assistant))
        end(provider, doctor)
        _refused(provider, other, code)

    def test_nobody_is_listed_twice_by_it(
        self, provider: Provider, doctor: Someone, assistant: Someone
    ) -> None:
        code = _link_code(_signed_in(provider, assistant))
        visit = doctors_browser(provider, doctor)
        visit.get("/profile/assistants/new")
        page = visit.submit(**filled(visit, link_code=code))
        assert (page.status, "Cette personne figure déjà dans votre liste." in page.text) == (422, True)
        assert len(rows(provider)) == 1

    @pytest.mark.attack(59)
    def test_one_who_was_removed_comes_back_as_the_same_person(
        self, provider: Provider, doctor: Someone, assistant: Someone, other: Someone
    ) -> None:
        there = _added(provider, other, _link_code(_signed_in(provider, assistant)))
        provider.remove_assistant(other, assistant.name)
        again = _added(provider, other, _link_code(_signed_in(provider, replace(assistant))))
        assert again.secret != there.secret
        assert len({row["person_id"] for row in rows(provider)}) == 1

    def test_guesses_are_counted_and_slowed(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        code = _link_code(_signed_in(provider, assistant))
        visit = doctors_browser(provider, other)
        visit.get("/profile/assistants/new")
        for _ in range(4):
            page = visit.submit(**filled(visit, link_code="0000-0000"))
            assert "Code de rattachement inconnu ou expiré" in page.text
        page = visit.submit(**filled(visit, link_code=code))
        assert (page.status, "Trop d'essais à la suite" in page.text) == (422, True)
        assert len(rows(provider)) == 1
        assert audit_kinds(provider).count("attempt.throttled") == 1
        provider.clock.advance(seconds=2)
        visit.submit(**filled(visit, link_code=code))
        assert visit.page.url == "/profile"

    @pytest.mark.attack(57)
    def test_the_cap_holds_for_linked_ones_too(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        for number in range(10):
            provider.add_assistant(other, f"Assistant {number}")
        code = _link_code(_signed_in(provider, assistant))
        visit = doctors_browser(provider, other)
        visit.get("/profile/assistants/new")
        assert visit.submit(**filled(visit, link_code=code)).status == 409

    @pytest.mark.attack(69)
    def test_what_is_stored_of_it_is_of_no_use(self, provider: Provider, assistant: Someone) -> None:
        code = _link_code(_signed_in(provider, assistant))
        with provider.parts.database.read() as connection:
            dump = str(connection.execute(select(ephemeral)).all())
        assert code not in dump
        assert code.replace("-", "") not in dump

    def test_a_doctor_gets_none_and_who_is_not_signed_in_signs_in_first(
        self, provider: Provider, doctor: Someone, assistant: Someone
    ) -> None:
        visit = doctors_browser(provider, doctor)
        visit.get("/")
        assert "/link-code" not in html(visit)
        page = visit.get("/link-code")
        assert (page.status, page.error) == (403, "assistants_only")
        fresh = provider.browser()
        fresh.get("/link-code")
        assert fresh.step == "identification"
        fresh.identify(assistant)
        fresh.enter_code(assistant)
        assert fresh.page.url == "/link-code"
        assert "NAUDIN Fernand · Code de rattachement" in visit.get("/profile/journal").text

    def test_it_takes_a_sign_in_of_the_last_quarter_of_an_hour(
        self, provider: Provider, assistant: Someone
    ) -> None:
        visit = _signed_in(provider, assistant)
        visit.get("/link-code")
        provider.clock.advance(seconds=901)
        visit.submit()
        assert visit.step == "identification"
        assert "data-link-code" not in html(visit)


def _refused(provider: Provider, doctor: Someone, link_code: str) -> None:
    before = len(rows(provider))
    visit = doctors_browser(provider, doctor)
    visit.get("/profile/assistants/new")
    page = visit.submit(**filled(visit, link_code=link_code))
    assert (page.status, "Code de rattachement inconnu ou expiré" in page.text) == (422, True)
    assert len(rows(provider)) == before


class TestWithOwnPasswords:
    """A practice is offered once its practitioner no longer knows what the assistant signs in with there."""

    @pytest.fixture
    def provider(self, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
        whole = Provider(tmp_path, clock, assistants_sign_in="own_password")
        yield whole
        whole.parts.database.dispose()

    def _first(self, provider: Provider, who: Someone, password: str) -> tuple[Visit, Someone]:
        visit = _towards_choice(provider, who)
        assert visit.step == "rekey"
        secret = visit.page.secret
        assert secret is not None
        visit.submit(new_password=password, code=code_of(secret, provider.clock))
        return visit, replace(who, password=password, secret=secret)

    def test_it_is_offered_after_the_first_sign_in_there(
        self, provider: Provider, assistant: Someone, other: Someone
    ) -> None:
        visit, own = self._first(provider, assistant, "vélo rouge au port")
        there = _added(provider, other, _link_code(visit))
        assert "code" in _towards_choice(provider, own).answer
        visit, _own_there = self._first(provider, there, "sept petits bateaux")
        assert "code" in visit.answer
        visit = _towards_choice(provider, own)
        assert _names(visit) == [HERE, THERE]
        visit.submit(delegation=_ids(visit)[1])
        assert _claims(provider, visit)["delegation"]["valid_from"] == date(2025, 12, 3).isoformat()

    def test_after_a_new_phone_own_secrets_come_first_then_for_whom(
        self, provider: Provider, doctor: Someone, assistant: Someone, other: Someone
    ) -> None:
        visit, own = self._first(provider, assistant, "vélo rouge au port")
        there = _added(provider, other, _link_code(visit))
        self._first(provider, there, "sept petits bateaux")
        provider.clock.advance(seconds=30)
        doctors = doctors_browser(provider, doctor)
        mine = next(row["id"] for row in rows(provider) if row["account_id"] == _account(provider, doctor))
        secret = doctors.get(f"/profile/assistants/{mine}/phone").secret
        assert secret is not None
        doctors.submit(code=code_of(secret, provider.clock))
        visit, _own = self._first(provider, replace(assistant, secret=secret), own.password)
        assert (_names(visit), visit.left_for) == ([HERE, THERE], None)
        visit.submit(delegation=_ids(visit)[1])
        assert _claims(provider, visit)["sub"] == _sub(provider, THERE)

    def test_no_link_code_is_given_before_the_assistant_chose(
        self, provider: Provider, assistant: Someone
    ) -> None:
        visit = provider.browser()
        visit.get("/link-code")
        visit.identify(assistant)
        visit.enter_code(assistant)
        assert visit.step == "rekey"
