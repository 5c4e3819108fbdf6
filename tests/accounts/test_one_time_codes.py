"""Codes that people read from paper: how they look, how they are read, and what is kept of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.one_time_codes import ACTIVATION, RECOVERY, Shape, fits, kept_form
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring
from tests.rules.situations import NO_DEADLINE

SHAPES = pytest.mark.parametrize("shape", [RECOVERY, ACTIVATION], ids=lambda shape: shape.kind)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    (tmp_path / "keyring").write_text(Keyring.generate_line("k" * 32) + "\n")
    return Keyring.from_file(tmp_path / "keyring")


@pytest.mark.parametrize(("shape", "bits"), [(RECOVERY, 50), (ACTIVATION, 60)])
def test_a_fresh_code_is_drawn_from_enough_signs_without_those_that_are_misread(
    shape: Shape, bits: int
) -> None:
    codes = {shape.new() for _ in range(300)}
    assert len(codes) == 300
    signs = set("".join(codes)) - {"-"}
    assert signs == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert {len(code.replace("-", "")) * 5 for code in codes} == {bits}
    assert {len(group) for code in codes for group in code.split("-")} == {shape.signs}


@SHAPES
def test_every_code_reads_back_as_itself_however_it_is_typed(shape: Shape) -> None:
    code = shape.new()
    plain = code.replace("-", "")
    misread = plain.replace("0", "o").replace("1", "l")
    for typed in (
        code,
        plain,
        code.lower(),
        f"  {code} ",
        " ".join(plain),
        code.replace("-", "\u2011"),
        misread,
    ):
        assert shape.normalised(typed) == plain


def test_letters_that_are_no_signs_are_read_as_they_were_meant() -> None:
    assert RECOVERY.normalised("OoIiL-lABCD") == "001111ABCD"


@SHAPES
@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "U" * 10,
        "U" * 12,
        "0" * 9,
        "0" * 11,
        "0" * 13,
        "0" * 10_000,
        " " * 65,
        "٠" * 10,
        "０" * 12,
        "é" * 10,
    ],
)
def test_what_cannot_be_a_code_is_compared_with_nothing(shape: Shape, typed: str) -> None:
    assert shape.normalised(typed) is None


@NO_DEADLINE
@given(st.text(max_size=80))
def test_whatever_is_typed_is_nothing_or_a_code_of_ten_or_of_twelve_and_never_both(typed: str) -> None:
    read = [RECOVERY.normalised(typed), ACTIVATION.normalised(typed)]
    assert None in read
    for code in filter(None, read):
        assert RECOVERY.normalised(code) == read[0]
        assert ACTIVATION.normalised(code) == read[1]


@pytest.mark.attack(69)
@SHAPES
def test_what_is_kept_of_a_code_tells_nothing_without_the_keyring_and_fits_this_account_alone(
    keyring: Keyring, shape: Shape
) -> None:
    code = shape.new().replace("-", "")
    stored = kept_form(keyring, shape, "account-1", code)
    assert len(stored) <= 120  # the column
    assert code not in stored
    assert hashlib.sha256(code.encode()).hexdigest() not in stored
    assert stored != kept_form(keyring, shape, "account-1", code)
    assert fits(keyring, shape, "account-1", code, stored)
    assert not fits(keyring, shape, "account-1", shape.new().replace("-", ""), stored)
    with pytest.raises(SealBroken):
        fits(keyring, shape, "account-2", code, stored)
    other = RECOVERY if shape is ACTIVATION else ACTIVATION
    with pytest.raises(SealBroken):
        fits(keyring, other, "account-1", code, stored)


def test_a_code_goes_on_fitting_while_the_keyring_turns(tmp_path: Path) -> None:
    old, new = Keyring.generate_line("old"), Keyring.generate_line("new")
    (tmp_path / "before").write_text(f"{old}\n")
    (tmp_path / "during").write_text(f"{new}\n{old}\n")
    stored = kept_form(Keyring.from_file(tmp_path / "before"), RECOVERY, "a", "0123456789")
    assert fits(Keyring.from_file(tmp_path / "during"), RECOVERY, "a", "0123456789", stored)
