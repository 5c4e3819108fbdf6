"""RFC 7662: a token is told as it stands now, to whom it concerns; to anybody else there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.app import create_app
from idp.clients.registry import ClientRegistry
from tests.clock import MovableClock
from tests.journeys.failing import Flaky
from tests.protocol.answers import activate, body, tokens
from tests.protocol.apis import api, with_apis
from tests.provider import CLIENT_SECRET, ISSUER, MFA_DATE, Provider, Someone
from tests.servers import free_port

KINDS = ("access_token", "refresh_token")
INACTIVE = {"active": False}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def asked(provider: Provider, token: str, client_id: str = "open") -> dict[str, Any]:
    """Return the answer, its form checked."""
    answer = provider.introspect(token, client_id)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    return body(answer)


def test_an_access_token_is_told_to_the_client_that_has_it(provider: Provider, secured: Someone) -> None:
    token = tokens(provider, secured)["access_token"]
    claims = provider.claims(token)
    told = asked(provider, token)
    assert told == {"active": True, "token_type": "Bearer", **claims}
    assert told["aud"] == told["iss"] == ISSUER
    assert (told["acr"], told["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert told["exp"] - told["iat"] == 300
    assert {"jti", "sid", "auth_time", "sub", "client_id"} < told.keys()
    assert {"act", "delegation", "username"}.isdisjoint(told)


def test_a_refresh_token_is_told_with_its_own_end(provider: Provider, secured: Someone) -> None:
    given = tokens(provider, secured)
    provider.clock.advance(seconds=20)
    token = body(provider.refresh(given["refresh_token"]))["refresh_token"]
    told, of_access = asked(provider, token), asked(provider, given["access_token"])
    assert told["iat"] == of_access["iat"] + 20
    assert told["exp"] == of_access["iat"] + provider.settings.refresh_lifetime
    assert {"jti", "token_type"}.isdisjoint(told)
    alike = ("active", "iss", "aud", "client_id", "scope", "sub", "acr", "amr", "auth_time", "sid")
    assert {name: told[name] for name in alike} == {name: of_access[name] for name in alike}
    assert set(told) == {*alike, "iat", "exp"}


@pytest.mark.parametrize("kind", KINDS)
def test_who_acts_and_by_which_delegation_is_told(
    provider: Provider, secured: Someone, assistant: Someone, kind: str
) -> None:
    told = asked(provider, tokens(provider, assistant)[kind])
    own = asked(provider, tokens(provider, secured)[kind])
    assert told["sub"] == own["sub"]
    assert told["act"]["name"] == assistant.name
    assert told["act"]["sub"] != own["sub"]
    assert told["delegation"]["valid_from"] == "2025-12-03"
    assert told["delegation"]["valid_until"] is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", ["portal", "posting", "records", "machine"])
def test_to_another_client_a_token_is_none(
    provider: Provider, secured: Someone, kind: str, other: str
) -> None:
    assert asked(provider, tokens(provider, secured)[kind], other) == INACTIVE


def test_the_service_that_a_token_is_for_may_ask_and_no_other(provider: Provider) -> None:
    form = {"grant_type": "client_credentials", "scope": "records.read"}
    token = body(provider.token(form, "machine"))["access_token"]
    for client_id in ("records", "machine"):
        told = asked(provider, token, client_id)
        assert (told["client_id"], told["sub"], told["scope"]) == ("machine", "machine", "records.read")
        assert told["aud"] == "https://records.test/api"
        assert {"acr", "amr", "auth_time", "sid", "act"}.isdisjoint(told)
    assert asked(provider, token, "letters") == INACTIVE


@pytest.fixture
def among_apis(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider with many APIs."""
    whole = with_apis(Provider(tmp_path, clock))
    yield whole
    whole.parts.database.dispose()


def test_each_is_told_of_people_by_the_subject_that_it_knows(among_apis: Provider) -> None:
    provider = among_apis
    assistant = provider.add_assistant(provider.add("408461", "Claire Moretti", mfa=True), "NAUDIN Fernand")
    given = tokens(provider, assistant, "front", scope="openid x.read", resource=api("apart"))
    token, of_id = given["access_token"], provider.claims(given["id_token"])
    to_api, to_client = asked(provider, token, "apart"), asked(provider, token, "front")
    assert to_api == {"active": True, "token_type": "Bearer", **provider.claims(token)}
    assert (to_client["sub"], to_client["act"]) == (of_id["sub"], of_id["act"])
    assert (to_api["sub"], to_api["act"]["sub"]) != (of_id["sub"], of_id["act"]["sub"])
    assert to_client["delegation"] == of_id["delegation"]
    assert to_api["delegation"]["id"] != of_id["delegation"]["id"]
    for client_id in ("beside", "orders", "open"):
        assert asked(provider, token, client_id) == INACTIVE


