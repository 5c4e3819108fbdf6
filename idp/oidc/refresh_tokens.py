"""Refresh tokens, derived from their grant."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

from idp.storage.keyring import Keyring

_GRANT_ID = re.compile(r"[0-9a-f]{64}")
_GENERATION = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class RefreshTokens:
    """Derives refresh tokens: ``<grant>.<generation>.<mac>``; nothing of them is stored, a guess costs no statement."""

    keyring: Keyring

    def token(self, client_id: str, grant_id: str, generation: int) -> str:
        """Return the refresh token of a generation, bound to its client."""
        return (
            f"{grant_id}.{generation}.{_mac(self.keyring.derive('refresh'), client_id, grant_id, generation)}"
        )

    def read(self, client_id: str, token: str) -> tuple[str, int] | None:
        """Return grant and generation of a token that we made for this client, or ``None``. Constant time."""
        grant_id, _, rest = token.partition(".")
        generation, _, mac = rest.partition(".")
        shaped = _GRANT_ID.fullmatch(grant_id) and _GENERATION.fullmatch(generation) and mac.isascii()
        if not shaped:
            return None
        number = int(generation)
        keys = self.keyring.derive_all("refresh")
        known = [hmac.compare_digest(mac, _mac(key, client_id, grant_id, number)) for key in keys]
        return (grant_id, number) if any(known) else None


def _mac(key: bytes, client_id: str, grant_id: str, generation: int) -> str:
    message = f"{client_id}\0{grant_id}\0{generation}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode()
