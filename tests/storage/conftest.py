"""Every durable backend, by the name of ``database``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.storage.database import Database
from tests.servers import PostgresServer

ON_POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.server)


def empty_database_url(backend: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the url of an empty database on that backend; starts the server only when one is needed."""
    if backend == "sqlite":
        return f"sqlite:///{folder / 'idp.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh_database()


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the url of an empty database, one backend after the other."""
    return empty_database_url(request.param, request, tmp_path)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give an empty database, one backend after the other."""
    database = Database(database_url)
    yield database
    database.dispose()
