"""The pepper: named by what is kept, rotated while people sign in, and missing loudly."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from idp_password import PasswordFactor

from idp.configuration import ConfigurationErrors
from idp.plugins import PasswordEvidence, load_plugins
from idp.storage.keyring import Keyring
from tests.plugins.conftest import MakeSettings

RIGHT = "48213975"
OLD, NEW = (Keyring.generate_line(kid) for kid in ("k1", "k2"))

Peppered = Callable[..., PasswordFactor]


@pytest.fixture
def peppered(make_settings: MakeSettings, tmp_path: Path) -> Peppered:
    """Give a function that returns the factor over a pepper file of these lines."""

    def made(*lines: str) -> PasswordFactor:
        (tmp_path / "pepper").write_text(
            "# in the keyring's form\n" + "\n".join(lines) + "\n", encoding="ascii"
        )
        return PasswordFactor(make_settings("pepper_file: pepper\n"), wait_seconds=0)

    return made


@pytest.mark.attack(69)
def test_what_is_kept_names_its_key_and_cannot_be_guessed_at_without_it(peppered: Peppered) -> None:
    stored = peppered(OLD).hash(RIGHT)
    assert stored.startswith("$pepper=k1$argon2id$v=19$m=7168,t=1,p=1$")
    assert OLD.split()[1] not in stored
    # Whoever has the dump alone tries every password and never finds the right one.
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(stored.removeprefix("$pepper=k1"), RIGHT)
    other = Keyring.generate_line("k1")
    assert peppered(other).verify([stored], RIGHT) == PasswordEvidence(None)
    assert peppered(OLD).verify([stored], RIGHT) == PasswordEvidence(0)


def test_the_key_is_not_that_of_any_other_purpose(peppered: Peppered, tmp_path: Path) -> None:
    stored = peppered(OLD).hash(RIGHT)
    key = Keyring.from_file(tmp_path / "pepper")
    assert key.derive_each("password pepper")["k1"] not in (
        key.derive("browser cookie"),
        key.derive("anything else"),
    )
    assert peppered(OLD).verify([stored], "48213976") == PasswordEvidence(None)


def test_an_older_key_verifies_and_the_next_right_password_is_stored_under_the_new_one(
    peppered: Peppered,
) -> None:
    stored = peppered(OLD).hash(RIGHT)
    rotated = peppered(NEW, OLD)
    assert rotated.verify([stored], "48213976") == PasswordEvidence(None)
    evidence = rotated.verify([stored], RIGHT)
    assert evidence.which == 0
    assert evidence.rehashed is not None
    assert evidence.rehashed.startswith("$pepper=k2$argon2id$")
    assert peppered(NEW).verify([evidence.rehashed], RIGHT) == PasswordEvidence(0)


def test_a_password_from_before_the_pepper_verifies_and_is_peppered(
    peppered: Peppered, make_settings: MakeSettings
) -> None:
    stored = PasswordFactor(make_settings()).hash(RIGHT)
    evidence = peppered(OLD).verify([stored], RIGHT)
    assert evidence.rehashed is not None
    assert evidence.rehashed.startswith("$pepper=k1$")


def test_a_missing_key_keeps_its_owners_out_and_tells_the_operator_once(
    peppered: Peppered, caplog: pytest.LogCaptureFixture
) -> None:
    stored = peppered(OLD).hash(RIGHT)
    lost = peppered(NEW)
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            assert lost.verify([stored], RIGHT) == PasswordEvidence(None)
    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    assert told.getMessage().startswith("pepper_file: no key 'k1', which stored passwords need")
    assert not lost.accepts(stored)
    # Others at the same account are judged all the same.
    assert lost.verify([stored, lost.hash("59324086")], "59324086").which == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "a readable file of pepper keys"),
        ("", "/pepper:1:1: keyring: expected at least one line of kid and key"),
        ("k1 short\n", "/pepper:1:4: k1: expected base64 of 32 bytes"),
    ],
)
def test_a_pepper_file_that_cannot_be_used_is_an_error_of_its_setting(
    make_settings: MakeSettings, tmp_path: Path, content: str | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / "pepper").write_text(content, encoding="ascii")
    with pytest.raises(ConfigurationErrors) as refused:
        load_plugins(make_settings("pepper_file: pepper\n"))
    (error,) = refused.value.errors
    assert error.key == "pepper_file"
    assert error.line == 11
    assert error.expected.endswith(expected)
