"""Listing assistants by the API, giving one another end, removing one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from tests.profile_api.portal import Portal, good, pointers, portal, problem
from tests.provider import Provider, Someone


def audited(provider: Provider, kind: str, who: Someone) -> list[dict[str, Any]]:
    """Return the audit's lines of a kind about an account."""
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
    return [line for line in provider.audited(kind) if line["account_id"] == account_id]


def test_a_line_says_who_and_until_when(doctors: Portal, assistant: Someone) -> None:
    told = good(doctors.ask("GET", "/assistants"))
    assert told["places_left"] == 9
    [one] = told["assistants"]
    assert one == {
        "id": one["id"],
        "name": assistant.name,
        "valid_from": "2025-12-03",
        "valid_until": None,
        "state": "active",
        "added_at": "2026-01-15T09:30:00Z",
        "removed_at": None,
        "last_used_at": None,
        "last_used_for": None,
    }
    assert good(doctors.ask("GET", f"/assistants/{one['id']}")) == one


def test_present_ones_are_listed_and_the_history_too_when_asked_for(
    provider: Provider, doctor: Someone, doctors: Portal
) -> None:
    provider.add_assistant(doctor, "A", date(2025, 1, 1), date(2025, 12, 31))
    provider.add_assistant(doctor, "B", date(2026, 2, 1))
    provider.add_assistant(doctor, "C")
    provider.remove_assistant(doctor, "C")
    assert [(one["name"], one["state"]) for one in doctors.listed()] == [("B", "upcoming")]
    assert {one["name"]: one["state"] for one in doctors.listed("all")} == {
        "A": "expired",
        "B": "upcoming",
        "C": "removed",
    }
    assert good(doctors.ask("GET", "/assistants"))["places_left"] == 9


@pytest.mark.parametrize("query", ["state=some", "state=", "stat=all", "state=all&state=all", "state=ALL"])
def test_a_parameter_that_is_not_understood_is_no_default(doctors: Portal, query: str) -> None:
    assert problem(doctors.ask("GET", f"/assistants?{query}"), 400) == "invalid_request"


@pytest.mark.parametrize("kind", ["application/merge-patch+json", "application/json; charset=UTF-8"])
def test_another_last_day_is_given_and_taken_away(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone, kind: str
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"
    told = good(doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, Content_Type=kind))
    assert (told["name"], told["valid_until"], told["state"]) == (assistant.name, "2026-12-31", "active")
    assert good(doctors.ask("GET", path)) == told
    assert good(doctors.ask("PATCH", path, {"valid_until": None}))["valid_until"] is None
    assert good(doctors.ask("PATCH", path, {}))["valid_until"] is None
    assert [line["client_id"] for line in audited(provider, "assistant.changed", doctor)] == ["managing"] * 2


@pytest.mark.attack(51)
def test_a_last_day_that_is_over_ends_what_the_assistant_had(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone
) -> None:
    theirs = portal(provider, assistant, "openid", client_id="open")
    path = f"/assistants/{doctors.listed()[0]['id']}"
    assert provider.userinfo(theirs.token).status_code == 200
    assert good(doctors.ask("PATCH", path, {"valid_until": "2026-01-14"}))["state"] == "expired"
    assert provider.userinfo(theirs.token).status_code == 401


@pytest.mark.attack(52)
def test_removing_ends_everything_at_once_and_keeps_the_line(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone
) -> None:
    theirs = portal(provider, assistant, "openid", client_id="open")
    one = doctors.listed()[0]["id"]
    for _again in range(2):
        answer = doctors.ask("DELETE", f"/assistants/{one}")
        assert (answer.status_code, answer.data) == (204, b"")
    assert provider.userinfo(theirs.token).status_code == 401
    assert doctors.listed() == []
    told = good(doctors.ask("GET", f"/assistants/{one}"))
    assert (told["state"], told["removed_at"]) == ("removed", "2026-01-15T09:30:00Z")
    assert (
        problem(doctors.ask("PATCH", f"/assistants/{one}", {"valid_until": None}), 409) == "assistant_removed"
    )
    [line] = audited(provider, "assistant.removed", doctor)
    assert (line["client_id"], line["actor_id"], set(line["detail"])) == ("managing", None, {"delegation"})


def test_the_eleventh_place_is_not_taken_by_prolonging(
    provider: Provider, doctor: Someone, doctors: Portal
) -> None:
    provider.add_assistant(doctor, "Over", date(2025, 1, 1), date(2025, 12, 31))
    for number in range(10):
        provider.add_assistant(doctor, f"Number {number}")
    over = next(one for one in doctors.listed("all") if one["state"] == "expired")
    answer = doctors.ask("PATCH", f"/assistants/{over['id']}", {"valid_until": None})
    assert problem(answer, 409) == "too_many_assistants"
    assert problem(doctors.enrol(), 409) == "too_many_assistants"


