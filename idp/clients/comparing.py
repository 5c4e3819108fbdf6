"""What changes from one client file to another, defaults included, line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from idp.clients.gateway import Gateway, PathRule
from idp.clients.model import Client
from idp.clients.weakening import nothing, weaker
from idp.configuration.policy import policy_data
from idp.rules.assurance import Policy


@dataclass(frozen=True)
class Change:
    """One line that differs; ``before`` or ``after`` is ``None`` where nothing stands."""

    key: str
    before: str | None
    after: str | None
    weaker: str | None = None
    """What is let through that was not; ``None``: nothing."""


def changes(before: Client | None, after: Client | None) -> list[Change]:
    """Return what differs, in the order of the model's keys.

    Of a service that comes, all that is not as strict as can be lets more through: it may be another one, renamed.
    One that goes lets nothing through. Lists are compared by entry, whatever their order; rules of ``gateway`` by path,
    each judged by the rule that decides there.
    """
    found = []
    judged = before or (after and nothing(after))
    for key in Client.model_fields:
        old, new = _lines(before, key), _lines(after, key)
        for entry in (*old, *(one for one in new if one not in old)):
            if old.get(entry) != new.get(entry):
                opened = weaker(key, entry, judged, after) if judged and after else None
                named = f"{key} {entry}" if key == "gateway" else key
                found.append(Change(named, old.get(entry), new.get(entry), opened))
    return found


def _lines(client: Client | None, key: str) -> dict[str, str]:
    """Return what is shown of the value of ``key``, by entry; a value that is no list has one entry without name."""
    value: Any = None if client is None else getattr(client, key)
    if value is None:
        return {}
    if key in _SHOWN:
        return _SHOWN[key](value)
    if isinstance(value, tuple | frozenset):
        return {entry: entry for entry in (sorted(value) if isinstance(value, frozenset) else value)}
    return {"": str(value)}


def _rules(gateway: Gateway) -> dict[str, str]:
    return {
        f"{origin}{path}": _rule(rule) for origin, rules in gateway.items() for path, rule in rules.items()
    }


def _rule(rule: PathRule) -> str:
    written = rule.model_dump()
    return written if isinstance(written, str) else json.dumps(written).replace('"', "")


def _keys(jwks: Mapping[str, Any]) -> dict[str, str]:
    canonical = {jwk["kid"]: json.dumps(jwk, sort_keys=True).encode() for jwk in jwks["keys"]}
    return {kid: f"{kid} ({sha256(members).hexdigest()[:8]})" for kid, members in canonical.items()}


def _policy(policy: Policy) -> dict[str, str]:
    written = policy_data(policy)
    return {"": written if isinstance(written, str) else f"required_from {written['required_from']}"}


_SHOWN: Mapping[str, Callable[[Any], dict[str, str]]] = {
    "gateway": _rules,
    "jwks": _keys,
    "client_secret_sha256": lambda digests: {digest: f"{digest[:8]}…" for digest in digests},
    "mfa": _policy,
}
