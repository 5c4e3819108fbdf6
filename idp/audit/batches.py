"""Lines of acts that write nothing else, gathered: a request costs no statement, and none goes through unwritten."""

from __future__ import annotations

import atexit
import logging
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from threading import Event as Signal
from threading import Lock, Thread
from typing import Any

from sqlalchemy import insert

from idp.audit.events import Event, line
from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import audit_event

_log = logging.getLogger(__name__)


class AuditBatches:
    """A bounded queue of lines that one thread a process writes; it starts with the first line, and ends with the last.

    ``database`` is the queue's own: requests never wait for its connection, which is open while a batch is written and
    no longer, so that nobody else need dispose of it. ``seconds`` after the first line, or once ``size`` wait, they are
    written in one transaction; also when the process ends in order. Once that has failed, or while ``capacity`` lines
    wait, nothing more is taken. Lost is what waits when the process is killed: what came in within ``seconds``, or
    since the database failed.
    """

    def __init__(
        self, database: Database, *, seconds: float = 1.0, size: int = 200, capacity: int = 5_000
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._size = size
        self._capacity = capacity
        self._waiting: deque[dict[str, Any]] = deque()
        self._failing = False
        self._thread: Thread | None = None
        self._lock = Lock()
        self._writing = Lock()
        self._enough = Signal()

    def record(
        self, event: Event, now: datetime, *, client_id: str, detail: Mapping[str, object] | None = None
    ) -> None:
        """Take a line. Raises ``StorageUnavailable`` when it could not be written: then the act must not be done."""
        made = line(event, now, client_id=client_id, detail=detail)
        with self._lock:
            if self._failing or len(self._waiting) >= self._capacity:
                raise StorageUnavailable("the audit cannot be written")
            self._waiting.append(made)
            if len(self._waiting) >= self._size:
                self._enough.set()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="audit", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def flush(self) -> None:
        """Write what waits, and close the connection. What fails stays, in its order."""
        with self._writing:
            try:
                while batch := self._next():
                    with self._database.write() as connection:
                        connection.execute(insert(audit_event), batch)
                    self._written(len(batch), failing=False)
            except Exception as error:
                # Its text may hold the lines.
                _log.error("audit: %d lines wait: %s", len(self._waiting), type(error).__name__)
                self._written(0, failing=True)
            finally:
                self._close()

    def _close(self) -> None:
        """Leave nothing open. What fails here changes nothing: the thread that writes must go on."""
        try:
            self._database.dispose()
        except Exception as error:
            _log.error("audit: the connection was not closed: %s", type(error).__name__)

    def _next(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(islice(self._waiting, self._size))

    def _written(self, count: int, *, failing: bool) -> None:
        with self._lock:
            for _ in range(count):
                self._waiting.popleft()
            self._failing = failing

    def _work(self) -> None:
        while True:
            self._enough.wait(self._seconds)
            self._enough.clear()
            self.flush()
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    atexit.unregister(self.flush)
                    return
