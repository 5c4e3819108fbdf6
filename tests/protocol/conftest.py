"""One provider a module, its clock back at the start for every test; new people for every test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.clock import MovableClock
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import START, Provider, Someone

Newcomer = Callable[[], Someone]


@pytest.fixture(scope="module")
def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Give one provider on the embedded stores."""
    whole = Provider(tmp_path_factory.mktemp("provider"), MovableClock())
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """Give the module's provider; the tests of a module share no person, so their order does not matter."""
    shared_provider.clock.set(START)
    return shared_provider


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner who signs in by password alone."""
    return provider.add(_identifier(), "Claire Moretti")


@pytest.fixture
def secured(provider: Provider) -> Someone:
    """Give a practitioner who activated double authentication."""
    attributes = {"matricule_csm": "408461", "adeli": "069912345"}
    return provider.add(_identifier(), "Claire Moretti", mfa=True, attributes=attributes)


@pytest.fixture
def insured(provider: Provider) -> Someone:
    """Give an insured person with every standard claim."""
    return provider.add(_identifier(), "Marie Anne Durand", "insured", attributes=INSURED_ATTRIBUTES)


@pytest.fixture
def assistant(provider: Provider, secured: Someone) -> Someone:
    """Give an assistant of ``secured``."""
    return provider.add_assistant(secured, "NAUDIN Fernand")


def _identifier() -> str:
    return secrets.token_hex(6)
