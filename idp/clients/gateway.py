"""A service behind the gateway: which of its pages are open to whom, and what follows from that for its file.

Paths here are canonical: decoded text, whole segments, nothing that two readers could read differently.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from idp.clients.values import Profiles
from idp.configuration.addresses import origin_of, web_address
from idp.rules.gate import Gate

OWN_PATHS = "/_gateway"
"""What the gateway answers itself on every host that it guards."""

CALLBACK = f"{OWN_PATHS}/callback"
LOGIN = f"{OWN_PATHS}/login"
LOGOUT = f"{OWN_PATHS}/logout"
SIGNED_OUT = f"{OWN_PATHS}/signed-out"

MAX_HOSTS = 20
MAX_RULES = 200
MAX_READINGS = 8

_SEGMENT = re.compile(r"[^/%?#;\\\"*]+")
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


class PathRule(BaseModel):
    """What a path demands beside what the service's file does; never less."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    is_public: ClassVar[bool] = False
    """Whether nobody is looked up at all."""

    acr: Literal["mfa"] | None = Field(default=None, description="`mfa`: two factors, shown now if need be.")
    profiles: Annotated[Profiles, Field(min_length=1, strict=False)] | None = Field(
        default=None, description="Whose accounts are admitted: some of the service's."
    )
    assistants: Literal["allowed", "refused"] | None = Field(
        default=None, description="Whether assistants are admitted, where the service admits them."
    )

    @property
    def gate(self) -> Gate:
        """What it adds to the service's file."""
        return Gate(self.profiles, self.acr, self.assistants == "refused")

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        written = {
            "acr": self.acr,
            "profiles": None if self.profiles is None else sorted(self.profiles),
            "assistants": self.assistants,
        }
        return "public" if self.is_public else {key: value for key, value in written.items() if value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"const": "public"}, handler(core_schema)]}


class _Public(PathRule):
    is_public = True


def _public_or_keys(value: Any, read: ModelWrapValidatorHandler[PathRule]) -> PathRule:
    if value == "public":
        return _Public()
    if not isinstance(value, dict | PathRule):
        raise ValueError("public, or keys (acr, profiles, assistants; {} for what the file says)")
    return read(value)


def folded(path: str) -> str:
    """Return what careless readers may make of a canonical path: case, look-alike characters, parameters, further
    decoding, a query in it, dots and blanks at the end of a segment all gone. Raises ``ValueError`` as ``readings``.
    """
    *_, last = readings(path)
    alike = unicodedata.normalize("NFKC", last.casefold())
    kept = (segment.partition(";")[0].rstrip(". ") for segment in re.split(r"[?#]", alike)[0].split("/"))
    return "/" + "/".join(filter(None, kept))


def readings(path: str) -> Iterator[str]:
    """Yield a decoded path, and what it becomes each time that somebody decodes it again, look-alikes included.

    Raises ``ValueError`` for one that goes on and on.
    """
    for _ in range(MAX_READINGS):
        yield path
        again = unquote(unicodedata.normalize("NFKC", path))
        if again == path:
            return
        path = again
    raise ValueError("a path that is encoded once")


@dataclass(frozen=True)
class PathRules:
    """The rules of one host by the path that they begin at."""

    by_prefix: Mapping[str, PathRule]

    def rule_of(self, path: str) -> PathRule | None:
        """Return the rule of the longest prefix, by whole segments, of a canonical path; ``None`` without one.

        Raises ``ValueError`` for a path that a careless reader would put under another rule.
        """
        exact, read = _longest(self.by_prefix, path), folded(path)
        careless = _longest(self._by_folded, read)
        if exact != (None if careless is None else self._by_folded[careless]):
            raise ValueError("a path that stands under one rule however it is read")
        if any(_is_format_of(one, read, careless) for one in self._by_folded):
            raise ValueError("a path that stands under one rule with or without what follows a dot")
        return None if exact is None else self.by_prefix[exact]

    @property
    def start(self) -> str:
        """Return the path, percent-encoded, where a visit begins that names no page: the shortest that a rule opens
        to people who sign in, else the shortest of all.
        """
        return quote(self._start)

    @property
    def at_start(self) -> PathRule:
        """Return the rule of that path."""
        return self.by_prefix[self._start]

    @property
    def _start(self) -> str:
        guarded = [prefix for prefix, rule in self.by_prefix.items() if not rule.is_public]
        return min(guarded or self.by_prefix, key=len)

    @cached_property
    def _by_folded(self) -> dict[str, str]:
        return {folded(prefix): prefix for prefix in self.by_prefix}


