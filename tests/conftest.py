"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.clock import MovableClock
from tests.provider import Provider
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis


@pytest.fixture
def clock() -> MovableClock:
    """Give a clock that the test moves."""
    return MovableClock()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Give one Redis for the whole session."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give one PostgreSQL for the whole session; take a ``fresh_database()`` of it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give one Chromium for the whole session; make a context of your own in it."""
    quiet = (
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", *quiet]
        )
        yield browser
        browser.close()


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider on the embedded stores, without people."""
    whole = Provider(tmp_path, clock)
    yield whole
    whole.parts.database.dispose()
