"""Reads the client files again when they change; with a mistake in them, says so and leaves everything as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from traceback import format_tb
from typing import Final

from idp.clients.folder import Folder, Look
from idp.clients.model import Client
from idp.configuration import ConfigurationError, ConfigurationErrors, NotRead

LOOK_EVERY: Final = timedelta(seconds=1)
"""Between two looks at the folder, whoever asks."""

AGAIN_AT_MOST: Final = timedelta(minutes=1)
"""Between two readings of what could not be read; the first is at the next look, each later one after twice as long."""

MOST_TOLD: Final = 20
"""Mistakes that are told one by one; `idp config check` says all."""

_log = logging.getLogger(__name__)

Take = Callable[[Iterable[Client]], str]
"""Puts the services in the place of those before, and returns in words what changed."""


@dataclass(frozen=True)
class _Failed:
    """What could not be read for another reason than what stands in the files: another try may do without a change."""

    found: Look
    at: datetime
    again_after: timedelta

    def waits(self, found: Look, now: datetime) -> bool:
        return found == self.found and abs(now - self.at) < self.again_after


class Following:
    """Looks when it is asked to, without a thread of its own: it needs no care at a fork or at the end."""

    def __init__(self, folder: Path, read: Callable[[], Iterable[Client]]) -> None:
        """``read`` gives the services of all files, or raises ``ConfigurationErrors``. Read them after this, once."""
        self.errors: Sequence[ConfigurationError] = ()
        """What is wrong in the files as they were last read."""
        self._folder = Folder(folder)
        self._read = read
        self._looking = Lock()
        self._looked: datetime | None = None
        self._failed: _Failed | None = None

    def look(self, now: datetime, take: Take) -> None:
        """Give the services to ``take`` if the files have changed and are right. One thread does; nobody waits."""
        if not self._due(now) or not self._looking.acquire(blocking=False):
            return
        try:
            if self._due(now):
                self._looked = now
                changed = self._folder.to_read(now)
                if changed is not None and not (self._failed and self._failed.waits(changed, now)):
                    self._read_again(changed, now, take)
        finally:
            self._looking.release()

    def _due(self, now: datetime) -> bool:
        # A clock put back must not keep it from looking.
        return self._looked is None or abs(now - self._looked) >= LOOK_EVERY

    def _read_again(self, changed: Look, now: datetime, take: Take) -> None:
        clients, errors, where = self._found()
        if not self._folder.was_read(changed):
            return
        before = self._failed if self._failed and self._failed.found == changed else None
        self._failed = None
        if any(isinstance(error, NotRead) for error in errors):
            wait = min(2 * before.again_after, AGAIN_AT_MOST) if before else LOOK_EVERY
            self._failed = _Failed(changed, now, wait)
            self._folder.was_not_read()
        if not errors:
            _log.warning("client files: %s: %s", "right again" if self.errors else "taken", take(clients))
        elif before is None or list(map(str, errors)) != list(map(str, self.errors)):
            _tell(errors, where)
        self.errors = errors

    def _found(self) -> tuple[Iterable[Client], Sequence[ConfigurationError], str]:
        """Return the services, or what is wrong; the text says where the reader itself failed, if it did."""
        try:
            return self._read(), (), ""
        except ConfigurationErrors as found:
            return (), found.errors, ""
        except Exception as error:
            # Whoever asks for something else must not be refused for it. The text may hold what stands in a file.
            name, where = type(error).__name__, "".join(format_tb(error.__traceback__))
            unread = NotRead(str(self._folder.path), 1, 1, "file", f"files that can be read ({name})")
            return (), [unread], where


def _tell(errors: Sequence[ConfigurationError], where: str) -> None:
    _log.error("client files: not taken, the last good ones go on serving:")
    for error in errors[:MOST_TOLD]:
        _log.error("%s", error)
    if where:
        _log.error("%s", where)
    if len(errors) > MOST_TOLD:
        _log.error("and %d mistakes more, see `idp config check`", len(errors) - MOST_TOLD)
