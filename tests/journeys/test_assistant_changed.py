"""Looking at the list of assistants, giving one another end, removing one."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from idp.storage.schema import authenticator, person
from tests.journeys.practice import filled, listed, rows
from tests.journeys.story import audit_lines, html
from tests.provider import Provider, Someone, Visit


def test_the_end_date_is_changed_shown_and_taken_away(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    address = f"/profile/assistants/{rows(provider)[0]['id']}"
    page = visit.get(address)
    assert "Assistant(e) autorisé(e) depuis le 03/12/2025" in page.text
    assert page.forms[0].fields["valid_until"] == ""
    visit.submit(valid_until="2026-02-28")
    assert "La fin de validité de NAUDIN Fernand est enregistrée." in visit.page.text
    assert listed(visit) == [[assistant.name, "03/12/2025", "28/02/2026", "Non", "–"]]
    assert visit.get(address).forms[0].fields["valid_until"] == "2026-02-28"
    visit.submit(valid_until="2026-01-14")
    assert listed(visit) == [[assistant.name, "03/12/2025", "14/01/2026", "Oui", "–"]]
    visit.get(address)
    visit.submit(valid_until="")
    assert listed(visit) == [[assistant.name, "03/12/2025", "–", "Non", "–"]]


@pytest.mark.parametrize("entered", ["hier", "2025-12-02", "2101-01-01", "2026-13-01"])
def test_a_bad_end_date_changes_nothing(
    provider: Provider, assistant: Someone, visit: Visit, entered: str
) -> None:
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    page = visit.submit(valid_until=entered)
    assert page.status == 422
    assert page.forms[0].fields["valid_until"] == entered
    assert listed(visit) == [[assistant.name, "03/12/2025", "–", "Non", "–"]]


def test_cancelling_a_change_changes_nothing(provider: Provider, assistant: Someone, visit: Visit) -> None:
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    visit.submit(valid_until="2026-02-28", cancel="1")
    assert listed(visit) == [[assistant.name, "03/12/2025", "–", "Non", "–"]]


def test_a_removed_assistant_stays_as_history_and_the_secret_goes(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    address = f"/profile/assistants/{rows(provider)[0]['id']}"
    page = visit.get(address)
    assert "connaît encore le mot de passe du cabinet" in page.text
    assert "/profile/password" in html(visit)
    visit.submit(1, remove="1")
    assert "NAUDIN Fernand n'a plus aucun accès." in visit.page.text
    assert "Supprimé" in visit.page.text
    assert [row[0] for row in listed(visit)] == [assistant.name]
    [row] = rows(provider)
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
        secrets = connection.execute(
            select(authenticator.c.secret).where(authenticator.c.delegation_id == row["id"])
        ).scalars()
        assert list(secrets) == [None]
        holder = connection.execute(select(person.c.id).where(person.c.name == doctor.name)).scalar_one()
    assert (row["removed_at"], row["removed_by"]) == (provider.clock.now(), holder)
    assert visit.get(address).status == 404
    removed = [line for line in audit_lines(provider) if line["kind"] == "assistant.removed"]
    assert [(line["account_id"], line["detail"]) for line in removed] == [
        (account_id, {"delegation": row["id"]})
    ]


def test_the_list_says_when_and_where_each_assistant_last_signed_in(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    assistants = provider.browser()
    assistants.authorize("portal")
    assistants.identify(doctor)
    assistants.enter_code(assistant)
    assert listed(visit)[0][4] == "–"
    provider.redeem(assistants.answer["code"], "portal")
    assert listed(visit)[0][4] == "15/01 10:30, Service portal"
    provider.clock.advance(seconds=1500)
    assistants.authorize("open")
    provider.redeem(assistants.answer["code"], "open")
    assert listed(visit)[0][4] == "15/01 10:55, Service open"


def test_each_managing_act_is_audited_once_with_whose_it_was(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit))
    delegation_id = rows(provider)[0]["id"]
    visit.get(f"/profile/assistants/{delegation_id}")
    visit.submit(valid_until="2026-02-28")
    visit.get(f"/profile/assistants/{delegation_id}")
    visit.submit(1, remove="1")
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    lines = [line for line in audit_lines(provider) if line["kind"].startswith("assistant.")]
    assert [line["kind"] for line in lines] == ["assistant.added", "assistant.changed", "assistant.removed"]
    assert {line["account_id"] for line in lines} == {account_id}
    assert {line["actor_id"] for line in lines} == {None}
    assert all(line["detail"] == {"delegation": delegation_id} for line in lines)
