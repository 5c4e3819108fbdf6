"""Adding an assistant on the profile."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.journeys.practice import doctors_browser, filled, listed, rows
from tests.journeys.story import code_of, html, twin
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race


def test_an_assistant_is_added_listed_and_can_sign_in_with_the_own_phone(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    page = visit.get("/profile/assistants/new")
    assert "devra donc avoir installé au préalable une application" in page.text
    assert page.forms[0].fields["valid_from"] == "2026-01-15"
    phone = Someone(doctor.identifier, doctor.password, "NAUDIN Fernand", page.secret)
    visit.submit(**filled(visit, valid_from="2025-12-03"))
    assert visit.page.url == "/profile"
    assert "NAUDIN Fernand peut désormais s'identifier avec son propre code." in visit.page.text
    assert listed(visit) == [["NAUDIN Fernand", "03/12/2025", "–", "Non", "–"]]
    assert "peut désormais" not in visit.page.text
    provider.clock.advance(seconds=30)
    assistants = provider.browser()
    assistants.authorize()
    assistants.identify(doctor)
    assistants.enter_code(phone)
    tokens = provider.redeem(assistants.answer["code"]).json
    assert tokens is not None
    assert provider.claims(tokens["id_token"])["act"]["name"] == "NAUDIN Fernand"


def test_the_pending_secret_stays_the_same_until_it_is_confirmed_and_never_comes_back(visit: Visit) -> None:
    secret = visit.get("/profile/assistants/new").secret
    assert visit.get("/profile/assistants/new").secret == secret
    visit.submit(**filled(visit, code="000000"))
    assert visit.page.secret == secret
    visit.submit(**filled(visit))
    assert secret is not None
    for path in ("/profile", "/profile/assistants/new"):
        visit.get(path)
        assert secret not in html(visit)
    assert visit.page.secret not in (None, secret)


def test_the_pending_secret_is_in_no_field_and_not_stored_by_browsers(visit: Visit) -> None:
    page = visit.get("/profile/assistants/new")
    assert page.secret is not None
    assert visit.response is not None
    assert visit.response.headers["Cache-Control"] == "no-store"
    assert not any(page.secret in one for one in re.findall(r"<(?:input|button|a)[^>]*>", html(visit)))


def test_the_pending_secret_ends_after_its_time(provider: Provider, visit: Visit) -> None:
    secret = visit.get("/profile/assistants/new").secret
    assert secret is not None
    provider.clock.advance(seconds=600)
    page = visit.submit(**filled(visit))
    assert page.status == 422
    assert page.secret not in (None, secret)
    assert rows(provider) == []


def test_two_sessions_of_one_doctor_have_different_pending_secrets(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    provider.clock.advance(seconds=30)
    other = doctors_browser(provider, doctor)
    assert visit.get("/profile/assistants/new").secret != other.get("/profile/assistants/new").secret


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"name": ""}, "name", "Indiquez le nom et le prénom de l'assistant(e)."),
        ({"name": "  \t "}, "name", "Indiquez le nom et le prénom de l'assistant(e)."),
        ({"name": "NAUDIN\u202eFernand"}, "name", "Indiquez le nom et le prénom de l'assistant(e)."),
        ({"name": "x" * 121}, "name", "Le nom compte au plus 120 caractères."),
        ({"valid_from": ""}, "valid_from", "Indiquez le début de validité."),
        ({"valid_from": "hier"}, "valid_from", "Indiquez une date, par exemple 03/12/2025."),
        ({"valid_from": "2026-02-30"}, "valid_from", "Indiquez une date, par exemple 03/12/2025."),
        ({"valid_from": "1999-12-31"}, "valid_from", "Choisissez une date entre 2000 et 2100."),
        ({"valid_until": "2101-01-01"}, "valid_until", "Choisissez une date entre 2000 et 2100."),
        ({"valid_until": "0001-01-01"}, "valid_until", "Choisissez une date entre 2000 et 2100."),
        ({"valid_until": "31/12/2026"}, "valid_until", "Indiquez une date, par exemple 03/12/2025."),
        ({"valid_until": "2026-01-14"}, "valid_until", "La fin de validité précède le début."),
        ({"code": ""}, "code", "Saisissez les six chiffres affichés par votre application."),
        ({"code": "12345a"}, "code", "Saisissez les six chiffres affichés par votre application."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_everything_but_the_code_is_kept(
    provider: Provider, visit: Visit, changes: dict[str, str], field: str, told: str
) -> None:
    visit.get("/profile/assistants/new")
    sent = filled(visit, **changes)
    page = visit.submit(**sent)
    assert page.status == 422
    assert re.findall(r'class="problem" id="(\w+)-problem">([^<]*)', html(visit)) == [
        (field, told.replace("'", "&#39;"))
    ]
    fields = page.forms[0].fields
    assert fields["code"] == ""
    kept = ("name", "valid_from", "valid_until")
    assert {name: fields[name] for name in kept} == {name: sent[name][:200] for name in kept}
    assert rows(provider) == []
    visit.submit(**filled(visit))
    assert len(rows(provider)) == 1


def test_a_wrong_code_adds_nobody(provider: Provider, visit: Visit) -> None:
    visit.get("/profile/assistants/new")
    assert visit.page.secret is not None
    late = code_of(visit.page.secret, provider.clock, steps=-2)
    page = visit.submit(**filled(visit, code=late))
    assert (page.status, "Code incorrect ou expiré" in page.text) == (422, True)
    assert rows(provider) == []


def test_the_doctors_own_code_confirms_no_assistant(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    visit.get("/profile/assistants/new")
    assert visit.submit(**filled(visit, code=doctor.code(provider.clock))).status == 422
    assert rows(provider) == []


def test_cancelling_adds_nobody(provider: Provider, visit: Visit) -> None:
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit), cancel="1")
    assert visit.page.url == "/profile"
    assert rows(provider) == []


def test_a_name_is_kept_tidily(provider: Provider, visit: Visit) -> None:
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit, name="  NAUDIN   Fe\u0301lix "))
    assert [row["name"] for row in rows(provider)] == ["NAUDIN Félix"]


def test_a_form_sent_twice_adds_one_assistant(provider: Provider, visit: Visit) -> None:
    visit.get("/profile/assistants/new")
    sent, page = filled(visit), visit.page
    visit.submit(**sent)
    visit.page = page
    visit.submit(**sent)
    assert visit.page.status == 422
    assert len(rows(provider)) == 1


def test_one_secret_raced_in_many_windows_adds_one_assistant(provider: Provider, visit: Visit) -> None:
    visit.get("/profile/assistants/new")
    sent = filled(visit)
    windows = [twin(visit) for _ in range(8)]
    race(len(windows), lambda number: windows[number].submit(**sent))
    assert len(rows(provider)) == 1


@pytest.mark.attack(57)
def test_the_eleventh_assistant_is_refused_and_the_page_says_what_to_do(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    for number in range(9):
        provider.add_assistant(doctor, f"Assistant {number}")
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit, name="Le dixième"))
    assert len(rows(provider)) == 10
    assert "Ajouter" not in visit.page.text
    assert "Le nombre maximal d'assistants est atteint" in visit.page.text
    visit.get("/profile/assistants/new")
    page = visit.submit(**filled(visit, name="Le onzième"))
    assert (page.status, page.error) == (409, "too_many_assistants")
    assert len(rows(provider)) == 10
    provider.remove_assistant(doctor, "Assistant 3")
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit, name="Le onzième"))
    assert len(rows(provider)) == 11


@pytest.mark.attack(57)
def test_an_assistant_whose_time_is_over_cannot_come_back_above_the_cap(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    provider.add_assistant(doctor, "Ancien", last=date(2026, 1, 14))
    for number in range(10):
        provider.add_assistant(doctor, f"Assistant {number}")
    former = next(row["id"] for row in rows(provider) if row["name"] == "Ancien")
    for valid_until in ("", "2026-12-31"):
        visit.get(f"/profile/assistants/{former}")
        page = visit.submit(valid_until=valid_until)
        assert (page.status, page.error) == (409, "too_many_assistants")
    visit.get(f"/profile/assistants/{former}")
    visit.submit(valid_until="2026-01-10")
    assert visit.page.url == "/profile"
    provider.remove_assistant(doctor, "Assistant 0")
    visit.get(f"/profile/assistants/{former}")
    visit.submit(valid_until="2026-12-31")
    assert ["Ancien", "03/12/2025", "31/12/2026", "Non", "–"] in listed(visit)
