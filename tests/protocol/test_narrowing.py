"""Narrower, never wider: whatever services, scopes and tokens there are (RFC 8693 §1, attack 22)."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.grants import Grant
from idp.clients.model import Client
from idp.oidc.grants.narrowing import agreed, most
from idp.oidc.resources import Audience
from idp.oidc.tokens import AccessToken
from tests.provider import START

NAMES = ("one", "two", "three")
WORDS = ("read", "write", "delete", "openid")
some_words = st.frozensets(st.sampled_from(WORDS))
some_names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


def service(name: str, own: frozenset[str], scope: frozenset[str] = frozenset()) -> Client:
    return Client(
        client_id=name,
        name=name,
        token_endpoint_auth_method="none",
        redirect_uris=(f"https://{name}.test/callback",),
        scope=scope | {"openid"},
        resource_identifier=f"https://{name}.test",
        resource_scopes=own,
        profiles=frozenset({"insured"}),
    )


@pytest.mark.attack(22)
@pytest.mark.parametrize(
    ("consent", "owner", "named", "wanted", "goes"),
    [
        ("implicit", "somebody", None, ["one"], True),
        ("implicit", "asker", ["two"], ["one"], True),
        ("required", "asker", ["one", "two"], ["one"], True),
        ("required", "asker", ["one"], ["one", "two"], False),
        ("required", "asker", None, ["one"], False),
        ("required", "somebody", ["one"], ["one"], False),
    ],
)
def test_who_has_people_asked_trades_for_the_apis_that_its_own_sign_in_named(
    consent: Literal["implicit", "required"],
    owner: str,
    named: list[str] | None,
    wanted: list[str],
    goes: bool,
) -> None:
    client = service("asker", frozenset()).model_copy(update={"consent": consent})
    resource = None if named is None else [f"https://{name}.test" for name in named]
    grant = Grant("id", owner, "account", None, "sid", "openid", (), 0, START, START, resource=resource)
    assert agreed(client, grant, audience([service(name, frozenset()) for name in wanted])) is goes


def audience(services: list[Client]) -> Audience:
    known = frozenset[str]().union(*(one.resource_scopes for one in services))
    return Audience(tuple(str(one.resource_identifier) for one in services), tuple(services), known)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Client, AccessToken, frozenset[str], Audience]:
    """Give who exchanges, what, the scope of the sign-in behind it, and for whom."""
    services = [service(name, draw(some_words)) for name in NAMES]
    client = service("asker", draw(some_words), draw(some_words))
    aud = [f"https://{name}.test" for name in draw(st.lists(st.sampled_from(NAMES), unique=True))]
    owner = draw(st.sampled_from(("asker", "somebody")))
    claims = {"aud": aud, "scope": " ".join(sorted(draw(some_words))), "client_id": owner}
    named = draw(some_names)
    return (
        client,
        AccessToken(claims, None),
        draw(some_words),
        audience([one for one in services if one.client_id in named]),
    )


@pytest.mark.attack(22)
@given(cases())
def test_no_word_comes_that_a_rule_forbids(
    case: tuple[Client, AccessToken, frozenset[str], Audience],
) -> None:
    client, subject, granted, wanted = case
    for word in most(client, subject, granted, wanted):
        assert word in client.scope
        knowing = [one for one in wanted.services if word in one.resource_scopes]
        assert knowing
        for one in knowing:
            if one.resource_identifier in subject.audience:
                assert word in subject.scope
            elif subject.claims["client_id"] == client.client_id:
                assert word in granted


@given(cases(), some_words)
def test_a_narrower_token_never_gives_more(
    case: tuple[Client, AccessToken, frozenset[str], Audience], kept: frozenset[str]
) -> None:
    client, subject, granted, wanted = case
    narrower = AccessToken({**subject.claims, "scope": " ".join(sorted(subject.scope & kept))}, None)
    whole = most(client, subject, granted, wanted)
    assert most(client, narrower, granted, wanted) <= whole
    assert most(client, subject, granted & kept, wanted) <= whole


@given(cases(), st.lists(some_names, min_size=1, max_size=4), st.data())
def test_a_client_that_trades_in_a_circle_gains_nothing(
    case: tuple[Client, AccessToken, frozenset[str], Audience], ways: list[list[str]], data: st.DataObject
) -> None:
    """Its own tokens, traded again and again, are never good for a word that its sign-in was not granted."""
    client, first, granted, _ = case
    subject = AccessToken({**first.claims, "client_id": client.client_id}, None)
    services = {name: service(name, data.draw(some_words)) for name in NAMES}
    allowed = granted
    for way in ways:
        wanted = audience([services[name] for name in way])
        scope = most(client, subject, allowed, wanted)
        assert scope <= granted | first.scope
        subject = AccessToken(
            {
                "aud": list(wanted.identifiers),
                "scope": " ".join(sorted(scope)),
                "client_id": client.client_id,
            },
            None,
        )
        allowed = scope
