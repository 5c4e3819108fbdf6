"""OpenID Connect Core §8: each sector knows a person by a ``sub`` of its own, whoever that person is in the token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from idp import resealing
from idp.app import Parts, create_app
from idp.clients.registry import ClientRegistry
from idp.storage.keyring import Keyring
from tests.clock import MovableClock
from tests.protocol.answers import body, grant_behind, redirected_error, tokens
from tests.provider import Provider, Someone, Visit

SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits that say nothing."""


@pytest.mark.parametrize("client_id", ["open", "twin"])
@pytest.mark.parametrize("who", ["doctor", "assistant"])
def test_every_token_and_answer_names_people_alike(
    provider: Provider, client_id: str, who: str, request: pytest.FixtureRequest
) -> None:
    given = tokens(provider, request.getfixturevalue(who), client_id)
    told = [
        provider.claims(given["id_token"]),
        provider.claims(given["access_token"]),
        body(provider.userinfo(given["access_token"])),
        body(provider.introspect(given["access_token"], client_id)),
        provider.claims(body(provider.refresh(given["refresh_token"], client_id))["id_token"]),
    ]
    assert len({_people(one) for one in told}) == 1
    assert (told[0].get("act") is not None) == (who == "assistant")


def test_a_sector_shares_a_subject_and_no_other_has_it(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    for who in (doctor, assistant):
        known: dict[str, tuple[str | None, ...]] = {}
        for client_id in ("open", "twin", "sibling", "apart"):
            provider.clock.advance(seconds=60)
            known[client_id] = _people(provider.claims(tokens(provider, who, client_id)["id_token"]))
        assert known["twin"] == known["sibling"]
        for place, sub in enumerate(known["twin"]):
            if sub is not None:
                assert len({subs[place] for subs in known.values()}) == 3
                assert SHAPE.fullmatch(sub)


def test_two_people_are_two_subjects(provider: Provider, doctor: Someone, insured: Someone) -> None:
    assert _sub(provider, doctor, "twin") != _sub(provider, insured, "twin")


def test_the_access_token_and_the_claims_name_nobody_publicly(provider: Provider, assistant: Someone) -> None:
    public = provider.claims(tokens(provider, assistant)["id_token"])
    provider.clock.advance(seconds=60)
    given = tokens(provider, assistant, "twin")
    told = [provider.claims(given[name]) for name in ("id_token", "access_token")]
    told.append(body(provider.userinfo(given["access_token"])))
    for secret in (public["sub"], public["act"]["sub"], public["delegation"]["id"]):
        assert secret not in str(told)


def test_a_session_too_has_a_name_that_a_sector_shares_and_no_other_has(
    provider: Provider, doctor: Someone
) -> None:
    visit, known = provider.browser(), {}
    for client_id in ("open", "portal", "twin", "sibling", "apart"):
        given = tokens_of(provider, visit, doctor, client_id)
        told = [provider.claims(given[name])["sid"] for name in ("id_token", "access_token")]
        told.append(body(provider.introspect(given["access_token"], client_id))["sid"])
        refreshed = body(provider.refresh(given["refresh_token"], client_id))
        told.append(provider.claims(refreshed["id_token"])["sid"])
        (known[client_id],) = set(told)
    assert known["open"] == known["portal"]
    assert known["twin"] == known["sibling"]
    assert len(set(known.values())) == 3


def test_two_tokens_of_one_sign_in_have_nothing_in_common_but_what_is_meant(
    provider: Provider, doctor: Someone
) -> None:
    """``jti`` is as long as another, and tells neither the grant nor the other token of it."""
    given = tokens(provider, doctor)
    refreshed = body(provider.refresh(given["refresh_token"]))
    first, second = (provider.claims(one["access_token"])["jti"] for one in (given, refreshed))
    assert grant_behind(provider, given["access_token"]) not in first
    assert len(first) == len(second) == 76
    assert [place for place in range(8, 76, 8) if first[place - 8 : place] in second] == []


@pytest.mark.attack(30)
@pytest.mark.parametrize("session", ["here", "none"])
def test_a_pairwise_service_signs_out_by_its_own_name_of_the_session(
    provider: Provider, doctor: Someone, session: str
) -> None:
    visit = provider.browser()
    hint = tokens(provider, doctor, "twin", visit)["id_token"]
    beside = tokens_of(provider, visit, doctor, "apart")
    browser = visit if session == "here" else provider.browser()
    back = "https://twin.test/goodbye"
    browser.get("/logout?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": back}))
    assert browser.left_for == back
    assert provider.userinfo(beside["access_token"]).status_code == 401


