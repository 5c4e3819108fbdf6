"""The groups of settings that belong together: ``argon2.workers``, ``support.phone``."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from idp.configuration.addresses import web_address
from idp.configuration.policy import PolicySetting


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("a network such as 10.1.2.0/24 or fd00:1:2::/48, or one address") from None
    return text


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PluginSettings(_Group):
    """The plugins that are used; an installed one does nothing until it is named here."""

    factors: tuple[str, ...] = Field(
        default=("password", "totp"), strict=False, description="Factors, by entry point of `idp.factors`."
    )
    claims: tuple[str, ...] = Field(
        default=("health",), strict=False, description="Sources of claims, by entry point of `idp.claims`."
    )
    notifiers: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Ways to tell people what happened at their account, by entry point of `idp.notifiers`: `smtp`, "
        "`webhook`. None: nobody is told, and passwords cannot be recovered online.",
    )


class ProfileSettings(_Group):
    """One kind of account."""

    label: str = Field(
        min_length=1, max_length=80, description="How the home page names the profile, in French."
    )
    mfa: PolicySetting = Field(
        default="required",
        validate_default=True,
        description="Double authentication for these accounts: `optional`, `required`, or `required_from:` a "
        "day, which begins at midnight Europe/Monaco. The strictest of profile and service wins.",
    )
    password: Literal["nist", "digits"] = Field(
        default="nist",
        description="The rule for new passwords: `nist` (SP 800-63B-4: 15 characters, 8 where double authentication "
        "is required, none of a list of common ones), or `digits` (the funds' 7 or 8 digits, none three times in a "
        "row; needs `pepper_file`).",
    )
    service: str | None = Field(
        default=None,
        description="The `client_id` where *Accéder à mes services* leads; its file needs "
        "`initiate_login_uri`. None: the profile page.",
    )
    session_idle: int = Field(
        default=1800,
        ge=60,
        le=86400,
        description="Seconds without a request after which single sign-on ends. What a service asks in "
        "silence (`prompt=none`) is none: nobody need be there.",
    )
    session_absolute: int = Field(
        default=28800,
        ge=60,
        le=604800,
        validate_default=True,
        description="Seconds after sign-in when single sign-on ends in any case.",
    )

    @field_validator("session_absolute")
    @classmethod
    def _not_before_idle(cls, seconds: int, info: ValidationInfo) -> int:
        if seconds < info.data.get("session_idle", 0):
            raise ValueError("at least session_idle")
        return seconds


class GatewaySettings(_Group):
    """The gateway before services that know no OpenID Connect."""

    proxy_secret_file: Path | None = Field(
        default=None,
        strict=False,
        description="The file of the secret by which the reverse proxies prove that they ask (one a line, two while it "
        "changes; 32 characters or more). None: the gateway answers nobody.",
    )


class Institution(_Group):
    """Who runs the provider."""

    name: str = Field(
        default="Caisses Sociales de Monaco",
        min_length=1,
        max_length=80,
        description="Name in every page's header.",
    )
    subtitle: str = Field(
        default="CCSS · CAR · CMRC · CAMTI · CARTI",
        max_length=120,
        description="What stands beside the name; may be empty.",
    )


class Support(_Group):
    """Whom people call."""

    phone: str = Field(
        min_length=1, max_length=40, description="Telephone number of the support desk, as shown."
    )
    hours: str = Field(
        min_length=1, max_length=120, description="When the support desk answers, in French, as shown."
    )
    email: str | None = Field(
        default=None, max_length=254, description="Mail address of the support desk, as shown."
    )


class Argon2(_Group):
    """The cost of a password (Argon2id, RFC 9106)."""

    memory_kib: int = Field(default=19456, ge=7168, le=4194304, description="Memory for one hash, in KiB.")
    time_cost: int = Field(default=2, ge=1, le=20, description="Passes over the memory.")
    parallelism: int = Field(default=1, ge=1, le=16, description="Lanes for one hash.")
    workers: int = Field(
        default=2, ge=1, le=64, description="How many hashes one process computes at the same time."
    )


class Listen(_Group):
    """Where and with how many workers `idp serve` answers."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(default=2, ge=1, le=64, description="Processes.")
    threads: int = Field(default=8, ge=1, le=128, description="Threads in each process.")


class Smtp(_Group):
    """The mail server that notices go through; STARTTLS is always demanded, with a certificate that holds."""

    host: str = Field(
        min_length=1, max_length=253, description="Name of the mail server, as its certificate says."
    )
    port: int = Field(default=587, ge=1, le=65535, description="Port of submission (RFC 6409).")
    username: str | None = Field(
        default=None, max_length=254, description="Account at the mail server, if it asks."
    )
    password: str | None = Field(
        default=None,
        repr=False,
        json_schema_extra={"writeOnly": True},
        description="Its password, by IDP_SMTP__PASSWORD_FILE.",
    )
    sender: str = Field(
        min_length=3,
        max_length=254,
        description="Address that notices come from, for example ne-pas-repondre@example.org.",
    )
    ca_file: Path | None = Field(
        default=None, strict=False, description="Certificates to trust beside the system's, in PEM."
    )


class Outbound(_Group):
    """Addresses of services that the provider itself calls (`jwks_uri`, `backchannel_logout_uri`)."""

    allowed: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(),
        strict=False,
        max_length=50,
        description="Networks inside the house that may be called, such as `10.1.2.0/24`; all others that are not "
        "public are refused.",
    )
    ca_file: Path | None = Field(
        default=None, strict=False, description="Certificates to trust beside the system's, in PEM."
    )


class Webhook(_Group):
    """A receiver of notices, for text messages or letters by a system of the fund's."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        description="Address that each notice is posted to as JSON; https, or http on loopback."
    )
    secret: str = Field(
        min_length=32,
        repr=False,
        json_schema_extra={"writeOnly": True},
        description="Key of the HMAC-SHA256 over each body, by IDP_WEBHOOK__SECRET_FILE.",
    )
    ca_file: Path | None = Field(
        default=None, strict=False, description="Certificates to trust instead of the public ones, in PEM."
    )
