"""How a reverse proxy proves that it asks: a secret that no visitor knows, over whatever they sent."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from idp.configuration import ConfigurationErrors
from idp.settings import Settings

HEADER = "Gateway-Secret"

_SHORTEST = 32
_MOST = 2


@dataclass(frozen=True)
class ProxySecrets:
    """The secrets that count: one, two while it changes, none where nobody may ask."""

    secrets: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> ProxySecrets:
        """Return those of ``gateway.proxy_secret_file``. Raises ``ConfigurationErrors`` for a file without any."""
        file = settings.gateway.proxy_secret_file
        if file is None:
            return cls(())
        try:
            lines = [line.strip() for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
        except (OSError, ValueError):
            lines = []
        if not 0 < len(lines) <= _MOST or any(len(line) < _SHORTEST or " " in line for line in lines):
            expected = f"a readable file of one secret a line, two at most, {_SHORTEST} ASCII characters or more each"
            raise ConfigurationErrors([settings.error(("gateway", "proxy_secret_file"), expected)])
        return cls(tuple(lines))

    def prove(self, sent: str) -> bool:
        """Say whether ``sent`` is one of them; each is compared, in constant time."""
        given = sent.encode("utf-8", "surrogatepass")
        matches = [hmac.compare_digest(given, secret.encode()) for secret in self.secrets]
        return any(matches)
