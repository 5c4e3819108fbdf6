"""The pepper: keys outside the database that are mixed into passwords, so that a dump alone cannot be guessed at."""

from __future__ import annotations

import hmac
import logging
from pathlib import Path

from idp.storage.keyring import Keyring

_log = logging.getLogger(__name__)


class MissingKey(LookupError):
    """What is kept names a key that the file does not hold."""


class Pepper:
    """The keys of a file in the keyring's form by their kid; the first is active. Without a file there is none."""

    def __init__(self, file: Path | None) -> None:
        """Read the file. Raises ``ValueError`` with its place, and ``OSError``."""
        self._keys = {} if file is None else Keyring.from_file(file).derive_each("password pepper")
        self._missed: set[str] = set()

    @property
    def active(self) -> str | None:
        """The kid for new passwords; ``None``: they are not peppered."""
        return next(iter(self._keys), None)

    def knows(self, kid: str | None) -> bool:
        """Say whether what names ``kid`` can be computed."""
        return kid is None or kid in self._keys

    def mixed(self, kid: str | None, password: bytes) -> bytes:
        """Return what Argon2 is given: HMAC-SHA256 under the key.

        Raises ``MissingKey``. An operator hears of it, once: whoever's password names it cannot sign in.
        """
        if kid is None:
            return password
        if kid not in self._keys:
            if kid not in self._missed:
                self._missed.add(kid)
                _log.error(
                    "pepper_file: no key %r, which stored passwords need: their owners are kept out", kid
                )
            raise MissingKey(kid)
        return hmac.digest(self._keys[kid], password, "sha256")
