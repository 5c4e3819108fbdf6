"""The tables of sign-ins and sessions, in a small SQLite file because they hold tokens and need no server."""

from __future__ import annotations

from pathlib import Path

from flask_relying_party.sqlite_file import SqliteFile

VERSION = 3
"""Counts the forms of the tables, in the file's ``user_version``. What they hold a new sign-in brings back, so of
another form they are made anew."""
TABLES = ("pending_login", "session", "ended", "logout_token")

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS pending_login (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at REAL NOT NULL
) STRICT""",
    """
CREATE TABLE IF NOT EXISTS session (
    key TEXT PRIMARY KEY, sub TEXT NOT NULL, sid TEXT, person TEXT NOT NULL,
    access_token TEXT NOT NULL, access_ends_at REAL NOT NULL, refresh_token TEXT, id_token TEXT NOT NULL,
    refreshing_until REAL NOT NULL DEFAULT 0,
    form_token TEXT NOT NULL, checked_at REAL NOT NULL, expires_at REAL NOT NULL
) STRICT""",
    "CREATE INDEX IF NOT EXISTS session_of_provider ON session (sid)",
    """
CREATE TABLE IF NOT EXISTS ended (
    what TEXT PRIMARY KEY, ended_at REAL NOT NULL, forget_at REAL NOT NULL
) STRICT""",
    "CREATE TABLE IF NOT EXISTS logout_token (jti TEXT PRIMARY KEY, forget_at REAL NOT NULL) STRICT",
)


class Database(SqliteFile):
    """The file with these tables in their present form; other tables of it are left alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for table in TABLES if version != VERSION else ():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
