"""What a change of the client files means for who is signing in, for tokens that are out, and for the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from idp.configuration.addresses import origin_of
from idp.oidc.logout.backchannel import UNADDRESSED_KEPT
from idp.worker import jobs_of
from tests.clients.files import Files
from tests.clock import MovableClock
from tests.protocol.answers import body, token_error, tokens
from tests.protocol.receiving import INSIDE, Receiver, outbox, receiving, sign_out, tell
from tests.provider import CLIENT_SECRET, CLIENTS, Provider, Someone


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that may call services on this machine."""
    whole = Provider(tmp_path, clock, outbound=INSIDE)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def files(provider: Provider) -> Files:
    made = Files(provider)
    made.touched(*map(made.path, CLIENTS))
    made.look()
    return made


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "LEROUX Ariane", mfa=True)


def test_a_new_service_is_signed_in_to_at_once(provider: Provider, files: Files, doctor: Someone) -> None:
    files.write("newcomer", like="open", name="Nouveau service")
    provider.clock.advance(seconds=1)
    visit = provider.browser()
    visit.authorize("newcomer")
    assert "Nouveau service" in visit.page.text
    visit.identify(doctor)
    visit.enter_code(doctor)
    given = body(provider.redeem(visit.answer["code"], "newcomer"))
    assert body(provider.userinfo(given["access_token"]))["name"] == "LEROUX Ariane"
    assert body(provider.refresh(given["refresh_token"], "newcomer"))["access_token"]


