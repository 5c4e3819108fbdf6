"""A refresh asks again whether the sign-in behind it would still be let in: account, delegation, date, client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from idp.accounts import authenticators
from idp.app import create_app
from idp.clients.registry import ClientRegistry
from tests.protocol.answers import activate, body, token_error, tokens
from tests.protocol.apis import api, with_apis
from tests.protocol.test_token_exchange import exchange
from tests.provider import Provider, Someone


def test_when_the_account_is_disabled(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    provider.disable(doctor)
    _assert_over(provider, given)


def test_when_the_assistant_is_removed_and_the_doctors_own_goes_on(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    own, given = tokens(provider, secured), tokens(provider, assistant)
    provider.remove_assistant(secured, assistant.name)
    _assert_over(provider, given)
    assert body(provider.refresh(own["refresh_token"]))["access_token"]


def test_when_the_assistants_last_day_ends(provider: Provider, secured: Someone) -> None:
    temporary = provider.add_assistant(secured, "PETIT Anne", last=date(2026, 1, 15))
    given = tokens(provider, temporary)
    provider.clock.set(datetime(2026, 1, 15, 22, 59, 59, tzinfo=UTC))
    given = body(provider.refresh(given["refresh_token"]))
    provider.clock.advance(seconds=1)
    _assert_over(provider, given)


def test_when_the_doctor_is_disabled_the_assistant_is_out_too(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    given = tokens(provider, assistant)
    provider.disable(secured)
    _assert_over(provider, given)


@pytest.mark.attack(76)
def test_when_the_clients_date_comes_and_only_a_password_was_proved(
    provider: Provider, doctor: Someone
) -> None:
    provider.clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    given = tokens(provider, doctor, "portal")
    elsewhere = tokens(provider, doctor, "open")
    provider.clock.set(datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC))
    given = body(provider.refresh(given["refresh_token"], "portal"))
    provider.clock.advance(seconds=1)
    _assert_over(provider, given, "portal")
    assert body(provider.refresh(elsewhere["refresh_token"]))["access_token"]


@pytest.mark.attack(76)
def test_when_the_clients_date_comes_a_sign_in_with_two_factors_goes_on(
    provider: Provider, secured: Someone
) -> None:
    provider.clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    given = tokens(provider, secured, "portal")
    provider.clock.set(datetime(2026, 2, 28, 23, 0, 1, tzinfo=UTC))
    assert body(provider.refresh(given["refresh_token"], "portal"))["access_token"]


@pytest.mark.attack(76)
def test_when_the_account_activates_the_password_alone_no_longer_refreshes(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    given = tokens(provider, doctor, visit=visit)
    visit.authorize("strict")
    activate(visit)
    stepped_up = body(provider.redeem(visit.answer["code"], "strict"))
    _assert_over(provider, given)
    assert body(provider.refresh(stepped_up["refresh_token"], "strict"))["access_token"]


def test_when_another_browser_activated_the_account(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    now = provider.clock.now()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        secret = provider.parts.plugins.possession.new_secret()
        authenticators.activate(connection, provider.parts.keyring, account_id, secret, None, now)
    _assert_over(provider, given)


def test_when_the_client_file_no_longer_allows_assistants(
    provider: Provider, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tokens(provider, assistant)
    _reconfigure(provider, monkeypatch, assistants="refused")
    _assert_over(provider, given)


def test_when_the_client_file_no_longer_admits_the_profile(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tokens(provider, doctor)
    _reconfigure(provider, monkeypatch, profiles=frozenset({"insured"}))
    _assert_over(provider, given)


def test_when_the_client_file_no_longer_allows_offline_access(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tokens(provider, doctor)
    _reconfigure(provider, monkeypatch, scope=frozenset({"openid", "profile"}))
    assert token_error(provider.refresh(given["refresh_token"])) == "unauthorized_client"


def test_a_scope_withdrawn_from_the_client_file_is_given_no_more(
    provider: Provider, insured: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tokens(provider, insured, scope="openid profile email offline_access")
    _reconfigure(provider, monkeypatch, scope=frozenset({"openid", "email", "offline_access"}))
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub", "email", "email_verified"}
    assert body(provider.refresh(given["refresh_token"]))["scope"] == "openid email offline_access"


def test_a_grant_that_a_rule_ends_is_audited(provider: Provider, doctor: Someone) -> None:
    provider.clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    given = tokens(provider, doctor, "portal")
    provider.clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    before = len(provider.audited("tokens.grant_ended"))
    _assert_over(provider, given, "portal")
    lines = provider.audited("tokens.grant_ended")
    assert len(lines) == before + 1
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    assert (lines[-1]["client_id"], lines[-1]["account_id"]) == ("portal", account_id)


@pytest.mark.attack(31)
def test_near_its_end_a_grant_gives_tokens_that_end_with_it(provider: Provider, doctor: Someone) -> None:
    """Its row is deleted then: what was exchanged could no longer be revoked with it."""
    with_apis(provider)
    scope = "openid offline_access orders.read files.read"
    given = tokens(provider, doctor, "front", scope=scope, resource=api("orders"))
    provider.clock.advance(seconds=provider.settings.refresh_lifetime - 20)
    late = body(provider.refresh(given["refresh_token"], "front"))
    made = body(exchange(provider, late["access_token"]))
    assert late["expires_in"] == made["expires_in"] == 20
    for token in (late["access_token"], late["id_token"], made["access_token"]):
        claims = provider.claims(token)
        assert claims["exp"] - claims["iat"] == 20
    provider.clock.advance(seconds=19)
    assert body(provider.introspect(made["access_token"], "files"))["active"] is True
    provider.clock.advance(seconds=1)
    for token, reader in ((late["access_token"], "orders"), (made["access_token"], "files")):
        assert body(provider.introspect(token, reader)) == {"active": False}


def _assert_over(provider: Provider, given: dict[str, Any], client_id: str = "open") -> None:
    assert token_error(provider.refresh(given["refresh_token"], client_id)) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 401


def _reconfigure(provider: Provider, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Go on with an application whose file of the client ``open`` says otherwise."""
    clients = [
        client.model_copy(update=changes) if client.client_id == "open" else client
        for client in provider.parts.clients
    ]
    parts = replace(provider.parts, clients=ClientRegistry(clients))
    monkeypatch.setattr(provider, "app", create_app(provider.settings, parts))
