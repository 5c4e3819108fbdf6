"""The portal's own small SQLite file, shared by its workers. A connection lives for one operation."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 5.0

VERSION = 2
"""Counts the forms of the tables that hold what a new sign-in brings back: of another form they are made anew."""
SHORT_LIVED = ("pending_login", "session", "ended", "logout_token")

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS pending_login (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at REAL NOT NULL
) STRICT""",
    """
CREATE TABLE IF NOT EXISTS session (
    key TEXT PRIMARY KEY, sub TEXT NOT NULL, sid TEXT, identity TEXT NOT NULL,
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
    """
CREATE TABLE IF NOT EXISTS sheet (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sub TEXT NOT NULL, draft TEXT NOT NULL, contents TEXT NOT NULL,
    day TEXT NOT NULL, sent_at REAL NOT NULL, sent_by TEXT, cancelled_at REAL, cancelled_by TEXT,
    UNIQUE (sub, draft)
) STRICT""",
)


class Database:
    """Opens the file, readable by its owner only because it holds tokens, and creates what is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with self.connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for table in SHORT_LIVED if version != VERSION else ():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open a connection where every statement commits by itself; raises ``sqlite3.Error``."""
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a connection whose statements all commit at the end, or none of them."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
