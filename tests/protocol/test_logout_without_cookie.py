"""RP-Initiated Logout 1.0 §2: a request that comes without the session's cookie."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from idp.storage.schema import signed_in_session, token_grant
from tests.protocol.receiving import outbox
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


def test_who_is_not_signed_in_is_sent_back_by_a_valid_hint_alone(provider: Provider, doctor: Someone) -> None:
    _visit, given = signed_in(provider, doctor)
    stranger = provider.browser()
    stranger.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert stranger.left_for == GOODBYE
    stranger.get(f"/logout?{urlencode(logout_request('banana'))}")
    assert_last_page(stranger)
    stranger.get(f"/logout?{urlencode({'post_logout_redirect_uri': GOODBYE, 'client_id': 'open'})}")
    assert_last_page(stranger)


@pytest.mark.attack(31)
def test_a_valid_hint_ends_what_was_granted_even_when_the_browser_has_no_session_left(
    provider: Provider, doctor: Someone
) -> None:
    visit, given = signed_in(provider, doctor)
    elsewhere = provider.browser()
    elsewhere.get(f"/logout?{urlencode(logout_request('banana'))}")
    assert_alive(provider, visit, given)
    elsewhere.get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert_dead(provider, visit, given)


@pytest.mark.attack(31)
@pytest.mark.parametrize("named_by", ["register", "grant"])
def test_a_session_known_by_its_hint_alone_has_its_services_told_and_is_audited_once(
    provider: Provider, doctor: Someone, named_by: str
) -> None:
    _visit, given = signed_in(provider, doctor)
    sid, before = provider.claims(given["id_token"])["sid"], len(provider.audited("session.signed_out"))
    gone = token_grant if named_by == "register" else signed_in_session
    with provider.parts.database.write() as connection:
        connection.execute(gone.delete())
    for _ in range(2):
        provider.browser().get(f"/logout?{urlencode(logout_request(given['id_token']))}")
    assert [line["client_id"] for line in outbox(provider) if line["sid"] == sid] == ["open"]
    (line,) = provider.audited("session.signed_out")[before:]
    assert line["detail"] == {"why": "hint without session"}


@pytest.mark.parametrize("proxys", [{}, {"Cookie": "AWSALBCORS=sticky"}])
@pytest.mark.parametrize("hinted", [True, False])
def test_a_logout_posted_from_another_site_becomes_a_get_so_that_the_session_is_found(
    provider: Provider, doctor: Someone, proxys: dict[str, str], hinted: bool
) -> None:
    visit, given = signed_in(provider, doctor)
    request = logout_request(given["id_token"]) if hinted else {"client_id": "open"}
    crossing = provider.http().post("/logout", data=request, base_url=ISSUER, headers=proxys)
    assert crossing.headers["Location"] == f"/logout?{urlencode(request)}"
    visit.get(crossing.headers["Location"])
    if hinted:
        assert_dead(provider, visit, given)
    else:
        assert_asked(visit)
