"""Names that say nothing to those who compare them, and that we can read again: encrypted, the same each time."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SealedNames:
    """Encrypts by AES-SIV (RFC 5297) under a key that HKDF-SHA256 (RFC 5869) makes of ``secret`` for ``purpose``."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        key = HKDF(SHA256(), 64, salt=None, info=f"idp:names:{purpose}".encode()).derive(secret)
        self._cipher = AESSIV(key)

    def sealed(self, name: bytes, *, among: str = "") -> str:
        """Return ``name`` for those ``among`` whom it shall be the same, in base64url; 16 bytes longer."""
        raw = self._cipher.encrypt(name, [among.encode()])
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def opened(self, told: str, *, among: str = "") -> bytes | None:
        """Return the name, or ``None`` for what was not sealed here ``among`` these."""
        try:
            raw = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))
            return self._cipher.decrypt(raw, [among.encode()])
        except (ValueError, InvalidTag):
            return None
