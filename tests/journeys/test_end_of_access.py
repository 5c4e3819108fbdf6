"""When an assistant's time begins, ends, is cut short, and what ends with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from idp.accounts import directory
from tests.journeys.story import audit_lines, cookie
from tests.provider import Provider, Someone, Visit

SECOND = timedelta(seconds=1)


def _enters(provider: Provider, who: Someone) -> bool:
    """Try to sign in with the practice's password and one's own code."""
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    visit.enter_code(who)
    if visit.left_for is not None:
        return True
    assert visit.page.status == 422
    assert "Code incorrect ou expiré" in visit.page.text
    return False


def _signed_in(provider: Provider, who: Someone) -> tuple[Visit, dict[str, Any]]:
    visit = provider.browser()
    answer = provider.redeem(visit.sign_in(who))
    assert answer.status_code == 200
    return visit, dict(answer.get_json())


def _is_out(provider: Provider, visit: Visit, tokens: dict[str, Any]) -> None:
    """See that session, refresh token and access token are dead."""
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


@pytest.mark.attack(49)
@pytest.mark.parametrize(
    ("moment", "enters"),
    [
        (datetime(2026, 1, 19, 23, 0, tzinfo=UTC) - SECOND, False),
        (datetime(2026, 1, 19, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 25, 23, 0, tzinfo=UTC) - SECOND, True),
        (datetime(2026, 1, 25, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 1, 25, 23, 0, tzinfo=UTC) + SECOND, False),
    ],
)
def test_a_code_counts_from_the_first_to_the_last_second_of_the_days(
    provider: Provider, doctor: Someone, moment: datetime, enters: bool
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", date(2026, 1, 20), date(2026, 1, 25))
    provider.clock.set(moment)
    assert _enters(provider, assistant) is enters


@pytest.mark.attack(50)
@pytest.mark.parametrize(
    ("last", "end"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_last_day_on_a_change_of_hour_sunday_ends_at_its_own_midnight(
    provider: Provider, doctor: Someone, last: date, end: datetime
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", last=last)
    provider.clock.set(end - SECOND)
    assert _enters(provider, assistant)
    provider.clock.set(end)
    assert not _enters(provider, assistant)


@pytest.mark.attack(49)
def test_a_code_outside_the_window_is_told_like_a_wrong_one_and_counted(
    provider: Provider, doctor: Someone
) -> None:
    former = provider.add_assistant(doctor, "NAUDIN Fernand", last=date(2026, 1, 14))
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    answers = {
        (visit.submit(code=code).status, visit.page.text) for code in ("000000", former.code(provider.clock))
    }
    assert len(answers) == 1
    assert [line["kind"] for line in audit_lines(provider)].count("code.refused") == 2


def _expire(provider: Provider, doctor: Someone) -> None:
    del doctor
    provider.clock.set(datetime(2026, 1, 15, 23, 0, tzinfo=UTC))


def _remove(provider: Provider, doctor: Someone) -> None:
    provider.remove_assistant(doctor, "NAUDIN Fernand")


def _disable(provider: Provider, doctor: Someone) -> None:
    provider.disable(doctor)


ENDS = [
    pytest.param(_expire, marks=pytest.mark.attack(51), id="expired"),
    pytest.param(_remove, marks=pytest.mark.attack(52), id="removed"),
    pytest.param(_disable, marks=pytest.mark.attack(54), id="doctor disabled"),
]
End = Callable[[Provider, Someone], None]


@pytest.fixture
def assistant(provider: Provider, doctor: Someone) -> Someone:
    """Give an assistant whose last day is today; it is half an hour before its end."""
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", last=date(2026, 1, 15))
    provider.clock.set(datetime(2026, 1, 15, 22, 57, tzinfo=UTC))
    return assistant


@pytest.mark.parametrize("end", ENDS)
def test_session_and_tokens_end_with_the_next_request(
    provider: Provider, doctor: Someone, assistant: Someone, end: End
) -> None:
    visit, tokens = _signed_in(provider, assistant)
    assert provider.userinfo(tokens["access_token"]).status_code == 200
    end(provider, doctor)
    _is_out(provider, visit, tokens)
    lines = [line for line in audit_lines(provider) if line["kind"] == "session.signed_out"]
    assert len(lines) == 1
    assert lines[0]["actor_id"] is not None


@pytest.mark.parametrize("end", ENDS)
def test_a_code_not_yet_redeemed_is_worth_nothing(
    provider: Provider, doctor: Someone, assistant: Someone, end: End
) -> None:
    visit = provider.browser()
    provider.clock.set(datetime(2026, 1, 15, 22, 59, 30, tzinfo=UTC))
    code = visit.sign_in(assistant)
    end(provider, doctor)
    assert provider.redeem(code).status_code == 400


@pytest.mark.parametrize("end", ENDS)
def test_each_of_the_next_requests_alone_is_refused(
    provider: Provider, doctor: Someone, assistant: Someone, end: End
) -> None:
    browsers = []
    for _ in range(3):
        provider.clock.advance(seconds=30)
        browsers.append(_signed_in(provider, assistant))
    end(provider, doctor)
    assert provider.refresh(browsers[0][1]["refresh_token"]).status_code == 400
    assert provider.userinfo(browsers[1][1]["access_token"]).status_code == 401
    browsers[2][0].authorize()
    assert browsers[2][0].step == "identification"


@pytest.mark.attack(53)
@pytest.mark.parametrize("end", ENDS[:2])
def test_who_still_knows_the_password_gets_no_further(
    provider: Provider, doctor: Someone, assistant: Someone, end: End
) -> None:
    end(provider, doctor)
    provider.clock.advance(seconds=30)
    assert not _enters(provider, assistant)
    visit = provider.browser()
    visit.authorize()
    visit.identify(assistant)
    assert visit.step == "code"
    assert cookie(visit, "session") is None


@pytest.mark.parametrize("end", ENDS[:2])
def test_the_doctor_goes_on_undisturbed(
    provider: Provider, doctor: Someone, assistant: Someone, end: End
) -> None:
    visit, tokens = _signed_in(provider, doctor)
    provider.browser().sign_in(assistant)
    end(provider, doctor)
    assert provider.userinfo(tokens["access_token"]).status_code == 200
    visit.authorize(prompt="none")
    assert "code" in visit.answer
    provider.clock.advance(seconds=30)
    assert _enters(provider, doctor)


@pytest.mark.attack(54)
def test_a_disabled_doctor_keeps_everybody_out_with_the_message_of_a_wrong_password(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    provider.disable(doctor)
    for who in (doctor, assistant):
        visit = provider.browser()
        visit.authorize()
        visit.identify(who)
        assert "Identifiant ou mot de passe incorrect" in visit.page.text


@pytest.mark.attack(54)
def test_enabling_a_doctor_again_revives_no_refresh_token(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    _visit, tokens = _signed_in(provider, assistant)
    provider.disable(doctor)
    with provider.parts.database.write() as connection:
        directory.set_disabled(connection, provider.account_id(connection, doctor), None)
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    provider.clock.advance(seconds=30)
    assert _enters(provider, assistant)


def _new_end(provider: Provider, doctor: Someone, valid_until: str) -> None:
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(doctor)
    visit.enter_code(doctor)
    address = next(
        path for path in _links(visit) if path.startswith("/profile/assistants/") and "new" not in path
    )
    visit.get(address.partition("#")[0])
    visit.submit(valid_until=valid_until)
    assert visit.page.url == "/profile"


def _links(visit: Visit) -> list[str]:
    assert visit.response is not None
    return [part.partition('"')[0] for part in visit.response.text.split('href="')[1:]]


@pytest.mark.attack(51)
@pytest.mark.parametrize("how", ["its day came", "the doctor set an earlier end"])
def test_giving_more_time_after_the_end_revives_no_refresh_token(
    provider: Provider, doctor: Someone, assistant: Someone, how: str
) -> None:
    _visit, tokens = _signed_in(provider, assistant)
    if how == "its day came":
        provider.clock.set(datetime(2026, 1, 15, 23, 0, tzinfo=UTC))
    else:
        _new_end(provider, doctor, "2026-01-14")
        provider.clock.advance(seconds=30)
    _new_end(provider, doctor, "2026-12-31")
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    provider.clock.advance(seconds=30)
    assert _enters(provider, assistant)


def test_giving_more_time_before_the_end_disturbs_nobody(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit, tokens = _signed_in(provider, assistant)
    _new_end(provider, doctor, "2026-12-31")
    assert provider.userinfo(tokens["access_token"]).status_code == 200
    visit.authorize(prompt="none")
    assert "code" in visit.answer


def test_who_is_removed_between_password_and_code_does_not_enter(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(assistant)
    provider.remove_assistant(doctor, assistant.name)
    visit.enter_code(assistant)
    assert (visit.page.status, visit.left_for) == (422, None)
