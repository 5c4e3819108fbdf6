"""``idp keys reseal``: everything sealed moves under the first line of the keyring, and the older line may go."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from idp import resealing
from idp.accounts import activation_codes, recovery_codes
from idp.app import create_app
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.notices.requests import RecoveryRequests
from idp.plugins import Message
from idp.storage.keyring import Keyring
from idp.storage.schema import activation_code, ephemeral, metadata, notice, recovery_request
from tests.clock import MovableClock
from tests.commands.conftest import Idp
from tests.protocol.answers import body, tokens
from tests.provider import Provider, Someone
from tests.servers import PostgresServer

SEALING = {
    "accounts/authenticators.py",
    "accounts/one_time_codes.py",
    "login/kept.py",  # short-lived: nothing of it outlives a sign-in
    "notices/outbox.py",
    "notices/requests.py",
    "oidc/keys/signing.py",
    "oidc/subjects.py",
    "resealing.py",
}
"""The files of `idp` that seal something."""


class Letters:
    """A notifier that reaches everybody."""

    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        del attributes
        return ["somebody"]

    def send(self, message: Message) -> None:
        raise AssertionError(message)


@dataclass
class Held:
    """A provider with something sealed in every table that may hold it, and a keyring with a newer line above."""

    provider: Provider
    doctor: Someone
    assistant: Someone
    codes: list[str]
    activation: str
    given: Mapping[str, str]

    @property
    def file(self) -> Path:
        return self.provider.settings.keyring_file

    def keyring(self) -> Keyring:
        return Keyring.from_file(self.file)

    def texts(self) -> str:
        """Everything in the tables that outlives a sign-in."""
        found = []
        with self.provider.parts.database.read() as connection:
            for table in metadata.sorted_tables:
                if table is not ephemeral:
                    found += [str(tuple(row)) for row in connection.execute(select(table))]
        return "\n".join(found)

    def account_id(self, who: Someone) -> str:
        with self.provider.parts.database.read() as connection:
            return self.provider.account_id(connection, who)


def held(provider: Provider) -> Held:
    parts, now = provider.parts, provider.clock.now()
    doctor = provider.add("408461", "Claire Moretti", mfa=True)
    newcomer = provider.add("408462", "Paul Rey")
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    given = tokens(provider, doctor, "twin")
    with parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        codes = recovery_codes.renew(connection, parts.keyring, account_id, now)
        waiting = provider.account_id(connection, newcomer)
        activation = activation_codes.make(connection, parts.keyring, waiting, now).code
        outbox = Outbox(parts.keyring, {"letters": Letters()})
        outbox.tell(connection, Notice.PASSWORD_CHANGED, account_id, now)
        asked = RecoveryRequests(parts.database, provider.clock, parts.keyring, outbox, "https://idp.test")
        asked.note(connection, "password", "408461")
    older = provider.settings.keyring_file.read_text()
    provider.settings.keyring_file.write_text(Keyring.generate_line("second") + "\n" + older)
    return Held(provider, doctor, assistant, codes, activation, given)


def with_keyring(provider: Provider, keyring: Keyring) -> None:
    """Restart it, so to speak."""
    provider.parts = replace(provider.parts, keyring=keyring)
    provider.app = create_app(provider.settings, provider.parts)


@pytest.fixture
def whole(provider: Provider) -> Held:
    return held(provider)


def all_resealed(one: Held) -> dict[str, int]:
    database, keyring = one.provider.parts.database, one.keyring()
    return {
        column.table.name: sum(resealing.reseal(database, keyring, column)) for column in resealing.COLUMNS
    }


@pytest.mark.attack(68)
def test_the_older_line_may_go_afterwards_and_everything_works(idp: Idp, whole: Held) -> None:
    provider, doctor = whole.provider, whole.doctor
    assert whole.texts().count("v1:first:") == 4 + 1 + 2 + 10 + 1 + 1 + 1
    counted = idp("keys", "reseal", "--dry-run", "--json")
    assert counted.exit_code == 0
    assert json.loads(counted.stdout)["left"] == {"first": 20}
    done = idp("keys", "reseal", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {
            "resealed": {
                "signing_key": 4,
                "provider_secret": 1,
                "authenticator": 2,
                "recovery_code": 10,
                "activation_code": 1,
                "notice": 1,
                "recovery_request": 1,
            },
            "left": {"first": 0},
            "not_opened": 0,
        },
    )
    assert "older lines open nothing more; refresh tokens" in done.stderr
    assert "v1:first:" not in whole.texts()
    whole.file.write_text(whole.file.read_text().splitlines()[0] + "\n")
    keyring = whole.keyring()
    assert keyring.kids == ("second",)
    before = provider.claims(whole.given["id_token"])
    with_keyring(provider, keyring)
    assert provider.claims(whole.given["id_token"]) == before
    assert provider.userinfo(whole.given["access_token"]).status_code == 200
    provider.clock.advance(seconds=60)
    again = tokens(provider, doctor, "twin")
    assert provider.claims(again["id_token"])["sub"] == before["sub"]
    assert provider.claims(tokens(provider, whole.assistant)["id_token"])["act"]["name"] == "NAUDIN Fernand"
    assert body(provider.refresh(again["refresh_token"], "twin"))["access_token"]
    parts, now = provider.parts, provider.clock.now()
    with parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        typed = whole.codes[0].replace("-", "")
        assert recovery_codes.found(connection, keyring, account_id, typed) is not None
        waiting = connection.execute(select(activation_code.c.account_id)).scalar_one()
        typed = whole.activation.replace("-", "")
        assert activation_codes.found(connection, keyring, waiting, typed, now) is not None
    outbox = Outbox(keyring, {"letters": Letters()})
    answered = RecoveryRequests(parts.database, provider.clock, keyring, outbox, "https://idp.test").answer()
    assert answered == 1
    with parts.database.read() as connection:
        row = connection.execute(select(notice).where(notice.c.kind == "password_changed")).one()
    assert json.loads(keyring.open(row.content, bound_to=f"notice:{row.id}")) == {}
    assert len(provider.audited("recovery.link_sent")) == 1


def test_it_goes_on_where_it_was_interrupted(idp: Idp, whole: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "PIECE", 3)
    database = whole.provider.parts.database
    codes = next(column for column in resealing.COLUMNS if column.table.name == "recovery_code")
    pieces = resealing.reseal(database, whole.keyring(), codes)
    assert [next(pieces), next(pieces)] == [3, 3]
    done = idp("keys", "reseal", "--json")
    assert (done.exit_code, json.loads(done.stdout)["resealed"]["recovery_code"]) == (0, 4)
    assert "recovery_code: 3 of 4\nrecovery_code: 4 of 4\n" in done.stderr
    again = idp("keys", "reseal", "--json")
    assert (again.exit_code, set(json.loads(again.stdout)["resealed"].values())) == (0, {0})


def test_a_dry_run_and_a_keyring_of_one_line_change_nothing(idp: Idp, whole: Held) -> None:
    before = whole.texts()
    assert idp("keys", "reseal", "--dry-run").exit_code == 0
    whole.file.write_text(whole.file.read_text().splitlines()[1] + "\n")
    done = idp("keys", "reseal")
    assert (done.exit_code, done.output) == (0, "")
    assert whole.texts() == before


def test_what_no_line_opens_is_told_and_stays(idp: Idp, whole: Held) -> None:
    with whole.provider.parts.database.write() as connection:
        connection.execute(update(activation_code).values(digest="v1:lost:AAAA:AAAA"))
        connection.execute(update(recovery_request).values(typed="v1:first:AAAA:AAAA"))
    done = idp("keys", "reseal", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["left"], told["not_opened"]) == (1, {"first": 1}, 1)
    assert "first: 1 left\nno line of the keyring opens 1\n" in done.stderr
    assert "older lines open nothing more" not in done.stderr


def test_what_changes_meanwhile_is_not_overwritten(whole: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    database = whole.provider.parts.database
    keyring = whole.keyring()
    seal = keyring.seal
    taken: list[str] = []

    def meanwhile(plaintext: bytes, *, bound_to: str) -> str:
        if not taken:
            taken.append(bound_to)
            with database.write() as connection:
                connection.execute(update(recovery_request).values(typed="of somebody else"))
        return seal(plaintext, bound_to=bound_to)

    monkeypatch.setattr(keyring, "seal", meanwhile)
    (column,) = [one for one in resealing.COLUMNS if one.table is recovery_request]
    list(resealing.reseal(database, keyring, column))
    with database.read() as connection:
        assert connection.execute(select(recovery_request.c.typed)).scalar_one() == "of somebody else"


@pytest.mark.server
def test_postgresql_does_the_same(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer
) -> None:
    provider = Provider(tmp_path, clock, postgres_server.fresh_database())
    whole = held(provider)
    assert sum(all_resealed(whole).values()) == whole.texts().count("v1:second:") == 20
    assert "v1:first:" not in whole.texts()
    assert resealing.left(provider.parts.database, whole.keyring()) == {"first": 0, "": 0}
    provider.parts.database.dispose()


def test_whatever_seals_something_is_sealed_again() -> None:
    """A new call of ``seal`` belongs to ``COLUMNS`` too, unless what it seals is over before a line may go."""
    root = Path(resealing.__file__).parent
    sealing = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "seal"
    }
    assert sealing == SEALING
    assert len({(one.table.name, one.column.name) for one in resealing.COLUMNS}) == 7
    named = {(one.table.name, one.column.name) for one in resealing.COLUMNS}
    said = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if "sealed" in (column.comment or "") or "one_time_codes" in (column.comment or "")
    }
    assert said <= named
