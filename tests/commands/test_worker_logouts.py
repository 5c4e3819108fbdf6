"""Services are told by the worker: at once of a sign-out, and of the end of an assistant's time."""

from __future__ import annotations

from pathlib import Path

from idp.storage.schema import ended_session
from tests.clock import MovableClock
from tests.commands.rounds import Rounds, rows, work_in_turn
from tests.protocol.receiving import INSIDE, listening, receiving, signed_out
from tests.provider import START, Provider


def test_services_are_told_of_a_sign_out_within_a_second_whatever_else_there_is_to_do(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = Provider(tmp_path, clock, outbound=INSIDE)
    with receiving() as receiver:
        listening(provider, {"open": receiver.address})
        signed_out(provider, provider.add("408461", "LEROUX Ariane"), "open")
        work_in_turn(provider.settings, provider.parts, Rounds(1, clock))
        (token,) = receiver.tokens
    assert provider.claims(token)["iat"] == START.timestamp() + 1
    provider.parts.database.dispose()


def test_the_sessions_of_an_assistant_whose_time_is_over_end_within_a_round(
    provider: Provider, clock: MovableClock
) -> None:
    doctor = provider.add("408461", "LEROUX Ariane", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", last=START.date())
    provider.redeem(provider.browser().sign_in(assistant))
    clock.set(START.replace(hour=22, minute=59, second=59))
    work_in_turn(provider.settings, provider.parts, Rounds(6, clock))
    assert rows(provider, ended_session) == 1
    (line,) = provider.audited("session.ended")
    assert line["detail"]["why"] == "the delegation is over"
