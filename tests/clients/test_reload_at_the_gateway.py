"""Hosts and rules of the gateway follow the client files too, for whoever has a session there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.files import Files
from tests.clock import MovableClock
from tests.gateway.visiting import FILES, PORTAL, WARDS, Browser, guarding


@pytest.fixture
def files(tmp_path: Path, clock: MovableClock) -> Iterator[Files]:
    """Give the files of a provider that guards hosts, looked at once."""
    provider = guarding(tmp_path, clock)
    made = Files(provider)
    made.touched(*map(made.path, FILES))
    made.look()
    yield made
    provider.parts.database.dispose()


def test_rules_hosts_and_assistants_count_as_the_files_say_now(files: Files) -> None:
    provider = files.provider
    doctor = provider.add("408461", "LEROUX Ariane", mfa=True)
    signed_in, stranger = Browser(provider), Browser(provider)
    signed_in.open("/")
    signed_in.visit.identify(doctor)
    signed_in.visit.enter_code(provider.add_assistant(doctor, "NAUDIN Fernand"))
    signed_in.back()

    def answers(path: str, origin: str = PORTAL) -> tuple[int, int]:
        return signed_in.ask(path, origin=origin).status_code, stranger.ask(path, origin=origin).status_code

    assert (answers("/"), answers("/help"), answers("/", WARDS)) == ((204, 302), (204, 302), (403, 403))
    rules = {"/": {}, "/help": "public"}
    files.write("old-portal", gateway={PORTAL: rules})
    files.write("wards", gateway={"https://elsewhere.test": {"/": "public"}})
    files.look()
    assert (answers("/"), answers("/help"), answers("/ward", WARDS)) == ((204, 302), (204, 204), (403, 403))
    assert answers("/", "https://elsewhere.test") == (204, 204)
    files.write("old-portal", gateway={PORTAL: rules}, assistants="refused")
    files.look()
    assert answers("/") == (403, 302)
    files.write("wards", gateway={PORTAL: rules})
    files.look()
    assert (answers("/"), len(files.readyz())) == ((403, 302), 2)
    files.remove("old-portal")
    files.look()
    assert (answers("/"), files.readyz()) == ((302, 302), [])
    files.remove("wards")
    files.look()
    assert answers("/help") == (403, 403)
