"""One provider a module; new people for every test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.clock import MovableClock
from tests.profile_api.portal import Portal, portal
from tests.provider import START, Provider, Someone


@pytest.fixture(scope="module")
def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Give one provider on the embedded stores."""
    whole = Provider(tmp_path_factory.mktemp("provider"), MovableClock())
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """Give the module's provider, its clock back at the start."""
    shared_provider.clock.set(START)
    return shared_provider


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with the second factor."""
    return provider.add(secrets.token_hex(6), "DURAND Alice", mfa=True)


@pytest.fixture
def assistant(provider: Provider, doctor: Someone) -> Someone:
    """Give the doctor's assistant."""
    return provider.add_assistant(doctor, "NAUDIN Fernand")


@pytest.fixture
def doctors(provider: Provider, doctor: Someone) -> Portal:
    """Give the portal where the doctor just signed in with both factors."""
    return portal(provider, doctor)