@pytest.mark.attack(56)
@pytest.mark.attack(62)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_practices_assistant_does_not_exist_here(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone, method: str
) -> None:
    other = provider.add(f"other-{doctor.identifier}", "BONNARD Luc", mfa=True)
    theirs = portal(provider, other)
    one = doctors.listed()[0]
    told = {"valid_until": "2026-01-01"} if method == "PATCH" else None
    for name in (one["id"], "none", one["id"].upper() + "0"):
        assert problem(theirs.ask(method, f"/assistants/{name}", told), 404) == "not_found"
    assert doctors.listed() == [one]


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"valid_until": "31/12/2026"}, ["#/valid_until"]),
        ({"valid_until": "2026-02-30"}, ["#/valid_until"]),
        ({"valid_until": "2026-12-31T00:00:00"}, ["#/valid_until"]),
        ({"valid_until": "٢٠٢٦-12-31"}, ["#/valid_until"]),
        ({"valid_until": "1999-12-31"}, ["#/valid_until"]),
        ({"valid_until": "2101-01-01"}, ["#/valid_until"]),
        ({"valid_until": "2025-12-02"}, ["#/valid_until"]),
        ({"valid_until": 20261231}, ["#/valid_until"]),
        ({"valid_until": {"a": 1}}, ["#/valid_until"]),
        ({"name": "X", "valid_until": None}, ["#/name"]),
        ({"a/b~c é": 1}, ["#/a~1b~0c%20%C3%A9"]),
        ({"id": "1", "state": "removed"}, ["#/id", "#/state"]),
        ([], ["#"]),
        ("text", ["#"]),
        (0, ["#"]),
    ],
)
def test_each_wrong_field_is_pointed_at_and_nothing_changes(
    doctors: Portal, assistant: Someone, told: Any, where: list[str]
) -> None:
    one = doctors.listed()[0]
    assert pointers(doctors.ask("PATCH", f"/assistants/{one['id']}", told)) == where
    assert doctors.listed() == [one]


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "invalid_request"),
        (b"{", 400, "invalid_request"),
        (b"\xff", 400, "invalid_request"),
        (b'\xef\xbb\xbf{"valid_until": null}', 400, "invalid_request"),
        (b'{"valid_until": NaN}', 400, "invalid_request"),
        (b'{"valid_until": null, "valid_until": "2026-12-31"}', 400, "invalid_request"),
        (b"[" * 4000, 400, "invalid_request"),
        (b'{"valid_until": ' + b"1" * 4500 + b"}", 413, "content_too_large"),
        (b'{"a": ' * 500 + b"1" + b"}" * 500, 422, "invalid_content"),
        (b" " * 70_000, 413, "content_too_large"),
    ],
)
def test_what_is_no_small_json_object_is_refused_before_anything(
    doctors: Portal, assistant: Someone, body: bytes, status: int, kind: str
) -> None:
    one = doctors.listed()[0]
    assert problem(doctors.ask("PATCH", f"/assistants/{one['id']}", body), status) == kind
    assert doctors.listed() == [one]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"Content_Type": "application/x-www-form-urlencoded"}, {}),
        ({"Content_Type": "text/plain"}, {}),
        ({"Content_Type": "application/json; charset=latin-1"}, {}),
        ({"Content_Encoding": "gzip"}, {}),
        ({"Content_Type": "application/merge-patch+json"}, {"method": "POST"}),
    ],
)
def test_a_body_of_another_type_is_refused_and_it_is_said_which_is_taken(
    doctors: Portal, assistant: Someone, sent: Mapping[str, str], told: Mapping[str, str]
) -> None:
    method = told.get("method", "PATCH")
    path = f"/assistants/{doctors.listed()[0]['id']}" if method == "PATCH" else "/enrolments"
    answer = doctors.ask(method, path, b"{}", **{"Content_Type": "application/json", **sent})
    assert problem(answer, 415) == "unsupported_media_type"
    taken = "application/merge-patch+json, application/json" if method == "PATCH" else "application/json"
    assert answer.headers["Accept-Patch" if method == "PATCH" else "Accept"] == taken


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/assistants", "GET, HEAD, OPTIONS"),
        ("PUT", "/assistants/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/enrolments", "OPTIONS, POST"),
    ],
)
def test_another_method_is_told_which_there_are(
    doctors: Portal, method: str, path: str, allowed: str
) -> None:
    answer = doctors.ask(method, path)
    assert problem(answer, 405) == "method_not_allowed"
    assert answer.headers["Allow"] == allowed
    assert problem(doctors.ask(method, "/nothing"), 404) == "not_found"


def test_a_condition_on_an_etag_is_not_met_rather_than_passed_over(
    doctors: Portal, assistant: Someone
) -> None:
    one = doctors.listed()[0]
    path = f"/assistants/{one['id']}"
    for method, told in (("PATCH", {"valid_until": "2026-12-31"}), ("DELETE", None)):
        assert problem(doctors.ask(method, path, told, If_Match='"1"'), 412) == "precondition_failed"
    assert doctors.listed() == [one]
    assert "ETag" not in doctors.ask("GET", path).headers
    good(doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, If_Match="*"))


def test_no_page_of_another_origin_may_ask(doctors: Portal) -> None:
    for method in ("GET", "OPTIONS"):
        answer = doctors.ask(
            method, "/assistants", Origin="https://managing.test", Access_Control_Request_Method="GET"
        )
        assert answer.status_code == 200
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_service_with_names_of_its_own_sees_an_assistant_as_its_tokens_do(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    known = [client for client in provider.parts.clients if client.client_id == "managing"]
    assert known[0].subject_type == "public"
    of_tokens = provider.claims(
        json.loads(provider.redeem(provider.browser().sign_in(assistant, "apart"), "apart").data)["id_token"]
    )["delegation"]["id"]
    provider.clock.advance(seconds=30)
    apart = portal(provider, doctor, client_id="apart")
    [line] = apart.listed()
    assert line["id"] == of_tokens
    provider.clock.advance(seconds=30)
    assert line["id"] != portal(provider, doctor).listed()[0]["id"]
    good(apart.ask("PATCH", f"/assistants/{line['id']}", {"valid_until": "2026-12-31"}))
