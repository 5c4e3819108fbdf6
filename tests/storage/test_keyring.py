"""Encryption at rest: a seal opens only where it belongs, by any key of the ring."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring

OLD, NEW = (Keyring.generate_line(kid) for kid in ("2025-01", "2026-01"))
FIXED = Keyring({"k": bytes(range(32))})
HERS = "authenticator:1:account:a"
HIS = "authenticator:2:account:b"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keyring"


@pytest.fixture
def keyring(file: Path) -> Keyring:
    return Keyring.from_file(write(file, "# active first", "", f"  {NEW}  ", OLD))


def test_a_seal_names_its_version_and_key_and_opens_where_it_belongs(keyring: Keyring) -> None:
    sealed = keyring.seal(b"secret", bound_to=HERS)
    assert sealed.startswith("v1:2026-01:")
    assert "secret" not in sealed
    assert keyring.open(sealed, bound_to=HERS) == b"secret"


def test_equal_secrets_have_different_seals(keyring: Keyring) -> None:
    assert keyring.seal(b"secret", bound_to=HERS) != keyring.seal(b"secret", bound_to=HERS)


@pytest.mark.attack(69)
def test_a_seal_moved_to_another_row_does_not_open(keyring: Keyring) -> None:
    with pytest.raises(SealBroken):
        keyring.open(keyring.seal(b"secret", bound_to=HERS), bound_to=HIS)


@pytest.mark.attack(69)
def test_a_seal_does_not_open_with_another_key_of_the_same_name(keyring: Keyring, tmp_path: Path) -> None:
    other = Keyring.from_file(write(tmp_path / "other", Keyring.generate_line("2026-01")))
    with pytest.raises(SealBroken):
        other.open(keyring.seal(b"secret", bound_to=HERS), bound_to=HERS)


def test_a_seal_with_any_character_changed_does_not_open(keyring: Keyring) -> None:
    sealed = keyring.seal(b"secret", bound_to=HERS)
    for position, character in enumerate(sealed):
        changed = sealed[:position] + ("A" if character != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(SealBroken):
            keyring.open(changed, bound_to=HERS)


@pytest.mark.parametrize(
    "sealed", ["", "v1", "v1:2026-01:::", "v1:2026-01::", "v1:2026-01:AAAA:AAAA", "é:é:é:é", "v1:2026-01:é:é"]
)
def test_what_is_no_seal_does_not_open(keyring: Keyring, sealed: str) -> None:
    with pytest.raises(SealBroken):
        keyring.open(sealed, bound_to=HERS)


@pytest.mark.attack(68)
def test_after_a_rotation_old_seals_open_and_new_ones_use_the_new_key(keyring: Keyring, file: Path) -> None:
    before = Keyring.from_file(write(file, OLD))
    sealed = before.seal(b"secret", bound_to=HERS)
    assert keyring.open(sealed, bound_to=HERS) == b"secret"
    with pytest.raises(SealBroken, match="2026-01"):
        before.open(keyring.seal(b"secret", bound_to=HERS), bound_to=HERS)


def test_each_purpose_has_a_key_of_its_own_that_stays_the_same(keyring: Keyring, file: Path) -> None:
    again = Keyring.from_file(file)
    assert keyring.derive("pepper") == again.derive("pepper")
    assert len(keyring.derive("pepper")) == 32
    kept = base64.b64decode(NEW.split()[1])
    assert len({keyring.derive("pepper"), keyring.derive("refresh"), keyring.derive("seal"), kept}) == 4


def test_derivation_does_not_change_between_releases() -> None:
    expected = "9f735d0972e8de596da27b08b4b1734018a38e336cab02b910999fe66d0cb049"
    assert Keyring({"k": bytes(32)}).derive("pepper").hex() == expected


@pytest.mark.attack(68)
def test_during_a_rotation_what_the_old_key_derived_is_still_known(keyring: Keyring, file: Path) -> None:
    before = Keyring.from_file(write(file, OLD))
    assert keyring.derive_all("refresh") == (keyring.derive("refresh"), before.derive("refresh"))


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        ([], "1:1", "keyring: expected at least one line"),
        (["# nothing", " "], "1:1", "keyring: expected at least one line"),
        ([OLD, NEW, OLD], "3:1", "2025-01: expected a kid that is not used above"),
        (["# comment", "k"], "2:1", "keyring: expected a kid"),
        (["a:b " + NEW.split()[1]], "1:1", "keyring: expected a kid"),
        (["é " + NEW.split()[1]], "1:1", "keyring: expected a kid"),
        (["k" * 33 + " " + NEW.split()[1]], "1:1", "keyring: expected a kid"),
        ([NEW + " more"], "1:1", "keyring: expected a kid"),
        (["k  " + base64.b64encode(b"s" * 31).decode()], "1:4", "k: expected base64 of 32 bytes"),
        (["k  " + base64.b64encode(b"s" * 33).decode()], "1:4", "k: expected base64 of 32 bytes"),
        (["k c3Nzc3Nzc3Nzc3Nzc3!!"], "1:3", "k: expected base64 of 32 bytes"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_without_its_keys(
    file: Path, lines: list[str], place: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected) as raised:
        Keyring.from_file(write(file, *lines))
    assert str(raised.value).startswith(f"{file}:{place}: ")
    assert not any(part in str(raised.value) for line in lines for part in line.split()[1:] if len(part) > 16)


@pytest.mark.parametrize("kid", ["", "a b", "a:b", "é", "k" * 33, "k\n"])
def test_a_line_is_generated_for_a_good_name_only(kid: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 32"):
        Keyring.generate_line(kid)


@given(plaintext=st.binary(max_size=200), bound_to=st.text(max_size=40), other=st.text(max_size=40))
def test_every_plaintext_opens_where_it_belongs_and_nowhere_else(
    plaintext: bytes, bound_to: str, other: str
) -> None:
    sealed = FIXED.seal(plaintext, bound_to=bound_to)
    assert FIXED.open(sealed, bound_to=bound_to) == plaintext
    if other != bound_to:
        with pytest.raises(SealBroken):
            FIXED.open(sealed, bound_to=other)


@given(sealed=st.text(max_size=80))
def test_no_text_at_all_makes_opening_fail_in_another_way(sealed: str) -> None:
    with pytest.raises(SealBroken):
        FIXED.open(sealed, bound_to="row")
