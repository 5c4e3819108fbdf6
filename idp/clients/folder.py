"""Whether the files of a folder are others than those that were read, and whether whoever writes them has finished."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

SETTLED: Final = 1.0
"""Seconds. What nobody has touched for so long is finished: editors write in two steps, programs file by file."""


@dataclass(frozen=True)
class Look:
    """How the folder was: its own state and that of every file that counts, as the system tells them."""

    entries: tuple[tuple[object, ...], ...]
    touched_ns: int = field(compare=False)
    """The latest moment at which a file was written, or one came or went."""

    def settled(self, now: datetime) -> bool:
        """Say whether it has been untouched for a while at ``now``; false too while the two clocks disagree."""
        return now.timestamp() - self.touched_ns / 1e9 >= SETTLED


class Folder:
    """A folder of configuration. One thread at a time looks at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self.look()
        self._read: Look | None = self._seen

    def look(self) -> Look:
        """Return how it is now. Links are followed: a mounted folder may swap all of its files by one.

        The moment of the last change of an entry itself (ctime) counts too: a right given back changes nothing else.
        """
        try:
            with os.scandir(self.path) as found:
                names = sorted(one.name for one in found if one.name.lower().endswith((".yaml", ".yml")))
        except OSError as error:
            return Look((("", error.errno),), 0)
        states = [self._state(name) for name in ("", *names)]
        entries = [entry for entry, _ in states]
        return Look(tuple(entries), max(touched for _, touched in states))

    def _state(self, name: str) -> tuple[tuple[object, ...], int]:
        try:
            found = (self.path / name).stat()
        except OSError as error:
            return (name, error.errno), 0
        if not name:
            # Of the folder only when something came or went: what else lies in it does not count.
            return (name,), found.st_mtime_ns
        state = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
        return (name, *state), found.st_mtime_ns

    def to_read(self, now: datetime) -> Look | None:
        """Return how it is when it should be read again: it changed, and it is settled or as the last look found it."""
        found, before = self.look(), self._seen
        self._seen = found
        if found == self._read:
            return None
        return found if found == before or found.settled(now) else None

    def was_read(self, found: Look) -> bool:
        """Note that it was read as ``found`` says; false when it changed meanwhile, and what was read may be half."""
        if self.look() != found:
            return False
        self._read = found
        return True

    def was_not_read(self) -> None:
        """Note that it could not be read after all, and is to be even if it becomes again what was read before."""
        self._read = None
