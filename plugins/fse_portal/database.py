"""The portal's own table, of care sheets, in the small SQLite file that sign-ins and sessions are in too."""

from __future__ import annotations

from pathlib import Path

from flask_relying_party.sqlite_file import SqliteFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS sheet (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sub TEXT NOT NULL, draft TEXT NOT NULL, contents TEXT NOT NULL,
    day TEXT NOT NULL, sent_at REAL NOT NULL, sent_by TEXT, cancelled_at REAL, cancelled_by TEXT,
    UNIQUE (sub, draft)
) STRICT"""


class Database(SqliteFile):
    """The file with the table of sheets."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self.connection() as connection:
            connection.execute(SCHEMA)
