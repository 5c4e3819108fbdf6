"""Hashes from elsewhere: each kind verifies, is stored anew, and none is accepted that a sign-in could not pay for."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import bcrypt
import pytest
from idp_password import PasswordFactor, legacy
from idp_password.argon2id import Recipe

from idp.plugins import PasswordEvidence
from idp.storage.keyring import Keyring
from tests.journeys.story import count_verifications
from tests.plugins.conftest import MakeSettings

RIGHT = "Été 48213975"
SALT = b"a salt of sixteen"


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _ab64(raw: bytes) -> str:
    """As passlib writes it."""
    return _b64(raw).rstrip("=").replace("+", ".")


def _pbkdf2(name: str, password: str = RIGHT, iterations: int = 1000, salt: bytes = SALT) -> bytes:
    return hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)


def _ssha(name: str, password: str = RIGHT) -> str:
    return _b64(hashlib.new(name, password.encode() + SALT).digest() + SALT)


def _bcrypt(password: bytes, variant: str = "2b", rounds: int = 4) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(rounds)).decode().replace("$2b$", f"${variant}$")


LEGACY = {
    "bcrypt 2a": _bcrypt(RIGHT.encode(), "2a"),
    "bcrypt 2b": _bcrypt(RIGHT.encode()),
    "bcrypt 2y": _bcrypt(RIGHT.encode(), "2y"),
    "pbkdf2 of Django": f"pbkdf2_sha256$1000${SALT.decode()}${_b64(_pbkdf2('sha256'))}",
    "pbkdf2 of passlib": f"$pbkdf2-sha256$1000${_ab64(SALT)}${_ab64(_pbkdf2('sha256'))}",
    "pbkdf2 of passlib, sha512": f"$pbkdf2-sha512$1000${_ab64(SALT)}${_ab64(_pbkdf2('sha512'))}",
    "ssha": "{SSHA}" + _ssha("sha1"),
    "ssha256": "{SSHA256}" + _ssha("sha256"),
    "ssha512": "{SSHA512}" + _ssha("sha512"),
}


@pytest.fixture
def factor(make_settings: MakeSettings) -> PasswordFactor:
    return PasswordFactor(make_settings(), wait_seconds=0)


@pytest.mark.parametrize("kind", LEGACY)
def test_a_password_of_another_system_opens_once_and_is_argon2id_from_then_on(
    factor: PasswordFactor, kind: str
) -> None:
    stored = LEGACY[kind]
    assert factor.accepts(stored)
    for wrong in ("Été 48213976", "ete 48213975", "", RIGHT + "\0", "\ud800"):
        assert factor.verify([stored], wrong) == PasswordEvidence(None)
    evidence = factor.verify([stored], RIGHT)
    assert evidence.which == 0
    assert evidence.rehashed is not None
    assert evidence.rehashed.startswith("$argon2id$")
    assert factor.verify([evidence.rehashed], RIGHT) == PasswordEvidence(0)


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        # from the documentation of each: passlib's bcrypt and pbkdf2_sha256, Django's hasher
        ("$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m", "password"),
        (
            "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
            "password",
        ),
        ("pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=", "lètmein"),
    ],
)
def test_published_examples_verify(factor: PasswordFactor, stored: str, password: str) -> None:
    assert factor.accepts(stored)
    assert factor.verify([stored], password).right
    assert not factor.verify([stored], f"{password}x").right


def test_what_was_typed_without_normalising_elsewhere_opens_too(factor: PasswordFactor) -> None:
    typed = "dix² pommes"
    stored = "{SSHA}" + _ssha("sha1", typed)
    evidence = factor.verify([stored], typed)
    assert evidence.rehashed is not None
    assert factor.verify([evidence.rehashed], typed) == PasswordEvidence(0)
    # The present keyboard composes what the old one did not.
    composed = "{SSHA}" + _ssha("sha1", "été")
    assert factor.verify([composed], "e\u0301te\u0301").right


def test_bcrypt_compares_the_72_bytes_that_it_was_made_of(factor: PasswordFactor) -> None:
    long = "é" * 36 + "the rest"
    stored = _bcrypt(long.encode()[:72])
    evidence = factor.verify([stored], long)
    assert evidence.rehashed is not None
    assert factor.verify([evidence.rehashed], long).right
    assert not factor.verify([evidence.rehashed], "é" * 36).right
    assert not factor.verify([stored], "é" * 35).right


@pytest.mark.attack(9)
@pytest.mark.parametrize("kind", LEGACY)
def test_a_wrong_password_costs_one_computation_of_argon2_like_anybodys(
    factor: PasswordFactor, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    computed: list[Recipe] = count_verifications(monkeypatch)
    factor.verify([LEGACY[kind]], "wrong")
    factor.verify([], "wrong")
    factor.verify([factor.hash(RIGHT)], "wrong")
    assert len(computed) - 1 == 3


def test_it_is_peppered_when_it_is_stored_anew(make_settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text(Keyring.generate_line("k1") + "\n", encoding="ascii")
    factor = PasswordFactor(make_settings("pepper_file: pepper\n"))
    for stored in LEGACY.values():
        evidence = factor.verify([stored], RIGHT)
        assert evidence.rehashed is not None
        assert evidence.rehashed.startswith("$pepper=k1$argon2id$")


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("$2b$15$" + "a" * 53, id="bcrypt of seconds"),
        pytest.param("$2b$31$" + "a" * 53, id="bcrypt of days"),
        pytest.param("$2b$03$" + "a" * 53, id="bcrypt below its least"),
        pytest.param("$2x$04$" + "a" * 53, id="the broken bcrypt"),
        pytest.param("$2b$04$" + "a" * 52, id="bcrypt cut short"),
        pytest.param(f"pbkdf2_sha256$0$salt${_b64(bytes(32))}", id="no iteration"),
        pytest.param(
            f"pbkdf2_sha256${legacy.MAX_ITERATIONS + 1}$salt${_b64(bytes(32))}", id="too many iterations"
        ),
        pytest.param(f"pbkdf2_sha256$9999999999$salt${_b64(bytes(32))}", id="iterations of years"),
        pytest.param(f"pbkdf2_sha1$1000$salt${_b64(bytes(20))}", id="sha1"),
        pytest.param(f"$pbkdf2-sha256$1000$c2FsdA${_ab64(bytes(31))}", id="a digest of another length"),
        pytest.param(f"$pbkdf2-sha256$1000$a${_ab64(bytes(32))}", id="no base64"),
        pytest.param("{SSHA}" + _b64(bytes(20)), id="no salt"),
        pytest.param("{SSHA}" + _b64(bytes(23)), id="a salt of three bytes"),
        pytest.param("{SSHA512}" + _b64(bytes(30)), id="half a digest"),
        pytest.param("{SHA}" + _b64(bytes(20)), id="unsalted"),
        pytest.param("{SSHA}a", id="broken base64"),
        pytest.param("$argon2id$v=19$m=2097152,t=1,p=4$c2FsdHNhbHQ$" + "A" * 43, id="argon2 of two GiB"),
        pytest.param("$argon2id$v=19$m=65536,t=17,p=4$c2FsdHNhbHQ$" + "A" * 43, id="argon2 of many passes"),
        pytest.param("5f4dcc3b5aa765d61d8327deb882cf99", id="bare md5"),
        pytest.param("password", id="clear text"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_cannot_or_should_not_be_computed_is_not_accepted(factor: PasswordFactor, stored: str) -> None:
    assert not factor.accepts(stored)


def test_argon2_of_another_system_is_accepted_at_a_cost_that_a_sign_in_may_have(
    factor: PasswordFactor,
) -> None:
    assert factor.accepts("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "A" * 43)
    assert factor.accepts("$argon2i$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "A" * 43)
