"""Passwords that other systems hashed, and keys that were rotated: people notice nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.accounts import directory
from idp.storage.keyring import Keyring
from tests.clock import MovableClock
from tests.journeys.story import statements
from tests.provider import PASSWORD, Provider, Someone

BCRYPT = "$2b$04$1Q.8JKN/WZpz1QRLFKJRM.tuitOUV7mP3KcJW7zsCgB.dGB4qSFTu"
"""Of ``PASSWORD``."""
SSHA = "{SSHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode() + b"salt").digest() + b"salt").decode()


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider whose passwords are peppered."""
    (tmp_path / "pepper").write_text(Keyring.generate_line("p1") + "\n")
    whole = Provider(tmp_path, clock, pepper_file="pepper")
    yield whole
    whole.parts.database.dispose()


def _kept(provider: Provider, who: Someone) -> str:
    with provider.parts.database.read() as connection:
        known = directory.credentials(connection, who.identifier)
    assert known is not None
    return known.password


@pytest.mark.parametrize("kept", [BCRYPT, SSHA])
def test_an_imported_password_opens_and_is_kept_as_ours_from_then_on(
    provider: Provider, newcomer: Someone, kept: str
) -> None:
    with provider.parts.database.write() as connection:
        directory.set_password(connection, provider.account_id(connection, newcomer), kept)
    visit = provider.browser()
    visit.authorize()
    visit.submit(identifier=newcomer.identifier, password="13572468")
    assert visit.step == "identification"
    assert _kept(provider, newcomer) == kept
    assert provider.browser().sign_in(newcomer)
    stored = _kept(provider, newcomer)
    assert stored.startswith("$pepper=p1$argon2id$")
    with statements(provider) as ran:
        assert provider.browser().sign_in(newcomer)
    assert not [statement for statement in ran if "SET password" in statement]
    assert _kept(provider, newcomer) == stored


def test_an_account_without_a_password_lets_nobody_in(provider: Provider, newcomer: Someone) -> None:
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, newcomer)
        directory.set_password(connection, account_id, directory.NO_PASSWORD)
    for password in (PASSWORD, directory.NO_PASSWORD, ""):
        visit = provider.browser()
        visit.authorize()
        assert visit.submit(identifier=newcomer.identifier, password=password).status == 422
