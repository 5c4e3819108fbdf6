"""The `idp` command over a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from tests.clock import MovableClock
from tests.provider import Provider

Idp = Callable[..., Result]


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    made = Provider(tmp_path, clock)
    yield made
    made.parts.database.dispose()


@pytest.fixture
def idp(provider: Provider, tmp_path: Path) -> Idp:
    """Run a verb on the provider's settings; variables stand over them."""

    def run(*arguments: str, typed: str | None = None, **variables: str) -> Result:
        environment = {"IDP_CONFIG": str(tmp_path / "idp.yaml"), **variables}
        return CliRunner().invoke(main, arguments, input=typed, env=environment)

    return run


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The variable that names a database without tables."""
    return {"IDP_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite"}
