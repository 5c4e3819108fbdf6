"""What was proved, what it is worth (``amr``, ``acr``, ``auth_time``), and what a policy demands at a date."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

Acr = Literal["pwd", "mfa"]
Method = Literal["pwd", "otp"]

ACR_VALUES: tuple[Acr, ...] = ("pwd", "mfa")
"""Every ``acr`` that is offered, the weakest first (the order that discovery shows)."""

FUND_ZONE = ZoneInfo("Europe/Monaco")
"""Dates of a policy or of a delegation are days of this zone."""


@dataclass(frozen=True)
class Proof:
    """One factor shown: the RFC 8176 method and when, in whole seconds since the epoch."""

    method: Method
    at: int


def acr_of(proofs: Iterable[Proof]) -> Acr:
    """Return ``mfa`` when something known and something held were both shown, else ``pwd``."""
    return "mfa" if {"pwd", "otp"} <= {proof.method for proof in proofs} else "pwd"


def amr_of(proofs: Iterable[Proof]) -> list[str]:
    """Return the methods shown in the words of RFC 8176 §2, with ``mfa`` when two kinds of factor were."""
    shown = {proof.method for proof in proofs}
    methods: list[str] = [method for method in ("pwd", "otp") if method in shown]
    return [*methods, "mfa"] if len(methods) == 2 else methods


def auth_time_of(proofs: Collection[Proof]) -> int:
    """Return when the oldest factor counted was shown, in seconds since the epoch.

    Raises ``ValueError`` without a proof: nobody has signed in.
    """
    return min(proof.at for proof in proofs)


def meets(acr: Acr, wanted: Acr) -> bool:
    """Say whether ``acr`` is at least as strong as ``wanted``."""
    return ACR_VALUES.index(acr) >= ACR_VALUES.index(wanted)


@dataclass(frozen=True)
class Policy:
    """Since which day two factors are obligatory: ``date.min`` is always, ``None`` never."""

    since: date | None

    @classmethod
    def optional(cls) -> Policy:
        """Two factors when the person or the service asks for them."""
        return cls(None)

    @classmethod
    def required(cls) -> Policy:
        """Two factors always."""
        return cls(date.min)

    @classmethod
    def required_from(cls, day: date) -> Policy:
        """Two factors from the midnight of Europe/Monaco that begins ``day``."""
        return cls(day)

    def in_force(self, now: datetime) -> bool:
        """Say whether two factors are obligatory at ``now`` (aware)."""
        if self.since is None or self.since == date.min:
            return self.since is not None
        return now >= datetime.combine(self.since, time(), FUND_ZONE)


def strictest(policies: Iterable[Policy]) -> Policy:
    """Return the policy that begins first."""
    days = [policy.since for policy in policies if policy.since is not None]
    return Policy(min(days)) if days else Policy.optional()


def wanted_acr(asked: Iterable[str], *, silent: bool = False) -> Acr | None:
    """Return the level to reach for ``acr_values`` (OpenID Connect Core §3.1.2.1), or ``None`` when none is known.

    The values are an order of preference: the first one offered is reached for, activation being a way. When nobody can
    be asked (``silent``) any of them will do, so the weakest counts. Unknown values are ignored.
    """
    offered = [value for word in asked for value in ACR_VALUES if value == word]
    if not offered:
        return None
    return min(offered, key=ACR_VALUES.index) if silent else offered[0]


@dataclass(frozen=True)
class ActivationBox:
    """The checkbox *Activer la double authentification* as the identification page shows it."""

    state: Literal["free", "locked"]
    since: date | None
    """When locked, the day since which it is obligatory; when free, the day from which; ``None`` when there is none."""


def activation_box(policies: Collection[Policy], floor: Acr, now: datetime) -> ActivationBox:
    """Return the box for a service whose admitted profiles lead to ``policies`` (one each, at least one).

    It is locked once every admitted profile is obliged, and says since when; before, it says which day comes next.
    """
    days = [policy.since for policy in policies if policy.since is not None and policy.since != date.min]
    begun = [day for day in days if Policy(day).in_force(now)]
    if floor == "mfa" or all(policy.in_force(now) for policy in policies):
        return ActivationBox("locked", max(begun, default=None))
    return ActivationBox("free", min((day for day in days if day not in begun), default=None))
