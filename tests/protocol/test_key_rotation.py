"""A signing key's life: published, then signing, then verifying what it signed, then gone, in processes that go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Connection, event, select

from idp.app import create_app
from idp.oidc.keys.rotation import (
    SHORTEST_LEAD,
    KeyLine,
    NotRetired,
    ensure_keys,
    key_lines,
    retirable,
    retire_key,
    rotate_keys,
)
from idp.oidc.keys.signing import ALGORITHMS, SigningKey, new_key
from idp.oidc.keys.store import LOOK, STALE, KeyStore
from idp.storage.database import Database
from idp.storage.schema import signing_key
from tests.clock import MovableClock
from tests.protocol.answers import body, header_of, redirected_error, tokens
from tests.provider import Provider, Someone
from tests.servers import PostgresServer

LIFETIME = timedelta(seconds=300)
SECOND = timedelta(seconds=1)
CLIENT = "public"
"""Its tokens are ES256: those keys are made at once."""


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """A provider of the test's own: its keys change."""
    whole = Provider(tmp_path, clock)
    yield whole
    whole.parts.database.dispose()


def advance(provider: Provider, by: timedelta) -> None:
    provider.clock.advance(seconds=by.total_seconds())


def rotated(provider: Provider, lead: timedelta = SHORTEST_LEAD) -> SigningKey:
    """Publish another key of ES256, at a moment of its own."""
    key = new_key("ES256")
    advance(provider, SECOND)
    now = provider.clock.now()
    with provider.parts.database.write() as connection:
        rotate_keys(connection, provider.parts.keyring, [key], now + lead, "because", now)
    return key


def lines(provider: Provider) -> dict[str, KeyLine]:
    with provider.parts.database.read() as connection:
        return {line.kid: line for line in key_lines(connection, LIFETIME, provider.clock.now())}


def retire(provider: Provider, kid: str, *, forced: bool = False) -> None:
    now = provider.clock.now()
    with provider.parts.database.write() as connection:
        line = retirable(connection, kid, LIFETIME, now, forced=forced)
        retire_key(connection, line, now, forced=forced, reason="because")


def published(provider: Provider) -> set[str]:
    return {key["kid"] for key in body(provider.http().get("/oauth2/jwks"))["keys"]}


def signing_kid(provider: Provider, doctor: Someone) -> str:
    return str(header_of(tokens(provider, doctor, CLIENT)["id_token"])["kid"])


@contextmanager
def statements(provider: Provider) -> Iterator[list[str]]:
    """Note what is asked of the database inside the block."""
    asked: list[str] = []
    engine = provider.parts.database.engine

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", executed)
    yield asked
    event.remove(engine, "before_cursor_execute", executed)


def test_a_newer_key_is_published_first_then_signs_and_the_older_one_still_verifies(
    provider: Provider, doctor: Someone
) -> None:
    before = tokens(provider, doctor, CLIENT)
    old = header_of(before["id_token"])["kid"]
    key = rotated(provider)
    advance(provider, LOOK)
    assert published(provider) >= {old, key.kid}
    assert signing_kid(provider, doctor) == old
    advance(provider, SHORTEST_LEAD - LOOK - SECOND)
    last = tokens(provider, doctor, CLIENT)
    assert header_of(last["access_token"])["kid"] == old
    advance(provider, SECOND)
    assert signing_kid(provider, doctor) == key.kid
    assert provider.userinfo(last["access_token"]).status_code == 200
    assert published(provider) >= {old, key.kid}


@pytest.mark.attack(68)
def test_what_a_retired_key_signed_is_refused_everywhere(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor, CLIENT)
    old = header_of(given["id_token"])["kid"]
    rotated(provider, timedelta(0))
    retire(provider, old, forced=True)
    advance(provider, LOOK)
    assert old not in published(provider)
    assert provider.userinfo(given["access_token"]).status_code == 401
    visit = provider.browser()
    visit.authorize(CLIENT, id_token_hint=given["id_token"], prompt="none")
    assert redirected_error(visit, CLIENT) == "invalid_request"
    visit.get(
        f"/logout?id_token_hint={given['id_token']}&post_logout_redirect_uri=https://public.test/goodbye"
    )
    assert visit.left_for is None
    assert body(provider.refresh(given["refresh_token"], CLIENT))["access_token"]


