"""``idp audit tail``: the last lines, the oldest first, without a secret."""

from __future__ import annotations

import json

import pytest

from tests.commands.conftest import Idp
from tests.provider import Provider


def test_the_last_lines_of_a_sign_in_the_oldest_first(idp: Idp, provider: Provider) -> None:
    doctor = provider.add("408461", "LEROUX Ariane", mfa=True)
    code = provider.browser().sign_in(doctor)
    provider.redeem(code)
    shown = idp("audit", "tail", "--lines", "2", "--json")
    assert shown.exit_code == 0, shown.output
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["device.known", "tokens.issued"]
    assert lines[0]["id"] < lines[1]["id"]
    assert lines[1]["client_id"] == "open"
    assert all(line["at"].endswith("+00:00") for line in lines)
    words = idp("audit", "tail").stdout
    assert "kind=password.accepted" in words
    assert len(words.splitlines()) > 2
    assert not [secret for secret in (doctor.password, doctor.secret or "", code) if secret in words]


def test_an_empty_audit_has_no_line(idp: Idp) -> None:
    shown = idp("audit", "tail")
    assert (shown.exit_code, shown.output) == (0, "")


@pytest.mark.parametrize("lines", ["0", "-1", "10001", "ten"])
def test_a_number_of_lines_that_cannot_be_one_is_refused(idp: Idp, lines: str) -> None:
    assert idp("audit", "tail", "--lines", lines).exit_code == 2


def test_there_is_no_audit_before_the_tables_are_there(idp: Idp, elsewhere: dict[str, str]) -> None:
    refused = idp("audit", "tail", **elsewhere)
    assert (refused.exit_code, refused.output) == (1, "database: `idp db upgrade` is expected first\n")
