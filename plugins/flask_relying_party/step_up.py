"""How strongly, and how recently, somebody must have signed in for an operation (RFC 9470). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_relying_party.person import Assurance, Caller


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

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Demand:
        """Return the demand that these parameters of an authorization request name, as ``parameters`` made them."""
        max_age = parameters.get("max_age")
        return cls(
            "mfa" if parameters.get("acr_values") == "mfa" else "pwd",
            None if max_age is None else int(max_age),
        )
