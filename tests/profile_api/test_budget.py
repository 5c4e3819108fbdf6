"""What a request to the API may cost: SQL statements, transactions and calls of the ephemeral store, exactly."""

from __future__ import annotations

import pytest

from tests.profile_api.portal import Portal, portal
from tests.protocol.test_budget import Spent, counted
from tests.provider import Provider, Someone

__all__ = ["counted"]

KEY = {"Idempotency_Key": '"a"'}


@pytest.fixture
def doctor(counted: tuple[Provider, Spent]) -> Someone:
    return counted[0].add("408461", "DURAND Alice", mfa=True)


@pytest.fixture
def doctors(counted: tuple[Provider, Spent], doctor: Someone) -> Portal:
    provider = counted[0]
    provider.add_assistant(doctor, "NAUDIN Fernand")
    return portal(provider, doctor)


def test_looking_costs_one_look_at_the_grant_and_one_at_the_list(
    counted: tuple[Provider, Spent], doctors: Portal
) -> None:
    _, spent = counted
    for statements in (["SELECT", "SELECT"], ["SELECT"]):
        spent.reset()
        doctors.listed()
        assert (spent.kinds, spent.transactions, spent.ephemeral) == (statements, len(statements), [])


def test_a_change_costs_what_it_costs_on_the_page_and_one_look(
    counted: tuple[Provider, Spent], doctors: Portal
) -> None:
    _, spent = counted
    path = f"/assistants/{doctors.listed()[0]['id']}"
    spent.reset()
    assert doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, **KEY).status_code == 200
    locks, looks = ["SELECT", "SAVEPOINT", "SELECT", "SELECT", "RELEASE"], ["SELECT", "SELECT", "SELECT"]
    act = [*locks, *looks, "UPDATE", "INSERT"]
    assert (spent.kinds, spent.transactions, spent.ephemeral) == (["SELECT", *act], 2, ["add", "put"])
    spent.reset()
    assert doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, **KEY).status_code == 200
    assert (spent.kinds, spent.transactions, spent.ephemeral) == (["SELECT", "SELECT"], 2, ["add", "get"])


def test_an_address_costs_the_look_at_the_list_and_two_calls_more(
    counted: tuple[Provider, Spent], doctors: Portal
) -> None:
    _, spent = counted
    spent.reset()
    assert doctors.enrol(KEY["Idempotency_Key"]).status_code == 201
    assert (spent.kinds, spent.transactions) == (["SELECT", "SELECT"], 2)
    assert spent.ephemeral == ["add", "put", "put"]


def test_who_is_refused_without_a_good_token_costs_nothing(
    counted: tuple[Provider, Spent], doctors: Portal
) -> None:
    provider, spent = counted
    spent.reset()
    for token in ("", "x", doctors.token[:-4] + "aaaa"):
        assert Portal(provider, token).enrol().status_code == 401
    assert provider.http().get("/api/v1/openapi.json").status_code == 200
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])
