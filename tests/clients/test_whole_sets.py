"""Whatever the files become, each request sees one whole set of services from its first line to its last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest

from idp.clients.following import LOOK_EVERY
from idp.clients.model import Client
from idp.clients.per_set import PerSet
from idp.clients.registry import ClientRegistry
from idp.one_set import one_set_a_request
from tests.clock import MovableClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PAIR = ("first", "second")
THREADS = 6
GENERATIONS = 12


class Pair:
    """Two files of which both always name one generation, once both are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reads = 0

    def write(self, generation: int, *names: str) -> None:
        for name in names or PAIR:
            (self.folder / f"{name}.yaml").write_text(
                f"client_id: {name}\nname: Génération {generation}\nredirect_uris: [https://{name}.test/cb]\n"
                "token_endpoint_auth_method: none\nscope: [openid]\nprofiles: [insured]\n",
                encoding="utf-8",
            )

    def read(self) -> ClientRegistry:
        self.reads += 1
        return ClientRegistry.load(self.folder, frozenset())


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair(tmp_path)
    made.write(0)
    return made


def asked(application: Any) -> list[str]:
    """Make one request and return what it wrote."""
    return [part.decode() for part in application({}, lambda *_: None)]


def test_a_request_sees_the_set_that_it_began_with_while_another_has_the_next(
    pair: Pair, clock: MovableClock
) -> None:
    clients = ClientRegistry.following(pair.folder, pair.read)
    half, go_on = Event(), Event()

    def slow(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        before = [client.name for client in clients]
        half.set()
        assert go_on.wait(timeout=20)
        return [name.encode() for name in (*before, clients["second"].name, str(len(clients)))]

    def quick(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        return [client.name.encode() for client in clients]

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked, one_set_a_request(slow, clients, clock))
        assert half.wait(timeout=20)
        pair.write(1, "first")
        (pair.folder / "second.yaml").unlink()
        for _ in range(2):
            clock.advance(seconds=LOOK_EVERY.total_seconds())
            last = asked(one_set_a_request(quick, clients, clock))
        assert last == ["Génération 1"]
        go_on.set()
        assert first.result(timeout=20) == ["Génération 0", "Génération 0", "Génération 0", "2"]


def test_hammering_threads_see_only_whole_sets_and_in_the_end_the_last(
    pair: Pair, clock: MovableClock
) -> None:
    """Files are written one after the other while six threads ask; the clock moves when both are there."""
    clients = ClientRegistry.following(pair.folder, pair.read)
    names = PerSet(clients, lambda: {client.name for client in clients})

    def answer(_environ: WSGIEnvironment, _start: StartResponse) -> Iterator[bytes]:
        seen = [clients[name].name for name in PAIR for _ in range(20)]
        return iter([name.encode() for name in {*seen, *names()}])

    application, barrier, stop = one_set_a_request(answer, clients, clock), Barrier(THREADS + 1), Event()

    def hammer() -> set[tuple[str, ...]]:
        barrier.wait(timeout=30)
        seen = set()
        while not stop.is_set():
            seen.add(tuple(asked(application)))
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        threads = [pool.submit(hammer) for _ in range(THREADS)]
        barrier.wait(timeout=30)
        try:
            for generation in range(1, GENERATIONS + 1):
                for name in PAIR:
                    pair.write(generation, name)
                while asked(application) != [f"Génération {generation}"]:
                    clock.advance(seconds=LOOK_EVERY.total_seconds())
        finally:
            stop.set()
        seen = set().union(*(thread.result(timeout=30) for thread in threads))
    assert seen <= {(f"Génération {generation}",) for generation in range(GENERATIONS + 1)}


def test_while_one_thread_reads_the_others_go_on_with_what_there_is(pair: Pair, clock: MovableClock) -> None:
    reading, go_on = Event(), Event()
    go_on.set()

    def slow() -> ClientRegistry:
        reading.set()
        assert go_on.wait(timeout=20)
        return pair.read()

    clients = ClientRegistry.following(pair.folder, slow)
    clients.look(clock.now())
    reading.clear()
    go_on.clear()
    pair.write(1)
    clock.advance(seconds=1)
    clients.look(clock.now())
    clock.advance(seconds=1)
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(clients.look, clock.now())
        assert reading.wait(timeout=20)
        for moment in range(5):
            clients.look(clock.now() + timedelta(seconds=moment))
            assert clients["first"].name == "Génération 0"
        go_on.set()
        looking.result(timeout=20)
    assert clients["first"].name == "Génération 1"
    assert pair.reads == 2


def test_one_block_within_another_sees_what_the_outer_one_does(pair: Pair, clock: MovableClock) -> None:
    clients = ClientRegistry.following(pair.folder, pair.read)
    with clients.held() as outer:
        pair.write(1)
        for _ in range(3):
            clock.advance(seconds=1)
            clients.look(clock.now())
        with clients.held() as inner:
            assert inner is outer
        assert clients["first"].name == "Génération 0"
    assert clients["first"].name == "Génération 1"


def test_what_is_made_of_a_set_is_made_once_for_each(pair: Pair, clock: MovableClock) -> None:
    clients = ClientRegistry.following(pair.folder, pair.read)
    made: list[list[Client]] = []

    def make() -> int:
        made.append(list(clients))
        return len(made)

    held = PerSet(clients, make)
    assert [held(), held()] == [1, 1]
    pair.write(1)
    for _ in range(3):
        clock.advance(seconds=1)
        clients.look(clock.now())
    assert [held(), held()] == [2, 2]


def test_a_start_without_any_file_is_none_and_the_first_one_counts(
    tmp_path: Path, clock: MovableClock
) -> None:
    pair = Pair(tmp_path)
    clients = ClientRegistry.following(pair.folder, pair.read)
    counts = [len(clients)]
    for names in ((), PAIR):
        pair.write(0, *names) if names else None
        for _ in range(2):
            clock.advance(seconds=1)
            clients.look(clock.now())
        counts.append(len(clients))
    assert (counts, clients.not_taken) == ([0, 0, 2], ())


def test_services_that_were_not_read_from_files_stay_as_they_are(pair: Pair, clock: MovableClock) -> None:
    clients = pair.read()
    pair.write(1)
    for _ in range(3):
        clock.advance(seconds=1)
        clients.look(clock.now())
    assert (clients["first"].name, clients.not_taken) == ("Génération 0", ())
