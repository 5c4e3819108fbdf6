"""Who may call the API: the same as may reach the pages that manage, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from idp.app import create_app
from idp.clients.registry import ClientRegistry
from tests.profile_api.portal import Portal, challenge, good, portal, problem
from tests.profile_api.test_assistants import audited
from tests.protocol.answers import body, tokens
from tests.protocol.apis import api, with_apis
from tests.protocol.consenting import at_consent
from tests.protocol.forging import by_rsa, forged, our_key
from tests.protocol.test_token_exchange import exchange
from tests.provider import Provider, Someone

MANAGING = [
    ("GET", "/assistants", None),
    ("GET", "/assistants/{one}", None),
    ("PATCH", "/assistants/{one}", {"valid_until": "2026-01-01"}),
    ("DELETE", "/assistants/{one}", None),
    ("POST", "/enrolments", {"return_uri": "https://managing.test/"}),
]
CHANGES = [one for one in MANAGING if one[0] != "GET"]
ROUNDS = pytest.mark.parametrize(("method", "path", "told"), MANAGING)


def ask(caller: Portal, one: str, method: str, path: str, told: Any) -> Any:
    """Ask for what manages, with everything that a right request has."""
    keys = {"Idempotency_Key": '"a"'} if method == "POST" else {}
    return caller.ask(method, path.format(one=one), told, **keys)


def signed(provider: Provider, claims: Mapping[str, Any]) -> str:
    """Return an access token as the provider itself would sign it."""
    ours = our_key(provider)
    private = ours.key.private_key
    assert isinstance(private, RSAPrivateKey)
    return forged({"typ": "at+jwt", "alg": ours.alg, "kid": ours.kid}, claims, by_rsa(private))


def denials(provider: Provider, who: Someone) -> list[tuple[str, bool]]:
    """Return why each was refused, and whether an assistant was."""
    found = audited(provider, "managing.denied", who)
    assert {line["client_id"] for line in found} <= {"managing", "open"}
    assert all(line["detail"]["endpoint"].startswith("api.") for line in found)
    return [(line["detail"]["why"], line["actor_id"] is not None) for line in found]


@ROUNDS
def test_without_a_good_token_nothing_is_told(
    provider: Provider, doctors: Portal, assistant: Someone, method: str, path: str, told: Any
) -> None:
    one = doctors.listed()[0]["id"]
    right = doctors.token
    for token in ("", "x", f"{right}x", right[:-8], right.replace(".", "..")):
        answer = ask(Portal(provider, token), one, method, path, told)
        assert problem(answer, 401) == "invalid_token"
        assert challenge(answer).get("error") == ("invalid_token" if token else None)
    given = tokens(
        provider, provider.add(f"x{one}"[:12], "X", mfa=True), "managing", scope="openid assistants:manage"
    )
    assert problem(ask(Portal(provider, given["id_token"]), one, method, path, told), 401) == "invalid_token"
    provider.clock.advance(seconds=300)
    assert problem(ask(doctors, one, method, path, told), 401) == "invalid_token"


def test_a_token_stands_in_the_header_only_once_and_never_in_the_address(doctors: Portal) -> None:
    answer = doctors.ask("GET", f"/assistants?access_token={doctors.token}")
    assert answer.status_code == 400
    answer = doctors.provider.http().get(f"/api/v1/assistants?access_token={doctors.token}")
    assert answer.status_code == 400
    assert challenge(answer)["error"] == "invalid_request"
    answer = doctors.provider.http().get("/api/v1/assistants", headers={"Authorization": "Basic eDp5"})
    assert problem(answer, 401) == "invalid_token"
    assert challenge(answer) == {"scope": "assistants:manage"}


@pytest.mark.attack(55)
@ROUNDS
def test_an_assistant_is_refused_and_it_is_audited(
    provider: Provider,
    doctor: Someone,
    doctors: Portal,
    assistant: Someone,
    method: str,
    path: str,
    told: Any,
) -> None:
    """The scope is never granted while somebody acts; a token that says so all the same opens nothing either."""
    given = tokens(provider, assistant, "managing", scope="openid assistants:manage")
    assert given["scope"] == "openid"
    before = doctors.listed("all")
    claims = {**provider.claims(given["access_token"]), "scope": "openid assistants:manage"}
    widened = signed(provider, claims)
    bare = {name: value for name, value in claims.items() if name not in ("act", "delegation")}
    unsaid = signed(provider, bare)
    for token in (given["access_token"], widened, unsaid):
        answer = ask(Portal(provider, token), before[0]["id"], method, path, told)
        assert problem(answer, 403) == "insufficient_scope"
        assert challenge(answer)["scope"] == "assistants:manage"
    assert denials(provider, doctor) == [("insufficient_scope", True)] * 3
    assert doctors.listed("all") == before


@ROUNDS
def test_a_token_with_an_actor_is_refused_whoever_it_is(
    provider: Provider, doctors: Portal, assistant: Someone, method: str, path: str, told: Any
) -> None:
    """No service that acts by exchange gets a token for the provider itself: this one is signed by the test."""
    one = doctors.listed()[0]["id"]
    claims = {**provider.claims(doctors.token), "act": {"sub": "front"}}
    token = signed(provider, claims)
    assert problem(ask(Portal(provider, token), one, method, path, told), 403) == "insufficient_scope"


@ROUNDS
def test_a_token_of_another_scope_is_refused(
    provider: Provider, doctor: Someone, assistant: Someone, method: str, path: str, told: Any
) -> None:
    with_openid = portal(provider, doctor, "openid profile")
    assert problem(ask(with_openid, "x", method, path, told), 403) == "insufficient_scope"
    assert denials(provider, doctor) == [("insufficient_scope", False)]


@contextmanager
def changed(provider: Provider, client_id: str, **changes: Any) -> Iterator[None]:
    """Let the file of a client say something else for a while."""
    before = provider.app
    known = {client.client_id: client for client in provider.parts.clients}
    known[client_id] = known[client_id].model_copy(update=changes)
    parts = replace(provider.parts, clients=ClientRegistry(known.values()))
    provider.app = create_app(provider.settings, parts)
    try:
        yield
    finally:
        provider.app = before


def test_a_scope_that_the_clients_file_lost_counts_no_more(provider: Provider, doctors: Portal) -> None:
    with changed(provider, "managing", scope=frozenset({"openid", "profile"})):
        assert problem(doctors.ask("GET", "/assistants"), 403) == "insufficient_scope"


def test_consent_to_managing_is_asked_of_a_practitioner_in_person_alone(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    insured = provider.add(f"i-{doctor.identifier}", "ROSSI Carla", "insured")
    with changed(provider, "managing", consent="required"):
        for who, asked in ((doctor, True), (assistant, False), (insured, False)):
            visit = at_consent(provider, who, "managing", scope="openid assistants:manage")
            assert ("votre liste d'assistants" in visit.page.text) == asked
            visit.submit()
            granted = body(provider.redeem(visit.answer["code"], "managing"))["scope"].split()
            words = "assistants:manage openid" if asked else "openid"
            assert sorted(granted) == words.split()
            assert provider.audited("consent.given")[-1]["detail"]["scope"] == words
            visit.authorize("managing", scope="openid assistants:manage")
            assert "code" in visit.answer
            visit.authorize("managing", scope="openid assistants:manage", prompt="consent")
            visit.submit(cancel="1")
            assert provider.audited("consent.refused")[-1]["detail"]["scope"] == words


@pytest.mark.attack(12)
@pytest.mark.attack(56)
@ROUNDS
def test_a_sign_in_by_password_alone_is_asked_for_the_second_factor(
    provider: Provider, doctor: Someone, method: str, path: str, told: Any
) -> None:
    newcomer = provider.add(f"new-{doctor.identifier}", "MARTIN Paul")
    answer = ask(portal(provider, newcomer), "x", method, path, told)
    assert problem(answer, 401) == "insufficient_user_authentication"
    asked = challenge(answer)
    assert (asked["error"], asked["acr_values"], asked["max_age"]) == (
        "insufficient_user_authentication",
        "mfa",
        "900",
    )
    assert denials(provider, newcomer) == [("insufficient_user_authentication", False)]


@pytest.mark.attack(56)
@pytest.mark.parametrize(("method", "path", "told"), CHANGES)
def test_a_sign_in_of_long_ago_may_look_and_not_change(
    provider: Provider, doctor: Someone, assistant: Someone, method: str, path: str, told: Any
) -> None:
    visit = provider.browser()
    given = tokens(provider, doctor, "managing", visit, scope="openid offline_access assistants:manage")
    provider.clock.advance(seconds=899)
    fresh = body(provider.refresh(given["refresh_token"], "managing"))
    provider.clock.advance(seconds=2)
    late = Portal(provider, fresh["access_token"])
    [one] = late.listed()
    answer = ask(late, one["id"], method, path, told)
    assert problem(answer, 401) == "insufficient_user_authentication"
    assert late.listed() == [one]
    asked = challenge(answer)
    visit.authorize(
        "managing", scope="openid assistants:manage", acr_values=asked["acr_values"], max_age=asked["max_age"]
    )
    visit.identify(doctor)
    visit.enter_code(doctor)
    again = Portal(provider, body(provider.redeem(visit.answer["code"], "managing"))["access_token"])
    assert ask(again, one["id"], method, path, told).status_code in (200, 201, 204)


@pytest.mark.parametrize("profile", ["insured", "employer"])
def test_only_a_practitioner_is_granted_the_scope(provider: Provider, doctor: Someone, profile: str) -> None:
    other = provider.add(f"{profile}-{doctor.identifier}", "ROSSI Carla", profile, mfa=True)
    given = tokens(provider, other, "managing", scope="openid assistants:manage offline_access")
    assert set(given["scope"].split()) == {"openid", "offline_access"}
    assert (
        problem(Portal(provider, given["access_token"]).ask("GET", "/assistants"), 403)
        == "insufficient_scope"
    )


@pytest.mark.attack(22)
@pytest.mark.attack(55)
def test_no_refresh_and_no_exchange_brings_the_scope_to_an_assistant(
    provider: Provider, assistant: Someone
) -> None:
    asked = "openid offline_access assistants:manage"
    given = tokens(provider, assistant, "managing", scope=asked)
    assert set(given["scope"].split()) == {"openid", "offline_access"}
    assert set(body(provider.introspect(given["refresh_token"], "managing"))["scope"].split()) == {
        "openid",
        "offline_access",
    }
    widened = provider.refresh(given["refresh_token"], "managing", scope=asked)
    assert json.loads(widened.data)["error"] == "invalid_scope"
    again = body(provider.refresh(given["refresh_token"], "managing"))
    assert set(again["scope"].split()) == {"openid", "offline_access"}


def test_a_practitioner_is_granted_it_and_keeps_it_over_a_refresh(
    provider: Provider, doctor: Someone
) -> None:
    given = tokens(provider, doctor, "managing", scope="openid offline_access assistants:manage")
    assert "assistants:manage" in given["scope"].split()
    again = body(provider.refresh(given["refresh_token"], "managing"))
    assert "assistants:manage" in again["scope"].split()
    assert good(Portal(provider, again["access_token"]).ask("GET", "/assistants"))["assistants"] == []


@pytest.mark.attack(31)
def test_after_a_sign_out_a_revocation_or_a_disabled_account_nothing_opens(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    signed_out = portal(provider, doctor, visit=visit)
    visit.get("/logout")
    visit.submit()
    assert problem(signed_out.ask("GET", "/assistants"), 401) == "invalid_token"
    provider.clock.advance(seconds=30)
    revoked = portal(provider, doctor)
    provider.revoke(revoked.token, "managing")
    assert problem(revoked.ask("GET", "/assistants"), 401) == "invalid_token"
    provider.clock.advance(seconds=30)
    disabled = portal(provider, doctor)
    provider.disable(doctor)
    assert problem(disabled.ask("GET", "/assistants"), 401) == "invalid_token"


def test_a_token_for_another_services_api_or_of_a_client_itself_is_none_here(
    provider: Provider, doctor: Someone
) -> None:
    before, parts = provider.app, provider.parts
    words = ["openid", "orders.read", "files.read", "assistants:manage"]
    with_apis(provider, front={"scope": words}, orders={"scope": words})
    try:
        of_client = body(provider.token({"grant_type": "client_credentials"}, "machine"))
        scope = "openid orders.read assistants:manage"
        front = tokens(provider, doctor, "front", scope=scope, resource=api("orders"))
        exchanged = body(exchange(provider, front["access_token"]))
        widened = exchange(provider, front["access_token"], scope="assistants:manage")
        assert (widened.status_code, json.loads(widened.data)["error"]) == (400, "invalid_scope")
        for token in (of_client, front, exchanged):
            answer = Portal(provider, token["access_token"]).ask("GET", "/assistants")
            assert problem(answer, 401) == "invalid_token"
    finally:
        provider.app, provider.parts = before, parts


def test_a_client_gets_no_managing_token_for_itself(provider: Provider) -> None:
    asked = {"grant_type": "client_credentials", "scope": "assistants:manage"}
    answer = provider.token(asked, "machine")
    assert (answer.status_code, json.loads(answer.data)["error"]) == (400, "invalid_scope")
