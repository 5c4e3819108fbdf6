"""What must not be forgotten yet, and clearing away beside others who hold the same rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from idp.accounts import grants
from idp.clearing import clear_away, forget
from idp.storage.schema import journal_entry, token_grant
from tests.clock import MovableClock
from tests.commands.rounds import rows
from tests.protocol.answers import tokens
from tests.protocol.receiving import outbox
from tests.provider import Provider
from tests.servers import PostgresServer

DAY = 86_400
RETENTION = timedelta(days=30)


def test_services_are_told_of_the_end_of_a_session_that_outlived_the_retention(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = Provider(tmp_path, clock, retention_days=30, refresh_lifetime=90 * DAY)
    doctor = provider.add("408461", "LEROUX Ariane")
    given = tokens(provider, doctor)
    clock.advance(seconds=31 * DAY)
    clear_away(provider.parts)
    forget(provider.parts, RETENTION)
    assert provider.refresh(given["refresh_token"]).status_code == 200
    with provider.parts.database.write() as connection:
        grants.revoke_account(connection, provider.account_id(connection, doctor), clock.now())
    assert [line["client_id"] for line in outbox(provider)] == ["open"]
    forget(provider.parts, RETENTION)
    assert rows(provider, journal_entry) == 0
    provider.parts.database.dispose()


@pytest.mark.server
def test_clearing_away_waits_for_nobody_who_holds_what_is_over(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer
) -> None:
    provider = Provider(tmp_path, clock, postgres_server.fresh_database())
    doctor = provider.add("408461", "LEROUX Ariane")
    with provider.parts.database.write() as connection:
        grant: dict[str, Any] = {
            "client_id": "open",
            "account_id": provider.account_id(connection, doctor),
            "sid": "s",
        }
        grant |= {"scope": "openid", "proofs": [], "generation": 0, "created_at": clock.now()}
        over = [{**grant, "id": f"{number:064}", "expires_at": clock.now()} for number in range(3)]
        connection.execute(insert(token_grant), over)
    with provider.parts.database.write() as signing_out:
        signing_out.execute(select(token_grant).where(token_grant.c.id == over[1]["id"]).with_for_update())
        assert clear_away(provider.parts) == 2
    assert clear_away(provider.parts) == 1
    provider.parts.database.dispose()
