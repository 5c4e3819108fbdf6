"""A provider that knows the clients of the plans, and one of them with a browser."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from idp.app import create_app
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from tests.certification.examiner import PERSON, Examiner
from tests.clock import MovableClock
from tests.protocol.receiving import INSIDE
from tests.provider import START, Provider, Someone

FILES = Path(__file__).parent / "clients"
MAIN, SECOND, BY_FORM = "certification", "certification-second", "certification-post"

MakeExaminer = Callable[..., Examiner]


@pytest.fixture(scope="module")
def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Give one provider on the embedded stores whose clients are those of the plans alone."""
    whole = Provider(tmp_path_factory.mktemp("provider"), MovableClock(), outbound=INSIDE)
    whole.parts = replace(whole.parts, clients=ClientRegistry.load(FILES, frozenset()))
    whole.app = create_app(whole.settings, whole.parts)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """Give the module's provider, its clock back at the start."""
    shared_provider.clock.set(START)
    return shared_provider


@pytest.fixture
def someone(provider: Provider) -> Someone:
    """Give a person with every standard claim, who signs in by password."""
    return provider.add(secrets.token_hex(6), "Marie Anne Durand", "insured", attributes=PERSON)


@pytest.fixture
def make_examiner(provider: Provider, someone: Someone) -> MakeExaminer:
    """Give what makes a client of the plans with a browser of its own."""

    def make(client_id: str = MAIN, mode: str | None = None) -> Examiner:
        client = provider.parts.clients.get(client_id)
        assert isinstance(client, Client)
        return Examiner(provider, client, someone, mode)

    return make
