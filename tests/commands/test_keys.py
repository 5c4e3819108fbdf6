"""``idp keys``: lines for the keyring file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import main
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring


def new_line() -> str:
    made = CliRunner().invoke(main, ["keys", "new-encryption-key"])
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.count("\n") == 1
    return made.stdout


def test_each_line_is_a_key_of_its_own_and_the_first_one_is_active(tmp_path: Path) -> None:
    older, newer = new_line(), new_line()
    (tmp_path / "older").write_text(older)
    (tmp_path / "rotated").write_text(newer + older)
    (tmp_path / "newer").write_text(newer)
    sealed = Keyring.from_file(tmp_path / "older").seal(b"secret", bound_to="row")
    rotated = Keyring.from_file(tmp_path / "rotated")
    assert rotated.open(sealed, bound_to="row") == b"secret"
    only_newer = Keyring.from_file(tmp_path / "newer")
    assert only_newer.open(rotated.seal(b"another", bound_to="row"), bound_to="row") == b"another"
    with pytest.raises(SealBroken):
        only_newer.open(sealed, bound_to="row")


def test_it_needs_no_configuration_and_takes_no_argument() -> None:
    assert (
        CliRunner().invoke(main, ["keys", "new-encryption-key"], env={"IDP_CONFIG": "/nowhere"}).exit_code
        == 0
    )
    assert CliRunner().invoke(main, ["keys", "new-encryption-key", "kid"]).exit_code == 2
