"""One provider a module that guards hosts, its clock back at the start for every test; new people for every test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.clock import MovableClock
from tests.gateway.visiting import Browser, guarding
from tests.provider import START, Provider, Someone


@pytest.fixture(scope="module")
def guarding_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Give one provider on the embedded stores."""
    whole = guarding(tmp_path_factory.mktemp("provider"), MovableClock())
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def gate(guarding_provider: Provider) -> Provider:
    """Give the module's provider; the tests of a module share no person, so their order does not matter."""
    guarding_provider.clock.set(START)
    return guarding_provider


@pytest.fixture
def browser(gate: Provider) -> Browser:
    """Give a browser that has been nowhere."""
    return Browser(gate)


@pytest.fixture
def doctor(gate: Provider) -> Someone:
    """Give a practitioner with the second factor."""
    return gate.add(_identifier(), "DURAND Hélène", mfa=True, attributes={"preferred_username": "hélène%1"})


@pytest.fixture
def newcomer(gate: Provider) -> Someone:
    """Give a practitioner who signs in by password alone."""
    return gate.add(_identifier(), "MARTIN Paul")


@pytest.fixture
def insured(gate: Provider) -> Someone:
    """Give an insured person who signs in by password alone."""
    return gate.add(_identifier(), "ROSSI Carla", "insured")


@pytest.fixture
def assistant(gate: Provider, doctor: Someone) -> Someone:
    """Give the doctor's assistant."""
    return gate.add_assistant(doctor, "NAUDIN Fernand")


def _identifier() -> str:
    return secrets.token_hex(6)
