"""The people of the story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from idp.app import create_app, parts_of
from idp.storage.ephemeral import open_ephemeral
from tests.journeys.practice import doctors_browser
from tests.provider import Provider, Someone, Visit


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with the second factor."""
    return provider.add("408461", "DURAND Alice", mfa=True)


@pytest.fixture
def newcomer(provider: Provider) -> Someone:
    """Give a practitioner who has not activated it."""
    return provider.add("408462", "MARTIN Paul")


@pytest.fixture
def insured(provider: Provider) -> Someone:
    """Give an insured person without the second factor."""
    return provider.add("2001234", "ROSSI Carla", "insured")


@pytest.fixture
def assistant(provider: Provider, doctor: Someone) -> Someone:
    """Give the doctor's assistant."""
    return provider.add_assistant(doctor, "NAUDIN Fernand")


@pytest.fixture
def visit(provider: Provider, doctor: Someone) -> Visit:
    """Give the doctor's browser, at the profile with two factors."""
    return doctors_browser(provider, doctor)


@pytest.fixture
def elsewhere(provider: Provider) -> Iterator[Callable[[], Visit]]:
    """Give browsers at a second process of the provider, which shares stores, keys and clock, and nothing else."""
    parts = parts_of(provider.settings)
    ephemeral = open_ephemeral(provider.settings.ephemeral_url, parts.database, provider.clock)
    app = create_app(
        provider.settings,
        replace(parts, ephemeral=ephemeral, clock=provider.clock),
    )

    def browser() -> Visit:
        visit = Visit(provider)
        visit.client = app.test_client()
        return visit

    yield browser
    parts.database.dispose()