def test_a_service_removed_in_mid_sign_in_is_said_on_a_page_and_gets_nothing(
    provider: Provider, files: Files, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("plain")
    visit.identify(doctor)
    assert visit.step == "code"
    files.remove("plain")
    provider.clock.advance(seconds=1)
    visit.enter_code(doctor)
    assert (visit.left_for, visit.page.status, visit.page.error) == (None, 400, "expired")
    visit.get(visit.page.url)
    assert (visit.left_for, visit.page.status) == (None, 400)


@pytest.mark.attack(31)
def test_codes_and_tokens_of_a_removed_service_stop_at_once_and_count_again_when_it_is_back(
    provider: Provider, files: Files, doctor: Someone
) -> None:
    files.write("open", resources=["https://records.test/api"])
    files.look()
    given = tokens(provider, doctor)
    code = provider.browser().sign_in(provider.add("221", "BERRY Paul"))
    text = files.remove("open")
    provider.clock.advance(seconds=1)
    assert provider.userinfo(given["access_token"]).status_code == 401
    with_secret = {"auth": ("open", CLIENT_SECRET)}
    for form in (
        {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]},
        {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://open.test/callback"},
    ):
        answer = provider.http().post("/oauth2/token", data=form, **with_secret)
        assert token_error(answer, 401) == "invalid_client"
    assert provider.http().get("/oauth2/authorize?client_id=open").status_code == 400
    files.write_text("open", text)
    provider.clock.advance(seconds=1)
    assert body(provider.userinfo(given["access_token"]))["name"] == "LEROUX Ariane"
    assert body(provider.redeem(code))["access_token"]
    assert body(provider.refresh(given["refresh_token"]))["access_token"]


@pytest.mark.attack(63)
def test_a_file_that_refuses_assistants_from_now_on_ends_what_they_hold(
    provider: Provider, files: Files, doctor: Someone
) -> None:
    held = {who: tokens(provider, who) for who in (doctor, provider.add_assistant(doctor, "NAUDIN Fernand"))}
    doctors, assistants = held.values()
    files.write("open", assistants="refused")
    provider.clock.advance(seconds=1)
    assert provider.userinfo(assistants["access_token"]).status_code == 401
    assert token_error(provider.refresh(assistants["refresh_token"])) == "invalid_grant"
    for token in (assistants["access_token"], assistants["refresh_token"]):
        assert body(provider.introspect(token)) == {"active": False}
    assert provider.userinfo(doctors["access_token"]).status_code == 200
    assert provider.refresh(doctors["refresh_token"]).status_code == 200


def test_a_secret_is_changed_without_a_pause(provider: Provider, files: Files, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    old, new = (hashlib.sha256(text.encode()).hexdigest() for text in (CLIENT_SECRET, "the-next-secret"))

    def known(secret: str) -> int:
        form = {"token": given["access_token"]}
        return provider.http().post("/oauth2/introspect", data=form, auth=("open", secret)).status_code

    for digests, expected in (([old], (200, 401)), ([new, old], (200, 200)), ([new], (401, 200))):
        files.write("open", client_secret_sha256=digests)
        files.look()
        assert (known(CLIENT_SECRET), known("the-next-secret")) == expected


def test_discovery_and_the_authorization_endpoint_offer_the_scopes_of_the_files_as_they_are(
    provider: Provider, files: Files, doctor: Someone
) -> None:
    def offered() -> list[str]:
        return list(body(provider.http().get("/.well-known/openid-configuration"))["scopes_supported"])

    assert "invoices.read" not in offered()
    files.write(
        "invoices",
        like="records",
        redirect_uris=[],
        resource_identifier="https://invoices.test/api",
        resource_scopes=["invoices.read"],
    )
    scope = ["openid", "profile", "offline_access", "invoices.read"]
    files.write("open", scope=scope, resources=["https://invoices.test/api"])
    files.look()
    assert "invoices.read" in offered()
    given = tokens(provider, doctor, scope=" ".join(scope), resource="https://invoices.test/api")
    assert given["scope"] == "invoices.read"
    files.write("open", scope=scope[:3], resources=None)
    files.remove("invoices")
    files.look()
    assert "invoices.read" not in offered()


def test_the_home_page_and_the_profile_lead_where_the_files_say_now(
    provider: Provider, files: Files, doctor: Someone
) -> None:
    def leads_to(address: str) -> bool:
        visit = provider.browser()
        visit.get("/")
        assert visit.response is not None
        allowed = f" {origin_of(address)}" in visit.response.headers["Content-Security-Policy"]
        visit.submit(profile="health_professional")
        return allowed and str(visit.left_for).startswith(f"{address}?")

    assert leads_to("https://portal.test/login")
    visit = provider.browser()
    visit.sign_in(doctor)
    assert "https://portal.test/login" in {address for _, address in visit.get("/profile").links}
    files.write("portal", initiate_login_uri="https://elsewhere.test/start")
    files.look()
    assert leads_to("https://elsewhere.test/start")
    assert "https://elsewhere.test/start" in {address for _, address in visit.get("/profile").links}


def test_the_profile_names_the_day_that_the_files_name_now(provider: Provider, files: Files) -> None:
    insured = provider.add("900", "BERRY Paul", "insured")
    visit = provider.browser()
    visit.sign_in(insured)
    visit.get("/profile")
    assert "01/06/2026" not in visit.page.text
    files.write("open", mfa={"required_from": "2026-06-01"})
    files.look()
    assert "01/06/2026" in visit.get("/profile").text


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


def test_the_worker_tells_services_at_the_addresses_that_their_files_have_now(
    provider: Provider, files: Files, doctor: Someone, receiver: Receiver
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    sign_out(visit)
    files.write("open", backchannel_logout_uri=receiver.address)
    with ThreadPoolExecutor(1) as lanes:
        jobs = jobs_of(provider.settings, provider.parts, Event(), lanes)
    looked = next(one for one in jobs if one.name == "client files")
    provider.clock.advance(seconds=1)
    assert looked.run() == 0
    assert tell(provider) == 1
    assert len(receiver.tokens) == 1


def test_a_removed_service_is_told_of_no_logout_unless_it_is_back_within_the_hour(
    provider: Provider, files: Files, doctor: Someone, receiver: Receiver
) -> None:
    files.write("open", backchannel_logout_uri=receiver.address)
    files.look()
    visits = [provider.browser(), provider.browser()]
    for visit in visits:
        visit.sign_in(doctor)
        provider.clock.advance(seconds=30)
    text = files.remove("open")
    files.look()
    sign_out(visits[0])
    assert (tell(provider), len(outbox(provider))) == (0, 1)
    files.write_text("open", text)
    files.look()
    assert tell(provider) == 1
    assert len(receiver.tokens) == 1
    files.remove("open")
    files.look()
    sign_out(visits[1])
    provider.clock.advance(seconds=UNADDRESSED_KEPT.total_seconds())
    tell(provider)
    assert [line["sent_at"] is not None for line in outbox(provider)] == [True]
    assert len(receiver.tokens) == 1
