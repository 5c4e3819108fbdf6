"""Back-Channel Logout 1.0 §2.3-§2.8: services are told by a signed token, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from idp.accounts.erasure import erase
from idp.accounts.privacy import find_holder
from idp.oidc.logout import backchannel
from idp.oidc.logout.backchannel import EVENT
from idp.outbound import Outbound
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.protocol.answers import header_of, redirected_error, tokens
from tests.protocol.receiving import (
    INSIDE,
    Receiver,
    line_of,
    listening,
    outbox,
    receiving,
    sign_out,
    signed_out,
    tell,
)
from tests.provider import ISSUER, Provider, Someone
from tests.servers import PostgresServer
from tests.storage.racing import race


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that may call services on this machine."""
    whole = Provider(tmp_path, clock, outbound=INSIDE)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a service that listens."""
    with receiving() as listener:
        yield listener


@pytest.mark.parametrize(("client_id", "alg"), [("open", "RS256"), ("public", "ES256")])
def test_the_logout_token_says_who_where_and_when(
    provider: Provider, doctor: Someone, receiver: Receiver, client_id: str, alg: str
) -> None:
    listening(provider, {client_id: receiver.address})
    told = signed_out(provider, doctor, client_id)
    assert tell(provider) == 1
    assert receiver.mimetypes == ["application/x-www-form-urlencoded"]
    assert [set(body) for body in receiver.bodies] == [{"logout_token"}]
    (token,) = receiver.tokens
    header, claims = header_of(token), provider.claims(token)
    line = line_of(provider, client_id)
    now = int(provider.clock.now().timestamp())
    assert (header["typ"], header["alg"]) == ("logout+jwt", alg)
    assert claims == {
        "iss": ISSUER,
        "aud": client_id,
        "iat": now,
        "exp": now + 120,
        "jti": line["id"],
        "sub": told["sub"],
        "sid": told["sid"],
        "events": {EVENT: {}},
    }
    assert line["sent_at"] == provider.clock.now()


def test_sub_and_sid_are_those_that_the_service_knows(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    pairwise = {"subject_type": "pairwise", "sector_identifier": "open.test"}
    listening(provider, {"open": receiver.address}, **pairwise)
    told = signed_out(provider, doctor, "open")
    tell(provider)
    (token,) = receiver.tokens
    said = provider.claims(token)
    assert (said["sub"], said["sid"]) == (told["sub"], told["sid"])
    assert told["sid"] != line_of(provider)["sid"]
    assert len(told["sub"]) == 43


@pytest.mark.attack(38)
def test_a_logout_token_is_no_id_token_and_no_access_token(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    signed_out(provider, doctor, "open")
    tell(provider)
    (token,) = receiver.tokens
    assert provider.userinfo(token).status_code == 401
    stranger = provider.browser()
    stranger.authorize(prompt="none", id_token_hint=token)
    assert stranger.answer["error"] in ("login_required", "invalid_request")
    where = {"id_token_hint": token, "post_logout_redirect_uri": "https://open.test/goodbye"}
    stranger.get(f"/logout?{urlencode(where)}")
    assert (stranger.left_for, stranger.step) == (None, "done")


def test_every_service_that_the_session_reached_is_told_once_and_no_other(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, dict.fromkeys(("open", "public", "posting"), receiver.address))
    told = signed_out(provider, doctor, "open", "public", "open", "retirement")
    tell(provider)
    tell(provider)
    found = [provider.claims(token) for token in receiver.tokens]
    assert sorted(one["aud"] for one in found) == ["open", "public"]
    assert {one["sid"] for one in found} == {told["sid"]}
    sent = [line["client_id"] for line in outbox(provider) if line["sent_at"] is not None]
    assert sent == ["open", "public"]


def test_a_sign_out_waits_for_nobody_and_the_session_is_over_at_once(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    visit = provider.browser()
    visit.sign_in(doctor)
    sign_out(visit)
    assert receiver.bodies == []
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"


@pytest.mark.parametrize("status", [200, 204])
def test_a_service_that_took_it_is_left_alone(
    provider: Provider, doctor: Someone, receiver: Receiver, status: int
) -> None:
    listening(provider, {"open": receiver.address})
    receiver.status = status
    signed_out(provider, doctor, "open")
    tell(provider)
    provider.clock.advance(seconds=86_400)
    assert tell(provider) == 0
    assert len(receiver.tokens) == 1


def test_an_address_that_the_settings_do_not_allow_is_not_called(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    signed_out(provider, doctor, "open")
    forbidding = Outbound.from_settings(
        provider.settings.model_copy(
            update={"outbound": provider.settings.outbound.model_copy(update={"allowed": ()})}
        )
    )
    tell(provider, forbidding)
    assert receiver.bodies == []
    assert line_of(provider)["attempts"] == 1


def test_over_https_the_certificate_counts(provider: Provider, doctor: Someone, tmp_path: Path) -> None:
    with receiving(server_context(tmp_path)) as receiver:
        listening(provider, {"open": receiver.address})
        signed_out(provider, doctor, "open")
        tell(provider)
        assert receiver.bodies == []
        provider.clock.advance(seconds=5)
        group = provider.settings.outbound.model_copy(update={"ca_file": certificate(tmp_path)})
        tell(provider, Outbound.from_settings(provider.settings.model_copy(update={"outbound": group})))
        assert len(receiver.tokens) == 1


def test_a_service_without_an_address_leaves_no_line_after_an_hour(
    provider: Provider, doctor: Someone
) -> None:
    signed_out(provider, doctor, "open", "retirement")
    provider.clock.advance(seconds=3_599)
    assert tell(provider) == 0
    assert len(outbox(provider)) == 2
    provider.clock.advance(seconds=1)
    assert tell(provider) == 2
    assert outbox(provider) == []


def test_a_worker_that_does_not_know_a_services_address_yet_leaves_its_lines_and_holds_up_nobody(
    provider: Provider, doctor: Someone, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backchannel, "PIECE", 1)
    signed_out(provider, doctor, "open", "public")
    listening(provider, {"public": receiver.address})
    tell(provider)
    assert [provider.claims(token)["aud"] for token in receiver.tokens] == ["public"]
    listening(provider, {"open": receiver.address})
    tell(provider)
    assert [provider.claims(token)["aud"] for token in receiver.tokens] == ["public", "open"]


def test_an_erased_person_is_signed_out_at_the_services_by_the_sessions_name_alone(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    given = tokens(provider, doctor)
    with provider.parts.database.write() as connection:
        who = find_holder(connection, doctor.identifier)
        assert who is not None
        erase(connection, provider.parts.keyring, who, "asked for", provider.clock.now())
    tell(provider)
    (token,) = receiver.tokens
    claims = provider.claims(token)
    assert "sub" not in claims
    assert claims["sid"] == provider.claims(given["id_token"])["sid"]


@pytest.mark.server
def test_of_many_workers_at_once_one_tells(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer, receiver: Receiver
) -> None:
    provider = Provider(tmp_path, clock, postgres_server.fresh_database(), outbound=INSIDE)
    listening(provider, {"open": receiver.address, "public": receiver.address})
    someone = provider.add("408461", "Claire Moretti")
    for _ in range(3):
        signed_out(provider, someone, "open", "public")
    race(5, lambda _number: tell(provider))
    assert len(receiver.tokens) == len(set(receiver.tokens)) == 6
    assert all(line["sent_at"] for line in outbox(provider))
    provider.parts.database.dispose()
