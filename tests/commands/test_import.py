"""``idp accounts import``: good rows go in, bad ones are named by their line, and it can be run again."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from click.testing import Result
from sqlalchemy import Connection, func, select

from idp.accounts import directory, importing
from idp.accounts.import_file import MAX_LINE
from idp.accounts.importing import BATCH
from idp.storage.schema import account, person
from tests.commands.conftest import Idp
from tests.provider import PASSWORD, Provider, Someone
from tests.servers import PostgresServer

HEADER = ["identifier", "name", "profile"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def write(
    file: Path, rows: Iterable[Iterable[object]], header: Iterable[str] = HEADER, delimiter: str = ","
) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, delimiter=delimiter).writerows([header, *rows])
    return file


def numbers(result: Result) -> dict[str, int]:
    told: dict[str, int] = json.loads(result.stdout)
    return told


def bad_lines(result: Result, file: Path) -> list[str]:
    *lines, last = result.stderr.splitlines()
    assert last.endswith("bad")
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


def kept(provider: Provider, identifier: str) -> dict[str, Any]:
    with provider.parts.database.read() as connection:
        wanted = select(account, person).join(person).where(account.c.identifier == identifier)
        return dict(connection.execute(wanted).mappings().one())


def how_many(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(account)).scalar_one()


def total(provider: Provider) -> int:
    with provider.parts.database.read() as connection:
        people = connection.execute(select(func.count()).select_from(person)).scalar_one()
        assert people == how_many(connection)
        return people


def enters(provider: Provider, identifier: str, password: str) -> bool:
    browser = provider.browser()
    browser.authorize()
    browser.identify(Someone(identifier, password, ""))
    return browser.left_for is not None


def test_what_is_imported_signs_in_with_the_password_it_had(idp: Idp, provider: Provider, file: Path) -> None:
    argon = provider.parts.plugins.knowledge.hash("48213975")
    older = bcrypt.hashpw(b"59324086", bcrypt.gensalt(4)).decode()
    header = [
        *HEADER,
        "password_hash",
        "email",
        "email_verified",
        "phone_number",
        "adeli",
        "address",
        "locale",
    ]
    more = [
        "leroux@example.org",
        "true",
        "+377 99 00-00.00",
        "061992780",
        "11 rue Louis Notari, Monaco",
        "fr-MC",
    ]
    rows = [
        ["408461", "LEROUX  Ariane", "health_professional", argon, *more],
        ["A-77", "ROSSI Carla", "insured", older, *[""] * 6],
    ]
    result = idp("accounts", "import", str(write(file, rows, header)), "--json")
    assert result.exit_code == 0, result.output
    assert numbers(result) == {"imported": 2, "present": 0, "bad": 0}
    assert enters(provider, "408461", "48213975")
    assert enters(provider, "a-77", "59324086")
    assert kept(provider, "a-77")["password"].startswith("$argon2id$")
    doctor = kept(provider, "408461")
    assert doctor["name"] == "LEROUX Ariane"
    assert doctor["email_key"] == directory.email_key({"email": "Leroux@example.org "})
    assert doctor["attributes"] == {
        "email": "leroux@example.org",
        "email_verified": True,
        "phone_number": "+37799000000",
        "adeli": "061992780",
        "address": {"formatted": "11 rue Louis Notari, Monaco"},
        "locale": "fr-MC",
    }
    assert kept(provider, "a-77")["attributes"] == {}


def test_an_account_without_a_hash_is_entered_by_nobody(idp: Idp, provider: Provider, file: Path) -> None:
    write(file, [["408461", "LEROUX Ariane", "health_professional"]])
    assert idp("accounts", "import", str(file)).exit_code == 0
    assert kept(provider, "408461")["password"] == directory.NO_PASSWORD
    for password in (directory.NO_PASSWORD, PASSWORD):
        assert not enters(provider, "408461", password)


def test_no_password_costs_an_attempt_as_much_as_nobody(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge = provider.parts.plugins.knowledge
    computed: list[bytes] = []

    def counted(_recipe: object, secret: bytes) -> bytes:
        computed.append(secret)
        return b""

    monkeypatch.setattr("idp_password.argon2id.Recipe.computed", counted)
    for stored in ([], [directory.NO_PASSWORD]):
        computed.clear()
        assert not knowledge.verify(stored, PASSWORD).right
        assert len(computed) == 1


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_files_of_spreadsheets_are_read(
    idp: Idp, provider: Provider, file: Path, delimiter: str, bom: bytes, end: bytes
) -> None:
    quoted = f'408461{delimiter}"DE LA TOUR{delimiter} dit ""Loulou"""{delimiter}insured'
    lines = [
        delimiter.join(HEADER).encode(),
        quoted.encode(),
        b"",
        f"408462{delimiter}É{delimiter}insured".encode(),
    ]
    file.write_bytes(bom + end.join(lines))
    result = idp("accounts", "import", str(file))
    assert (result.exit_code, result.stderr) == (0, "2 imported, 0 present already, 0 bad\n")
    assert kept(provider, "408461")["name"] == f'DE LA TOUR{delimiter} dit "Loulou"'
    assert kept(provider, "408462")["name"] == "É"


