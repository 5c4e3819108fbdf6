"""An authorization request, read once into a frozen value (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from idp.oidc.authorization.answers import RESPONSE_MODES, ResponseMode
from idp.rules.claims import asked_claims


class AuthorizationError(Exception):
    """An error that goes back to a validated redirect address. ``description`` is printable ASCII for developers."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Parameters:
    """The parameters as they came, each with all its values."""

    values: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str | None:
        """Return the value of ``name``; an empty one is none (RFC 6749 §3.1)."""
        found = self.values.get(name, ())
        return found[0] if found and found[0] else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the space-delimited words of ``name``, each once, in order."""
        return tuple(dict.fromkeys((self.one(name) or "").split(" "))) if self.one(name) else ()

    @property
    def response_mode(self) -> ResponseMode:
        """How the answer travels, an error's too: as was asked, where that is a way that there is."""
        asked = self.values.get("response_mode", ())
        return next((mode for mode in RESPONSE_MODES if [mode] == list(asked)), RESPONSE_MODES[0])

    def every(self, name: str) -> tuple[str, ...]:
        """Return each value of ``name`` that is not empty."""
        return tuple(filter(None, self.values.get(name, ())))

    @property
    def repeated(self) -> list[str]:
        """The names that came more than once."""
        return sorted(name for name, found in self.values.items() if len(found) > 1)


class AuthorizationRequest(BaseModel):
    """A request that passed every check."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    state: str | None
    nonce: str | None
    code_challenge: str | None
    prompt: tuple[str, ...]
    max_age: int | None
    acr_values: tuple[str, ...]
    """Those of the parameter, and those that ``claims`` asks for."""
    essential_acr: tuple[str, ...] | None = None
    """The only values of ``acr`` that will do (Core §5.5.1.1)."""
    subjects: frozenset[str] | None = None
    """By the client's own ``sub``, who alone may be the answer (Core §5.5.1); ``None``: anybody."""
    response_mode: ResponseMode = "query"
    resource: tuple[str, ...] = ()
    """Identifiers of the APIs that tokens are asked for (RFC 8707 §2.1)."""
    claims: dict[str, Any] | None = None
    """Claims asked for one by one (Core §5.5), as ``rules.claims`` keeps them."""
    expected: tuple[str, str | None] | None
    """The subject of the ``id_token_hint``, and who acted for them: nobody else may be the answer."""


def read_request(
    parameters: Parameters,
    client_id: str,
    redirect_uri: str,
    scope: tuple[str, ...],
    expected: tuple[str, str | None] | None,
    offered_claims: Collection[str] = (),
    resource: tuple[str, ...] = (),
) -> AuthorizationRequest:
    """Return the frozen value of checked parameters; ``scope`` and ``resource`` are what is granted of what was asked.

    ``offered_claims``: what may be asked for one by one.
    """
    max_age, claims = parameters.one("max_age"), asked_claims(parameters.one("claims"))
    return AuthorizationRequest(
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=scope,
        state=parameters.one("state"),
        nonce=parameters.one("nonce"),
        code_challenge=parameters.one("code_challenge"),
        prompt=parameters.words("prompt"),
        max_age=None if max_age is None else int(max_age),
        acr_values=claims.acr_values(parameters.words("acr_values")),
        essential_acr=claims.essential_acr,
        subjects=claims.subjects,
        claims=claims.kept(offered_claims),
        response_mode=parameters.response_mode,
        resource=resource,
        expected=expected,
    )
