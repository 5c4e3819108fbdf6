"""Two acts at one account at the same moment on PostgreSQL: one waits for the other, and neither is ended for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from idp.accounts import (
    activation_codes,
    authenticators,
    directory,
    passwords,
    phones,
    recovery_codes,
    reset_links,
    sessions,
)
from idp.accounts.party import party
from idp.storage.schema import signed_in_session
from tests.clock import MovableClock
from tests.journeys.story import code_of
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import overtaken

pytestmark = pytest.mark.server


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider on PostgreSQL that wants the code of a letter."""
    database = request.getfixturevalue("postgres_server").fresh_database()
    whole = Provider(tmp_path, clock, database, enrolment_proof="activation_code")
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with the second factor."""
    return provider.add("408461", "DURAND Alice", mfa=True)


def _id(provider: Provider, who: Someone) -> str:
    with provider.parts.database.read() as connection:
        return provider.account_id(connection, who)


def _code(visit: Visit) -> str:
    assert visit.page.secret is not None
    return code_of(visit.page.secret, visit.provider.clock)


@pytest.mark.attack(61)
@pytest.mark.parametrize("by", ["support", "fresh codes"])
def test_a_lost_phone_while_its_recovery_code_dies(provider: Provider, doctor: Someone, by: str) -> None:
    account_id, keyring, now = _id(provider, doctor), provider.parts.keyring, provider.clock.now()
    with provider.parts.database.write() as connection:
        codes = recovery_codes.renew(connection, keyring, account_id, now)
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    visit.get(visit.page.url.replace("/code", "/lost-phone"))
    visit.submit(recovery_code=codes[0])

    def die(connection: Connection) -> None:
        if by == "support":
            phones.reset(connection, account_id, now)
        else:
            recovery_codes.renew(connection, keyring, account_id, now)

    page = overtaken(provider.parts.database, account_id, lambda: visit.submit(code=_code(visit)), die)
    assert page.status == 422
    assert not provider.audited("mfa.phone_replaced")


def test_a_phone_changed_by_its_holder_while_support_resets_it(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=30)
    visit.get("/profile/phone")
    account_id, now = _id(provider, doctor), provider.clock.now()
    sent = {"code": _code(visit), "code_old": doctor.code(provider.clock)}
    page = overtaken(
        provider.parts.database,
        account_id,
        lambda: visit.submit(**sent),
        lambda connection: phones.reset(connection, account_id, now),
    )
    assert page.status == 422
    assert not provider.audited("mfa.phone_replaced")


@pytest.mark.attack(74)
def test_an_activation_while_its_letter_is_replaced(provider: Provider) -> None:
    newcomer = provider.add("408462", "MARTIN Paul")
    account_id, keyring, now = _id(provider, newcomer), provider.parts.keyring, provider.clock.now()
    with provider.parts.database.write() as connection:
        letter = activation_codes.make(connection, keyring, account_id, now).code
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, activate_mfa="1")
    page = overtaken(
        provider.parts.database,
        account_id,
        lambda: visit.submit(activation_code=letter, code=_code(visit)),
        lambda connection: activation_codes.make(connection, keyring, account_id, now),
    )
    assert page.status == 422
    assert not provider.audited("mfa.activated")


def test_a_link_used_while_support_ends_the_password(provider: Provider, doctor: Someone) -> None:
    database, account_id, now = provider.parts.database, _id(provider, doctor), provider.clock.now()
    with database.write() as connection:
        token = reset_links.make(connection, account_id, timedelta(minutes=15), now)
        there = party(connection, account_id, None, now)
    assert there is not None
    holder = there.account

    def use() -> str | None:
        with database.write() as connection:
            return reset_links.take(connection, token, now)

    def end(connection: Connection) -> None:
        passwords.put_in_force(connection, holder, directory.NO_PASSWORD, now)

    assert overtaken(database, account_id, use, end) is None


def test_an_account_disabled_while_its_sessions_end(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    tokens = provider.redeem(visit.sign_in(doctor)).get_json()
    database, account_id, now = provider.parts.database, _id(provider, doctor), provider.clock.now()
    with database.read() as connection:
        [sid] = connection.execute(select(signed_in_session.c.sid)).scalars()

    overtaken(
        database,
        account_id,
        lambda: provider.disable(doctor),
        lambda connection: sessions.end(connection, account_id, sid, now),
    )
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    with database.read() as connection:
        assert party(connection, account_id, None, now) is None


@pytest.mark.attack(74)
@pytest.mark.parametrize("bulk", [True, False])
def test_no_letter_is_made_for_whoever_activates_meanwhile(
    provider: Provider, tmp_path: Path, bulk: bool
) -> None:
    newcomer, other = provider.add("408462", "MARTIN Paul"), provider.add("408463", "PETIT Anne")
    account_id, now = _id(provider, newcomer), provider.clock.now()
    (tmp_path / "letters.txt").write_text("408462\n408463\n")
    which = ["--file", str(tmp_path / "letters.txt")] if bulk else [newcomer.identifier]
    secret = provider.parts.plugins.possession.new_secret()
    made = overtaken(
        provider.parts.database,
        account_id,
        lambda: subprocess.run(
            [Path(sys.executable).with_name("idp"), "accounts", "activation-code", *which],
            env={**os.environ, "IDP_CONFIG": str(tmp_path / "idp.yaml")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ),
        lambda connection: authenticators.activate(
            connection, provider.parts.keyring, account_id, secret, None, now
        ),
    )
    assert made.returncode == (1 if bulk else 2), made.stderr
    assert "it has been activated: `idp accounts reset-mfa`" in made.stderr
    if bulk:
        assert f"{tmp_path}/letters.txt:1: it has been activated" in made.stderr
        assert "1 made, 1 bad" in made.stderr
        assert "408462" not in made.stdout
        assert other.name in made.stdout
    else:
        assert made.stdout == ""
    assert len(provider.audited("activation_code.made")) == (1 if bulk else 0)
