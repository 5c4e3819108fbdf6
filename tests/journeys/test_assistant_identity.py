"""Who an assistant is: stable for one delegation, apart for two."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider import Provider, Someone


def _claims(provider: Provider, who: Someone) -> dict[str, Any]:
    provider.clock.advance(seconds=30)
    body = provider.redeem(provider.browser().sign_in(who)).get_json()
    return provider.claims(body["id_token"])


def _enters(provider: Provider, who: Someone) -> bool:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    visit.enter_code(who)
    return visit.left_for is not None


@pytest.mark.attack(62)
def test_one_assistant_of_two_doctors_has_two_secrets_and_two_subjects_and_crosses_nowhere(
    provider: Provider, doctor: Someone
) -> None:
    other = provider.add("408463", "PETIT Anne", mfa=True)
    here = provider.add_assistant(doctor, "NAUDIN Fernand")
    there = provider.add_assistant(other, "NAUDIN Fernand")
    claims = []
    for who in (here, there):
        claims.append(_claims(provider, who))
    assert claims[0]["sub"] != claims[1]["sub"]
    assert claims[0]["act"]["sub"] != claims[1]["act"]["sub"]
    assert claims[0]["delegation"]["id"] != claims[1]["delegation"]["id"]
    for practice, phone in ((doctor, there), (other, here)):
        crossed = Someone(practice.identifier, practice.password, "", phone.secret)
        assert not _enters(provider, crossed)
    provider.remove_assistant(doctor, "NAUDIN Fernand")
    assert not _enters(provider, here)
    assert _enters(provider, there)


@pytest.mark.attack(59)
def test_the_assistants_subject_is_stable_and_never_used_again(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    seen = []
    for _ in range(2):
        seen.append(_claims(provider, assistant)["act"]["sub"])
    provider.remove_assistant(doctor, assistant.name)
    again = provider.add_assistant(doctor, assistant.name)
    seen.append(_claims(provider, again)["act"]["sub"])
    assert seen[0] == seen[1] != seen[2]