BAD = [
    (b"\x00,Name,insured", "identifier: visible characters, and none of =, +, -, @ in front"),
    (b" ,Name,insured", "identifier: 1 to 64 visible characters"),
    (b"9" * 65 + b",Name,insured", "identifier: 1 to 64 visible characters"),
    (b'=HYPERLINK("x"),Name,insured', "identifier: visible characters, and none of =, +, -, @ in front"),
    (b"=1+1,Name,insured", "identifier: visible characters, and none of =, +, -, @ in front"),
    (b"b,@SUM(A1),insured", "name: visible characters, and none of =, +, -, @ in front"),
    (b"b,-1+cmd|calc,insured", "name: visible characters, and none of =, +, -, @ in front"),
    (b"b,Na\x1b[2Jme,insured", "name: visible characters, and none of =, +, -, @ in front"),
    (b"b,,insured", "name: 1 to 120 characters"),
    (b"b," + b"x" * 121 + b",insured", "name: 1 to 120 characters"),
    (b"b,Name,doctor", "profile: one of health_professional, insured, employer"),
    (b"b,Name", "line: 3 columns, found 2"),
    (b"b,Name,insured,", "line: 3 columns, found 4"),
    (b"b,\xc9ric,insured", "line: UTF-8 text"),
    (b'b,"open,insured', "line: a closing quote before the delimiter, and no line break in a field"),
    (b'b,"Na"me,insured', "line: a closing quote before the delimiter, and no line break in a field"),
    (b"b,Na\rme,insured", "line: a closing quote before the delimiter, and no line break in a field"),
    (b"b," + b"x" * MAX_LINE + b",insured", f"line: at most {MAX_LINE} bytes"),
    (b"b," + b"x" * 3 * MAX_LINE + b",insured", f"line: at most {MAX_LINE} bytes"),
]


def test_bad_rows_are_named_by_their_lines_and_the_others_go_in(
    idp: Idp, provider: Provider, file: Path
) -> None:
    good = (f"A{place},Person {place},insured".encode() for place in range(len(BAD) + 1))
    lines = [b"identifier,name,profile", next(good)]
    for line, _expected in BAD:
        lines += [line, next(good)]
    file.write_bytes(b"\n".join(lines))
    result = idp("accounts", "import", str(file))
    assert result.exit_code == 1
    named = [f"{2 * place + 3}: {expected}" for place, (_line, expected) in enumerate(BAD)]
    assert bad_lines(result, file) == named
    assert result.stderr.endswith(f"{len(BAD) + 1} imported, 0 present already, {len(BAD)} bad\n")
    assert total(provider) == len(BAD) + 1


BAD_VALUES = [
    ("password_hash", PASSWORD, "nothing, or a hash that can be verified"),
    ("password_hash", "$argon2id$v=19$m=7168,t=1,p=1$short", "nothing, or a hash that can be verified"),
    ("email", "nobody", "a mail address"),
    ("email", "a@example.org\t,b@example.org", "a mail address"),
    ("email_verified", "maybe", "true or false"),
    ("phone_number", "06 48 83 38 28", "a number with its country, such as +37799000000"),
    ("phone_number", "=1+1", "a number with its country, such as +37799000000"),
    ("locale", "français", "a language, such as fr or fr-MC"),
    ("birthdate", "21/07/1984", "a day, such as 1984-07-21"),
    ("birthdate", "1984-02-30", "a day, such as 1984-07-21"),
    ("adeli", "9" * 255, "at most 254 characters"),
    ("adeli", '="0619"', "visible characters, and none of =, +, -, @ in front"),
]


