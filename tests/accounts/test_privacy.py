"""Every table and column is declared, and after an erasure nothing of the person is left, whatever stood where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

import pytest
from sqlalchemy import JSON, Column, Connection, Integer, String, Table, insert, select

from idp.accounts import delegations, failures
from idp.accounts.directory import add_person, email_key
from idp.accounts.erasure import Counts, erase
from idp.accounts.failures import Guess
from idp.accounts.identifier import new_id
from idp.accounts.personal_data import ERASED_NAME, PERSONAL_DATA
from idp.accounts.privacy import Subject, export, find_assistant, find_holder
from idp.rules.delegation import window_of_days
from idp.storage.schema import (
    account,
    audit_event,
    delegation,
    failure,
    journal_entry,
    metadata,
    notice,
    person,
)
from idp.storage.types import UtcDateTime
from tests.accounts.conftest import Practice

MARK = "Zyxwvut"
"""Stands in everything that is written about the person."""

NEVER_GIVEN = {"password", "secret", "digest", "token", "content", "key", "private_jwk", "value", "email_key"}

NOT_ABOUT_ANYBODY = {
    *("audit_event.kind", "audit_event.client_id"),
    *("journal_entry.sid", "journal_entry.client_id", "journal_entry.service", "journal_entry.device"),
}
"""Texts that stay when an assistant is erased: looked at one by one, they say nothing about a person."""

OF_NOBODY = {
    *("recovery_request", "ended_session", "signing_key", "provider_secret", "revoked_token"),
    *("ephemeral", "failure"),
}
"""Tables whose rows cannot be found by a person: they hold digests, or nothing personal, and go by themselves."""


def test_every_table_and_every_column_is_declared() -> None:
    assert PERSONAL_DATA.keys() == metadata.tables.keys()
    for name, held in PERSONAL_DATA.items():
        columns = [column.name for column in metadata.tables[name].columns]
        assert sorted([*held.given, *held.withheld]) == sorted(columns), name
        assert {held.account, held.delegation, held.person, *held.scrubbed} - {None} <= set(columns), name


def test_a_row_that_points_at_somebody_is_found_by_it() -> None:
    for name, table in metadata.tables.items():
        held = PERSONAL_DATA[name]
        pointing = {
            f"{key.column.table.name}": column.name
            for column in table.columns
            for key in column.foreign_keys
            if column.name not in ("removed_by", "linked_from", "via_delegation_id")
        }
        if name != "account":
            assert held.account == pointing.get("account", held.account), name
        assert held.delegation == pointing.get("delegation", held.delegation), name
        if name not in ("account", "delegation"):
            assert held.person == pointing.get("person", held.person), name
        owned = held.account or held.delegation or held.person
        assert (owned is None) == (name in OF_NOBODY), name
        assert held.with_account != "stays" or not owned, name


def test_what_proves_who_somebody_is_is_never_given() -> None:
    for name, held in PERSONAL_DATA.items():
        assert NEVER_GIVEN.isdisjoint(held.given), name


@pytest.fixture
def somebody(practice: Practice) -> Subject:
    """Give the practice's holder, with an assistant, and a marked row in every table that can hold one."""
    attributes = {"email": f"{MARK}@example.org", "address": {"formatted": f"1 rue {MARK}"}, "locale": "fr"}
    with practice.database.write() as connection:
        key = email_key(attributes)
        connection.execute(
            person.update().values(name=f"{MARK} Ariane", attributes=attributes, email_key=key)
        )
        connection.execute(account.update().values(identifier=MARK.lower()))
        assistant = practice_assistant(connection, practice, "NAUDIN Fernand")
        who = find_holder(connection, MARK.lower())
        assert who is not None
        fill(
            connection, practice, {"account": practice.account_id, "delegation": None, "person": practice.sub}
        )
        fill(
            connection,
            practice,
            {"account": practice.account_id, "delegation": assistant, "person": practice.sub},
        )
    return who


@pytest.fixture
def assistant(practice: Practice) -> Subject:
    """Give an assistant with a marked row in every table that can hold one."""
    with practice.database.write() as connection:
        place = practice_assistant(connection, practice, f"{MARK} Fernand")
        sub = connection.execute(select(delegation.c.person_id)).scalar_one()
        who = find_assistant(connection, sub)
        assert who is not None
        fill(connection, practice, {"account": practice.account_id, "delegation": place, "person": sub})
        connection.execute(delegation.update().values(last_used_for=MARK, password=MARK))
        connection.execute(
            person.update().where(person.c.id == sub).values(attributes={"x": MARK}, email_key=MARK)
        )
    return who


def practice_assistant(connection: Connection, practice: Practice, name: str) -> str:
    new = delegations.NewAssistant(name, window_of_days(date(2025, 12, 3), None), "SECRET", None)
    return delegations.add(connection, practice.keyring, practice.account_id, new, 10, practice.clock.now())


