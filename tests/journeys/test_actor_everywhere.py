"""Who acts is told wherever a token or a header says who somebody is, always by the same subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.gateway.visiting import AUTH, FORWARD
from tests.journeys.everywhere import Carried, Everywhere, everywhere
from tests.protocol.answers import body
from tests.provider import Someone

Told = Callable[[Carried], Mapping[str, Any]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("everywhere")) as made:
        yield made


@pytest.fixture(scope="module")
def people(world: Everywhere) -> tuple[Someone, Someone]:
    doctor = world.provider.add("408461", "DURAND Hélène", mfa=True)
    return doctor, world.provider.add_assistant(doctor, "NAUDIN Fernand")


@pytest.fixture(scope="module")
def acting(world: Everywhere, people: tuple[Someone, Someone]) -> Carried:
    return world.carried(people[1])


@pytest.fixture(scope="module")
def in_person(world: Everywhere, people: tuple[Someone, Someone]) -> Carried:
    return world.carried(people[0])


def _of(name: str) -> Told:
    return lambda carried: carried.provider.claims(carried.first[name])


def _refreshed(name: str) -> Told:
    def told(carried: Carried) -> Mapping[str, Any]:
        given = body(carried.provider.refresh(carried.second["refresh_token"], "second"))
        carried.second["refresh_token"] = given["refresh_token"]
        return carried.provider.claims(given[name])

    return told


def _headers(endpoint: str) -> Told:
    def told(carried: Carried) -> Mapping[str, Any]:
        headers = carried.browser.ask("/", endpoint).headers
        actor = {"act": {"sub": headers["Remote-Actor"], "name": headers["Remote-Actor-Name"]}}
        return {"sub": headers["Remote-User"], **(actor if headers["Remote-Actor"] else {})}

    return told


EVERYWHERE: Mapping[str, Told] = {
    "the ID token": _of("id_token"),
    "the access token": _of("access_token"),
    "the refreshed ID token": _refreshed("id_token"),
    "the refreshed access token": _refreshed("access_token"),
    "userinfo": lambda carried: body(carried.provider.userinfo(carried.first["access_token"])),
    "introspection": lambda carried: body(
        carried.provider.introspect(carried.first["access_token"], "first")
    ),
    "the token for an API": lambda carried: carried.provider.claims(carried.for_orders),
    "the API's introspection": lambda carried: body(
        carried.provider.introspect(carried.for_orders, "orders")
    ),
    "the exchanged token": lambda carried: carried.provider.claims(carried.for_papers),
    "its introspection": lambda carried: body(carried.provider.introspect(carried.for_papers, "papers")),
    "the headers before Caddy": _headers(FORWARD),
    "the headers before nginx": _headers(AUTH),
    "the assertion": lambda carried: carried.provider.claims(
        carried.browser.ask("/").headers["Remote-Assertion"]
    ),
}


@pytest.mark.attack(59)
@pytest.mark.parametrize("where", EVERYWHERE)
def test_who_acts_is_told_by_one_subject(where: str, acting: Carried, in_person: Carried) -> None:
    told, doctors = EVERYWHERE[where](acting), EVERYWHERE[where](in_person)
    known = acting.provider.claims(acting.first["id_token"])
    assert told["act"] == known["act"]
    assert told["act"]["name"] == "NAUDIN Fernand"
    assert told["sub"] == doctors["sub"] == known["sub"] != told["act"]["sub"]
    assert "act" not in doctors
    if not where.startswith("the headers"):
        assert told["delegation"] == known["delegation"]
        assert "delegation" not in doctors


@pytest.mark.attack(59)
def test_at_the_next_sign_in_it_is_the_same_subject(
    world: Everywhere, people: tuple[Someone, Someone], acting: Carried
) -> None:
    again = world.carried(people[1])
    assert [EVERYWHERE[where](again)["act"] for where in EVERYWHERE] == [
        EVERYWHERE[where](acting)["act"] for where in EVERYWHERE
    ]
