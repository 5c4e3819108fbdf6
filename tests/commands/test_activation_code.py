"""``idp accounts activation-code``: one code for support to say, or a file of them for letters."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from idp.accounts import activation_codes
from tests.commands.conftest import Idp
from tests.provider import Provider, Someone

CODE = re.compile("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
def newcomer(provider: Provider) -> Someone:
    return provider.add("408462", "MARTIN Paul")


def _is_good(provider: Provider, who: Someone, code: str) -> bool:
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
        plain, keyring = code.replace("-", ""), provider.parts.keyring
        # The command lives by the machine's clock: its code is good at the tests' moment too.
        stored = activation_codes.found(connection, keyring, account_id, plain, provider.clock.now())
    return stored is not None


def test_it_prints_one_good_code_and_a_newer_one_takes_its_place(
    idp: Idp, provider: Provider, newcomer: Someone
) -> None:
    first, second = (idp("accounts", "activation-code", " 408 462 ") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    codes = [made.stdout.strip() for made in (first, second)]
    assert all(CODE.fullmatch(code) for code in codes)
    assert [_is_good(provider, newcomer, code) for code in codes] == [False, True]
    assert re.search(r"for MARTIN Paul, good to the end of \d{4}-\d{2}-\d{2}\n", second.stderr)
    lines = provider.audited("activation_code.made")
    assert len(lines) == 2
    assert not any(code in str(lines) for code in codes)


def test_as_json_it_is_one_object(idp: Idp, provider: Provider, newcomer: Someone) -> None:
    made = idp("accounts", "activation-code", newcomer.identifier, "--json")
    told = json.loads(made.stdout)
    assert list(told) == ["identifier", "name", "code", "expires"]
    assert (told["identifier"], told["name"]) == ("408462", "MARTIN Paul")
    assert _is_good(provider, newcomer, told["code"])


def test_a_dry_run_makes_nothing(idp: Idp, provider: Provider, newcomer: Someone) -> None:
    kept = idp("accounts", "activation-code", newcomer.identifier).stdout.strip()
    dry = idp("accounts", "activation-code", newcomer.identifier, "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert dry.stderr == "a code would be made for MARTIN Paul\n"
    assert _is_good(provider, newcomer, kept)


@pytest.mark.parametrize("identifier", ["999999", "\u200b", "9" * 300])
def test_an_account_that_is_not_there_is_refused(idp: Idp, provider: Provider, identifier: str) -> None:
    refused = idp("accounts", "activation-code", identifier)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("IDENTIFIER: no account has it\n")


def test_an_activated_or_disabled_account_gets_none(idp: Idp, provider: Provider, newcomer: Someone) -> None:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    refused = idp("accounts", "activation-code", doctor.identifier)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "idp accounts reset-mfa" in refused.stderr
    provider.disable(newcomer)
    assert idp("accounts", "activation-code", newcomer.identifier).exit_code == 2
    assert not provider.audited("activation_code.made")


@pytest.mark.parametrize("arguments", [[], ["408462", "--file", "letters.txt"]])
def test_either_an_identifier_or_a_file_is_expected(
    idp: Idp, provider: Provider, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "letters.txt").write_text("408462\n")
    arguments = [str(tmp_path / one) if one.endswith(".txt") else one for one in arguments]
    refused = idp("accounts", "activation-code", *arguments)
    assert refused.exit_code == 2
    assert refused.stderr.endswith("Error: either IDENTIFIER or --file is expected\n")


def test_a_file_gives_a_table_for_letters_in_its_order_and_names_bad_lines(
    idp: Idp, provider: Provider, tmp_path: Path
) -> None:
    people = [provider.add(f"5{number:05}", f'PETIT, "{number}"') for number in range(1_203)]
    activated = provider.add("408461", "DURAND Alice", mfa=True)
    lines = [who.identifier for who in reversed(people)]
    lines[3:3] = ["999999", "", activated.identifier, f" {people[-1].identifier} "]
    file = tmp_path / "letters.txt"
    file.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    dry = idp("accounts", "activation-code", "--file", str(file), "--dry-run")
    assert (dry.exit_code, dry.stdout) == (1, "")
    assert not provider.audited("activation_code.made")
    made = idp("accounts", "activation-code", "--file", str(file))
    assert made.exit_code == 1
    assert made.stderr == dry.stderr.replace("would be made", "made")
    assert made.stderr.splitlines() == [
        f"{file}:4: identifier: no account has it",
        f"{file}:6: it has been activated: `idp accounts reset-mfa` is for a phone that is gone",
        f"{file}:7: identifier: the same as in line 1",
        "1203 made, 3 bad",
    ]
    rows = list(csv.DictReader(io.StringIO(made.stdout)))
    assert [row["identifier"] for row in rows] == [who.identifier for who in reversed(people)]
    assert rows[0]["name"] == 'PETIT, "1202"'
    assert len({row["code"] for row in rows}) == 1_203
    for who, row in ((people[-1], rows[0]), (people[0], rows[-1])):
        assert _is_good(provider, who, row["code"])
    assert len(provider.audited("activation_code.made")) == 1_203


def test_a_file_as_json_is_one_object_a_line_and_all_good_is_exit_code_nought(
    idp: Idp, provider: Provider, newcomer: Someone, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").write_text("408462")
    made = idp("accounts", "activation-code", "--file", str(tmp_path / "letters.txt"), "--json")
    assert made.exit_code == 0
    [told] = [json.loads(line) for line in made.stdout.splitlines()]
    assert _is_good(provider, newcomer, told["code"])


def test_a_file_that_is_no_text_is_one_line(idp: Idp, provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "letters.bin").write_bytes(b"\xff\xfe4\x000\x00")
    refused = idp("accounts", "activation-code", "--file", str(tmp_path / "letters.bin"))
    assert (refused.exit_code, refused.stderr) == (1, f"{tmp_path}/letters.bin: UTF-8 text is expected\n")
