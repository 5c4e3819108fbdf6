"""Key-encryption keys: kept in a file outside the database, so that a dump alone opens nothing."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.storage.errors import SealBroken

_VERSION = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_KID = "[A-Za-z0-9_-]{1,32}"
_LINE = re.compile(rf"\s*(?P<kid>{_KID})\s+(?P<key>\S+)\s*")


class Keyring:
    """Symmetric keys by their ``kid``; the first is active: it seals and derives, the others open and verify.

    Rotation: put a new line first, restart, seal again what older keys sealed, drop their lines. No key is
    used as it is: sealing and each purpose have a key of their own, by HKDF-SHA256 (RFC 5869).
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._active = next(iter(self._keys))
        self._ciphers = {kid: AESGCM(_derived(key, "seal")) for kid, key in self._keys.items()}

    @classmethod
    def from_file(cls, path: Path) -> Keyring:
        """Read lines of ``kid base64(32 bytes)``; blank lines and those that begin with ``#`` are skipped.

        Raises ``ValueError`` as ``path:line:column: key: what is expected``, never with key material, and
        ``OSError`` when the file cannot be read.
        """
        keys: dict[str, bytes] = {}
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                kid, key = _parsed(line, f"{path}:{number}")
                if kid in keys:
                    raise ValueError(f"{path}:{number}:1: {kid}: expected a kid that is not used above")
                keys[kid] = key
        if not keys:
            raise ValueError(f"{path}:1:1: keyring: expected at least one line of kid and key")
        return cls(keys)

    @staticmethod
    def generate_line(kid: str) -> str:
        """Return a line with a fresh random key, without line end. Raises ``ValueError`` for a bad kid."""
        if not re.fullmatch(_KID, kid):
            raise ValueError("kid: expected 1 to 32 letters, digits, - and _")
        return f"{kid} {base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"

    @property
    def kids(self) -> tuple[str, ...]:
        """Every key's identifier, the active one's first."""
        return tuple(self._keys)

    @staticmethod
    def mark(kid: str) -> str:
        """Return what everything that the key of ``kid`` sealed begins with."""
        return f"{_VERSION}:{kid}:"

    def seal(self, plaintext: bytes, *, bound_to: str) -> str:
        """Encrypt under the active key: ``v1:kid:nonce:ciphertext``, AES-256-GCM (NIST SP 800-38D).

        ``bound_to`` (owner and row) is authenticated, not stored: the text opens nowhere else. Nonces are
        random, so one key may seal 2**32 times at most.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = self._ciphers[self._active].encrypt(nonce, plaintext, bound_to.encode())
        return ":".join((_VERSION, self._active, _encoded(nonce), _encoded(ciphertext)))

    def open(self, sealed: str, *, bound_to: str) -> bytes:
        """Return what ``seal`` was given, by whichever key sealed it.

        Raises ``SealBroken`` when the text was altered, is bound to something else, or its key is not here.
        """
        try:
            version, kid, nonce, ciphertext = sealed.split(":")
            if version != _VERSION or kid not in self._ciphers:
                raise SealBroken(f"no key {kid[:32]!r} of version {version[:8]!r} in the keyring")
            return self._ciphers[kid].decrypt(_decoded(nonce), _decoded(ciphertext), bound_to.encode())
        except (ValueError, InvalidTag) as error:
            raise SealBroken("altered, or bound to something else") from error

    def derive(self, purpose: str) -> bytes:
        """Return the 32 bytes that the active key gives for ``purpose``, the same at every start."""
        return _derived(self._keys[self._active], f"derive:{purpose}")

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """Return what each key gives for ``purpose``, the active one's first: to verify during a rotation."""
        return tuple(self.derive_each(purpose).values())

    def derive_each(self, purpose: str) -> dict[str, bytes]:
        """Return the same by kid, the active one's first: for what names the key that it was made with."""
        return {kid: _derived(key, f"derive:{purpose}") for kid, key in self._keys.items()}


def _parsed(line: str, place: str) -> tuple[str, bytes]:
    entry = _LINE.fullmatch(line)
    if entry is None:
        raise ValueError(f"{place}:1: keyring: expected a kid (letters, digits, - and _) and a key")
    try:
        key = base64.b64decode(entry["key"], validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{place}:{entry.start('key') + 1}: {entry['kid']}: expected base64 of 32 bytes")
    return entry["kid"], key


def _derived(key: bytes, info: str) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"idp:{info}".encode()).derive(key)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # base64 has several spellings of one value; a seal has one.
    if _encoded(raw) != text:
        raise ValueError("not the canonical base64url")
    return raw
