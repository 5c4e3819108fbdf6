"""Migrations build exactly the tables of the schema, once, whoever runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import inspect, text

from idp.storage.database import Database
from idp.storage.migrate import pending, upgrade
from idp.storage.schema import metadata

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


def test_a_database_of_a_later_version_is_pending_and_refuses_the_upgrade(database: Database) -> None:
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    assert pending(database)
    with pytest.raises(CommandError, match="later"):
        upgrade(database)
    with database.read() as connection:
        assert inspect(connection).has_table("account")