def test_a_bad_value_is_named_by_its_column_and_never_repeated(
    idp: Idp, provider: Provider, file: Path
) -> None:
    columns = sorted({column for column, _value, _expected in BAD_VALUES})
    rows = [
        [f"A{place}", "Name", "insured", *(value if column == bad else "" for column in columns)]
        for place, (bad, value, _expected) in enumerate(BAD_VALUES)
    ]
    result = idp("accounts", "import", str(write(file, rows, [*HEADER, *columns])))
    named = [f"{place}: {column}: {told}" for place, (column, _value, told) in enumerate(BAD_VALUES, start=2)]
    assert bad_lines(result, file) == named
    assert not [value for _column, value, _expected in BAD_VALUES if value in result.output]
    assert total(provider) == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", "1: header: identifier, name, profile, between , or ;"),
        (b"identifier\tname\tprofile", "1: header: identifier, name, profile, between , or ;"),
        (b"identifier,name", "1: header: identifier, name, profile, between , or ;"),
        ("identifier,name,profile".encode("utf-16"), "1: header: UTF-8 text"),
        (b"identifier,name,profile,name", "1: name: each column once"),
    ],
)
def test_a_header_that_says_nothing_stops_at_once(idp: Idp, file: Path, header: bytes, expected: str) -> None:
    file.write_bytes(header + b"\na,First,insured\n")
    result = idp("accounts", "import", str(file))
    assert (result.exit_code, result.output) == (1, f"{file}:{expected}\n")


@pytest.mark.parametrize(
    "column", ["password", "mot_de_passe", "e-mail", "act", "acr", "sub", "updated_at", ""]
)
def test_a_column_that_no_service_asks_for_stops_at_once(
    idp: Idp, provider: Provider, file: Path, column: str
) -> None:
    write(file, [["a", "First", "insured", "48213975"]], [*HEADER, column])
    result = idp("accounts", "import", str(file))
    assert result.exit_code == 1
    assert result.output.startswith(f"{file}:1: column 4: one of identifier, name, profile, password_hash, ")
    assert "48213975" not in result.output
    assert total(provider) == 0


def test_an_identifier_comes_once_in_any_spelling(idp: Idp, provider: Provider, file: Path) -> None:
    spellings = ["ABC1", "abc1", " a b c 1", "ＡＢＣ１"]
    write(file, [[one, "First", "insured"] for one in spellings])
    result = idp("accounts", "import", str(file))
    told = "identifier: one that no other line has, line 2 has it"
    assert bad_lines(result, file) == [f"{line}: {told}" for line in (3, 4, 5)]
    assert total(provider) == 1


def test_run_again_it_leaves_what_is_there_and_names_what_is_there_otherwise(
    idp: Idp, provider: Provider, file: Path
) -> None:
    rows = [[f"A{place}", f"Person {place}", "insured", f"p{place}@example.org"] for place in range(5)]
    header = [*HEADER, "email"]
    assert idp("accounts", "import", str(write(file, rows, header))).exit_code == 0
    before = kept(provider, "a0")
    again = idp("accounts", "import", str(file), "--json")
    assert (again.exit_code, numbers(again)) == (0, {"imported": 0, "present": 5, "bad": 0})
    assert kept(provider, "a0") == before
    for place, value in ((1, "Somebody Else"), (2, "employer"), (3, "other@example.org")):
        rows[place][place] = value
    other = idp("accounts", "import", str(write(file, rows, header)))
    told = "identifier: a new one, an account with other data has it"
    assert bad_lines(other, file) == [f"{line}: {told}" for line in (3, 4, 5)]
    assert kept(provider, "a1")["name"] == "Person 1"


def test_a_dry_run_says_the_same_and_adds_nothing(idp: Idp, provider: Provider, file: Path) -> None:
    provider.add("a1", "Somebody", "insured")
    write(file, [["A1", "Else", "insured"], ["A2", "New", "insured"], ["A3", "New", "nobody"]])
    dry = idp("accounts", "import", str(file), "--dry-run", "--json")
    wet = idp("accounts", "import", str(file), "--json")
    assert dry.exit_code == wet.exit_code == 1
    assert numbers(dry) == numbers(wet) == {"imported": 1, "present": 0, "bad": 2}
    assert dry.stderr.endswith("1 would be imported, 0 present already, 2 bad\n")
    assert dry.stderr.splitlines()[:2] == wet.stderr.splitlines()[:2]
    assert len(provider.audited("account.imported")) == 1
    assert total(provider) == 2


