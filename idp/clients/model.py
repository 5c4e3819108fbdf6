"""One service behind the provider, as its file in ``config/clients`` describes it."""

from __future__ import annotations

import hmac
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from idp.clients.gateway import CALLBACK, LOGIN, SIGNED_OUT, Gateway, PathRules, each_at, follows, laxer
from idp.clients.public_keys import PublicKey, usable_keys
from idp.clients.values import (
    TOKEN_EXCHANGE,
    Address,
    Addresses,
    AssertionAlgorithm,
    Digests,
    Fetched,
    GrantTypes,
    JwsAlgorithm,
    KeysAddress,
    Line,
    OwnScopes,
    Profile,
    Profiles,
    PublicKeys,
    RedirectAddresses,
    RegisteredMethod,
    Resources,
    Scopes,
    SubjectType,
    unless_public,
)
from idp.configuration.addresses import ApplicationType, host_of, origin_of
from idp.configuration.policy import PolicySetting

__all__ = ["TOKEN_EXCHANGE", "Client", "Profile"]


class Client(BaseModel):
    """A relying party (OpenID Connect Core §1.2). Unknown keys and keys of another type are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        title="A service behind the provider",
        json_schema_extra={
            "anyOf": [{"required": ["gateway"]}, {"required": ["token_endpoint_auth_method"]}]
        },
    )

    client_id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="The service's identifier: 1 to 64 letters, digits, `.`, `_` or `-`; the file's name "
        "without `.yaml`.",
    )
    name: Line = Field(
        min_length=1,
        max_length=80,
        description="The service's name as people see it, in French; up to 80 characters.",
    )
    application_type: ApplicationType = Field(
        default="web",
        description="`native` for an application on the person's own device: any loopback port and "
        "private-use schemes then serve as redirect address (RFC 8252 §7).",
    )
    gateway: Gateway | None = Field(
        default=None,
        description="For a service that knows no OpenID Connect, behind the gateway: its hosts "
        "(`https://portail.example.org:`), each with the paths that it opens. `public`: to everybody; `{}`: as this "
        "file says; `acr: mfa`, `profiles:`, `assistants: refused`: to fewer. What has no rule is refused.",
    )
    token_endpoint_auth_method: RegisteredMethod = Field(
        default=None,
        validate_default=True,
        description="Required unless `gateway` is there. How the service proves who it is at the token endpoint: a "
        "secret in the header or in the body, `private_key_jwt` (a signed assertion, RFC 7523), or `none` for a public "
        "client, which holds no secret.",
    )
    grant_types: GrantTypes = Field(
        default=frozenset({"authorization_code"}),
        strict=False,
        min_length=1,
        validate_default=True,
        description="How the service gets tokens: `authorization_code` (people sign in), `client_credentials` (for "
        "itself), the URN of token exchange (RFC 8693: in the place of somebody whose token it was sent). Refresh "
        "tokens come with the scope `offline_access`.",
    )
    redirect_uris: Annotated[RedirectAddresses, follows(each_at(CALLBACK))] = Field(
        default=(),
        strict=False,
        validate_default=True,
        max_length=20,
        description="Where answers may go: exact addresses, compared character by character; https, or http "
        "on a loopback host. Required with `authorization_code`.",
    )
    post_logout_redirect_uris: Annotated[Addresses, follows(each_at(SIGNED_OUT))] = Field(
        default=(),
        strict=False,
        validate_default=True,
        max_length=20,
        description="Where a person may be sent after signing out: exact addresses.",
    )
    initiate_login_uri: Annotated[Address | None, follows(lambda hosts: hosts[0] + LOGIN)] = Field(
        default=None,
        validate_default=True,
        description="The service's own page that starts a sign-in (OpenID Connect Core §4); the home page "
        "leads there.",
    )
    client_secret_sha256: Digests = Field(
        default=(),
        strict=False,
        max_length=2,
        validate_default=True,
        description="SHA-256 of the service's random secret, 64 lower-case hexadecimal digits; a list of two "
        "while the secret changes. Required where the method is by secret, else forbidden.",
    )
    jwks: PublicKeys = Field(
        default=None,
        description="The service's public keys for `private_key_jwt` (RFC 7517 §5): `keys:` with a list.",
    )
    jwks_uri: KeysAddress = Field(
        default=None,
        validate_default=True,
        description="Instead of `jwks`, the address where the service publishes them.",
    )
    token_endpoint_auth_signing_alg: AssertionAlgorithm = Field(
        default=None,
        description="The only signature of its assertions that is taken; by default any of them.",
    )
    client_assertion_audience: Literal["issuer", "token_endpoint"] = Field(
        default="issuer",
        description="The `aud` of its assertions: the issuer only, or with `token_endpoint` also the address of the "
        "token endpoint or of the one that it calls, as older libraries send it.",
    )
    pkce: Annotated[Literal["required", "optional"], AfterValidator(unless_public)] = Field(
        default="required",
        description="Whether an authorization request needs PKCE with S256 (RFC 7636); always with `none`.",
    )
    nonce: Literal["required", "optional"] = Field(
        default="optional",
        description="Whether an authorization request needs a `nonce` (OpenID Connect Core §3.1.2.1).",
    )
    id_token_signed_response_alg: JwsAlgorithm = Field(
        default="RS256", description="The signature of ID tokens for this service."
    )
    userinfo_signed_response_alg: JwsAlgorithm | None = Field(
        default=None, description="The signature of userinfo answers; by default they are plain JSON."
    )
    scope: Scopes = Field(
        strict=False,
        max_length=50,
        description="The scopes that the service may ask for: a list with `openid`, and as needed `profile`, "
        "`email`, `phone`, `address`, `offline_access` (refresh tokens) and the scopes of the "
        "claims plugins and of other services' APIs; `assistants:manage` for a portal's own tab of assistants.",
    )
    resource_identifier: Address | None = Field(
        default=None,
        description="The identifier of the service's own API: the `aud` of access tokens for it (RFC 8707). It may "
        "introspect those.",
    )
    resource_scopes: OwnScopes = Field(
        default=frozenset(),
        strict=False,
        max_length=50,
        description="The scopes of its own API, which other services may then have in their `scope`; none of those "
        "that speak of people at the provider itself.",
    )
    resources: Resources = Field(
        default=(),
        strict=False,
        max_length=20,
        description="The APIs that the service may ask tokens for, by their `resource_identifier`. With `pairwise`, "
        "where it gets tokens about people, those of its own sector alone: it reads in them how an API knows a person.",
    )
    sector_identifier: Line | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="With `pairwise`, the name that services share which know people by the same `sub`; by default "
        "the host of its redirect addresses, or the service alone where that is the person's own device.",
    )
    subject_type: SubjectType = Field(
        default="public",
        description="`pairwise`: the service knows people by a `sub` of its own (OpenID Connect Core §8).",
    )
    consent: Literal["implicit", "required"] = Field(
        default="implicit",
        description="`required`: people are asked once what the service may be told, and for which APIs it gets "
        "tokens (those that its sign-in names); by default this file says it.",
    )
    backchannel_logout_uri: Fetched | None = Field(
        default=None,
        description="Where the service is told that a session ended (OpenID Connect Back-Channel Logout 1.0).",
    )
    profiles: Profiles = Field(
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

    @cached_property
    def path_rules(self) -> dict[str, PathRules]:
        """What is open to whom on each origin that the gateway guards for the service."""
        return {origin: PathRules(rules) for origin, rules in (self.gateway or {}).items()}

    @cached_property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """The keys of ``jwks``, imported once."""
        return usable_keys(self.jwks["keys"] if self.jwks else ())

    @property
    def sector(self) -> str:
        """What services share that know people by the same pairwise subject (OpenID Connect Core §8.1)."""
        hosts = (self.sector_identifier, *map(host_of, self.redirect_uris))
        return next(filter(None, hosts), f"client_id:{self.client_id}")

    @property
    def subjects_of(self) -> str | None:
        """The sector by whose subjects it knows people; ``None``: the public ones."""
        return self.sector if self.subject_type == "pairwise" else None

    @property
    def is_confidential(self) -> bool:
        """Whether it can prove who it is."""
        return self.token_endpoint_auth_method != "none"  # noqa: S105

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
    def _asks_for_openid(cls, scope: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        if "openid" not in scope and "authorization_code" in info.data.get("grant_types", ()):
            raise ValueError("a list with openid")
        if "offline_access" in scope and info.data.get("gateway") is not None:
            raise ValueError("no offline_access, because the gateway keeps the session")
        return scope

    @field_validator("gateway")
    @classmethod
    def _guarded_is_web(cls, gateway: Gateway | None, info: ValidationInfo) -> Gateway | None:
        if gateway is not None and info.data.get("application_type") == "native":
            raise ValueError("nothing, unless application_type is web")
        return gateway

    @model_validator(mode="after")
    def _rules_only_narrow(self) -> Client:
        wider = [
            InitErrorDetails(type="value_error", loc=("gateway", *place), input=None, ctx={"error": expected})
            for place, expected in laxer(self.gateway or {}, self.profiles, self.assistants)
        ]
        if wider:
            raise ValidationError.from_exception_data(self.client_id, wider)
        return self