def _is_format_of(prefix: str, path: str, under: str | None) -> bool:
    """Say whether some frameworks take ``path`` for ``prefix`` in another format (``.json``) that no rule names."""
    return prefix != "/" and path.startswith(f"{prefix}.") and not (under or "").startswith(f"{prefix}.")


def _longest(prefixes: Mapping[str, object], path: str) -> str | None:
    covering = (one for one in prefixes if one in ("/", path) or path.startswith(f"{one}/"))
    return max(covering, key=len, default=None)


def _origin(text: str) -> str:
    web_address(text)
    scheme, _, authority = text.partition("://")
    if (
        origin_of(text) != text
        or text.endswith(_DEFAULT_PORTS[scheme])
        or authority.partition(":")[0].endswith(".")
    ):
        raise ValueError("an origin: scheme, host, and a port unless it is the usual one; no / after it")
    return text


def _prefix(text: str) -> str:
    segments = text.split("/")
    good = text.startswith("/") and all(map(_is_plain, segments[1:]))
    if text != "/" and not good:
        raise ValueError(
            "a path as /one/two, decoded, without / at its end, dots or blanks at a segment's, or any of % ? # ; * \\"
        )
    first = folded(text).split("/")[1]
    if f"/{first}" == OWN_PATHS:
        raise ValueError(f"another path, {OWN_PATHS} is the gateway's own")
    return text


def _is_plain(segment: str) -> bool:
    alike = unicodedata.normalize("NFKC", segment)
    kept = bool(_SEGMENT.fullmatch(segment)) and segment.isprintable() and alike == segment
    return kept and segment == segment.rstrip(". ")


def _told_apart(rules: dict[str, PathRule]) -> dict[str, PathRule]:
    if len({folded(prefix) for prefix in rules}) < len(rules):
        raise ValueError("paths that differ in more than their case")
    return rules


def laxer(
    gateway: Mapping[str, Mapping[str, PathRule]], profiles: frozenset[str], assistants: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the place and what is expected there of each rule that would admit whom the service's file refuses."""
    for origin, rules in gateway.items():
        for prefix, rule in rules.items():
            if rule.profiles is not None and not rule.profiles <= profiles:
                yield (
                    (origin, prefix, "profiles"),
                    f"some of the service's own: {', '.join(sorted(profiles))}",
                )
            if rule.assistants == "allowed" and assistants == "refused":
                yield (origin, prefix, "assistants"), "refused, as the service's own key assistants says"


def follows(derive: Callable[[list[str]], object]) -> BeforeValidator:
    """Return the rule for a key that follows from the hosts: never written beside ``gateway``."""

    def derived(value: Any, info: ValidationInfo) -> Any:
        gateway = info.data.get("gateway")
        if gateway is None:
            return value
        if value not in (None, ()):
            raise ValueError("nothing, it follows from gateway")
        return derive(list(gateway))

    return BeforeValidator(derived)


def each_at(path: str) -> Callable[[list[str]], tuple[str, ...]]:
    """Return what gives the address of ``path`` on each host."""
    return lambda origins: tuple(origin + path for origin in origins)


Origin = Annotated[
    str, AfterValidator(_origin), WithJsonSchema({"type": "string", "pattern": "^https?://[^/]+$"})
]
Prefix = Annotated[str, AfterValidator(_prefix), WithJsonSchema({"type": "string", "pattern": "^/"})]
Rules = Annotated[
    dict[Prefix, Annotated[PathRule, WrapValidator(_public_or_keys)]],
    Field(min_length=1, max_length=MAX_RULES),
    AfterValidator(_told_apart),
]
Gateway = Annotated[dict[Origin, Rules], Field(min_length=1, max_length=MAX_HOSTS)]
