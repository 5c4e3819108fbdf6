"""The worker's threads: what waits for others' servers holds up nothing else, and all end together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest

from idp import worker
from idp.clock import SystemClock
from idp.worker import Job, jobs_of, work
from tests.provider import Provider
from tests.waiting import wait_until

SOON = timedelta(milliseconds=10)


class _Ended(BaseException):
    """What no job catches, like ``SystemExit``."""


def _working(monkeypatch: pytest.MonkeyPatch, *jobs: Job) -> None:
    monkeypatch.setattr(worker, "jobs_of", lambda *_: jobs)


def _counting(done: list[None]) -> Callable[[], int]:
    def run() -> int:
        done.append(None)
        return 0

    return run


def test_jobs_that_talk_to_others_are_the_ones_that_nobody_waits_for(provider: Provider) -> None:
    with ThreadPoolExecutor(1) as lanes:
        jobs = jobs_of(provider.settings, provider.parts, Event(), lanes)
    assert [job.name for job in jobs if job.outside] == ["notices"]


def test_a_mail_server_that_keeps_notices_waiting_holds_up_no_logout(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, begun, answer, told = Event(), Event(), Event(), list[None]()

    def slow() -> int:
        begun.set()
        answer.wait(60)
        return 0

    _working(
        monkeypatch,
        Job("logouts", SOON, 1, _counting(told)),
        Job("notices", SOON, 1, slow, outside=True),
    )
    parts = replace(provider.parts, clock=SystemClock())
    working = Thread(target=work, args=(provider.settings, parts, stop))
    working.start()
    try:
        assert begun.wait(20)
        before = len(told)
        wait_until(lambda: len(told) >= before + 3, "logouts wait for a notice")
    finally:
        stop.set()
        answer.set()
        working.join()


@pytest.mark.parametrize("outside", [True, False])
def test_a_thread_that_ends_ends_the_worker(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, outside: bool
) -> None:
    def ending() -> int:
        raise _Ended

    stop = Event()
    _working(
        monkeypatch,
        Job("ending", SOON, 1, ending, outside=outside),
        Job("other", SOON, 1, lambda: 0, outside=not outside),
    )
    with pytest.raises(_Ended):
        work(provider.settings, provider.parts, stop)
    assert stop.is_set()


def test_a_job_that_fails_outside_is_tried_again_like_any_other(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, tries = Event(), list[None]()

    def failing() -> int:
        tries.append(None)
        if len(tries) == 2:
            stop.set()
            return 0
        raise OSError("no answer")

    monkeypatch.setattr(worker, "ROUND_SECONDS", 0.01)
    _working(monkeypatch, Job("notices", SOON, 1, failing, outside=True))
    work(provider.settings, replace(provider.parts, clock=SystemClock()), stop)
    assert len(tries) == 2
