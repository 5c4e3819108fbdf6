"""``idp db``: tables of this version and signing keys, or one line that says what is missing."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from idp.storage.database import Database
from idp.storage.schema import signing_key
from tests.commands.conftest import Idp
from tests.provider import Provider

UPGRADE_FIRST = "database: `idp db upgrade` is expected first\n"


def kids(url: str) -> set[str]:
    database = Database(url)
    with database.read() as connection:
        found = set(connection.execute(select(signing_key.c.kid)).scalars())
    database.dispose()
    return found


def test_a_new_database_gets_tables_and_keys_once(idp: Idp, elsewhere: dict[str, str]) -> None:
    checked = idp("db", "check", **elsewhere)
    assert (checked.exit_code, checked.output) == (1, UPGRADE_FIRST)
    dry = idp("db", "upgrade", "--dry-run", **elsewhere)
    assert (dry.exit_code, dry.output) == (0, "to be upgraded\n")
    assert idp("db", "check", **elsewhere).exit_code == 1
    done = idp("db", "upgrade", **elsewhere)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("up to date\n")
    made = kids(elsewhere["IDP_DATABASE_URL"])
    assert len(made) == 4
    assert idp("db", "upgrade", **elsewhere).output == "up to date\n"
    assert idp("db", "upgrade", "--dry-run", **elsewhere).output == "up to date\n"
    assert idp("db", "check", **elsewhere).output == "up to date\n"
    assert kids(elsewhere["IDP_DATABASE_URL"]) == made


def test_tables_of_a_later_version_are_left_alone(idp: Idp, provider: Provider) -> None:
    with provider.parts.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    refused = idp("db", "upgrade")
    expected = "database: a version of `idp` as new as its tables is expected\n"
    assert (refused.exit_code, refused.output) == (1, expected)
    assert idp("db", "check").exit_code == 1


def test_a_folder_that_is_not_there_is_one_line(idp: Idp, tmp_path: Path) -> None:
    for verb in ("upgrade", "check"):
        refused = idp("db", verb, IDP_DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/idp.sqlite")
        assert (refused.exit_code, len(refused.output.splitlines())) == (1, 1)