def test_the_private_half_of_a_retired_key_is_destroyed(provider: Provider) -> None:
    old = next(kid for kid, line in lines(provider).items() if line.alg == "ES256")
    rotated(provider, timedelta(0))
    retire(provider, old, forced=True)
    with provider.parts.database.read() as connection:
        assert connection.execute(select(signing_key.c.private_jwk).filter_by(kid=old)).scalar_one() == ""
    assert lines(provider)[old].state == "retired"
    with pytest.raises(LookupError):
        retire(provider, old)


def test_a_key_is_kept_as_long_as_tokens_that_it_signed_may_live(provider: Provider) -> None:
    old = next(kid for kid, line in lines(provider).items() if line.alg == "ES256")
    with pytest.raises(NotRetired, match="it signs"):
        retire(provider, old, forced=True)
    key = rotated(provider)
    advance(provider, SHORTEST_LEAD)
    assert (lines(provider)[old].state, lines(provider)[key.kid].state) == ("verifies", "signs")
    advance(provider, STALE + LIFETIME - SECOND)
    with pytest.raises(NotRetired, match="may live until 2026-"):
        retire(provider, old)
    with pytest.raises(NotRetired, match="it signs"):
        retire(provider, key.kid, forced=True)
    advance(provider, SECOND)
    retire(provider, old)
    assert provider.audited("key.retired")[-1]["detail"] == {
        "kid": old,
        "alg": "ES256",
        "forced": False,
        "reason": "because",
    }


def test_a_key_that_waits_may_be_taken_back_unless_it_is_about_to_sign(provider: Provider) -> None:
    key, other = rotated(provider), rotated(provider, SHORTEST_LEAD + SECOND)
    assert lines(provider)[key.kid].state == "waits"
    retire(provider, key.kid)
    advance(provider, SHORTEST_LEAD - STALE)
    advance(provider, SECOND)
    with pytest.raises(NotRetired, match="about to sign"):
        retire(provider, other.kid)
    retire(provider, other.kid, forced=True)
    advance(provider, SHORTEST_LEAD)
    (line,) = [line for line in lines(provider).values() if line.alg == "ES256" and line.state != "retired"]
    assert line.state == "signs"


def test_who_was_never_taken_over_from_is_needed_from_the_key_that_did(provider: Provider) -> None:
    """A key that was taken back before it signed took over from nobody."""
    old = next(kid for kid, line in lines(provider).items() if line.alg == "ES256")
    retire(provider, rotated(provider).kid)
    rotated(provider, 2 * SHORTEST_LEAD)
    begins = provider.clock.now() + 2 * SHORTEST_LEAD
    advance(provider, 2 * SHORTEST_LEAD)
    assert lines(provider)[old].needed_until == begins + STALE + LIFETIME


@pytest.mark.attack(68)
def test_another_process_believes_a_key_that_it_has_not_seen_yet(provider: Provider, doctor: Someone) -> None:
    key = rotated(provider, timedelta(0))
    older = provider.app
    provider.app = create_app(provider.settings, provider.parts)
    given = tokens(provider, doctor, CLIENT)
    assert header_of(given["access_token"])["kid"] == key.kid
    provider.app = older
    assert provider.userinfo(given["access_token"]).status_code == 200
    assert key.kid in published(provider)


def test_names_of_keys_that_somebody_makes_up_cost_one_look_in_five_seconds(provider: Provider) -> None:
    store = KeyStore(provider.parts.database, provider.parts.keyring, provider.clock)
    with statements(provider) as asked:
        for number in range(20):
            store.verifying(f"{number:043}")
        store.verifying("a kid")
        store.verifying(None)
    assert len(asked) == 1
    advance(provider, timedelta(seconds=5))
    with statements(provider) as asked:
        store.verifying("x" * 43)
        store.verifying("y" * 43)
    assert len(asked) == 1


