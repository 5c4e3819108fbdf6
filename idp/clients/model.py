"""One service behind the provider, as its file in ``config/clients`` describes it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from idp.configuration.addresses import ApplicationType, origin_of, web_address
from idp.configuration.fields import suggestion
from idp.configuration.policy import PolicySetting

Profile = Literal["health_professional", "insured", "employer"]

_EMPTY_SECRET = sha256(b"").hexdigest()
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGEST_SCHEMA = {"type": "string", "pattern": f"^{_DIGEST.pattern}$"}


def _each_once(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        texts = [entry for entry in value if isinstance(entry, str)]
        if len(set(texts)) < len(texts):
            raise ValueError("each entry once")
    return value


def _offered_scope(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get("known_scopes")
    if known is not None and name not in known:
        raise ValueError(f"a scope that is offered: {suggestion(name, known)}")
    return name


def _address(text: str, info: ValidationInfo) -> str:
    return web_address(text, info.data.get("application_type", "web"))


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("one line of printable text, without blanks around it")
    return text


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text) or text == _EMPTY_SECRET:
        raise ValueError("the SHA-256 of a secret, 64 lower-case hexadecimal digits")
    return text


Address = Annotated[str, Field(max_length=2000), AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_each_once)]

Digests = Annotated[
    tuple[Annotated[str, AfterValidator(_digest)], ...],
    WithJsonSchema({"anyOf": [_DIGEST_SCHEMA, {"type": "array", "items": _DIGEST_SCHEMA, "maxItems": 2}]}),
]


class Client(BaseModel):
    """A relying party (OpenID Connect Core §1.2). Unknown keys and keys of another type are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        title="A service behind the provider",
    )

    client_id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="The service's identifier: 1 to 64 letters, digits, `.`, `_` or `-`; the file's name "
        "without `.yaml`.",
    )
    name: Annotated[str, AfterValidator(_one_line)] = Field(
        min_length=1,
        max_length=80,
        description="The service's name as people see it, in French; up to 80 characters.",
    )
    application_type: ApplicationType = Field(
        default="web",
        description="`native` for an application on the person's own device: any loopback port and "
        "private-use schemes then serve as redirect address (RFC 8252 §7).",
    )
    redirect_uris: Addresses = Field(
        strict=False,
        min_length=1,
        max_length=20,
        description="Where answers may go: exact addresses, compared character by character; https, or http "
        "on a loopback host.",
    )
    post_logout_redirect_uris: Addresses = Field(
        default=(),
        strict=False,
        max_length=20,
        description="Where a person may be sent after signing out: exact addresses.",
    )
    initiate_login_uri: Address | None = Field(
        default=None,
        description="The service's own page that starts a sign-in (OpenID Connect Core §4); the home page "
        "leads there.",
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        description="How the service proves who it is at the token endpoint; `none` for a public client, "
        "which holds no secret."
    )
    client_secret_sha256: Digests = Field(
        default=(),
        strict=False,
        max_length=2,
        validate_default=True,
        description="SHA-256 of the service's random secret, 64 lower-case hexadecimal digits; a list of two "
        "while the secret changes. Required, but with `none` forbidden.",
    )
    pkce: Literal["required", "optional"] = Field(
        default="required",
        description="Whether an authorization request needs PKCE with S256 (RFC 7636); always with `none`.",
    )
    nonce: Literal["required", "optional"] = Field(
        default="optional",
        description="Whether an authorization request needs a `nonce` (OpenID Connect Core §3.1.2.1).",
    )
    id_token_signed_response_alg: Literal["RS256", "ES256"] = Field(
        default="RS256", description="The signature of ID tokens for this service."
    )
    scope: Annotated[
        frozenset[Annotated[str, AfterValidator(_offered_scope)]], BeforeValidator(_each_once)
    ] = Field(
        strict=False,
        max_length=50,
        description="The scopes that the service may ask for: a list with `openid`, and as needed `profile`, "
        "`email`, `phone`, `address`, `offline_access` (refresh tokens) and the scopes of the "
        "claims plugins.",
    )
    profiles: Annotated[frozenset[Profile], BeforeValidator(_each_once)] = Field(
        strict=False, min_length=1, description="Whose accounts the service admits: a list."
    )
    floor: Literal["pwd", "mfa"] = Field(
        default="pwd",
        description="The weakest sign-in that the service takes: `pwd` (password) or `mfa` (two factors).",
    )
    mfa: PolicySetting = Field(
        default="required",
        validate_default=True,
        description="Double authentication here: `optional`, `required`, or `required_from:` a day, which "
        "begins at midnight Europe/Monaco. The strictest of profile and service wins.",
    )
    assistants: Literal["allowed", "refused"] = Field(
        default="refused",
        description="Whether a practitioner's assistants may use the service in the practitioner's place.",
    )

    @cached_property
    def redirect_origins(self) -> frozenset[str]:
        """Scheme, host and port of every redirect address, for the ``form-action`` of CSP."""
        return frozenset(map(origin_of, self.redirect_uris))

    def secret_matches(self, secret: str) -> bool:
        """Say whether ``secret`` is (one of) the service's; every digest is compared, in constant time.

        SHA-256 without salt suits secrets that a machine drew: there is nothing to guess.
        """
        digest = sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        matches = [hmac.compare_digest(digest, known) for known in self.client_secret_sha256]
        return any(matches)

    @field_validator("client_id")
    @classmethod
    def _is_file_name(cls, client_id: str, info: ValidationInfo) -> str:
        stem = (info.context or {}).get("file_stem")
        if stem is not None and stem != client_id:
            raise ValueError("the name of the file without .yaml")
        return client_id

    @field_validator("scope")
    @classmethod
    def _asks_for_openid(cls, scope: frozenset[str]) -> frozenset[str]:
        if "openid" not in scope:
            raise ValueError("a list with openid")
        return scope

    @field_validator("client_secret_sha256", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else _each_once(value)

    @field_validator("client_secret_sha256")
    @classmethod
    def _as_the_method_needs(cls, digests: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        method = info.data.get("token_endpoint_auth_method")
        if method == "none" and digests:
            raise ValueError("no secret, because token_endpoint_auth_method is none")
        if method not in {None, "none"} and not digests:
            raise ValueError(
                "required: the SHA-256 of the service's secret, 64 lower-case hexadecimal digits"
            )
        return digests

    @field_validator("pkce")
    @classmethod
    def _public_clients_need_it(cls, pkce: str, info: ValidationInfo) -> str:
        if pkce == "optional" and info.data.get("token_endpoint_auth_method") == "none":
            raise ValueError("required, because token_endpoint_auth_method is none")
        return pkce
