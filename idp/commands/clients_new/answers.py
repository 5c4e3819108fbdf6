"""What is known of the new service, what its file says then, and what the model finds wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from idp.clients.gateway import Origin
from idp.clients.model import Client
from idp.commands.clients_new.frameworks import FRAMEWORKS, Framework
from idp.configuration import ConfigurationErrors, Document, validated

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UPSTREAM = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")

Called = Callable[[str], bool]
"""Whether the provider may ever call an address."""


@dataclass(frozen=True)
class Answers:
    """What was said so far; ``None`` and empty: nothing yet."""

    client_id: str | None = None
    name: str | None = None
    framework: str | None = None
    address: str | None = None
    profiles: tuple[str, ...] = ()
    mfa: str | None = None
    assistants: str | None = None
    refresh_tokens: bool | None = None
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    public: tuple[str, ...] | None = None
    upstream: str | None = None

    @property
    def built_with(self) -> Framework:
        """What the service is built with; until it is said, anything that speaks OpenID Connect."""
        return FRAMEWORKS[self.framework or "other"]

    def data(self, digest: str, called: Called) -> dict[str, Any]:
        """Return the keys of the client file, those left out that nothing is known of.

        ``digest`` is the SHA-256 of the service's secret. An address that the provider may not call is left out.
        """
        data: dict[str, Any] = {"client_id": self.client_id, "name": self.name}
        if self.address is not None:
            data |= self._guarded(self.address) if self.built_with.behind_gateway else self._led(called)
        if not self.built_with.behind_gateway:
            data |= {"token_endpoint_auth_method": "client_secret_basic", "client_secret_sha256": digest}
        data["scope"] = self.scope
        data["profiles"] = list(self.profiles) or None
        data["mfa"] = {"required_from": self.mfa} if self.mfa and _DAY.fullmatch(self.mfa) else self.mfa
        data["assistants"] = self.assistants
        return {key: value for key, value in data.items() if value is not None}

    @property
    def scope(self) -> list[str]:
        """The scopes that the service asks for."""
        refresh = ["offline_access"] if self.refresh_tokens or self.built_with.settled else []
        return list(dict.fromkeys(["openid", "profile", *self.scopes, *refresh]))

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with what is known: the field of this class, and what is expected there."""
        if self.address is not None and (expected := _unless(TypeAdapter(Origin), self.address)):
            yield "address", expected
            return
        if self.redirect_uri is not None and not self.redirect_uri.startswith(f"{self.address}/"):
            yield "redirect_uri", "an address of the service's own origin"
        if "/" in (self.public or ()):
            yield "public", "other paths than /, which is everything"
        if self.upstream is not None and not _UPSTREAM.fullmatch(self.upstream):
            yield "upstream", "HOST:PORT"
        try:
            validated(Client, Document("", self.data("0" * 64, lambda _: True)))
        except ConfigurationErrors as found:
            for error in found.errors:
                yield self.field_of(error.key), error.expected

    def field_of(self, key: str) -> str:
        """Return the field whose answer stands under a key of the file (``redirect_uris[0]``)."""
        root = re.split(r"[.\[]", key, maxsplit=1)[0]
        if root == "redirect_uris" and self.redirect_uri is not None:
            return "redirect_uri"
        if root == "gateway" and self.public:
            return "public"
        return _FIELDS.get(root, root)

    def _guarded(self, address: str) -> dict[str, Any]:
        return {"gateway": {address: {"/": {}, **dict.fromkeys(self.public or (), "public")}}}

    def _led(self, called: Called) -> dict[str, Any]:
        built, address = self.built_with, self.address
        backchannel = None if built.backchannel is None else f"{address}{built.backchannel}"
        return {
            "redirect_uris": [self.redirect_uri or f"{address}{built.callback}"],
            "post_logout_redirect_uris": [f"{address}{built.signed_out}"],
            "initiate_login_uri": f"{address}{built.login}",
            "backchannel_logout_uri": backchannel if backchannel and called(backchannel) else None,
        }


_FIELDS: Mapping[str, str] = {
    "redirect_uris": "address",
    "post_logout_redirect_uris": "address",
    "initiate_login_uri": "address",
    "backchannel_logout_uri": "address",
    "gateway": "address",
    "scope": "scopes",
}


def _unless(right: TypeAdapter[str], text: str) -> str | None:
    """Return what is expected instead of ``text``, or ``None``."""
    try:
        right.validate_python(text)
    except ValidationError as failure:
        return str(failure.errors()[0]["ctx"]["error"])
    return None
