"""Two processes of the provider: what one ends the other refuses within the lag, and a sign-in may use both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from idp.app import create_app, parts_of
from idp.storage.ephemeral import open_ephemeral
from tests.gateway.visiting import FORWARD, PORTAL, Browser
from tests.provider import Provider, Someone

PROGRAM = {"Accept": "application/json"}


@pytest.fixture
def elsewhere(gate: Provider) -> Iterator[Flask]:
    """Give a second process: it shares stores, keys and clock, and nothing else."""
    parts = parts_of(gate.settings)
    ephemeral = open_ephemeral(gate.settings.ephemeral_url, parts.database, gate.clock)
    yield create_app(gate.settings, replace(parts, ephemeral=ephemeral, clock=gate.clock))
    parts.database.dispose()


def _removed(gate: Provider, doctor: Someone, assistant: Someone) -> None:
    gate.remove_assistant(doctor, assistant.name)


def _disabled(gate: Provider, doctor: Someone, assistant: Someone) -> None:
    del assistant
    gate.disable(doctor)


@pytest.mark.attack(52)
@pytest.mark.attack(54)
@pytest.mark.parametrize("ended", [_removed, _disabled])
def test_what_another_process_ends_is_over_within_the_lag(
    gate: Provider,
    elsewhere: Flask,
    doctor: Someone,
    assistant: Someone,
    ended: Callable[[Provider, Someone, Someone], None],
) -> None:
    here = Browser(gate)
    here.sign_in(assistant)
    there = Browser(gate, elsewhere.test_client(use_cookies=False))
    there.jars = here.jars
    assert [one.ask("/", headers=PROGRAM).status_code for one in (here, there)] == [204, 204]
    ended(gate, doctor, assistant)
    assert here.ask("/", headers=PROGRAM).status_code == 401
    gate.clock.advance(seconds=gate.settings.revocation_lag)
    assert there.ask("/", headers=PROGRAM).status_code == 401


def test_a_sign_out_of_another_process_shows_its_page_at_once(
    gate: Provider, elsewhere: Flask, doctor: Someone
) -> None:
    """The grant is still believed for a moment; who comes back from signing out is not led into the service again."""
    here = Browser(gate)
    here.sign_in(doctor)
    there = Browser(gate, elsewhere.test_client(use_cookies=False))
    there.jars = here.jars
    assert there.ask("/").status_code == 204
    here.visit.get("/logout")
    here.visit.submit()
    page = there.own(f"{PORTAL}/_gateway/signed-out")
    assert 'id="logged-out"' in page.text
    assert there.ask("/", headers=PROGRAM).status_code == 401


def test_each_step_of_a_sign_in_may_be_another_process(
    gate: Provider, elsewhere: Flask, doctor: Someone
) -> None:
    here = Browser(gate)
    there = Browser(gate, elsewhere.test_client(use_cookies=False))
    there.jars = here.jars
    there.visit = here.visit
    here.open("/dossier")
    here.visit.identify(doctor)
    here.visit.enter_code(doctor)
    assert there.back().status_code == 204
    assert here.ask("/", FORWARD).status_code == 204