def test_a_look_is_one_statement_a_minute_and_imports_only_what_is_new(provider: Provider) -> None:
    store = KeyStore(provider.parts.database, provider.parts.keyring, provider.clock)
    before = {one.signing.kid: one.signing for one in store.published().published}
    advance(provider, LOOK - SECOND)
    with statements(provider) as asked:
        store.published()
        assert asked == []
        advance(provider, SECOND)
        for _ in range(5):
            store.published()
    assert len(asked) == 1
    assert "private_jwk" not in asked[0]
    key = rotated(provider)
    advance(provider, LOOK)
    with statements(provider) as asked:
        after = {one.signing.kid: one.signing for one in store.published().published}
    assert len(asked) == 2
    assert after.keys() == {*before, key.kid}
    assert all(after[kid] is one for kid, one in before.items())


class SlowDatabase(Database):
    """Lets nobody read until it is told to."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.go_on, self.reads = Event(), Event(), 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self.reads += 1
        self.asked.set()
        assert self.go_on.wait(20)
        with super().read() as connection:
            yield connection


@pytest.mark.parametrize("waits", [False, True])
def test_while_one_thread_looks_the_others_go_on_unless_what_they_have_is_too_old(
    provider: Provider, waits: bool
) -> None:
    slow = SlowDatabase(provider.settings.database_url)
    slow.go_on.set()
    store = KeyStore(slow, provider.parts.keyring, provider.clock)
    key = rotated(provider)
    slow.asked.clear()
    slow.go_on.clear()
    slow.reads = 0
    advance(provider, STALE if waits else LOOK)
    seen: list[bool] = []
    threads = [Thread(target=lambda: seen.append(key.kid in store.published())) for _ in range(4)]
    threads[0].start()
    assert slow.asked.wait(20)
    for thread in threads[1:]:
        thread.start()
    if not waits:
        for thread in threads[1:]:
            thread.join(20)
        assert seen == [False] * 3
    slow.go_on.set()
    for thread in threads:
        thread.join(20)
    assert (seen, slow.reads) == ([True] * 4 if waits else [False] * 3 + [True], 1)
    slow.dispose()


def test_a_key_that_no_line_of_the_keyring_opens_takes_nothing_else_down(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    store = KeyStore(provider.parts.database, provider.parts.keyring, provider.clock)
    broken, good = rotated(provider), rotated(provider)
    with provider.parts.database.write() as connection:
        same = signing_key.update().where(signing_key.c.kid == broken.kid)
        connection.execute(same.values(private_jwk="v1:elsewhere:AAAA:AAAA"))
    advance(provider, LOOK)
    assert good.kid in store.published()
    assert broken.kid not in store.published()
    assert broken.kid in caplog.text


@pytest.mark.server
def test_while_the_database_is_down_the_keys_stay_what_they_were(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer
) -> None:
    provider = Provider(tmp_path, clock, postgres_server.fresh_database())
    known = published(provider)
    key = rotated(provider)
    with postgres_server.stopped():
        advance(provider, STALE)
        assert published(provider) == known
    advance(provider, timedelta(seconds=5))
    assert published(provider) == {*known, key.kid}
    provider.parts.database.dispose()


def test_the_first_keys_are_made_once_by_however_many(tmp_path: Path, clock: MovableClock) -> None:
    provider = Provider(tmp_path, clock)
    with provider.parts.database.write() as connection:
        connection.execute(signing_key.delete())
    for _ in range(2):
        ensure_keys(provider.parts.database, provider.parts.keyring, clock.now())
    assert [line.alg for line in lines(provider).values()] == list(ALGORITHMS)
    told = [line["detail"]["alg"] for line in provider.audited("key.published")]
    assert told == list(ALGORITHMS)
    provider.parts.database.dispose()
