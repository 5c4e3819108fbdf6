"""Single sign-on: one sign-in opens every service, more is asked only where it is wanted, and it ends on time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idp.accounts import authenticators
from tests.clock import MovableClock
from tests.journeys.story import activate, audit_kinds, cookie
from tests.provider import Provider, Someone, Visit

PRACTITIONER = {"session_idle": 600, "session_absolute": 3000}
INSURED = {"session_idle": 120, "session_absolute": 400}
LIFETIMES = {"health_professional": PRACTITIONER, "insured": INSURED}


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider whose practitioners stay signed in longer than insured people do."""
    profiles = {
        name: {"label": name, "mfa": "optional", **LIFETIMES.get(name, {})}
        for name in ("health_professional", "insured", "employer")
    }
    whole = Provider(tmp_path, clock, profiles=profiles)
    yield whole
    whole.parts.database.dispose()


def _claims(provider: Provider, visit: Visit, client_id: str) -> dict[str, Any]:
    answer = provider.redeem(visit.answer["code"], client_id)
    assert answer.status_code == 200
    return provider.claims(answer.get_json()["id_token"])


def _silent(visit: Visit, client_id: str = "open") -> bool:
    """Say whether a service gets a code without anybody being asked."""
    visit.authorize(client_id, prompt="none")
    return "code" in visit.answer


@pytest.mark.parametrize("who", ["doctor", "assistant", "insured"])
def test_one_sign_in_opens_the_other_services_without_a_page(
    provider: Provider, who: str, request: pytest.FixtureRequest
) -> None:
    someone = request.getfixturevalue(who)
    visit = provider.browser()
    visit.sign_in(someone)
    first = _claims(provider, visit, "open")
    others = ("public", "signing", *(() if who == "insured" else ("portal", "strict")))
    for client_id in others:
        provider.clock.advance(seconds=10)
        visit.authorize(client_id)
        assert visit.left_for is not None, client_id
        told = _claims(provider, visit, client_id)
        for name in ("sid", "acr", "amr", "auth_time"):
            assert told[name] == first[name]
        assert (told.get("act") or {}).get("name") == (someone.name if who == "assistant" else None)
    assert audit_kinds(provider, "session.signed_in") == ["session.signed_in"]


def test_more_is_asked_only_by_the_service_that_wants_more_and_in_place(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    first, cookie_before = _claims(provider, visit, "open"), cookie(visit, "session")
    provider.clock.advance(seconds=60)
    visit.authorize("public")
    assert _claims(provider, visit, "public")["acr"] == "pwd"
    visit.authorize("strict")
    assert visit.step == "activation"
    activate(visit, newcomer)
    risen = _claims(provider, visit, "strict")
    assert (risen["acr"], risen["sid"], risen["auth_time"]) == ("mfa", first["sid"], first["auth_time"])
    assert cookie(visit, "session") not in (None, cookie_before)
    for client_id in ("open", "public", "strict", "portal"):
        visit.authorize(client_id, acr_values="mfa")
        assert _claims(provider, visit, client_id)["sid"] == first["sid"]


@pytest.mark.parametrize(("who", "lifetime"), [("doctor", PRACTITIONER), ("insured", INSURED)])
def test_unused_it_ends_after_the_idle_time_of_the_profile_to_the_second(
    provider: Provider, who: str, lifetime: dict[str, int], request: pytest.FixtureRequest
) -> None:
    visit = provider.browser()
    visit.sign_in(request.getfixturevalue(who))
    for client_id in ("open", "public"):
        provider.clock.advance(seconds=lifetime["session_idle"] - 1)
        visit.authorize(client_id)
        assert "code" in visit.answer
    provider.clock.advance(seconds=lifetime["session_idle"])
    assert not _silent(visit)
    visit.authorize("public")
    assert visit.step == "identification"


@pytest.mark.parametrize(("who", "lifetime"), [("doctor", PRACTITIONER), ("insured", INSURED)])
def test_however_much_it_is_used_it_ends_after_the_absolute_time_of_the_profile_to_the_second(
    provider: Provider, who: str, lifetime: dict[str, int], request: pytest.FixtureRequest
) -> None:
    visit = provider.browser()
    visit.sign_in(request.getfixturevalue(who))
    begun, step = provider.clock.now(), lifetime["session_idle"] - 20
    left = lifetime["session_absolute"] - 1
    while left:
        provider.clock.advance(seconds=min(step, left))
        left -= min(step, left)
        visit.authorize()
        assert "code" in visit.answer
    assert (provider.clock.now() - begun).total_seconds() == lifetime["session_absolute"] - 1
    provider.clock.advance(seconds=1)
    assert not _silent(visit)


@pytest.mark.attack(29)
def test_a_service_that_renews_in_silence_does_not_keep_it_in_use(
    provider: Provider, doctor: Someone
) -> None:
    """Used at 0 s and 120 s, asked about in silence all the while: it is over at 120 s and the idle time."""
    idle = PRACTITIONER["session_idle"]
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=120)
    assert "Mes services" in visit.get("/").text
    for seconds in (*[90] * (idle // 90), idle % 90 - 1):
        provider.clock.advance(seconds=seconds)
        assert _silent(visit)
    provider.clock.advance(seconds=1)
    assert not _silent(visit)
    assert visit.answer["error"] == "login_required"


@pytest.mark.parametrize("client_id", ["open", "asking"])
def test_a_sign_in_that_ends_after_the_absolute_time_of_its_password_opens_nothing(
    provider: Provider, newcomer: Someone, client_id: str
) -> None:
    """The password of a session, its code just before the end, and *Accepter* after it."""
    last = PRACTITIONER["session_absolute"] - 1
    visit = provider.browser()
    visit.sign_in(newcomer)
    for _ in range(last // 500):
        provider.clock.advance(seconds=500)
        visit.authorize()
    provider.clock.advance(seconds=last % 500 - 60)
    secret = provider.parts.plugins.possession.new_secret()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, newcomer)
        now = provider.clock.now()
        assert authenticators.activate(connection, provider.parts.keyring, account_id, secret, None, now)
    with_phone = Someone(newcomer.identifier, newcomer.password, newcomer.name, secret)
    visit.authorize(client_id, prompt="consent")
    assert visit.step == "code"
    provider.clock.advance(seconds=59)
    visit.enter_code(with_phone)
    assert visit.step == "consent"
    provider.clock.advance(seconds=2)
    opened = len(audit_kinds(provider, "session.signed_in"))
    visit.submit()
    assert (visit.left_for, visit.page.status, visit.page.error) == (None, 400, "expired")
    assert len(audit_kinds(provider, "session.signed_in")) == opened
    visit.authorize(client_id)
    assert visit.step == "identification"


def test_the_home_page_and_the_profile_end_with_it(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=PRACTITIONER["session_idle"] - 1)
    assert "Mes services" in visit.get("/").text
    assert visit.get("/profile").url == "/profile"
    provider.clock.advance(seconds=PRACTITIONER["session_idle"])
    assert "Sélectionner un profil" in visit.get("/").text
    visit.get("/profile")
    assert visit.step == "identification"
