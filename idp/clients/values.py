"""The values of a client file, and the rules about them. A rule raises ``ValueError`` with what is expected.

A rule about two keys belongs to the later one and looks at the earlier in ``info.data``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from idp.clients.public_keys import MAX_KEYS, public_key, usable_keys
from idp.configuration.addresses import host_of, web_address
from idp.configuration.fields import suggestion

Profile = Literal["health_professional", "insured", "employer"]

TokenAuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
WITH_SECRET = frozenset({"client_secret_basic", "client_secret_post"})

JwsAlgorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
"""The signatures that the provider makes and takes, all of them asymmetric."""

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
GrantType = Literal[
    "authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"
]

Value = TypeVar("Value")

_EMPTY_SECRET = sha256(b"").hexdigest()
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGEST_SCHEMA = {"type": "string", "pattern": f"^{_DIGEST.pattern}$"}
_SCOPE = re.compile(r"[!#-\[\]-~]{1,64}")


def _each_once(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        texts = [entry for entry in value if isinstance(entry, str)]
        if len(set(texts)) < len(texts):
            raise ValueError("each entry once")
    return value


def _offered_scope(name: str, info: ValidationInfo) -> str:
    return _one_of(name, (info.context or {}).get("known_scopes"), "a scope that is offered")


def _known_resource(name: str, info: ValidationInfo) -> str:
    return _one_of(
        name, (info.context or {}).get("known_resources"), "the resource_identifier of a client file"
    )


def _own_scope(name: str, info: ValidationInfo) -> str:
    if name in (info.context or {}).get("identity_scopes", ()):
        raise ValueError("a scope of its own, this one speaks of people at the provider itself")
    return name


def _one_of(name: str, known: Iterable[str] | None, what: str) -> str:
    if known is not None and name not in known:
        raise ValueError(f"{what}: {suggestion(name, known)}" if known else what)
    return name


def _scope_syntax(name: str) -> str:
    if not _SCOPE.fullmatch(name):
        raise ValueError(
            'a scope (RFC 6749 §3.3): up to 64 printable ASCII characters without blank, " and \\'
        )
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


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else _each_once(value)


def _as_the_method_needs(digests: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    method = info.data.get("token_endpoint_auth_method")
    if method not in {None, *WITH_SECRET} and digests:
        raise ValueError(f"no secret, because token_endpoint_auth_method is {method}")
    _unless_gateway(digests, info)
    if method in WITH_SECRET and not digests:
        raise ValueError("required: the SHA-256 of the service's secret, 64 lower-case hexadecimal digits")
    return digests


def _method_or_gateway(method: str | None, info: ValidationInfo) -> str | None:
    _unless_gateway(method, info)
    if method is None and info.data.get("gateway", ...) is None:
        raise ValueError(f"required: one of {', '.join(get_args(TokenAuthMethod))}")
    return method


def _unless_gateway(value: object, info: ValidationInfo) -> None:
    if value and info.data.get("gateway") is not None:
        raise ValueError("nothing, because the gateway speaks for the service")


def _public_keys(jwks: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
    if jwks is None:
        return None
    _only_with_private_key(info)
    keys = jwks.get("keys")
    if set(jwks) != {"keys"} or not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise ValueError(f"keys: a list of 1 to {MAX_KEYS} public keys (RFC 7517 §4)")
    kids = [_kid_of(index, key) for index, key in enumerate(keys)]
    if len(set(kids)) < len(kids):
        raise ValueError("a kid of its own for each key")
    return jwks


def _kid_of(index: int, jwk: object) -> str:
    try:
        kid = public_key(jwk).kid
        if kid is None:
            raise ValueError("kid: required")
    except ValueError as error:
        raise ValueError(f"keys[{index}]: {error}") from None
    return kid


def _keys_somewhere(address: str | None, info: ValidationInfo) -> str | None:
    if address is not None:
        _only_with_private_key(info)
    needed = info.data.get("token_endpoint_auth_method") == "private_key_jwt"
    # A mistake in jwks has a line of its own already.
    if needed and "jwks" in info.data and (address is None) == (info.data["jwks"] is None):
        raise ValueError("either jwks or jwks_uri, because token_endpoint_auth_method is private_key_jwt")
    return address


def _only_with_private_key(info: ValidationInfo) -> None:
    _unless_gateway(True, info)
    if info.data.get("token_endpoint_auth_method") not in {None, "private_key_jwt"}:
        raise ValueError("nothing, unless token_endpoint_auth_method is private_key_jwt")


def _makes_assertions(alg: str | None, info: ValidationInfo) -> str | None:
    if alg is None:
        return None
    _only_with_private_key(info)
    keys = usable_keys((info.data.get("jwks") or {"keys": []})["keys"])
    if keys and not any(alg in key.algorithms for key in keys):
        raise ValueError("a signature that a key of jwks makes")
    return alg


def _confidential_grants(grants: frozenset[str], info: ValidationInfo) -> frozenset[str]:
    if grants != {"authorization_code"}:
        if info.data.get("token_endpoint_auth_method") == "none":
            raise ValueError("authorization_code only, because token_endpoint_auth_method is none")
        if info.data.get("gateway") is not None:
            raise ValueError("authorization_code only, because of gateway")
    return grants


def _where_codes_go(addresses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    grants = info.data.get("grant_types") if "gateway" in info.data else None
    if grants is not None and ("authorization_code" in grants) != bool(addresses):
        raise ValueError(
            "required: at least 1 in the list"
            if not addresses
            else "none, because grant_types has no authorization_code"
        )
    return addresses


def _sector_known(subject_type: str, info: ValidationInfo) -> str:
    hosts = {host_of(address) for address in info.data.get("redirect_uris", ())}
    if subject_type == "pairwise" and info.data.get("sector_identifier") is None and len(hosts) != 1:
        raise ValueError(
            "pairwise needs sector_identifier, because redirect_uris are of several hosts or none"
        )
    return subject_type


def unless_public(value: Value, info: ValidationInfo) -> Value:
    """Return the value of ``pkce``: public clients need it."""
    if value == "optional" and info.data.get("token_endpoint_auth_method") == "none":
        raise ValueError("required, because token_endpoint_auth_method is none")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
Address = Annotated[str, Field(max_length=2000), AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_each_once)]
RedirectAddresses = Annotated[Addresses, AfterValidator(_where_codes_go)]
Fetched = Annotated[str, Field(max_length=2000), AfterValidator(web_address)]
"""An address that the provider itself calls."""

Resources = Annotated[
    tuple[Annotated[str, AfterValidator(_known_resource)], ...], BeforeValidator(_each_once)
]
Scopes = Annotated[frozenset[Annotated[str, AfterValidator(_offered_scope)]], BeforeValidator(_each_once)]
OwnScopes = Annotated[
    frozenset[Annotated[str, AfterValidator(_scope_syntax), AfterValidator(_own_scope)]],
    BeforeValidator(_each_once),
]
Profiles = Annotated[frozenset[Profile], BeforeValidator(_each_once)]
RegisteredMethod = Annotated[TokenAuthMethod | None, AfterValidator(_method_or_gateway)]
GrantTypes = Annotated[
    frozenset[GrantType], BeforeValidator(_each_once), AfterValidator(_confidential_grants)
]
SubjectType = Annotated[Literal["public", "pairwise"], AfterValidator(_sector_known)]
PublicKeys = Annotated[dict[str, Any] | None, AfterValidator(_public_keys)]
AssertionAlgorithm = Annotated[JwsAlgorithm | None, AfterValidator(_makes_assertions)]
KeysAddress = Annotated[Fetched | None, AfterValidator(_keys_somewhere)]
Digests = Annotated[
    tuple[Annotated[str, AfterValidator(_digest)], ...],
    WithJsonSchema({"anyOf": [_DIGEST_SCHEMA, {"type": "array", "items": _DIGEST_SCHEMA, "maxItems": 2}]}),
    BeforeValidator(_one_or_several),
    AfterValidator(_as_the_method_needs),
]
