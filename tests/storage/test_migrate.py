"""Migrations build exactly the tables of the schema, once, whoever runs them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import inspect, select, text

from idp.accounts.directory import email_key
from idp.storage.database import Database
from idp.storage.migrate import alembic_config, pending, upgrade
from idp.storage.schema import metadata, person

UPGRADE = """
import sys
from idp.storage.database import Database
from idp.storage.migrate import upgrade
database = Database(sys.argv[1])
upgrade(database)
database.dispose()
"""


def test_an_upgrade_leaves_nothing_pending_and_may_be_repeated_in_silence(
    database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pending(database)
    upgrade(database)
    assert not pending(database)
    upgrade(database)
    assert not pending(database)
    assert capfd.readouterr() == ("", "")


def test_the_migrations_build_exactly_the_schema(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_processes_that_upgrade_at_once_do_it_once(database: Database, database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", UPGRADE, database_url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert errors == ["", "", ""]
    assert not pending(database)


def test_people_from_before_are_found_by_their_e_mail_address(database: Database) -> None:
    with database.alter() as connection:
        command.upgrade(alembic_config(connection), "0001")
    people = {
        "1": {"email": " Alice@Example.org"},
        "2": {},
        "3": {"email": ""},
        "4": {"email": "ａ@example.org"},
    }
    with database.write() as connection:
        for number, attributes in people.items():
            statement = (
                "INSERT INTO person (id, name, attributes, created_at) VALUES (:id, :name, :attributes, :at)"
            )
            values = {
                "id": number,
                "name": "x",
                "attributes": json.dumps(attributes),
                "at": "2026-01-01 00:00:00",
            }
            connection.execute(text(statement), values)
    upgrade(database)
    with database.read() as connection:
        rows = connection.execute(select(person.c.id, person.c.attributes, person.c.email_key)).all()
    assert {row.id: row.email_key for row in rows} == {
        number: email_key(attributes) for number, attributes in people.items()
    }
    assert {row.id: row.attributes for row in rows} == people


def test_a_database_of_a_later_version_is_pending_and_refuses_the_upgrade(database: Database) -> None:
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    assert pending(database)
    with pytest.raises(CommandError, match="later"):
        upgrade(database)
    with database.read() as connection:
        assert inspect(connection).has_table("account")
