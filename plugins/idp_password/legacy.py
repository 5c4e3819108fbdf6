"""Hashes that other systems made: compared once, then stored anew as Argon2id.

bcrypt (``$2a$ $2b$ $2y$``), PBKDF2 of Django (``pbkdf2_sha256$…``) and of passlib (``$pbkdf2-sha256$…``, ``-sha512``),
and the salted SHA of LDAP directories (``{SSHA}``, ``{SSHA256}``, ``{SSHA512}``: RFC 2307, the salt after the digest).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable

import bcrypt

MAX_ROUNDS = 14
"""Of bcrypt, as a power of two: 14 is about a second."""
MAX_ITERATIONS = 2_000_000
"""Of PBKDF2: about a second."""

Fits = Callable[[bytes], bool]
"""Whether a password, as UTF-8 without a NUL, fits."""

_BCRYPT = re.compile(r"\$2[aby]\$(?P<rounds>[0-9]{2})\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
_DJANGO = re.compile(
    r"pbkdf2_(?P<hash>sha256)\$(?P<iterations>[0-9]{1,7})\$(?P<salt>[^$]{1,128})\$(?P<digest>[A-Za-z0-9+/]{43}=)"
)
_PASSLIB = re.compile(
    r"\$pbkdf2-(?P<hash>sha256|sha512)\$(?P<iterations>[0-9]{1,7})\$(?P<salt>[A-Za-z0-9./]{1,256})\$(?P<digest>[A-Za-z0-9./]+)"
)
_SSHA = re.compile(r"\{SSHA(?P<bits>|256|512)\}(?P<base64>[A-Za-z0-9+/]+={0,2})")
_SSHA_HASHES = {"": "sha1", "256": "sha256", "512": "sha512"}
_SHORTEST_SALT = 4


def read(text: str) -> Fits | None:
    """Return what compares a password's UTF-8 with ``text``; ``None``: of no known form, or dearer than any login."""
    if found := _BCRYPT.fullmatch(text):
        return _bcrypt(text.encode(), int(found["rounds"]))
    try:
        if found := _DJANGO.fullmatch(text):
            return _pbkdf2(found, found["salt"].encode(), base64.b64decode(found["digest"]))
        if found := _PASSLIB.fullmatch(text):
            return _pbkdf2(found, _passlib_decoded(found["salt"]), _passlib_decoded(found["digest"]))
        if found := _SSHA.fullmatch(text):
            return _ssha(_SSHA_HASHES[found["bits"]], base64.b64decode(found["base64"]))
    except binascii.Error:
        return None
    return None


def _bcrypt(kept: bytes, rounds: int) -> Fits | None:
    if not 4 <= rounds <= MAX_ROUNDS:
        return None
    # What made the hash cut off there, so the rest cannot be compared.
    return lambda password: bcrypt.checkpw(password[:_BCRYPT_BYTES], kept)


def _pbkdf2(found: re.Match[str], salt: bytes, digest: bytes) -> Fits | None:
    name, iterations = found["hash"], int(found["iterations"])
    if not 1 <= iterations <= MAX_ITERATIONS or len(digest) != hashlib.new(name).digest_size:
        return None
    return lambda password: hmac.compare_digest(hashlib.pbkdf2_hmac(name, password, salt, iterations), digest)


def _ssha(name: str, raw: bytes) -> Fits | None:
    size = hashlib.new(name).digest_size
    digest, salt = raw[:size], raw[size:]
    if len(salt) < _SHORTEST_SALT:
        return None
    return lambda password: hmac.compare_digest(hashlib.new(name, password + salt).digest(), digest)


def _passlib_decoded(text: str) -> bytes:
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))
