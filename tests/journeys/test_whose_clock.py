"""Time is the provider's own: what a browser, a phone or a service says about it changes no judgement."""

from __future__ import annotations

from datetime import date, timedelta
from email.utils import format_datetime

import pytest

from idp.demo.browser import Page
from tests.journeys.practice import doctors_browser, filled
from tests.provider import Provider, Someone, Visit

TOLD = ("Date", "X-Date", "X-Timestamp", "X-Request-Start", "X-Client-Time", "If-Unmodified-Since", "Age")
FIELDS = ("time", "now", "date", "timestamp", "step", "t", "iat", "tz", "counter")

pytestmark = pytest.mark.attack(14)


def _lying(provider: Provider, by: timedelta) -> tuple[Visit, dict[str, str]]:
    """Return a browser that says in every header that it is ``by`` later, and fields that say so too."""
    visit = provider.browser()
    moment = provider.clock.now() + by
    for name in TOLD:
        said = format_datetime(moment, usegmt=True)
        visit.client.environ_base[f"HTTP_{name.upper().replace('-', '_')}"] = said
    said = str(int(moment.timestamp()))
    return visit, dict.fromkeys(FIELDS, said)


def _sign_in(visit: Visit, fields: dict[str, str], who: Someone, *, steps: int = 0) -> Page:
    visit.authorize("open", **fields)
    visit.submit(identifier=who.identifier, password=who.password, **fields)
    return visit.submit(code=who.code(visit.provider.clock, steps=steps), **fields)


@pytest.mark.parametrize("steps", [-4, 4])
def test_a_code_of_another_time_is_refused_though_the_browser_says_that_it_is_then(
    provider: Provider, doctor: Someone, steps: int
) -> None:
    visit, fields = _lying(provider, timedelta(seconds=30 * steps))
    page = _sign_in(visit, fields, doctor, steps=steps)
    assert (visit.step, page.status, visit.left_for) == ("code", 422, None)


@pytest.mark.parametrize("by", [timedelta(days=-9000), timedelta(seconds=-90), timedelta(days=9000)])
def test_a_right_code_is_right_whatever_time_the_browser_says(
    provider: Provider, doctor: Someone, by: timedelta
) -> None:
    visit, fields = _lying(provider, by)
    _sign_in(visit, fields, doctor)
    claims = provider.claims(provider.redeem(visit.answer["code"]).get_json()["id_token"])
    now = int(provider.clock.now().timestamp())
    assert (claims["iat"], claims["auth_time"]) == (now, now)


@pytest.mark.parametrize(
    ("first", "last", "by"),
    [
        (date(2025, 12, 3), date(2026, 1, 14), timedelta(days=-2)),
        (date(2026, 1, 16), None, timedelta(days=2)),
    ],
)
def test_nobody_brings_the_days_of_an_assistant_nearer(
    provider: Provider, doctor: Someone, first: date, last: date | None, by: timedelta
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", first, last)
    visit, fields = _lying(provider, by)
    _sign_in(visit, fields, assistant)
    assert (visit.step, visit.left_for) == ("code", None)


def test_what_is_over_for_us_is_over_for_a_browser_that_says_it_is_earlier(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    code = visit.sign_in(doctor)
    visit.authorize("open", prompt="login")
    page = visit.page.url
    provider.clock.advance(seconds=8 * 3600)
    liar, fields = _lying(provider, timedelta(hours=-8))
    visit.client.environ_base.update(liar.client.environ_base)
    answer = provider.redeem(code, **fields)
    assert answer.status_code == 400
    assert visit.get(page).error == "expired"
    visit.authorize("open", prompt="none", **fields)
    assert visit.answer["error"] == "login_required"


def test_a_managing_page_asks_for_recent_factors_whatever_time_the_browser_says(
    provider: Provider, doctor: Someone
) -> None:
    visit = doctors_browser(provider, doctor)
    visit.get("/profile/assistants/new")
    form = filled(visit)
    provider.clock.advance(seconds=901)
    liar, fields = _lying(provider, timedelta(seconds=-901))
    visit.client.environ_base.update(liar.client.environ_base)
    page = visit.post("/profile/assistants/new", {**form, **fields})
    assert (page.status, page.error) == (403, "insufficient_user_authentication")
