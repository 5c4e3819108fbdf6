"""Every sensitive act leaves exactly one line, and the line says whose account, who acted and where."""

from __future__ import annotations

from idp.audit.events import Event
from tests.journeys.story import activate, audit_kinds, audit_lines, code_of, switch_user
from tests.provider import Provider, Someone, Visit


def _new(provider: Provider, seen: list[int]) -> list[str]:
    """Return the kinds of the lines written since the last look."""
    kinds = audit_kinds(provider)
    fresh = kinds[sum(seen) :]
    seen.append(len(fresh))
    return fresh


def test_each_act_of_the_story_leaves_the_lines_that_it_should(provider: Provider) -> None:
    seen: list[int] = []
    doctor = provider.add("408461", "DURAND Alice")
    visit = provider.browser()

    def lines() -> list[str]:
        return _new(provider, seen)

    visit.get("/")
    visit.authorize()
    assert lines() == []
    visit.submit(identifier=doctor.identifier, password="13572468")
    assert lines() == ["password.refused"]
    visit.identify(doctor, activate_mfa="1")
    assert lines() == ["password.accepted"]
    visit.submit(code="000000")
    assert lines() == []
    doctor = activate(visit, doctor)
    assert lines() == ["mfa.activated", "recovery.codes_made", "session.signed_in", "device.known"]
    tokens = provider.redeem(visit.answer["code"]).json
    assert tokens is not None
    assert lines() == ["tokens.issued"]
    provider.refresh(tokens["refresh_token"])
    assert lines() == ["tokens.refreshed"]
    visit.get("/profile/assistants/new")
    secret = visit.page.secret
    assert secret is not None
    visit.submit(name="NAUDIN Fernand", valid_from="2026-01-15", code=code_of(secret, provider.clock))
    assert lines() == ["assistant.added"]
    provider.clock.advance(seconds=30)
    assistants = _assistants_day(provider, doctor, secret)
    assert lines() == [
        "password.accepted", "code.refused", "session.signed_in", "device.known", "tokens.issued",
        "managing.denied", "service.refused",
    ]  # fmt: skip
    visit.get("/profile")
    visit.get(next(one for one in _links(visit) if "assistants/" in one and "new" not in one))
    visit.submit(valid_until="2026-02-28")
    assert lines() == ["assistant.changed"]
    provider.remove_assistant(doctor, "NAUDIN Fernand")
    assistants.authorize(prompt="none")
    assistants.authorize(prompt="none")
    assert lines() == ["session.signed_out"]
    visit.get("/")
    switch_user(visit)
    visit.get("/")
    assert lines() == ["session.signed_out"]


def _links(visit: Visit) -> list[str]:
    assert visit.response is not None
    return [part.partition('"')[0].partition("#")[0] for part in visit.response.text.split('href="')[1:]]


def _assistants_day(provider: Provider, doctor: Someone, secret: str) -> Visit:
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(doctor)
    visit.submit(code=code_of(secret, provider.clock, steps=-2))
    visit.submit(code=code_of(secret, provider.clock))
    provider.redeem(visit.answer["code"], "portal")
    visit.get("/profile")
    visit.authorize("retirement")
    visit.get(visit.page.url)
    return visit


def test_a_line_says_when_whose_account_who_acted_and_for_which_service(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(doctor)
    visit.enter_code(assistant)
    tokens = provider.redeem(visit.answer["code"], "portal").json
    assert tokens is not None
    actor = provider.claims(tokens["id_token"])["act"]["sub"]
    visit.get("/profile")
    visit.get("/")
    switch_user(visit)
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    lines = audit_lines(provider)
    assert {line["at"] for line in lines} == {provider.clock.now()}
    told = [(line["kind"], line["account_id"], line["actor_id"], line["client_id"]) for line in lines]
    assert told == [
        ("password.accepted", account_id, None, None),
        ("session.signed_in", account_id, actor, None),
        ("device.known", account_id, actor, None),
        ("tokens.issued", account_id, actor, "portal"),
        ("managing.denied", account_id, actor, None),
        ("session.signed_out", account_id, actor, None),
    ]
    details = {line["kind"]: line["detail"] for line in lines}
    assert details["session.signed_in"] == {"methods": ["otp", "pwd"]}
    assert details["managing.denied"] == {"why": "insufficient_scope", "endpoint": "profile.show"}
    assert details["session.signed_out"] == {"why": "signed out"}


def test_an_act_that_is_rolled_back_leaves_no_line(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(doctor)
    visit.enter_code(doctor)
    for number in range(10):
        provider.add_assistant(doctor, f"Assistant {number}")
    visit.get("/profile/assistants/new")
    assert visit.page.secret is not None
    code = code_of(visit.page.secret, provider.clock)
    assert visit.submit(name="Le onzième", valid_from="2026-01-15", code=code).status == 409
    assert "assistant.added" not in audit_kinds(provider)


def test_every_kind_of_event_fits_its_column() -> None:
    assert all(len(event.value) <= 48 for event in Event)
    assert len({event.value for event in Event}) == len(Event)
