"""What could not be reached is told: the last page names the services of the session and how far each has heard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from idp.oidc.keys.rotation import SHORTEST_LEAD
from idp.storage.schema import backchannel_logout
from tests.clock import MovableClock
from tests.protocol.answers import redirected_error, tokens
from tests.protocol.receiving import (
    INSIDE,
    Receiver,
    line_of,
    listening,
    receiving,
    sign_out,
    tell,
)
from tests.provider import Provider, Someone, Visit

NOBODY = "http://127.0.0.1:9/backchannel_logout"
TO_CLOSE = "fermez votre navigateur, ou déconnectez-vous aussi de ce service"
NO_RETURN = "une adresse qui n'est pas enregistrée"


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


def _services(visit: Visit) -> dict[str, tuple[str, str]]:
    """Return state and words of each service shown."""
    assert visit.response is not None
    found = re.findall(
        r'<li data-state="(\w+)"><strong>(.*?)</strong> <span[^>]*>(.*?)</span>', visit.response.text
    )
    return {unescape(name): (state, words) for state, name, words in found}


def _visit(provider: Provider, who: Someone, *client_ids: str) -> Visit:
    visit = provider.browser()
    visit.sign_in(who, client_ids[0])
    for client_id in client_ids[1:]:
        visit.authorize(client_id)
        assert visit.answer["code"]
    return visit


def test_each_service_is_shown_as_far_as_it_has_heard(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address, "public": NOBODY})
    visit = _visit(provider, doctor, "open", "public", "retirement")
    visit.get("/profile/sessions")
    sign_out(visit)
    assert _services(visit) == {
        "Service open": ("pending", "en cours"),
        "Service public": ("pending", "en cours"),
        "Service retirement": ("untold", "non prévenu"),
    }
    assert TO_CLOSE in visit.page.text
    tell(provider)
    visit.get(next(address for words, address in visit.page.links if words == "Actualiser"))
    assert _services(visit) == {
        "Service open": ("told", "prévenu"),
        "Service public": ("unreached", "injoignable"),
        "Service retirement": ("untold", "non prévenu"),
    }
    assert TO_CLOSE in visit.page.text


def test_when_every_service_has_heard_nothing_is_asked_of_the_person(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    visit = _visit(provider, doctor, "open")
    sign_out(visit)
    tell(provider)
    visit.get("/logout/done")
    assert _services(visit) == {"Service open": ("told", "prévenu")}
    assert TO_CLOSE not in visit.page.text
    assert "Actualiser" not in [words for words, _address in visit.page.links]


def test_a_service_that_was_given_up_stays_shown_as_not_reached(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    receiver.status = 400
    visit = _visit(provider, doctor, "open")
    sign_out(visit)
    for seconds in (SHORTEST_LEAD.total_seconds(), 0):
        tell(provider)
        provider.clock.advance(seconds=seconds)
    assert line_of(provider)["given_up_at"] is not None
    visit.get("/logout/done")
    assert _services(visit) == {"Service open": ("unreached", "injoignable")}


def test_no_address_names_the_session(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    sid = provider.claims(tokens(provider, doctor, visit=visit)["id_token"])["sid"]
    visit.get("/logout")
    confirmed = visit.client.post(
        "/logout/confirm",
        data=visit.page.forms[0].fields,
        base_url="https://idp.test",
        headers={"Referer": "https://idp.test/"},
    )
    assert confirmed.headers["Location"] == "/logout/done"
    visit.get("/logout/done")
    assert visit.response is not None
    assert _services(visit)
    assert sid not in visit.response.text
    assert visit.response.headers["Cache-Control"] == "no-store"


def test_another_browser_is_shown_nothing(provider: Provider, doctor: Someone) -> None:
    sign_out(_visit(provider, doctor, "open"))
    other = provider.browser()
    other.get("/logout/done")
    assert other.page.status == 200
    assert _services(other) == {}


def test_after_ten_minutes_the_next_person_at_this_browser_is_shown_nothing(
    provider: Provider, doctor: Someone
) -> None:
    visit = _visit(provider, doctor, "open")
    sign_out(visit)
    provider.clock.advance(seconds=599)
    visit.get("/logout/done")
    assert len(_services(visit)) == 1
    provider.clock.advance(seconds=1)
    visit.get("/logout/done")
    assert _services(visit) == {}


def test_who_signs_in_next_at_this_browser_is_not_shown_the_services_of_who_was_there_before(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = _visit(provider, doctor, "open")
    sign_out(visit)
    visit.sign_in(insured, "public")
    visit.get("/logout/done")
    assert _services(visit) == {}
    sign_out(visit)
    assert list(_services(visit)) == ["Service public"]


def test_a_service_that_nobody_will_tell_any_more_is_not_said_to_be_under_way(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    visit = _visit(provider, doctor, "open")
    sign_out(visit)
    with provider.parts.database.write() as connection:
        connection.execute(backchannel_logout.delete())
    visit.get("/logout/done")
    assert _services(visit) == {"Service open": ("untold", "non prévenu")}


@pytest.mark.attack(30)
@pytest.mark.parametrize("query", ["?a=1", "/", ""])
def test_a_way_back_that_is_not_registered_is_said_and_the_session_ends_all_the_same(
    provider: Provider, doctor: Someone, query: str
) -> None:
    visit = provider.browser()
    hint = tokens(provider, doctor, visit=visit)["id_token"]
    address = f"https://open.test/goodbye{query}" if query else ""
    visit.get(f"/logout?{urlencode({'id_token_hint': hint, 'post_logout_redirect_uri': address})}")
    assert (visit.left_for, visit.step, visit.page.status) == (None, "done", 200)
    assert (NO_RETURN in visit.page.text) == bool(query)
    assert len(_services(visit)) == 1
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"


def test_who_was_sent_back_to_the_service_finds_the_page_too(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    hint = tokens(provider, doctor, visit=visit)["id_token"]
    goodbye = "https://open.test/goodbye"
    visit.get(f"/logout?{urlencode({'id_token_hint': hint, 'post_logout_redirect_uri': goodbye})}")
    assert visit.left_for == goodbye
    visit.get("/logout/done")
    assert len(_services(visit)) == 1
    assert NO_RETURN not in visit.page.text
