"""What is Redis' own in the ephemeral store: answers that come late, commands that must not be sent twice."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from threading import Event
from typing import Any

import pytest
from redis import Redis
from redis.connection import Connection

from idp.storage.ephemeral_redis import RedisEphemeralStore
from idp.storage.errors import StorageUnavailable
from tests.clock import MovableClock
from tests.servers import RedisServer

pytestmark = pytest.mark.server


class Cancelled(BaseException):
    """What a worker that is told to give up raises inside whatever it does."""


@pytest.fixture
def store(redis_server: RedisServer, clock: MovableClock) -> RedisEphemeralStore:
    return RedisEphemeralStore(redis_server.url, clock, key_prefix=f"{os.urandom(4).hex()}:")


@pytest.fixture
def soon(clock: MovableClock) -> datetime:
    return clock.now() + timedelta(minutes=1)


@pytest.mark.attack(64)
def test_a_call_cancelled_before_its_answer_leaves_no_answer_to_the_next_caller(
    store: RedisEphemeralStore, redis_server: RedisServer, soon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("session:hers", b"hers", soon)
    store.put("session:his", b"his", soon)
    read_response = Connection.read_response
    waits = Event()

    def cancel(*_: Any, **__: Any) -> None:
        raise Cancelled

    def signal_and_read(*arguments: Any, **options: Any) -> Any:
        waits.set()
        return read_response(*arguments, **options)

    with ThreadPoolExecutor(1) as pool:
        with redis_server.frozen():
            monkeypatch.setattr(Connection, "read_response", cancel)
            with pytest.raises(Cancelled):
                store.get("session:hers")
            monkeypatch.setattr(Connection, "read_response", signal_and_read)
            his = pool.submit(store.get, "session:his")
            assert waits.wait(timeout=5)
        assert his.result(timeout=5) == b"his"


@pytest.mark.attack(64)
def test_an_answer_that_comes_too_late_reaches_nobody(
    store: RedisEphemeralStore, redis_server: RedisServer, soon: datetime
) -> None:
    store.put("code:hers", b"hers", soon)
    store.put("code:his", b"his", soon)
    with redis_server.frozen():
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            store.take("code:hers")
        assert time.monotonic() - started < 1
    assert store.take("code:his") == b"his"


@pytest.mark.attack(64)
def test_a_stray_answer_on_an_idle_connection_reaches_nobody(
    store: RedisEphemeralStore, soon: datetime
) -> None:
    store.put("session:his", b"his", soon)
    pool: Any = store._pool
    connection = pool.get_connection()
    connection.send_command("ECHO", "stray")
    assert connection.can_read(timeout=5)
    pool.release(connection)
    assert store.get("session:his") == b"his"


def test_a_take_whose_answer_is_lost_is_refused_and_not_sent_again(
    store: RedisEphemeralStore, soon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("code:a", b"1", soon)
    send_command: Any = Connection.send_command
    sent: list[str] = []

    def send_and_lose_the_answer(connection: Any, *command: Any, **options: Any) -> None:
        send_command(connection, *command, **options)
        sent.append(command[0])
        connection.read_response()
        connection.disconnect()

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "send_command", send_and_lose_the_answer)
        with pytest.raises(StorageUnavailable):
            store.take("code:a")
    assert sent == ["GETDEL"]
    assert store.take("code:a") is None


def test_a_server_that_hangs_up_is_tried_once(clock: MovableClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(0.3)
        host, port = listener.getsockname()

        def hang_up_on_callers() -> int:
            for callers in count():
                try:
                    listener.accept()[0].close()
                except TimeoutError:
                    return callers
            raise AssertionError

        callers = pool.submit(hang_up_on_callers)
        with pytest.raises(StorageUnavailable):
            RedisEphemeralStore(f"redis://{host}:{port}", clock).ping()
        assert callers.result(timeout=5) == 1


def test_redis_cleans_up_by_itself_an_hour_after_the_expiry(
    store: RedisEphemeralStore, redis_server: RedisServer, clock: MovableClock, soon: datetime
) -> None:
    store.put("put", b"1", soon)
    store.put("put expired", b"1", clock.now() - timedelta(days=1))
    store.add("added", b"1", soon)
    store.put("replaced", b"1", soon + timedelta(days=1))
    store.replace("replaced", b"1", b"2", soon)
    with Redis.from_url(redis_server.url) as client:
        keys = ["put", "put expired", "added", "replaced"]
        minutes = [round(client.pttl(store._prefix + key) / 60_000) for key in keys]
    assert minutes == [61, 60, 61, 61]


def test_a_server_out_of_memory_is_an_unavailable_store(
    store: RedisEphemeralStore, redis_server: RedisServer, soon: datetime
) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(StorageUnavailable):
                store.put("a", b"1", soon)
            with pytest.raises(StorageUnavailable):
                store.add("a", b"1", soon)
        finally:
            client.config_set("maxmemory", "0")
    assert store.add("a", b"1", soon) is True


def test_a_forked_child_does_not_touch_the_connections_of_its_parent(
    store: RedisEphemeralStore, soon: datetime
) -> None:
    store.put("a", b"1", soon)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if store.get("a") == b"1" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("a") == b"1"
