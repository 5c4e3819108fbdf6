"""``idp privacy``: one person's data given out and erased, as those notice who are still there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.schema import account, delegation, metadata
from tests.commands.conftest import Idp
from tests.provider import Provider, Someone

ATTRIBUTES = {
    "email": "leroux@example.org",
    "phone_number": "+33648833828",
    "family_name": "LEROUX",
    "adeli": "061992780",
}
OF_DOCTOR = ("LEROUX", "leroux", "48833828", "061992780", "408461")
ERASE = ("--reason", "demande du 13/01/2026")


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "LEROUX Ariane", mfa=True, attributes=ATTRIBUTES)


@pytest.fixture
def assistant(provider: Provider, doctor: Someone) -> Someone:
    return provider.add_assistant(doctor, "NAUDIN Fernand")


def subject(provider: Provider) -> str:
    with provider.parts.database.read() as connection:
        return str(connection.execute(select(delegation.c.person_id)).scalar_one())


def database(provider: Provider) -> dict[str, list[str]]:
    """Every row of every table as text."""
    with provider.parts.database.read() as connection:
        return {
            name: [repr(tuple(row)) for row in connection.execute(select(table))]
            for name, table in metadata.tables.items()
        }


def telling(provider: Provider, *texts: str) -> list[str]:
    return [
        f"{name}: {row}"
        for name, rows in database(provider).items()
        for row in rows
        if any(text in row for text in texts)
    ]


def lived(provider: Provider, *people: Someone) -> list[dict[str, str]]:
    """Let each sign in, with a failure before, and return the tokens they got."""
    found = []
    for who in people:
        browser = provider.browser()
        browser.authorize()
        browser.submit(identifier=who.identifier, password="13572468")
        browser.identify(who, remember_me="1")
        browser.submit(code="000000")
        provider.clock.advance(seconds=60)
        browser.enter_code(who)
        found.append(provider.redeem(browser.answer["code"]).get_json())
    return found


def test_an_export_is_one_document_of_everything_and_no_proof(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    tokens = lived(provider, doctor, assistant)
    given = idp("privacy", "export", doctor.identifier)
    assert (given.exit_code, given.stderr) == (0, ""), given.output
    document = json.loads(given.stdout)
    assert document["person"][0]["attributes"] == ATTRIBUTES
    assert document["account"][0]["identifier"] == doctor.identifier
    assert document["names"] == {subject(provider): assistant.name}
    assert len(document["authenticator"]) == len(document["token_grant"]) == 2
    assert {"password.refused", "session.signed_in"} <= {line["kind"] for line in document["audit_event"]}
    proofs = [
        doctor.secret,
        assistant.secret,
        doctor.password,
        "$argon2id$",
        *(one["refresh_token"] for one in tokens),
    ]
    assert not [proof for proof in proofs if proof and proof in given.stdout]
    (line,) = provider.audited("person.exported")
    assert (line["account_id"], line["actor_id"]) == (document["account"][0]["id"], None)


def test_an_assistant_gets_what_is_theirs(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    lived(provider, doctor, assistant)
    given = idp("privacy", "export", "--assistant", subject(provider))
    document = json.loads(given.stdout)
    assert [row["name"] for row in document["person"]] == [assistant.name]
    assert document["account"] == []
    assert len(document["token_grant"]) == len(document["signed_in_session"]) == 1
    assert not [text for text in OF_DOCTOR if text in given.stdout]
    assert [line["actor_id"] for line in provider.audited("person.exported")] == [subject(provider)]


def test_of_an_erased_doctor_nothing_is_left_and_nothing_opens(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    browser = provider.browser()
    code = browser.sign_in(doctor)
    pending = provider.browser()
    pending.authorize()
    pending.identify(assistant)
    provider.clock.advance(seconds=60)
    tokens = lived(provider, doctor, assistant)
    erased = idp("privacy", "erase", doctor.identifier, *ERASE)
    assert (erased.exit_code, erased.stdout) == (0, "")
    assert "account: 1 deleted" in erased.stderr.splitlines()
    assert provider.redeem(code).get_json()["error"] == "invalid_grant"
    for one in tokens:
        assert provider.refresh(one["refresh_token"]).get_json()["error"] == "invalid_grant"
        assert provider.userinfo(one["access_token"]).status_code == 401
    assert browser.get("/profile").url.endswith("/identification")
    assert pending.enter_code(assistant).status in (200, 422)
    assert pending.left_for is None
    again = provider.browser()
    again.authorize()
    assert again.identify(doctor).error == "invalid_credentials"
    # What browsers began is short-lived, under names that only they know.
    provider.clock.advance(seconds=8 * 86_400)
    assert isinstance(provider.parts.ephemeral, SqlEphemeralStore)
    provider.parts.ephemeral.purge()
    assert telling(provider, *OF_DOCTOR, "NAUDIN") == []


def test_the_identifier_may_come_again_as_somebody_else(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    lived(provider, doctor)
    with provider.parts.database.read() as connection:
        before = connection.execute(select(account.c.person_id)).scalar_one()
    assert idp("privacy", "erase", doctor.identifier, *ERASE).exit_code == 0
    provider.add(doctor.identifier, "SOMEBODY Else")
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    claims = provider.claims(provider.redeem(visit.answer["code"]).get_json()["id_token"])
    assert claims["sub"] != before


def test_of_an_erased_assistant_the_doctor_keeps_the_line_without_the_name(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    _doctors, assistants = lived(provider, doctor, assistant)
    erased = idp("privacy", "erase", "--assistant", subject(provider), *ERASE, "--json")
    assert erased.exit_code == 0
    numbers: dict[str, Any] = json.loads(erased.stdout)
    assert numbers["delegation"] == numbers["person"] == {"scrubbed": 1}
    assert telling(provider, "NAUDIN", "Fernand") == []
    assert provider.refresh(assistants["refresh_token"]).get_json()["error"] == "invalid_grant"
    provider.clock.advance(seconds=60)
    browser = provider.browser()
    browser.authorize()
    browser.identify(doctor)
    assert browser.enter_code(assistant).error is not None
    visit = provider.browser()
    provider.clock.advance(seconds=60)
    visit.sign_in(doctor)
    text = visit.get("/profile").text
    assert "Personne effacée" in text
    assert "Supprimé" in text


def test_an_insured_person_is_erased_like_anybody(idp: Idp, provider: Provider) -> None:
    insured = provider.add("A1", "ROSSI Carla", "insured", attributes={"email": "rossi@example.org"})
    visit = provider.browser()
    visit.sign_in(insured)
    assert idp("privacy", "erase", "a1", *ERASE).exit_code == 0
    assert [row for row in telling(provider, "ROSSI", "rossi") if not row.startswith("ephemeral")] == []


def test_a_dry_run_touches_nothing_and_says_what_the_erasure_then_does(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    lived(provider, doctor, assistant)
    before = database(provider)
    dry = idp("privacy", "erase", doctor.identifier, *ERASE, "--dry-run", "--json")
    assert dry.exit_code == 0
    assert dry.stderr.startswith("a dry run, nothing was erased")
    assert database(provider) == before
    real = idp("privacy", "erase", doctor.identifier, *ERASE, "--json")
    assert json.loads(real.stdout) == json.loads(dry.stdout)


def test_the_erasure_is_audited_with_its_reason_without_the_name(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    reason = "demande écrite de Mme Leroux (408461), reçue le 13/01/2026"
    assert idp("privacy", "erase", doctor.identifier, "--reason", reason).exit_code == 0
    (line,) = provider.audited("person.erased")
    assert line["detail"] == {"reason": "demande écrite de Mme [effacé] ([effacé]), reçue le 13/01/2026"}


@pytest.mark.parametrize("verb", [("export",), ("erase", *ERASE)])
@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        ((), "either IDENTIFIER or --assistant SUBJECT is expected"),
        (("408461", "--assistant", "x"), "either IDENTIFIER or --assistant SUBJECT is expected"),
        (("999999",), "IDENTIFIER: no account has it"),
        (("\u200b",), "IDENTIFIER: no account has it"),
        (("--assistant", "408461"), "--assistant: no assistant has it"),
    ],
)
def test_nobody_else_is_given_out_or_erased(
    idp: Idp, provider: Provider, doctor: Someone, verb: tuple[str, ...], whom: tuple[str, ...], expected: str
) -> None:
    before = database(provider)
    refused = idp("privacy", *verb, *whom)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].endswith(expected)
    assert database(provider) == before


@pytest.mark.parametrize("reason", [(), ("--reason", " "), ("--reason", "x" * 501), ("--reason", "a\x1b[2J")])
def test_an_erasure_needs_a_reason(
    idp: Idp, provider: Provider, doctor: Someone, reason: tuple[str, ...]
) -> None:
    assert idp("privacy", "erase", doctor.identifier, *reason).exit_code == 2
    assert telling(provider, doctor.name)


def test_there_is_nobody_before_the_tables_are_there(idp: Idp, elsewhere: dict[str, str]) -> None:
    for verb in (("export",), ("erase", *ERASE)):
        refused = idp("privacy", *verb, "408461", **elsewhere)
        assert (refused.exit_code, refused.output) == (1, "database: `idp db upgrade` is expected first\n")