def fill(connection: Connection, practice: Practice, of: Mapping[str, str | None]) -> None:
    """Put a row of the person into every table that has rows of people, each text in it with the mark."""
    for table in metadata.sorted_tables:
        held = PERSONAL_DATA[table.name]
        if table.name in OF_NOBODY or table in (person, account, delegation):
            continue
        if of["delegation"] and not (held.delegation or held.person):
            continue
        row = {
            column.name: marked(table, column, practice)
            for column in table.columns
            if not autonumbered(column)
        }
        owners = {held.account: of["account"], held.delegation: of["delegation"], held.person: of["person"]}
        row |= {name: value for name, value in owners.items() if name is not None}
        if table is notice:
            told = json.dumps({"who": f"{MARK} Fernand"}).encode()
            row["content"] = practice.keyring.seal(told, bound_to=f"notice:{row['id']}")
        connection.execute(insert(table).values(**row))


def marked(table: Table, column: Column[Any], practice: Practice) -> object:
    if column.foreign_keys:
        return None
    if isinstance(column.type, String):
        plain = f"{table.name}.{column.name}" in NOT_ABOUT_ANYBODY or column.primary_key
        return new_id() if plain else f"{MARK} {new_id()}"[: column.type.length]
    if isinstance(column.type, JSON):
        return {"reason": f"who? {MARK}", "named": [f"({MARK})", {"deeper": MARK.upper()}]}
    if isinstance(column.type, UtcDateTime):
        return practice.clock.now()
    assert isinstance(column.type, Integer), column
    return 1


