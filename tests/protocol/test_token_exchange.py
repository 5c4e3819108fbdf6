"""RFC 8693: a service trades the token it was sent for one for the next: narrower, never wider, never longer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.clients.model import TOKEN_EXCHANGE
from tests.clock import MovableClock
from tests.protocol.answers import activate, body, grant_behind, token_error, tokens
from tests.protocol.apis import api, own_token, with_apis
from tests.protocol.test_resource_indicators import asked, code_of
from tests.provider import Provider, Someone

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ORDERS, FILES = api("orders"), api("files")
KEPT = ("iss", "acr", "amr", "auth_time", "sid", "act", "delegation", "sub")


@pytest.fixture(scope="module")
def shared_provider(shared_provider: Provider) -> Provider:
    return with_apis(shared_provider)


def sent(
    provider: Provider, who: Someone, *names: str, scope: str = "orders.read common", **more: Any
) -> str:
    """Return the access token that ``front`` sends to these services, by default to ``orders``."""
    provider.clock.advance(seconds=30)  # a code of the phone is good once
    resources = [api(name) for name in names or ("orders",)]
    code = code_of(asked(provider.browser(), *resources, scope=f"openid {scope}", **more), who)
    return str(body(provider.redeem(code, "front"))["access_token"])


def exchange(
    provider: Provider, token: str, client_id: str = "orders", **changes: str | list[str] | None
) -> TestResponse:
    """Exchange ``token``, by default for the API ``files``; ``None`` leaves a parameter out."""
    data: dict[str, Any] = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "audience": "files",
        **changes,
    }
    return provider.token({name: value for name, value in data.items() if value is not None}, client_id)


def exchanged(provider: Provider, token: str, client_id: str = "orders", **changes: Any) -> dict[str, Any]:
    """Return the claims of the token that came of it."""
    return provider.claims(body(exchange(provider, token, client_id, **changes))["access_token"])


def with_actor(provider: Provider, client_id: str = "orders") -> dict[str, str]:
    """Return the parameters by which a service says that it acts."""
    return {"actor_token": own_token(provider, client_id), "actor_token_type": ACCESS_TOKEN}


def test_the_answer_is_a_token_for_the_next_service_and_nothing_beside_it(
    provider: Provider, secured: Someone
) -> None:
    token = sent(provider, secured)
    answer = exchange(provider, token)
    assert answer.headers["Cache-Control"] == "no-store"
    told = body(answer)
    before, after = provider.claims(token), provider.claims(told.pop("access_token"))
    assert told == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "files.read common",
    } | {"scope": after["scope"]}
    assert set(after["scope"].split(" ")) == {"files.read", "common"}
    assert (after["aud"], after["client_id"]) == (FILES, "orders")
    assert after["jti"] != before["jti"]
    assert {name: after.get(name) for name in KEPT} == {name: before.get(name) for name in KEPT}
    assert "act" not in after


@pytest.mark.attack(59)
def test_who_acts_is_carried_on_unchanged(provider: Provider, assistant: Someone) -> None:
    token = sent(provider, assistant)
    before, after = provider.claims(token), exchanged(provider, token)
    assert after["act"]["name"] == "NAUDIN Fernand"
    assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}


@pytest.mark.attack(59)
def test_who_acts_survives_whatever_becomes_of_a_token(provider: Provider, assistant: Someone) -> None:
    first = tokens(provider, assistant, "front", scope="openid offline_access orders.read")
    again = body(provider.refresh(first["refresh_token"], "front"))
    told = [provider.claims(given[name]) for given in (first, again) for name in ("access_token", "id_token")]
    told += [body(provider.userinfo(given["access_token"])) for given in (first, again)]
    told += [body(provider.introspect(again["access_token"], "front"))]
    told += [exchanged(provider, again["access_token"], "front", audience="orders")]
    assert told[0]["act"]["name"] == "NAUDIN Fernand"
    for claims in told:
        assert (claims["sub"], claims["act"]) == (told[0]["sub"], told[0]["act"])
        assert claims["delegation"] == told[0]["delegation"]


@pytest.mark.attack(59)
def test_with_a_token_of_its_own_the_service_acts_before_who_acted_already(
    provider: Provider, assistant: Someone
) -> None:
    token = sent(provider, assistant)
    before = provider.claims(token)
    after = exchanged(provider, token, **with_actor(provider))
    assert after["act"] == {"sub": "orders", "act": before["act"]}
    assert after["delegation"] == before["delegation"]
    assert after["sub"] == before["sub"]


def test_of_a_practitioner_the_service_alone_acts(provider: Provider, secured: Someone) -> None:
    after = exchanged(provider, sent(provider, secured), **with_actor(provider))
    assert after["act"] == {"sub": "orders"}
    assert "delegation" not in after


def test_act_nests_no_deeper_than_four(provider: Provider, assistant: Someone) -> None:
    token = sent(provider, assistant)
    person = provider.claims(token)["act"]
    chain: list[str] = []
    for service, following in (("orders", "files"), ("files", "orders"), ("orders", "files")):
        told = body(exchange(provider, token, service, audience=following, **with_actor(provider, service)))
        token, chain = told["access_token"], [service, *chain]
    act = provider.claims(token)["act"]
    for service in chain:
        assert act["sub"] == service
        act = act["act"]
    assert act == person
    refused = exchange(provider, token, "files", audience="orders", **with_actor(provider, "files"))
    assert token_error(refused) == "invalid_request"
    assert exchanged(provider, token, "files", audience="orders")["act"]["sub"] == "orders"


@pytest.mark.attack(59)
def test_the_next_service_sees_by_introspection_who_acts(provider: Provider, assistant: Someone) -> None:
    told = body(exchange(provider, sent(provider, assistant), **with_actor(provider)))
    claims = provider.claims(told["access_token"])
    seen = body(provider.introspect(told["access_token"], "files"))
    assert seen["active"] is True
    for name in (*KEPT, "aud", "client_id", "scope"):
        assert seen[name] == claims[name], name


@pytest.mark.parametrize("name", ["orders", api("orders")], ids=["client_id", "identifier"])
@pytest.mark.parametrize("parameter", ["audience", "resource"])
def test_a_service_names_the_next_by_its_client_id_or_the_identifier_of_its_api(
    provider: Provider, secured: Someone, parameter: str, name: str
) -> None:
    token = sent(provider, secured, "files", scope="files.read")
    changes: dict[str, Any] = {"audience": None, parameter: name}
    assert exchanged(provider, token, "files", **changes)["aud"] == ORDERS


def test_several_may_be_named_in_both_ways(provider: Provider, secured: Someone) -> None:
    named: dict[str, Any] = {"audience": ["files", FILES], "resource": [api("strong"), FILES]}
    assert exchanged(provider, sent(provider, secured), **named)["aud"] == [FILES, api("strong")]


@pytest.mark.parametrize(
    "named",
    [
        {"audience": None},
        {"audience": "front"},
        {"audience": "idle"},
        {"audience": "nobody"},
        {"audience": "https://idp.test"},
        {"audience": ["files", "nobody"]},
        {"resource": f"{FILES}#top"},
        {"resource": "https://nobody.test/api"},
        {"audience": ["files", "apart"]},
    ],
    ids=[
        "none",
        "no_api",
        "not_listed",
        "unknown",
        "the_provider",
        "one_of_two",
        "fragment",
        "unknown_resource",
        "two_sectors",
    ],
)
def test_no_other_target_is_given(provider: Provider, secured: Someone, named: dict[str, Any]) -> None:
    assert token_error(exchange(provider, sent(provider, secured), **named)) == "invalid_target"


def test_the_next_service_knows_the_person_by_its_own_subject(provider: Provider, assistant: Someone) -> None:
    token = sent(provider, assistant)
    before = provider.claims(token)
    after = exchanged(provider, token, audience="apart")
    beside = exchanged(provider, token, audience="beside", **with_actor(provider))
    assert after["sub"] != before["sub"]
    assert after["act"] != before["act"]
    assert beside["sub"] == after["sub"]
    assert beside["act"] == {"sub": "orders", "act": after["act"]}


def test_a_client_exchanges_the_token_of_its_own_sign_in(provider: Provider, secured: Someone) -> None:
    own = tokens(provider, secured, "front", scope="openid orders.read")["access_token"]
    after = exchanged(provider, own, "front", audience="orders")
    assert (after["aud"], after["client_id"], after["scope"]) == (ORDERS, "front", "orders.read")


def test_the_new_token_lives_no_longer_than_the_old_one(provider: Provider, secured: Someone) -> None:
    token = sent(provider, secured)
    provider.clock.advance(seconds=290)
    told = body(exchange(provider, token))
    assert told["expires_in"] == 10
    assert provider.claims(told["access_token"])["exp"] == provider.claims(token)["exp"]
    assert body(provider.introspect(told["access_token"], "files"))["active"] is True
    provider.clock.advance(seconds=10)
    assert body(provider.introspect(told["access_token"], "files")) == {"active": False}
    assert (
        token_error(exchange(provider, told["access_token"], "files", audience="orders")) == "invalid_request"
    )


@pytest.mark.parametrize("called", [ACCESS_TOKEN, JWT])
def test_the_token_may_be_called_a_jwt(provider: Provider, secured: Someone, called: str) -> None:
    asked_for = {"subject_token_type": called, "requested_token_type": ACCESS_TOKEN}
    assert exchanged(provider, sent(provider, secured), **asked_for)["aud"] == FILES


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token": None},
        {"subject_token": "no-token"},
        {"subject_token": "é"},
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"requested_token_type": JWT},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token_type": ACCESS_TOKEN},
        {"actor_token": "no-token"},
        {"actor_token": "no-token", "actor_token_type": ACCESS_TOKEN},
        {"subject_token_type": [ACCESS_TOKEN, ACCESS_TOKEN]},
    ],
    ids=lambda changes: "-".join(f"{name}={str(value)[-15:]}" for name, value in changes.items()),
)
def test_a_malformed_request_is_refused(
    provider: Provider, secured: Someone, changes: dict[str, Any]
) -> None:
    assert token_error(exchange(provider, sent(provider, secured), **changes)) == "invalid_request"


def test_an_id_token_or_refresh_token_is_no_subject(provider: Provider, secured: Someone) -> None:
    given = tokens(provider, secured, "front")
    for name in ("id_token", "refresh_token"):
        refused = exchange(provider, given[name], "front", audience="orders")
        assert token_error(refused) == "invalid_request"


def test_a_token_that_is_neither_its_own_nor_for_its_api_is_refused_and_audited(
    provider: Provider, secured: Someone
) -> None:
    token = sent(provider, secured)
    refused = exchange(provider, token, "stranger", audience="orders")
    assert token_error(refused) == "invalid_request"
    assert token_error(exchange(provider, token, "files", audience="orders")) == "invalid_request"
    line = provider.audited("tokens.exchange_refused")[-1]
    with provider.parts.database.read() as connection:
        assert line["account_id"] == provider.account_id(connection, secured)
    assert (line["client_id"], line["detail"]["why"]) == ("files", "invalid_request")


def test_a_token_that_a_service_got_for_itself_is_about_nobody(provider: Provider) -> None:
    token = own_token(provider, "orders")
    assert token_error(exchange(provider, token)) == "invalid_request"


def test_only_a_client_with_the_grant_type_may(provider: Provider, secured: Someone) -> None:
    token = sent(provider, secured)
    assert token_error(exchange(provider, token, "idle")) == "unauthorized_client"
    provider.clock.advance(seconds=30)
    own = tokens(provider, secured, "open")["access_token"]
    assert token_error(exchange(provider, own, "open")) == "unauthorized_client"


def test_the_client_authenticates(provider: Provider, secured: Someone) -> None:
    data = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": sent(provider, secured),
        "subject_token_type": ACCESS_TOKEN,
        "audience": "files",
        "client_id": "orders",
    }
    answer = provider.http().post("/oauth2/token", data=data)
    assert token_error(answer, 401) == "invalid_client"


def test_nobody_becomes_an_actor_but_the_service_itself(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    """A person acts by the delegation of the practitioner alone, and a service for itself alone."""
    token, theirs = sent(provider, secured), sent(provider, assistant)
    other = provider.add("another-practice", "Luc Ferrand", mfa=True)
    elsewhere = sent(provider, provider.add_assistant(other, "PETIT Anne"))
    for actor in (token, theirs, elsewhere, own_token(provider, "files")):
        refused = exchange(provider, token, actor_token=actor, actor_token_type=ACCESS_TOKEN)
        assert token_error(refused) == "invalid_request"
    line = provider.audited("tokens.exchange_refused")[-1]
    assert line["client_id"] == "orders"


def test_a_token_of_the_service_that_it_gave_back_makes_no_actor(
    provider: Provider, secured: Someone
) -> None:
    acting = with_actor(provider)
    assert provider.revoke(acting["actor_token"], "orders").status_code == 200
    assert token_error(exchange(provider, sent(provider, secured), **acting)) == "invalid_request"


@pytest.mark.attack(63)
def test_an_assistants_token_gives_none_for_a_service_that_refuses_assistants(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    token = sent(provider, assistant)
    for changes in ({}, with_actor(provider)):
        assert token_error(exchange(provider, token, audience="closed", **changes)) == "invalid_target"
        refused = exchange(provider, token, audience=["files", "closed"], **changes)
        assert token_error(refused) == "invalid_target"
    line = provider.audited("tokens.exchange_refused")[-1]
    assert line["actor_id"] == provider.claims(token)["act"]["sub"]
    assert exchanged(provider, sent(provider, secured), audience="closed")["aud"] == api("closed")


def test_the_profiles_of_the_next_service_are_asked(provider: Provider, secured: Someone) -> None:
    token = sent(provider, secured)
    assert token_error(exchange(provider, token, audience="payroll")) == "invalid_target"


def test_the_floor_and_the_date_of_the_next_service_are_asked(provider: Provider, doctor: Someone) -> None:
    provider.clock.set(datetime(2026, 2, 28, 22, 58, tzinfo=UTC))
    token = sent(provider, doctor)
    assert token_error(exchange(provider, token, audience="strong")) == "invalid_target"
    assert exchanged(provider, token, audience="dated")["acr"] == "pwd"
    provider.clock.set(datetime(2026, 2, 28, 23, 0, tzinfo=UTC))
    assert token_error(exchange(provider, token, audience="dated")) == "invalid_target"
    assert exchanged(provider, token)["acr"] == "pwd"


def test_both_ends_are_audited_with_who_acted(provider: Provider, assistant: Someone) -> None:
    token = sent(provider, assistant)
    made = body(exchange(provider, token, **with_actor(provider)))
    line = provider.audited("tokens.exchanged")[-1]
    assert line["client_id"] == "orders"
    assert line["actor_id"] == provider.claims(token)["act"]["sub"]
    assert line["detail"] == {
        "grant": grant_behind(provider, made["access_token"]),
        "parent": grant_behind(provider, token),
        "audience": [FILES],
        "scope": made["scope"],
        "services": ["orders"],
    }


class TestItEndsWith:
    """What ends the token that was exchanged ends what came of it, and what came of that."""

    @pytest.fixture
    def chain(self, provider: Provider, assistant: Someone) -> list[str]:
        """Give a token, what it was exchanged for, and what that was."""
        token = sent(provider, assistant)
        second = body(exchange(provider, token))["access_token"]
        third = body(exchange(provider, second, "files", audience="orders"))["access_token"]
        return [token, second, third]

    def assert_over(self, provider: Provider, chain: list[str]) -> None:
        for token, client_id, following in zip(
            chain, ("orders", "files", "orders"), ("files", "orders", "files"), strict=False
        ):
            assert body(provider.introspect(token, client_id)) == {"active": False}
            refused = exchange(provider, token, client_id, audience=following)
            assert token_error(refused) == "invalid_request"

    def test_its_delegation(
        self, provider: Provider, chain: list[str], secured: Someone, assistant: Someone
    ) -> None:
        assert body(provider.introspect(chain[2], "orders"))["active"] is True
        provider.remove_assistant(secured, assistant.name)
        self.assert_over(provider, chain)

    def test_its_account(self, provider: Provider, chain: list[str], secured: Someone) -> None:
        provider.disable(secured)
        self.assert_over(provider, chain)

    @pytest.mark.attack(31)
    def test_its_revocation(self, provider: Provider, chain: list[str]) -> None:
        assert provider.revoke(chain[0], "front").status_code == 200
        self.assert_over(provider, chain)

    @pytest.mark.attack(31)
    def test_its_session(self, provider: Provider, secured: Someone) -> None:
        visit = provider.browser()
        code = code_of(asked(visit, ORDERS, scope="openid orders.read"), secured)
        token = body(provider.redeem(code, "front"))["access_token"]
        second = body(exchange(provider, token))["access_token"]
        visit.get("/logout")
        visit.submit()
        self.assert_over(provider, [token, second])

    def test_but_not_the_other_way_round(self, provider: Provider, chain: list[str]) -> None:
        assert provider.revoke(chain[1], "orders").status_code == 200
        assert body(provider.introspect(chain[2], "orders")) == {"active": False}
        assert body(provider.introspect(chain[0], "orders"))["active"] is True

    def test_a_sign_in_that_would_do_no_longer(self, provider: Provider, doctor: Someone) -> None:
        token = sent(provider, doctor)
        other = provider.browser()
        other.authorize("strict")
        other.identify(doctor)
        activate(other)
        assert token_error(exchange(provider, token)) == "invalid_request"


def test_a_service_whose_own_file_refuses_assistants_since_trades_nothing(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = with_apis(Provider(tmp_path, clock))
    someone = provider.add("408461", "Claire Moretti", mfa=True)
    token = sent(provider, provider.add_assistant(someone, "NAUDIN Fernand"))
    with_apis(provider, orders={"assistants": "refused"})
    assert token_error(exchange(provider, token)) == "invalid_request"
    with_apis(provider, front={"assistants": "refused"})
    assert token_error(exchange(provider, token)) == "invalid_request"
    with_apis(provider)
    assert exchanged(provider, token)["aud"] == FILES
    provider.parts.database.dispose()