def test_bad_rows_go_to_a_file_when_asked(idp: Idp, file: Path, tmp_path: Path) -> None:
    write(file, [["A1", "First", "insured"], ["A2", "Second", "nobody"]])
    rejects = tmp_path / "rejects.txt"
    result = idp("accounts", "import", str(file), "--rejects", str(rejects))
    assert (result.exit_code, result.stderr) == (1, "1 imported, 0 present already, 1 bad\n")
    assert rejects.read_text() == f"{file}:3: profile: one of health_professional, insured, employer\n"
    assert idp("accounts", "import", str(file), "--rejects", str(tmp_path)).exit_code == 2


def many(file: Path, number: int) -> Path:
    return write(file, ([f"A{place}", f"Person {place}", "insured"] for place in range(number)))


def test_thousands_go_in_by_batches_each_with_one_line_of_audit(
    idp: Idp, provider: Provider, file: Path
) -> None:
    result = idp("accounts", "import", str(many(file, 2 * BATCH + 500)), "--json")
    assert numbers(result)["imported"] == 2 * BATCH + 500
    lines = [line["detail"] for line in provider.audited("account.imported")]
    assert [line["accounts"] for line in lines] == [BATCH, BATCH, 500]
    assert [line["lines"] for line in lines] == [[2, 1001], [1002, 2001], [2002, 2501]]
    assert {line["file"] for line in lines} == {file.name}


def test_an_interruption_keeps_whole_batches_and_the_next_run_goes_on(
    idp: Idp, provider: Provider, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(file, 2 * BATCH + 500)
    add_all = importing.add_all
    batches = 0

    def interrupted(*given: Any) -> None:
        nonlocal batches
        batches += 1
        add_all(*given)
        if batches == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("idp.commands.import_accounts.add_all", interrupted)
    stopped = idp("accounts", "import", str(file))
    assert (stopped.exit_code, stopped.stdout) == (1, "")
    assert stopped.stderr == "stopped: 1,000 imported, 0 present already, 0 bad; run it again to go on\n"
    assert total(provider) == BATCH
    monkeypatch.undo()
    again = idp("accounts", "import", str(file), "--json")
    assert numbers(again) == {"imported": BATCH + 500, "present": BATCH, "bad": 0}
    assert total(provider) == 2 * BATCH + 500


def test_somebody_added_meanwhile_is_found_at_the_next_look(
    idp: Idp, provider: Provider, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, [["A1", "First", "insured"], ["A2", "Second", "insured"]])
    sort_out = importing.sort_out
    looks = 0

    def late(connection: Connection, rows: Any) -> Any:
        nonlocal looks
        looks += 1
        found = sort_out(connection, rows)
        if looks == 1:
            # As if the other's row had been committed between the look and the insert.
            sub = directory.add_person(connection, "Else", provider.clock.now())
            directory.add_account(connection, sub, "A1", "insured", "!", provider.clock.now())
        return found

    monkeypatch.setattr("idp.commands.import_accounts.sort_out", late)
    result = idp("accounts", "import", str(file), "--json")
    assert (result.exit_code, numbers(result)) == (0, {"imported": 2, "present": 0, "bad": 0})
    assert looks == 2


@pytest.mark.parametrize("path", ["", "nowhere.csv"])
def test_a_folder_or_nothing_is_refused(idp: Idp, tmp_path: Path, path: str) -> None:
    refused = idp("accounts", "import", str(tmp_path / path))
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].endswith(("is a directory.", "does not exist."))


def test_nothing_is_imported_before_the_tables_are_there(
    idp: Idp, file: Path, elsewhere: dict[str, str]
) -> None:
    refused = idp("accounts", "import", str(many(file, 1)), **elsewhere)
    assert (refused.exit_code, refused.output) == (1, "database: `idp db upgrade` is expected first\n")


@pytest.mark.server
def test_on_postgresql_too(
    tmp_path: Path, provider: Provider, postgres_server: PostgresServer, file: Path
) -> None:
    assert provider.settings.database_url.startswith("sqlite:")
    variables = {
        "IDP_CONFIG": str(tmp_path / "idp.yaml"),
        "IDP_DATABASE_URL": postgres_server.fresh_database(),
    }

    def run(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [Path(sys.executable).with_name("idp"), *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        told: dict[str, Any] = json.loads(done.stdout or "{}")
        return told

    run("db", "upgrade")
    many(file, BATCH + 500)
    assert run("accounts", "import", str(file), "--json") == {"imported": 1500, "present": 0, "bad": 0}
    assert run("accounts", "import", str(file), "--json") == {"imported": 0, "present": 1500, "bad": 0}
    assert run("mfa", "report", "--format", "json")["total"]["accounts"] == 1500