def autonumbered(column: Column[Any]) -> bool:
    return column.primary_key and isinstance(column.type, Integer)


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table as text."""
    return {
        name: [repr(tuple(row)) for row in connection.execute(select(table))]
        for name, table in metadata.tables.items()
    }


def telling(practice: Practice, *texts: str) -> list[str]:
    """The rows that hold one of the texts, in any case."""
    with practice.database.read() as connection:
        rows = [f"{name}: {row}" for name, found in everything(connection).items() for row in found]
    return [row for row in rows if any(text.casefold() in row.casefold() for text in texts)]


def erased(practice: Practice, who: Subject, reason: str = f"asked by {MARK}, 13/01/2026") -> Counts:
    with practice.database.write() as connection:
        return erase(connection, practice.keyring, who, reason, practice.clock.now())


def test_the_marks_are_everywhere_before(practice: Practice, somebody: Subject) -> None:
    marked_tables = {row.partition(":")[0] for row in telling(practice, MARK)}
    with practice.database.read() as connection:
        filled = {name for name, rows in everything(connection).items() if rows}
    assert filled >= PERSONAL_DATA.keys() - OF_NOBODY
    assert marked_tables >= filled - {"delegation", "journal_entry"} - OF_NOBODY
    assert somebody.accounts == {practice.account_id: MARK.lower()}


def test_of_an_erased_holder_nothing_is_left(practice: Practice, somebody: Subject) -> None:
    mail = email_key({"email": f"{MARK}@example.org"}) or ""
    by_identifier: dict[Guess, str] = {"password": MARK.lower(), "forgotten": MARK.lower()}
    guesses: list[Guess] = list(get_args(Guess))
    counted = [(guess, by_identifier.get(guess, practice.account_id)) for guess in guesses]
    keys = {
        failures.counter(guess, subject, known=known)
        for guess, subject in [*counted, ("forgotten", mail)]
        for known in (True, False)
    }
    rows = [{"key": key, "count": 1, "wait_until": practice.clock.now()} for key in keys]
    with practice.database.write() as connection:
        connection.execute(insert(failure), rows)
    counts = erased(practice, somebody)
    assert telling(practice, MARK, "NAUDIN") == []
    with practice.database.read() as connection:
        left = {name for name, rows in everything(connection).items() if rows}
        lines = connection.execute(select(audit_event).order_by(audit_event.c.id)).all()
    assert left <= {"audit_event", "ended_session"}
    assert {line.account_id for line in lines} == {practice.account_id}
    assert lines[-1].kind == "person.erased"
    assert lines[-1].detail == {"reason": "asked by [effacé], 13/01/2026"}
    assert lines[0].detail == {"named": ["([effacé])", {"deeper": "[effacé]"}]}
    assert counts["account"] == {"deleted": 1}
    assert counts["person"] == {"deleted": 2}
    assert counts["audit_event"] == {"scrubbed": 2}


def test_of_an_erased_assistant_the_name_is_gone_and_the_place_stays(
    practice: Practice, assistant: Subject
) -> None:
    counts = erased(practice, assistant)
    assert telling(practice, MARK) == []
    with practice.database.read() as connection:
        place = connection.execute(select(delegation)).one()
        name = connection.execute(
            select(person.c.name).where(person.c.id == assistant.person_id)
        ).scalar_one()
        entries = connection.execute(select(journal_entry.c.person_id)).scalars().all()
        lines = connection.execute(select(audit_event).order_by(audit_event.c.id)).all()
        assert delegations.of_account(connection, practice.account_id)[0].name == ERASED_NAME
    assert name == ERASED_NAME
    assert place.removed_at == practice.clock.now()
    assert place.person_id == assistant.person_id
    assert entries == [assistant.person_id]
    assert {line.actor_id for line in lines} == {assistant.person_id}
    assert (lines[-1].kind, lines[-1].account_id) == ("person.erased", practice.account_id)
    assert counts["authenticator"] == {"deleted": 2}
    assert counts["delegation"] == {"scrubbed": 1}
    assert "account" not in counts


def test_a_notice_that_names_the_assistant_goes_and_another_stays(
    practice: Practice, assistant: Subject
) -> None:
    row = {"kind": "x", "account_id": practice.account_id, "notifier": "smtp", "recipient": "a@b.example"}
    now = practice.clock.now()
    kept, broken = new_id(), new_id()
    with practice.database.write() as connection:
        for one, bound_to in ((kept, f"notice:{kept}"), (broken, "another row")):
            content = practice.keyring.seal(b'{"who": "LEROUX Ariane"}', bound_to=bound_to)
            more = {"id": one, "language": "fr", "content": content, "created_at": now, "due_at": now}
            connection.execute(insert(notice).values(**row, **more))
    erased(practice, assistant)
    with practice.database.read() as connection:
        assert connection.execute(select(notice.c.id)).scalars().all() == [kept]


def test_an_assistant_of_two_practices_outlives_one_of_them(practice: Practice, assistant: Subject) -> None:
    now = practice.clock.now()
    with practice.database.write() as connection:
        other = {"id": new_id(), "person_id": add_person(connection, "PETIT Anne", now), "created_at": now}
        row = {**other, "identifier": "408463", "profile": "health_professional", "password": "!"}
        connection.execute(insert(account).values(**row))
        (first,) = assistant.delegations
        second = {
            "id": new_id(),
            "account_id": other["id"],
            "person_id": assistant.person_id,
            "created_at": now,
        }
        connection.execute(insert(delegation).values(**second, valid_from=now, linked_from=first))
        holder = find_holder(connection, "408461")
    assert holder is not None
    counts = erased(practice, holder)
    assert counts["person"] == {"deleted": 1}
    with practice.database.read() as connection:
        place = connection.execute(select(delegation)).one()
        assert (place.id, place.linked_from) == (second["id"], None)
        assert connection.execute(select(person.c.name).order_by(person.c.name)).scalars().all() == [
            "PETIT Anne",
            f"{MARK} Fernand",
        ]
        both = find_assistant(connection, assistant.person_id)
    assert both is not None
    assert list(both.delegations) == [second["id"]]


def test_another_account_is_left_as_it_was(practice: Practice, somebody: Subject) -> None:
    now = practice.clock.now()
    other = {"account": new_id(), "delegation": None, "person": new_id()}
    with practice.database.write() as connection:
        connection.execute(insert(person).values(id=other["person"], name="x", attributes={}, created_at=now))
        row = {"id": other["account"], "person_id": other["person"], "identifier": "x", "profile": "insured"}
        connection.execute(insert(account).values(**row, password="!", created_at=now))
        fill(connection, practice, other)
    before = telling(practice, other["account"] or "", other["person"] or "")
    assert len(before) > 10
    erased(practice, somebody)
    assert telling(practice, other["account"] or "", other["person"] or "") == before


def test_an_export_holds_every_row_and_no_proof(practice: Practice, somebody: Subject) -> None:
    with practice.database.read() as connection:
        document = export(connection, somebody)
        held = everything(connection)
    for name, rows in held.items():
        if name not in OF_NOBODY | {"person"}:
            assert len(document[name]) == len(rows), name
            assert set(document[name][0]) == set(PERSONAL_DATA[name].given)
    assert [row["name"] for row in document["person"]] == [f"{MARK} Ariane"]
    assert list(document["names"].values()) == ["NAUDIN Fernand"]
    text = json.dumps(document)
    assert "$argon2id$" not in text
    assert "v1:" not in text


def test_an_assistants_export_holds_nothing_of_the_practitioner(
    practice: Practice, assistant: Subject
) -> None:
    with practice.database.write() as connection:
        fill(
            connection, practice, {"account": practice.account_id, "delegation": None, "person": practice.sub}
        )
        document = export(connection, assistant)
    assert document["account"] == document["notice"] == document["recovery_code"] == []
    assert [row["id"] for row in document["delegation"]] == list(assistant.delegations)
    assert len(document["journal_entry"]) == len(document["device"]) == len(document["audit_event"]) == 1
    assert document["names"] == {assistant.person_id: f"{MARK} Fernand"}
    assert practice.sub not in json.dumps(document)
    assert "408461" not in json.dumps(document)
