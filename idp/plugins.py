"""What a plugin is, and loading those that the settings name. An installed plugin does nothing until it is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from idp.configuration import ConfigurationErrors
from idp.rules.claims import PROTOCOL_CLAIMS, PROVIDER_SCOPES, without_protocol_claims
from idp.rules.person import Match
from idp.settings import Settings

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class PasswordEvidence:
    """Which of the stored PHC strings the password fits, and its new one when it should be stored anew."""

    which: int | None
    """Its place among those given; ``None``: it is wrong."""
    rehashed: str | None = None

    @property
    def right(self) -> bool:
        """Whether it fits any."""
        return self.which is not None


@dataclass(frozen=True)
class Candidate:
    """One authenticator that a code is compared with."""

    authenticator_id: str
    secret: str


class FactorBusy(Exception):
    """A factor has no capacity left for now: answer 503 with ``Retry-After``."""


@runtime_checkable
class KnowledgeFactor(Protocol):
    """Something the person knows. Entry-point group ``idp.factors``; called with the settings."""

    def hash(self, password: str, *, beside: Sequence[str] = ()) -> str:
        """Return a PHC string; ``beside`` are those of other people at the same account, compared together with it.

        Raises ``FactorBusy``, and ``ValueError`` for what no password can be.
        """
        ...

    def verify(self, stored: Sequence[str], password: str) -> PasswordEvidence:
        """Say which of an account's PHC strings the password fits, in the same time when there are none.

        Raises ``FactorBusy``.
        """
        ...

    def accepts(self, phc: str) -> bool:
        """Say whether ``verify`` can compare a string that another system made, so that it may be imported."""
        ...


@runtime_checkable
class PossessionFactor(Protocol):
    """Something the person holds. Entry-point group ``idp.factors``; called with the settings."""

    def new_secret(self) -> str:
        """Return a fresh secret for one phone."""
        ...

    def enrolment_uri(self, secret: str, account_label: str) -> str:
        """Return the address by which a fresh secret reaches a phone; pages show it as a QR code."""
        ...

    def normalised(self, typed: str) -> str | None:
        """Return the code in its one form, or ``None`` when it cannot be a code: then nothing is compared."""
        ...

    def matches(self, candidates: Sequence[Candidate], code: str, now: datetime) -> frozenset[Match]:
        """Return every candidate that ``code`` fits, in the same time whichever and however many fit."""
        ...


@runtime_checkable
class ClaimsSource(Protocol):
    """Claims of a scope of its own. Entry-point group ``idp.claims``; called with the settings."""

    scopes: Mapping[str, tuple[str, ...]]
    """The claims that each of its scopes asks for."""

    def claims(self, scopes: frozenset[str], attributes: Mapping[str, object]) -> Mapping[str, object]:
        """Return the claims of ``scopes`` for a person with ``attributes``."""
        ...


@dataclass(frozen=True)
class Message:
    """One notice, ready to be sent to one recipient."""

    id: str
    """The same at each attempt, so that a receiver can drop what it has already."""
    kind: str
    recipient: str
    language: str
    subject: str
    text: str
    html: str
    created_at: datetime
    """When it happened, in UTC; the same at each attempt."""
    sent_at: datetime
    """When this attempt is made, in UTC."""


class NotDelivered(Exception):
    """The message was not taken. ``permanent``: another attempt would be refused as well.

    ``why`` is logged: it holds neither an address nor what the message says.
    """

    def __init__(self, why: str, *, permanent: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent


class Unreachable(NotDelivered):
    """Nobody there takes anything now: other messages would fare the same, so they are not tried in this round."""


@runtime_checkable
class Notifier(Protocol):
    """A way to reach people. Entry-point group ``idp.notifiers``; called with the settings."""

    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        """Return where a person with these attributes is reached this way, at each contact on file."""
        ...

    def send(self, message: Message) -> None:
        """Hand the message over, or raise ``NotDelivered``. Only the worker calls it."""
        ...


class PluginError(Exception):
    """A plugin that the settings name cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Plugins:
    """The plugins that the settings name."""

    knowledge: KnowledgeFactor
    possession: PossessionFactor
    claims: tuple[ClaimsSource, ...]
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)

    @property
    def scopes(self) -> dict[str, tuple[str, ...]]:
        """The scopes that the claims plugins bring, with their claims."""
        return {scope: names for source in self.claims for scope, names in source.scopes.items()}

    def claims_for(self, scopes: frozenset[str], attributes: Mapping[str, object]) -> dict[str, object]:
        """Return what the sources give of the claims that ``scopes`` ask for, never one of the protocol."""
        gathered: dict[str, object] = {}
        for source in self.claims:
            asked = {claim for scope in scopes for claim in source.scopes.get(scope, ())}
            given = without_protocol_claims(source.claims(scopes, attributes))
            gathered.update({claim: value for claim, value in given.items() if claim in asked})
        return gathered


