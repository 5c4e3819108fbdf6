"""Many callers at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Result = TypeVar("Result")


def race(count: int, action: Callable[[int], Result]) -> list[Result]:
    """Call ``action(0)`` … ``action(count - 1)``, each in a thread, all at once; return what they gave."""
    barrier = Barrier(count)

    def runner(number: int) -> Result:
        barrier.wait(timeout=20)
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(runner, range(count)))
