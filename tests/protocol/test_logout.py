"""RP-Initiated Logout 1.0 §2, §3: at once with a valid hint for this session, else after a question."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from idp.oidc.authorization.redirects import MAX_QUERY
from idp.oidc.keys.store import STALE
from idp.storage.schema import signing_key
from tests.clock import MovableClock
from tests.protocol.answers import body, header_of, redirected_error, token_error, tokens
from tests.protocol.forging import by_nobody, by_rsa, forged, our_key
from tests.protocol.signing_out import (
    GOODBYE,
    assert_alive,
    assert_asked,
    assert_dead,
    assert_last_page,
    logout_request,
    signed_in,
)
from tests.provider import ISSUER, Provider, Someone


def test_without_a_hint_a_question_is_asked_and_nothing_ends(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get("/logout")
    assert_asked(visit)
    assert_alive(provider, visit, given)


@pytest.mark.attack(30)
@pytest.mark.attack(31)
def test_yes_signs_out_shows_a_page_and_ends_every_token(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.authorize("portal")
    beside = body(provider.redeem(visit.answer["code"], "portal"))
    visit.get("/logout")
    visit.submit()
    assert_last_page(visit)
    assert_dead(provider, visit, given)
    assert token_error(provider.refresh(beside["refresh_token"], "portal")) == "invalid_grant"
    assert provider.userinfo(beside["access_token"]).status_code == 401


def test_no_leaves_everything_as_it_was(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get("/logout")
    visit.submit(stay="1")
    assert_alive(provider, visit, given)


def test_the_question_cannot_be_answered_by_another_site(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get("/logout")
    visit.post("/logout/confirm", {"csrf_token": "forged"})
    assert visit.page.status == 400
    assert_alive(provider, visit, given)


@pytest.mark.attack(31)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_a_hint_of_this_session_it_ends_at_once_and_state_comes_back(
    provider: Provider, doctor: Someone, method: str
) -> None:
    visit, given = signed_in(provider, doctor)
    request = {**logout_request(given["id_token"]), "state": "the state&=é", "client_id": "open"}
    request |= {"logout_hint": "anything at all", "ui_locales": 'tlh x-"é', "unheard_of": "1"}
    if method == "GET":
        visit.get(f"/logout?{urlencode(request)}")
    else:
        visit.post("/logout", request)
    assert visit.left_for is not None
    assert visit.left_for.split("?")[0] == GOODBYE
    assert visit.answer == {"state": "the state&=é"}
    assert_dead(provider, visit, given)


def test_without_state_the_address_is_exactly_the_registered_one(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert visit.left_for == GOODBYE


def test_a_hint_without_an_address_ends_the_session_on_a_page(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode({'id_token_hint': given['id_token']})}")
    assert_last_page(visit)
    assert_dead(provider, visit, given)


def test_an_empty_parameter_is_an_absent_one(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode({**logout_request(given['id_token']), 'client_id': '', 'state': ''})}")
    assert visit.left_for == GOODBYE


def test_an_expired_hint_still_names_its_session(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    provider.clock.advance(seconds=600)
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert visit.left_for == GOODBYE


def test_a_refreshed_id_token_is_a_hint_too(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    hint = body(provider.refresh(given["refresh_token"]))["id_token"]
    visit.get(f"/logout?{urlencode(logout_request(hint))}")
    assert visit.left_for == GOODBYE


@pytest.mark.attack(30)
@pytest.mark.parametrize(
    "address",
    [
        "https://open.test/goodbye/",
        "https://open.test/Goodbye",
        "https://OPEN.test/goodbye",
        "https://open.test:443/goodbye",
        "https://open.test/goodbye?a=1",
        "https://open.test/goodbye#a",
        "https://open.test/x/%2f../goodbye",
        "https://open.test/x/..;/goodbye",
        "https://open.test@evil.test/goodbye",
        "https://open.test/callback",
        "https://portal.test/goodbye",
        "http://open.test/goodbye",
        "https://evil.test",
        "//evil.test",
        "\\evil.test",
        "javascript:alert(1)",
        "",
    ],
)
def test_another_address_than_a_registered_one_is_not_gone_to(
    provider: Provider, doctor: Someone, address: str
) -> None:
    visit, given = signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(logout_request(given['id_token'], address))}")
    assert_last_page(visit)
    assert_dead(provider, visit, given)


@pytest.mark.attack(30)
def test_a_hint_that_is_none_of_ours_is_as_none(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    claims, key = provider.claims(given["id_token"]), our_key(provider)
    assert isinstance(key.key.private_key, RSAPrivateKey)
    ours = by_rsa(key.key.private_key)
    foreign = by_rsa(rsa.generate_private_key(65537, 2048))
    header = {"typ": "JWT", "alg": "RS256", "kid": key.kid}
    assert forged(header, claims, ours).count(".") == 2
    for hint in (
        given["id_token"][:-4] + "AAAA",
        forged(header, claims, foreign),
        forged({"typ": "JWT", "alg": "none"}, claims, by_nobody),
        forged(header, {**claims, "iss": "https://evil.test"}, ours),
        forged(header, {**claims, "aud": "unheard_of"}, ours),
        given["access_token"],
        given["refresh_token"],
        "banana",
        "x" * 20_000,
    ):
        visit.get(f"/logout?{urlencode({**logout_request(hint), 'state': 'the-state'})}")
        assert_asked(visit)
    assert_alive(provider, visit, given)
    visit.get(f"/logout?{urlencode(logout_request('banana'))}")
    visit.submit()
    assert_last_page(visit)


@pytest.mark.attack(30)
def test_a_hint_that_a_retired_key_signed_gets_the_question(tmp_path: Path, clock: MovableClock) -> None:
    provider = Provider(tmp_path, clock)
    visit, given = signed_in(provider, provider.add("408461", "Claire Moretti"))
    kid = header_of(given["id_token"])["kid"]
    with provider.parts.database.write() as connection:
        retired = signing_key.update().where(signing_key.c.kid == kid)
        connection.execute(retired.values(retired_at=clock.now(), private_jwk=""))
    clock.advance(seconds=STALE.total_seconds())
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert_asked(visit)
    provider.parts.database.dispose()


@pytest.mark.attack(30)
@pytest.mark.parametrize("whose", ["own", "foreign"])
def test_a_hint_of_another_session_gets_the_question_and_no_redirect(
    provider: Provider, doctor: Someone, insured: Someone, whose: str
) -> None:
    visit, given = signed_in(provider, doctor)
    _other, elsewhere = signed_in(provider, doctor if whose == "own" else insured)
    visit.get(f"/logout?{urlencode({**logout_request(elsewhere['id_token']), 'state': 's'})}")
    assert_asked(visit)
    visit.submit()
    assert_last_page(visit)
    assert_dead(provider, visit, given)
    assert provider.userinfo(elsewhere["access_token"]).status_code == 200


@pytest.mark.attack(30)
def test_a_hint_of_another_client_than_the_one_named_is_as_none(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    for client_id in ("portal", "unheard_of"):
        visit.get(f"/logout?{urlencode({**logout_request(given['id_token']), 'client_id': client_id})}")
        assert_asked(visit)


@pytest.mark.attack(33)
@pytest.mark.parametrize("name", ["id_token_hint", "post_logout_redirect_uri", "state", "client_id"])
def test_a_parameter_sent_twice_makes_the_request_count_for_nothing(
    provider: Provider, doctor: Someone, name: str
) -> None:
    visit, given = signed_in(provider, doctor)
    request = {**logout_request(given["id_token"]), "state": "the-state", "client_id": "open"}
    visit.get(f"/logout?{urlencode([*request.items(), (name, request[name])])}")
    assert_asked(visit)
    assert_alive(provider, visit, given)


def test_a_posted_hint_too_long_for_a_query_signs_out_all_the_same(provider: Provider) -> None:
    photographed = provider.add("408462", "Claire Moretti", attributes={"picture": "p" * 5_000})
    visit = provider.browser()
    asked = '{"id_token": {"picture": null}}'
    given = tokens(provider, photographed, visit=visit, claims=asked)
    assert len(given["id_token"]) > MAX_QUERY
    crossing = provider.http().post("/logout", data=logout_request(given["id_token"]), base_url=ISSUER)
    assert crossing.headers["Location"] == GOODBYE
    assert_dead(provider, visit, given)


def test_another_browser_of_the_same_person_stays_signed_in(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    other, beside = signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert_alive(provider, other, beside)


@pytest.mark.attack(31)
def test_a_stolen_session_cookie_is_worth_nothing_afterwards(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    thief = provider.browser()
    thief.client.set_cookie(cookie.key, cookie.value, domain="idp.test", secure=True)
    thief.authorize(prompt="none")
    assert redirected_error(thief) == "login_required"


def test_signing_out_is_audited(provider: Provider, doctor: Someone) -> None:
    visit, given = signed_in(provider, doctor)
    before = len(provider.audited("session.signed_out"))
    visit.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert len(provider.audited("session.signed_out")) == before + 1
