"""The ephemeral store in Redis (6.2 or later): one round trip an operation, and none is ever repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from idp.clock import Clock
from idp.storage.errors import StorageUnavailable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLEAN_UP_MARGIN = timedelta(hours=1)
_STAMP = 18
"""Every value begins with its expiry: microseconds since 1970 in that many digits."""

_ADD = f"""
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.sub(held, 1, {_STAMP})) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

_REPLACE = f"""
local held = redis.call('GET', KEYS[1])
if not held or tonumber(string.sub(held, 1, {_STAMP})) <= tonumber(ARGV[1]) then return 0 end
if string.sub(held, {_STAMP + 1}) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisEphemeralStore:
    """An ``EphemeralStore`` in Redis, shared by all threads of one process and safe over a fork.

    What the query of ``url`` says wins over the defaults here: 0.3 s to connect, 0.5 s for an answer.
    ``key_prefix`` keeps several installations apart on one server.
    """

    def __init__(self, url: str, clock: Clock, *, key_prefix: str = "idp:") -> None:
        self._clock = clock
        self._prefix = key_prefix
        self._pool = ConnectionPool.from_url(
            url,
            protocol=3,
            driver_info=None,
            socket_connect_timeout=0.3,
            socket_timeout=0.5,
            retry=Retry(NoBackoff(), 0),
            # On by default with RESP3, and then the pool no longer looks for a stray reply before it lends a
            # connection, and a server may lengthen the timeouts.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    def put(self, key: str, value: bytes, expires_at: datetime) -> None:
        """Keep ``value``, whatever was there."""
        lifetime = _time_to_live(expires_at, self._clock.now())
        self._call("SET", self._prefix + key, _stamp(expires_at) + value, "PX", lifetime)

    def add(self, key: str, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if nothing is there; tell whether it was kept."""
        return self._run(_ADD, key, value, expires_at)

    def get(self, key: str) -> bytes | None:
        """Return what is there."""
        return self._alive(self._call("GET", self._prefix + key))

    def take(self, key: str) -> bytes | None:
        """Return what is there and delete it."""
        return self._alive(self._call("GETDEL", self._prefix + key))

    def replace(self, key: str, expected: bytes, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if ``expected`` is there; tell whether it was kept."""
        return self._run(_REPLACE, key, value, expires_at, expected)

    def delete(self, key: str) -> None:
        """Leave nothing there."""
        self._call("DEL", self._prefix + key)

    def ping(self) -> None:
        """Return if the store can serve."""
        self._call("PING")

    def server_time(self) -> datetime | None:
        """Return what the server's clock shows, in UTC."""
        seconds, microseconds = self._call("TIME")
        return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(microseconds))

    def _alive(self, held: bytes | None) -> bytes | None:
        if held is None or held[:_STAMP] <= _stamp(self._clock.now()):
            return None
        return held[_STAMP:]

    def _run(self, script: str, key: str, value: bytes, expires_at: datetime, *expected: bytes) -> bool:
        now = self._clock.now()
        held = _stamp(expires_at) + value
        lifetime = _time_to_live(expires_at, now)
        return bool(self._call("EVAL", script, 1, self._prefix + key, _stamp(now), held, lifetime, *expected))

    def _call(self, *command: bytes | str | int) -> Any:
        try:
            connection: Any = self._pool.get_connection()
            answered = False
            try:
                connection.send_command(*command)
                reply = connection.read_response()
                answered = True
                return reply
            finally:
                # Whatever interrupts the wait, the answer still to come must find its connection closed.
                if not answered:
                    connection.disconnect()
                self._pool.release(connection)
        except RedisError as error:
            raise StorageUnavailable("Redis cannot serve") from error


def _stamp(moment: datetime) -> bytes:
    return b"%0*d" % (_STAMP, (moment - _EPOCH) // timedelta(microseconds=1))


def _time_to_live(expires_at: datetime, now: datetime) -> int:
    return (max(expires_at - now, timedelta()) + _CLEAN_UP_MARGIN) // timedelta(milliseconds=1)