def test_to_a_service_that_would_no_longer_admit_them_a_token_is_none(among_apis: Provider) -> None:
    provider = among_apis
    doctor = provider.add("408461", "Claire Moretti")
    provider.clock.set(datetime(2026, 2, 28, 22, 59, tzinfo=UTC))
    token = tokens(provider, doctor, "front", scope="openid x.read", resource=api("dated"))["access_token"]
    assert asked(provider, token, "dated")["active"] is True
    provider.clock.advance(seconds=60)
    assert asked(provider, token, "dated") == INACTIVE
    assert asked(provider, token, "front")["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_client_may_not_ask_even_about_its_own(
    provider: Provider, doctor: Someone, kind: str
) -> None:
    answer = provider.introspect(tokens(provider, doctor, "public")[kind], "public")
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_asks_without_proving_who_they_are(provider: Provider, doctor: Someone) -> None:
    token = tokens(provider, doctor)["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for headers in ({}, bearer, {"Authorization": "Basic b3Blbjp3cm9uZw=="}):
        answer = provider.http().post("/oauth2/introspect", data={"token": token}, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
        assert "active" not in answer.text


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of", ""])
@pytest.mark.parametrize("kind", KINDS)
def test_the_hint_makes_no_difference(provider: Provider, doctor: Someone, kind: str, hint: str) -> None:
    token = tokens(provider, doctor)[kind]
    assert body(provider.introspect(token, token_type_hint=hint))["active"] is True


def test_what_is_no_token_of_these_is_none(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor)
    given = tokens(provider, doctor)
    head, _, tail = given["refresh_token"].rpartition(".")
    for token in (
        code,
        given["id_token"],
        given["access_token"] + "a",
        given["access_token"].rpartition(".")[0] + ".",
        given["refresh_token"] + "a",
        f"{head}.{tail[:-1]}",
        "a" * 64 + ".0.a",
        "..",
        "é\x00",
    ):
        assert asked(provider, token) == INACTIVE


def test_an_access_token_that_ended_is_none(provider: Provider, doctor: Someone) -> None:
    token = tokens(provider, doctor)["access_token"]
    provider.clock.advance(seconds=299)
    assert asked(provider, token)["active"] is True
    provider.clock.advance(seconds=1)
    assert asked(provider, token) == INACTIVE


def test_a_refresh_token_that_ended_or_was_spent_is_none(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    second = body(provider.refresh(first))["refresh_token"]
    assert asked(provider, first) == INACTIVE
    assert asked(provider, second)["active"] is True
    provider.clock.advance(seconds=provider.settings.refresh_lifetime)
    assert asked(provider, second) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_asking_about_a_spent_refresh_token_ends_nothing(
    provider: Provider, doctor: Someone, kind: str
) -> None:
    given = tokens(provider, doctor)
    second = body(provider.refresh(given["refresh_token"]))
    assert asked(provider, given["refresh_token"]) == INACTIVE
    assert asked(provider, second[kind])["active"] is True


@pytest.mark.attack(31)
@pytest.mark.parametrize("kind", KINDS)
def test_of_a_session_that_was_signed_out_none_is_left(
    provider: Provider, doctor: Someone, kind: str
) -> None:
    visit = provider.browser()
    given = tokens(provider, doctor, visit=visit)
    assert asked(provider, given[kind])["active"] is True
    visit.get("/logout")
    visit.submit()
    assert asked(provider, given[kind]) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_disabled_account_none_is_left(provider: Provider, doctor: Someone, kind: str) -> None:
    given = tokens(provider, doctor)
    provider.disable(doctor)
    assert asked(provider, given[kind]) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_of_an_assistant_who_was_removed_none_is_left(
    provider: Provider, secured: Someone, assistant: Someone, kind: str
) -> None:
    given, own = tokens(provider, assistant), tokens(provider, secured)
    assert asked(provider, given[kind])["active"] is True
    provider.remove_assistant(secured, assistant.name)
    assert asked(provider, given[kind]) == INACTIVE
    assert asked(provider, own[kind])["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_none_from_the_second_on_in_which_the_delegation_ends(
    provider: Provider, secured: Someone, kind: str
) -> None:
    temporary = provider.add_assistant(secured, "PETIT Anne", last=date(2026, 1, 15))
    provider.clock.set(datetime(2026, 1, 15, 22, 57, tzinfo=UTC))
    given = tokens(provider, temporary)
    provider.clock.set(datetime(2026, 1, 15, 22, 59, 59, tzinfo=UTC))
    told = asked(provider, given[kind])
    assert told["delegation"]["valid_until"] == "2026-01-15"
    provider.clock.advance(seconds=1)
    assert asked(provider, given[kind]) == INACTIVE


@pytest.mark.attack(76)
@pytest.mark.parametrize("kind", KINDS)
def test_a_password_token_is_none_once_the_clients_date_has_come(
    provider: Provider, doctor: Someone, kind: str
) -> None:
    midnight = datetime(MFA_DATE.year, MFA_DATE.month, MFA_DATE.day, tzinfo=UTC).timestamp() - 3600
    provider.clock.set(datetime.fromtimestamp(midnight - 60, UTC))
    given = tokens(provider, doctor, "portal")
    assert asked(provider, given[kind], "portal")["active"] is True
    provider.clock.advance(seconds=60)
    assert asked(provider, given[kind], "portal") == INACTIVE


@pytest.mark.attack(75)
@pytest.mark.parametrize("kind", KINDS)
def test_a_password_token_is_none_once_a_phone_is_activated(
    provider: Provider, doctor: Someone, kind: str
) -> None:
    given = tokens(provider, doctor)
    other = provider.browser()
    other.authorize("strict")
    other.identify(doctor)
    activate(other)
    assert asked(provider, given[kind]) == INACTIVE


def test_a_scope_that_the_client_file_no_longer_allows_is_not_told(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tokens(provider, doctor, scope="openid profile email offline_access")
    _reconfigured(provider, monkeypatch, "open", scope=frozenset({"openid", "email"}))
    assert asked(provider, given["access_token"])["scope"] == "openid email"
    assert asked(provider, given["refresh_token"]) == INACTIVE


def test_a_token_of_a_client_that_is_no_more_is_none(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"grant_type": "client_credentials", "scope": "records.read"}
    token = body(provider.token(form, "machine"))["access_token"]
    _reconfigured(provider, monkeypatch, "machine", grant_types=frozenset({"authorization_code"}))
    assert asked(provider, token, "records") == INACTIVE
    _reconfigured(provider, monkeypatch, "machine", client_id="another")
    assert asked(provider, token, "records") == INACTIVE


@pytest.mark.attack(33)
@pytest.mark.parametrize("path", ["/oauth2/introspect", "/oauth2/revoke"])
@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"data": {}}, 400),
        ({"data": {"token": ""}}, 400),
        ({"data": {"token": ["a", "b"]}}, 400),
        ({"data": {"token": ["a", ""]}}, 400),
        ({"data": {"token": "a", "token_type_hint": ["access_token", "refresh_token"]}}, 400),
        ({"data": {"token": "a", "resource": ["a", "b"]}}, 400),
        ({"data": {"token": "a"}, "query_string": "client_id=open"}, 400),
        ({"data": {"client_id": "posting"}, "query_string": "token=a"}, 400),
        ({"data": {"token": "a"}, "content_type": "multipart/form-data"}, 400),
        ({"json": {"token": "a"}}, 400),
        ({"data": "token=a", "content_type": "text/plain"}, 400),
        ({"data": {"token": "a", "client_id": "posting", "client_secret": CLIENT_SECRET}}, 400),
        ({"data": {"token": "a" * 70_000}}, 413),
    ],
)
def test_a_malformed_request_gets_the_error_of_the_specification(
    provider: Provider, path: str, how: dict[str, Any], status: int
) -> None:
    headers = {"Authorization": "Basic b3BlbjphLXNlY3JldC1vZi10aGUtdGVzdHM="}
    answer = provider.http().post(path, headers=headers, **how)
    assert (answer.status_code, answer.get_json()["error"]) == (status, "invalid_request")
    assert answer.get_json()["error_description"].isascii()
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.attack(65)
def test_what_a_service_gave_back_stays_so_without_the_ephemeral_store(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = Provider(tmp_path, clock, ephemeral_url=f"redis://127.0.0.1:{free_port()}/0")
    token = body(provider.token({"grant_type": "client_credentials"}, "machine"))["access_token"]
    assert asked(provider, token, "machine")["active"] is True
    assert provider.revoke(token, "machine").status_code == 200
    assert asked(provider, token, "machine") == INACTIVE
    provider.parts.database.dispose()


def test_while_the_database_is_away_nothing_is_told_and_nothing_taken_back(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = Provider(tmp_path, clock)
    token = body(provider.token({"grant_type": "client_credentials"}, "machine"))["access_token"]
    away = Flaky(provider, "database", answer_lost=False)
    provider.app = away.app
    assert asked(provider, token, "machine")["active"] is True
    away.fail_at(0, lasting=True)
    for ask in (provider.introspect, provider.revoke):
        answer = ask(token, "machine")
        assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["Cache-Control"] == "no-store"
    away.fail_at(-1)
    assert asked(provider, token, "machine")["active"] is True
    assert provider.audited("tokens.revoked") == []
    for database in (provider.parts.database, away.database):
        database.dispose()


@pytest.mark.parametrize("path", ["/oauth2/introspect", "/oauth2/revoke"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(provider: Provider, path: str, method: str) -> None:
    answer = provider.http().open(f"{path}?token=a", method=method)
    assert (answer.status_code, answer.get_json()["error"]) == (405, "invalid_request")
    assert "POST" in answer.headers["Allow"]
    assert answer.headers["Cache-Control"] == "no-store"


@quick
@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_text_is_no_token(shared_provider: Provider, token: str) -> None:
    assert asked(shared_provider, token) == INACTIVE
    answer = shared_provider.revoke(token)
    assert (answer.status_code, answer.data) == (200, b"")


def _reconfigured(provider: Provider, monkeypatch: pytest.MonkeyPatch, which: str, **changes: Any) -> None:
    """Go on with an application whose file of that client says otherwise."""
    clients = [
        client.model_copy(update=changes) if client.client_id == which else client
        for client in provider.parts.clients
    ]
    parts = replace(provider.parts, clients=ClientRegistry(clients))
    monkeypatch.setattr(provider, "app", create_app(provider.settings, parts))
