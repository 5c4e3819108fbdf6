"""The durable store: one engine, short transactions, one exception when the server cannot serve."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Delete,
    Engine,
    Executable,
    Table,
    Update,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from idp.storage.errors import StorageUnavailable

_POOL_TIMEOUT = 5
"""Seconds a caller waits for a free connection of the pool."""

_SQLITE_CONNECT: dict[str, Any] = {"timeout": 10}
"""``timeout``: seconds a writer waits for the one before."""

_POSTGRESQL_CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    # A peer that vanished without a word is noticed after these; the server's own timeouts cannot help then.
    "tcp_user_timeout": 5_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "options": "-c statement_timeout=5s -c idle_in_transaction_session_timeout=15s -c timezone=UTC",
}

_ALTER_LOCK = int.from_bytes(b"idp-db", "big")
"""Key of PostgreSQL's advisory lock that one change of tables at a time holds."""

_READ_ONLY = "25006"
"""SQLSTATE of a write sent to a standby."""


class Database:
    """Durable storage on SQLite or PostgreSQL, shared by all threads of one process.

    ``url`` is ``sqlite:///path`` (a file in a folder that exists) or ``postgresql://…``; what its query says
    wins over the defaults here. ``pool_size`` bounds the connections of one process. Connecting is lazy.

    Fork: call ``dispose()`` in the parent before it forks, so that nothing is open across it; SQLite's locks
    do not survive a fork. A child that finds connections of its parent forgets them without closing (they are
    the parent's), which is enough for PostgreSQL.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        address = make_url(url)
        backend = address.get_backend_name()
        sqlite = backend == "sqlite"
        if backend not in {"sqlite", "postgresql"} or (sqlite and address.database in {None, "", ":memory:"}):
            raise ValueError("database url: expected sqlite:///path or postgresql://…")
        defaults = _SQLITE_CONNECT if sqlite else _POSTGRESQL_CONNECT
        self.engine = create_engine(
            address,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT,
            pool_pre_ping=not sqlite,
            hide_parameters=True,
            connect_args={name: value for name, value in defaults.items() if name not in address.query},
        )
        # hide_parameters hides what is sent; at DEBUG SQLAlchemy would still log every row that comes back.
        logging.getLogger("sqlalchemy.engine.Engine").addFilter(_is_no_row)
        if sqlite:
            event.listen(self.engine, "connect", partial(_set_up_sqlite, Path(str(address.database)).parent))
            event.listen(self.engine, "begin", _begin_sqlite)
            self._reader = self.engine.execution_options(sqlite_query_only=True)
        else:
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._pid = os.getpid()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection inside one short read transaction: one snapshot, and a write in it is an error.

        Raises ``StorageUnavailable`` when the database cannot serve.
        """
        with self._transaction(self._reader) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside one transaction that commits at the end and rolls back on an exception.

        On SQLite writers take turns (``BEGIN IMMEDIATE``); on PostgreSQL the isolation is READ COMMITTED, so
        decide by conditional statements and constraints, never by what was read before.
        Raises ``StorageUnavailable`` when the database cannot serve; ``IntegrityError`` and mistakes pass.
        """
        with self._transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def alter(self) -> Iterator[Connection]:
        """Give a connection inside one transaction that changes tables: one at a time, without time limit.

        SQLite cannot rebuild a table under its foreign keys: they are off, and all checked before the commit.
        Raises ``StorageUnavailable``, and ``ValueError`` when rows are left that point nowhere.
        """
        with self._transaction(self.engine.execution_options(sqlite_foreign_keys=False)) as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(select(func.pg_advisory_xact_lock(_ALTER_LOCK)))
                yield connection
            else:
                yield connection
                if orphans := connection.execute(text("PRAGMA foreign_key_check")).all():
                    raise ValueError(f"{len(orphans)} rows would point nowhere, the first in {orphans[0][0]}")

    def on_change(self, tables: Collection[Table], told: Callable[[], None]) -> None:
        """Have ``told`` called when a transaction of this process that updated or deleted rows of ``tables`` is over.

        It is called before ``write`` returns, in the same thread. A statement with the execution option
        ``changes_nobody`` does not count.
        """
        noted = object()

        def executed(connection: Connection, statement: Executable, *_more: object) -> None:
            changes = isinstance(statement, Update | Delete) and statement.table in tables
            if changes and not statement.get_execution_options().get("changes_nobody"):
                connection.info[noted] = True

        def over(_connection: object, record: ConnectionPoolEntry) -> None:
            if record.info.pop(noted, False):
                told()

        event.listen(self.engine, "after_execute", executed)
        event.listen(self.engine, "checkin", over)

    def server_time(self) -> datetime | None:
        """Return what the server's own clock shows, in UTC; ``None`` on SQLite, which has no other clock than ours.

        Raises ``StorageUnavailable``.
        """
        if self.engine.dialect.name == "sqlite":
            return None
        with self.read() as connection:
            shown: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return shown.astimezone(UTC)

    def dispose(self) -> None:
        """Close idle connections; in a forked child, forget the parent's without closing them."""
        self.engine.dispose(close=os.getpid() == self._pid)
        self._pid = os.getpid()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        if os.getpid() != self._pid:
            self.dispose()
        try:
            with engine.begin() as connection:
                yield connection
        except PoolTimeout as error:
            raise StorageUnavailable("no database connection became free in time") from error
        except DBAPIError as error:
            if _cannot_serve(error):
                raise StorageUnavailable("the database cannot serve") from error
            raise


def _is_no_row(record: logging.LogRecord) -> bool:
    return record.msg != "Row %r"


def _set_up_sqlite(folder: Path, connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    # Processes that turn a new file to WAL at the same moment refuse each other without waiting.
    turn = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        os.close(turn)
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    query_only = options.get("sqlite_query_only", False)
    foreign_keys = options.get("sqlite_foreign_keys", True)
    connection.exec_driver_sql(f"PRAGMA query_only = {query_only}")
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {foreign_keys}")
    connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")


def _cannot_serve(error: DBAPIError) -> bool:
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) == _READ_ONLY:
        return True
    # SQLite reports a mistake in a statement by the same exception as a locked, full or missing file.
    mistake = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError) and not mistake
