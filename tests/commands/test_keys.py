"""``idp keys``: lines for the keyring file, and the keys that sign."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from idp.cli import main
from idp.oidc.keys.signing import ALGORITHMS
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring
from tests.commands.conftest import Idp
from tests.provider import Provider


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


def listed(idp: Idp) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(idp("keys", "list", "--json").stdout)
    return found


def kid_of(idp: Idp, alg: str, state: str) -> str:
    return next(str(key["kid"]) for key in listed(idp) if (key["alg"], key["state"]) == (alg, state))


def test_keys_are_listed_by_algorithm_with_what_they_do(idp: Idp) -> None:
    assert [(key["alg"], key["state"]) for key in listed(idp)] == [(alg, "signs") for alg in ALGORITHMS]
    told = idp("keys", "list")
    assert (told.exit_code, told.stderr) == (0, "")
    assert [line.split()[:3:2] for line in told.stdout.splitlines()] == [[alg, "signs"] for alg in ALGORITHMS]
    assert "private" not in idp("keys", "list", "--json").stdout


def test_a_rotation_is_audited_with_its_reason_and_leaves_the_older_key(idp: Idp, provider: Provider) -> None:
    before = kid_of(idp, "ES256", "signs")
    done = idp("keys", "rotate", "--alg", "ES256", "--reason", "once a year", "--json")
    (made,) = json.loads(done.stdout)
    assert done.stderr.startswith("published; from ")
    assert kid_of(idp, "ES256", "signs") == before
    assert kid_of(idp, "ES256", "waits") == made["kid"]
    (line,) = provider.audited("key.published")
    assert line["detail"] == {**made, "reason": "once a year"}


def test_every_algorithm_rotates_unless_some_are_named(idp: Idp) -> None:
    done = idp("keys", "rotate")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(ALGORITHMS)


def test_a_second_rotation_waits_for_the_first_one(idp: Idp) -> None:
    assert idp("keys", "rotate", "--alg", "EdDSA").exit_code == 0
    again = idp("keys", "rotate", "--alg", "EdDSA")
    assert (again.exit_code, again.stdout) == (1, "")
    assert re.fullmatch(r"EdDSA: \S{43} waits already and signs from \S+ \S+ UTC\n", again.stderr)
    assert idp("keys", "rotate", "--alg", "ES256").exit_code == 0
    assert idp("keys", "rotate", "--alg", "EdDSA", "--now").exit_code == 0


@pytest.mark.attack(68)
def test_what_waits_does_not_follow_a_key_that_signs_at_once(idp: Idp, provider: Provider) -> None:
    (waiting,) = json.loads(idp("keys", "rotate", "--alg", "ES256", "--json").stdout)
    (other,) = json.loads(idp("keys", "rotate", "--alg", "EdDSA", "--json").stdout)
    stolen = ("keys", "rotate", "--alg", "ES256", "--now", "--reason", "laptop stolen", "--json")
    tried = idp(*stolen, "--dry-run")
    assert f"ES256: {waiting['kid']} waits and would be retired\n" in tried.stderr
    assert kid_of(idp, "ES256", "waits") == waiting["kid"]
    done = idp(*stolen)
    (made,) = json.loads(done.stdout)
    assert f"ES256: {waiting['kid']} waited and is retired\n" in done.stderr
    assert kid_of(idp, "ES256", "retired") == waiting["kid"]
    assert kid_of(idp, "ES256", "signs") == made["kid"]
    assert kid_of(idp, "EdDSA", "waits") == other["kid"]
    (line,) = provider.audited("key.retired")
    assert line["detail"] == {
        "kid": waiting["kid"],
        "alg": "ES256",
        "forced": True,
        "reason": "laptop stolen",
    }


@pytest.mark.parametrize("seconds", ["0", "-1", "419", "soon"])
def test_a_lead_in_which_some_service_would_not_know_the_key_is_refused(idp: Idp, seconds: str) -> None:
    refused = idp("keys", "rotate", "--alg", "ES256", "--activate-in", seconds)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert len(listed(idp)) == len(ALGORITHMS)


def test_the_shortest_lead_is_taken(idp: Idp) -> None:
    assert idp("keys", "rotate", "--alg", "ES256", "--activate-in", "420").exit_code == 0
    assert idp("keys", "rotate", "--alg", "ES256", "--activate-in", "420", "--now").exit_code == 2


def test_a_compromised_key_is_replaced_and_ended_at_once(idp: Idp, provider: Provider) -> None:
    kid = kid_of(idp, "ES256", "signs")
    forced = ("--force", "--reason", "laptop stolen")
    signs = idp("keys", "retire", kid, *forced)
    assert (signs.exit_code, "it signs; `idp keys rotate --alg ES256`" in signs.stderr) == (1, True)
    assert idp("keys", "rotate", "--alg", "ES256", "--now").exit_code == 0
    lives = idp("keys", "retire", kid)
    assert (lives.exit_code, "may live until" in lives.stderr) == (1, True)
    assert idp("keys", "retire", kid, "--force").exit_code == 2
    assert idp("keys", "retire", kid, *forced, "--dry-run").stderr == "would be retired\n"
    assert not provider.audited("key.retired")
    assert idp("keys", "retire", kid, *forced).exit_code == 0
    (line,) = provider.audited("key.retired")
    assert line["detail"] == {"kid": kid, "alg": "ES256", "forced": True, "reason": "laptop stolen"}
    assert kid_of(idp, "ES256", "retired") == kid
    assert idp("keys", "retire", kid, *forced).exit_code == 1


def test_a_kid_that_is_none_is_one_line(idp: Idp) -> None:
    refused = idp("keys", "retire", "somebody")
    assert (refused.exit_code, refused.output) == (
        1,
        "somebody: the kid of a published key is expected (idp keys list)\n",
    )


def test_a_dry_run_changes_nothing(idp: Idp, provider: Provider) -> None:
    before = listed(idp)
    done = idp("keys", "rotate", "--dry-run")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "new keys would be published: RS256, PS256, ES256, EdDSA\n"
    assert listed(idp) == before
    assert not provider.audited("key.published")
