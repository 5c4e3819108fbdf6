"""Bring a database to the tables of this version; safe when several processes do so at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from idp.storage.database import Database


def upgrade(database: Database) -> None:
    """Apply the migrations that are missing, all in one transaction; nothing when there are none.

    Raises ``StorageUnavailable``, and alembic's ``CommandError`` when the database is of a later version.
    """
    with database.alter() as connection:
        command.upgrade(alembic_config(connection), "head")


def pending(database: Database) -> bool:
    """Tell whether the database is not at the revision of this version. Raises ``StorageUnavailable``."""
    with database.read() as connection:
        applied = MigrationContext.configure(connection).get_current_heads()
        return set(applied) != set(ScriptDirectory.from_config(alembic_config(connection)).get_heads())


def alembic_config(connection: Connection) -> Config:
    """Return the configuration of alembic's own commands, to run inside the transaction of ``connection``."""
    config = Config(attributes={"connection": connection})
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
