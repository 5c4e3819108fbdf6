"""What every station of the walk is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idp.clients.model import Client
from idp.clock import Clock
from idp.commands.trying.calling import Caller


@dataclass(frozen=True)
class Trial:
    """One service, tried at one running provider."""

    client: Client
    issuer: str
    caller: Caller
    clock: Clock
    tell: Callable[[str], None]
    """Takes what is being done, for who waits."""


@dataclass(frozen=True)
class Running:
    """The provider that answers, as its discovery document describes it."""

    issuer: str
    metadata: dict[str, Any]

    @property
    def authorization_endpoint(self) -> str:
        """Where sign-ins begin."""
        return str(self.metadata["authorization_endpoint"])

    @property
    def token_endpoint(self) -> str:
        """Where codes are redeemed."""
        return str(self.metadata["token_endpoint"])