@pytest.mark.attack(30)
def test_a_hint_of_the_time_when_the_service_was_public_names_no_session(
    rotated: tuple[Provider, Someone],
) -> None:
    provider, doctor = rotated
    visit = provider.browser()
    hint = tokens(provider, doctor, "open", visit)["id_token"]
    pairwise = [
        one.model_copy(update={"subject_type": "pairwise"}) if one.client_id == "open" else one
        for one in provider.parts.clients
    ]
    _restart(provider, replace(provider.parts, clients=ClientRegistry(pairwise)))
    visit.client = provider.app.test_client()
    visit.get("/logout?" + urlencode({"id_token_hint": hint}))
    assert visit.step == "done"
    assert provider.audited("session.signed_out") == []


@pytest.mark.parametrize("prompt", ["none", None])
def test_a_hint_is_compared_by_the_clients_own_subject(
    provider: Provider, assistant: Someone, insured: Someone, prompt: str | None
) -> None:
    visit = provider.browser()
    hint = tokens(provider, assistant, "twin", visit)["id_token"]
    visit.authorize("twin", id_token_hint=hint, prompt=prompt)
    assert visit.answer["code"]
    somebody = provider.browser()
    somebody.sign_in(insured, "twin")
    somebody.authorize("twin", id_token_hint=hint, prompt=prompt)
    assert redirected_error(somebody, "twin") == "login_required"


def test_a_hint_of_another_client_of_the_sector_is_refused(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    hint = tokens(provider, doctor, "twin", visit)["id_token"]
    visit.authorize("sibling", id_token_hint=hint)
    assert redirected_error(visit, "sibling") == "invalid_request"


@pytest.fixture
def rotated(tmp_path: Path, clock: MovableClock) -> Iterator[tuple[Provider, Someone]]:
    """Give a provider of its own, whose keyring a test may change."""
    provider = Provider(tmp_path, clock)
    yield provider, provider.add("408461", "Claire Moretti")
    provider.parts.database.dispose()


def test_a_restart_and_another_keyring_change_no_subject(rotated: tuple[Provider, Someone]) -> None:
    provider, doctor = rotated
    before = _sub(provider, doctor, "twin")
    _restart(provider, provider.parts)
    assert _sub(provider, doctor, "twin") == before
    file = provider.settings.keyring_file
    file.write_text(f"{Keyring.generate_line('second')}\n{file.read_text()}")
    newer = replace(provider.parts, keyring=Keyring.from_file(file))
    _restart(provider, newer)
    assert _sub(provider, doctor, "twin") == before
    for column in resealing.COLUMNS:
        list(resealing.reseal(newer.database, newer.keyring, column))
    file.write_text(file.read_text().splitlines()[0])
    _restart(provider, replace(newer, keyring=Keyring.from_file(file)))
    assert _sub(provider, doctor, "twin") == before


def tokens_of(provider: Provider, visit: Visit, who: Someone, client_id: str) -> dict[str, Any]:
    """Return the body of the token answer at one more service of the browser's session."""
    visit.authorize(client_id)
    if visit.left_for is None:
        visit.identify(who)
    return body(provider.redeem(visit.answer["code"], client_id))


def _people(claims: dict[str, Any]) -> tuple[str | None, ...]:
    """Return the holder, who acts, and the delegation, as a token names them."""
    return (claims["sub"], claims.get("act", {}).get("sub"), claims.get("delegation", {}).get("id"))


def _sub(provider: Provider, who: Someone, client_id: str) -> str:
    return str(provider.claims(tokens(provider, who, client_id)["id_token"])["sub"])


def _restart(provider: Provider, parts: Parts) -> None:
    provider.parts = parts
    provider.app = create_app(provider.settings, parts)
