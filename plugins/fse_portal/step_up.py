"""How strongly, and how recently, somebody must have signed in for an operation (RFC 9470). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fse_portal.identity import Assurance, Caller


class InsufficientAuthentication(Exception):
    """The caller is known, and may do this, after having proved more; ``demand`` says what."""

    def __init__(self, demand: Demand) -> None:
        super().__init__()
        self.demand = demand


@dataclass(frozen=True)
class Demand:
    """What one operation demands; ``max_age`` is in seconds since the oldest factor that counts."""

    acr: Assurance = "pwd"
    max_age: int | None = None

    def check(self, caller: Caller, now: datetime) -> None:
        """Raise ``InsufficientAuthentication`` unless ``caller`` proved enough, recently enough."""
        strong = caller.acr == "mfa" or self.acr == "pwd"
        recent = self.max_age is None or now.timestamp() - caller.auth_time <= self.max_age
        if not (strong and recent):
            raise InsufficientAuthentication(self)

    def parameters(self) -> dict[str, str]:
        """Return the whole demand as a challenge and an authorization request name it (RFC 9470 §3, §4).

        The whole, because meeting one half may leave the other: a second factor does not renew the password.
        """
        wanted = {"acr_values": self.acr} if self.acr == "mfa" else {}
        return wanted | ({} if self.max_age is None else {"max_age": str(self.max_age)})
