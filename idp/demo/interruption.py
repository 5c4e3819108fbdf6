"""Ctrl-C, SIGTERM and a closed terminal, which end the demo without leaving a process behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Raises ``KeyboardInterrupt`` at the first of these signals, once: what comes after it is tidying up."""

    def __init__(self) -> None:
        self._came = False
        self._may_raise = True

    def install(self) -> None:
        """Take the signals from now on; main thread only."""
        for one in _SIGNALS:
            signal.signal(one, self._receive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold a signal back to the end of the block: a child half started or half stopped would stay."""
        before, self._may_raise = self._may_raise, False
        try:
            yield
        finally:
            self._may_raise = before
        self._raise_once()

    def _receive(self, _signal: int, _frame: FrameType | None) -> None:
        self._came = True
        self._raise_once()

    def _raise_once(self) -> None:
        if self._came and self._may_raise:
            self._may_raise = False
            raise KeyboardInterrupt