def load_plugins(settings: Settings) -> Plugins:
    """Return the named plugins.

    Raises ``PluginError`` for one that is missing, broken or of no known kind, ``ConfigurationErrors`` for a setting
    that it cannot use.
    """
    factors = [_factor(name, settings) for name in settings.plugins.factors]
    plugins = Plugins(
        knowledge=_only([one for one in factors if isinstance(one, KnowledgeFactor)], "knows (password)"),
        possession=_only([one for one in factors if isinstance(one, PossessionFactor)], "holds (totp)"),
        claims=tuple(_claims(name, settings) for name in settings.plugins.claims),
        notifiers={name: _notifier(name, settings) for name in settings.plugins.notifiers},
    )
    if len(plugins.scopes) < sum(len(source.scopes) for source in plugins.claims):
        raise PluginError("plugins.claims must not name two plugins that bring the same scope")
    return plugins


def _factor(name: str, settings: Settings) -> object:
    plugin = _load("idp.factors", name, settings)
    if isinstance(plugin, KnowledgeFactor) == isinstance(plugin, PossessionFactor):
        raise PluginError(
            f"plugin {name!r} of idp.factors must have the methods of one kind of factor: "
            "`hash`, `verify` and `accepts`, or `new_secret`, `enrolment_uri`, `normalised` and `matches`"
        )
    return plugin


def _claims(name: str, settings: Settings) -> ClaimsSource:
    plugin = _load("idp.claims", name, settings)
    if not isinstance(plugin, ClaimsSource) or not isinstance(plugin.scopes, Mapping):
        raise PluginError(f"plugin {name!r} of idp.claims must have a mapping `scopes` and a method `claims`")
    for scope, claims in plugin.scopes.items():
        if scope in PROVIDER_SCOPES:
            raise PluginError(f"plugin {name!r} of idp.claims must not bring the standard scope {scope!r}")
        if not isinstance(claims, tuple) or not PROTOCOL_CLAIMS.isdisjoint(claims):
            raise PluginError(
                f"plugin {name!r} of idp.claims: scope {scope!r} must have a tuple of claims, "
                "none of which only the protocol sets"
            )
    return plugin


def _notifier(name: str, settings: Settings) -> Notifier:
    plugin = _load("idp.notifiers", name, settings)
    if not isinstance(plugin, Notifier):
        raise PluginError(f"plugin {name!r} of idp.notifiers must have the methods `recipients` and `send`")
    return plugin


def _load(group: str, name: str, settings: Settings) -> Any:
    found = entry_points(group=group, name=name)
    if not found:
        installed = ", ".join(sorted(entry.name for entry in entry_points(group=group))) or "none"
        raise PluginError(f"no plugin {name!r} is installed in {group} (installed: {installed})")
    if len(found) > 1:
        sources = ", ".join(sorted(entry.value for entry in found))
        raise PluginError(f"several plugins {name!r} are installed in {group}: {sources}")
    try:
        return next(iter(found)).load()(settings)
    except ConfigurationErrors:
        raise
    except Exception as error:
        told = " ".join(str(error).split())
        raise PluginError(f"plugin {name!r} of {group} fails: {type(error).__name__}: {told}") from error


def _only(fitting: Sequence[Kind], what: str) -> Kind:
    if len(fitting) != 1:
        raise PluginError(f"plugins.factors must name exactly one factor of what the person {what}")
    return fitting[0]
