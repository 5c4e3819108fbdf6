"""RP-Initiated Logout 1.0 §2, §3: at once with a valid hint for this session, else after a question."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.protocol.answers import body, redirected_error, token_error, tokens
from tests.protocol.forging import by_nobody, by_rsa, forged, our_key
from tests.provider import ISSUER, Provider, Someone, Visit

GOODBYE = "https://open.test/goodbye"


def test_without_a_hint_a_question_is_asked_and_nothing_ends(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.get("/logout")
    _assert_asked(visit)
    _assert_alive(provider, visit, given)


@pytest.mark.attack(30)
@pytest.mark.attack(31)
def test_yes_signs_out_shows_a_page_and_ends_every_token(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.authorize("portal")
    beside = body(provider.redeem(visit.answer["code"], "portal"))
    visit.get("/logout")
    visit.submit()
    _assert_last_page(visit)
    _assert_dead(provider, visit, given)
    assert token_error(provider.refresh(beside["refresh_token"], "portal")) == "invalid_grant"
    assert provider.userinfo(beside["access_token"]).status_code == 401


def test_no_leaves_everything_as_it_was(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.get("/logout")
    visit.submit(stay="1")
    _assert_alive(provider, visit, given)


def test_the_question_cannot_be_answered_by_another_site(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.get("/logout")
    visit.post("/logout/confirm", {"csrf_token": "forged"})
    assert visit.page.status == 400
    _assert_alive(provider, visit, given)


@pytest.mark.attack(31)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_a_hint_of_this_session_it_ends_at_once_and_state_comes_back(
    provider: Provider, doctor: Someone, method: str
) -> None:
    visit, given = _signed_in(provider, doctor)
    request = {**_request(given["id_token"]), "state": "the state&=é", "client_id": "open"}
    if method == "GET":
        visit.get(f"/logout?{urlencode(request)}")
    else:
        visit.post("/logout", request)
    assert visit.left_for is not None
    assert visit.left_for.split("?")[0] == GOODBYE
    assert visit.answer == {"state": "the state&=é"}
    _assert_dead(provider, visit, given)


def test_without_state_the_address_is_exactly_the_registered_one(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(_request(given['id_token']))}")
    assert visit.left_for == GOODBYE


def test_a_hint_without_an_address_ends_the_session_on_a_page(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode({'id_token_hint': given['id_token']})}")
    _assert_last_page(visit)
    _assert_dead(provider, visit, given)


def test_an_expired_hint_still_names_its_session(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    provider.clock.advance(seconds=600)
    visit.get(f"/logout?{urlencode(_request(given['id_token']))}")
    assert visit.left_for == GOODBYE


def test_a_refreshed_id_token_is_a_hint_too(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    hint = body(provider.refresh(given["refresh_token"]))["id_token"]
    visit.get(f"/logout?{urlencode(_request(hint))}")
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
    visit, given = _signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(_request(given['id_token'], address))}")
    _assert_last_page(visit)
    _assert_dead(provider, visit, given)


@pytest.mark.attack(30)
def test_a_hint_that_is_none_of_ours_is_as_none(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
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
        visit.get(f"/logout?{urlencode({**_request(hint), 'state': 'the-state'})}")
        _assert_asked(visit)
    _assert_alive(provider, visit, given)
    visit.get(f"/logout?{urlencode(_request('banana'))}")
    visit.submit()
    _assert_last_page(visit)


@pytest.mark.attack(30)
@pytest.mark.parametrize("whose", ["own", "foreign"])
def test_a_hint_of_another_session_gets_the_question_and_no_redirect(
    provider: Provider, doctor: Someone, insured: Someone, whose: str
) -> None:
    visit, given = _signed_in(provider, doctor)
    _other, elsewhere = _signed_in(provider, doctor if whose == "own" else insured)
    visit.get(f"/logout?{urlencode({**_request(elsewhere['id_token']), 'state': 's'})}")
    _assert_asked(visit)
    visit.submit()
    _assert_last_page(visit)
    _assert_dead(provider, visit, given)
    assert provider.userinfo(elsewhere["access_token"]).status_code == 200


@pytest.mark.attack(30)
def test_a_hint_of_another_client_than_the_one_named_is_as_none(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    for client_id in ("portal", "unheard_of"):
        visit.get(f"/logout?{urlencode({**_request(given['id_token']), 'client_id': client_id})}")
        _assert_asked(visit)


@pytest.mark.attack(33)
@pytest.mark.parametrize("name", ["id_token_hint", "post_logout_redirect_uri", "state", "client_id"])
def test_a_parameter_sent_twice_makes_the_request_count_for_nothing(
    provider: Provider, doctor: Someone, name: str
) -> None:
    visit, given = _signed_in(provider, doctor)
    request = {**_request(given["id_token"]), "state": "the-state", "client_id": "open"}
    visit.get(f"/logout?{urlencode([*request.items(), (name, request[name])])}")
    _assert_asked(visit)
    _assert_alive(provider, visit, given)


def test_who_is_not_signed_in_is_sent_back_by_a_valid_hint_alone(provider: Provider, doctor: Someone) -> None:
    _visit, given = _signed_in(provider, doctor)
    stranger = provider.browser()
    stranger.get(f"/logout?{urlencode(_request(given['id_token']))}")
    assert stranger.left_for == GOODBYE
    stranger.get(f"/logout?{urlencode(_request('banana'))}")
    _assert_last_page(stranger)
    stranger.get(f"/logout?{urlencode({'post_logout_redirect_uri': GOODBYE, 'client_id': 'open'})}")
    _assert_last_page(stranger)


@pytest.mark.attack(31)
def test_a_valid_hint_ends_what_was_granted_even_when_the_browser_has_no_session_left(
    provider: Provider, doctor: Someone
) -> None:
    visit, given = _signed_in(provider, doctor)
    elsewhere = provider.browser()
    elsewhere.get(f"/logout?{urlencode(_request('banana'))}")
    _assert_alive(provider, visit, given)
    elsewhere.get(f"/logout?{urlencode(_request(given['id_token']))}")
    _assert_dead(provider, visit, given)


def test_a_logout_posted_from_another_site_becomes_a_get_so_that_the_session_is_found(
    provider: Provider, doctor: Someone
) -> None:
    visit, given = _signed_in(provider, doctor)
    crossing = provider.http().post("/logout", data=_request(given["id_token"]), base_url=ISSUER)
    assert crossing.status_code == 303
    visit.get(crossing.headers["Location"])
    _assert_dead(provider, visit, given)


def test_another_browser_of_the_same_person_stays_signed_in(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    other, beside = _signed_in(provider, doctor)
    visit.get(f"/logout?{urlencode(_request(given['id_token']))}")
    _assert_alive(provider, other, beside)


@pytest.mark.attack(31)
def test_a_stolen_session_cookie_is_worth_nothing_afterwards(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None
    visit.get(f"/logout?{urlencode(_request(given['id_token']))}")
    thief = provider.browser()
    thief.client.set_cookie(cookie.key, cookie.value, domain="idp.test", secure=True)
    thief.authorize(prompt="none")
    assert redirected_error(thief) == "login_required"


def test_signing_out_is_audited(provider: Provider, doctor: Someone) -> None:
    visit, given = _signed_in(provider, doctor)
    before = len(provider.audited("session.signed_out"))
    visit.get(f"/logout?{urlencode(_request(given['id_token']))}")
    assert len(provider.audited("session.signed_out")) == before + 1


def _signed_in(provider: Provider, who: Someone) -> tuple[Visit, dict[str, Any]]:
    visit = provider.browser()
    return visit, tokens(provider, who, visit=visit)


def _request(hint: str, address: str = GOODBYE) -> dict[str, str]:
    return {"id_token_hint": hint, "post_logout_redirect_uri": address}


def _assert_asked(visit: Visit) -> None:
    assert visit.left_for is None
    assert visit.page.status == 200
    assert visit.response is not None
    assert 'id="logout-form"' in visit.response.text
    assert "form-action 'self';" in visit.response.headers["Content-Security-Policy"]


def _assert_last_page(visit: Visit) -> None:
    assert (visit.left_for, visit.step, visit.page.status) == (None, "done", 200)


def _assert_alive(provider: Provider, visit: Visit, given: dict[str, Any]) -> None:
    assert provider.userinfo(given["access_token"]).status_code == 200
    visit.authorize(prompt="none")
    assert visit.answer["code"]


def _assert_dead(provider: Provider, visit: Visit, given: dict[str, Any]) -> None:
    assert token_error(provider.refresh(given["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 401
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"
