"""The provider's settings: ``config/idp.yaml`` and, over it, ``IDP_*`` variables. Durations in seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from idp.clients.model import Profile
from idp.configuration import ConfigurationError, ConfigurationErrors, Document, read_document
from idp.configuration.addresses import web_address
from idp.configuration.errors import Location
from idp.configuration.expectations import located
from idp.configuration.fields import leaves
from idp.configuration.layers import SELECTOR, Layers, Variable, layered
from idp.settings_groups import (
    Argon2,
    GatewaySettings,
    Institution,
    Listen,
    Outbound,
    PluginSettings,
    ProfileSettings,
    Smtp,
    Support,
    Webhook,
)

DEFAULT_FILE = Path("config/idp.yaml")

_SQLITE = "sqlite:///"
_DATABASES = (_SQLITE, "postgresql://")
_EPHEMERAL_STORES = ("redis://", "rediss://")


def _issuer(text: str) -> str:
    if web_address(text).count("/") != 2 or "?" in text:
        raise ValueError("scheme, host and port only, without path and without / at the end")
    return text


def _database(text: str) -> str:
    # Imported here: a store's library is not paid for where the other one is used.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    expected = ValueError("sqlite:///path of a file, or postgresql://user@host/name")
    if not text.startswith(_DATABASES) or text in _DATABASES or ":memory:" in text:
        raise expected
    try:
        make_url(text)
    except (ArgumentError, ValueError):
        raise expected from None
    return text


def _ephemeral(text: str) -> str:
    expected = ValueError("sql: (the database), redis://host or rediss://host")
    if text == "sql:":
        return text
    from redis import ConnectionPool

    if not text.startswith(_EPHEMERAL_STORES) or text in _EPHEMERAL_STORES:
        raise expected
    try:
        ConnectionPool.from_url(text)
    except ValueError:
        raise expected from None
    return text


class Settings(BaseSettings):
    """All settings; made from its arguments alone. ``load_settings`` reads file and environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        title="Settings of the provider",
    )

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="The provider's address as everybody sees it: https (http on loopback only), without "
        "path and without `/` at the end."
    )
    database_url: Annotated[str, AfterValidator(_database)] = Field(
        repr=False,
        json_schema_extra={"writeOnly": True},
        description="The durable store: `sqlite:///path` or `postgresql://user@host/name`. With a password: "
        "by IDP_DATABASE_URL_FILE.",
    )
    ephemeral_url: Annotated[str, AfterValidator(_ephemeral)] = Field(
        default="sql:",
        repr=False,
        json_schema_extra={"writeOnly": True},
        description="The short-lived store: `sql:` (in the database), `redis://host` or `rediss://host`. "
        "With a password: by IDP_EPHEMERAL_URL_FILE.",
    )
    keyring_file: Path = Field(
        strict=False,
        description="The file of the keys that encrypt secrets at rest; keep it outside the database and its "
        "backups.",
    )
    clients_folder: Path = Field(
        default=Path("clients"),
        strict=False,
        description="The folder of the client files; by default beside the settings file.",
    )
    plugins: PluginSettings = Field(default_factory=PluginSettings, description="The plugins that are used.")
    profiles: dict[Profile, ProfileSettings] = Field(
        strict=False,
        min_length=1,
        description="The kinds of account: `health_professional`, `insured`, `employer`.",
    )
    institution: Institution = Field(default_factory=Institution, description="Who runs the provider.")
    support: Support = Field(description="Whom people call.")
    register_url: Annotated[str, AfterValidator(web_address)] | None = Field(
        default=None, description="Where *Enregistrez-vous* leads. None: a page that says how to register."
    )
    enrolment_proof: Literal["activation_code", "none"] = Field(
        default="activation_code",
        description="What a first activation needs beside the password: `activation_code` (one-time, by letter or "
        "from support), or `none`: whoever has the password first can activate first.",
    )
    assistants_sign_in: Literal["practice_password", "own_password"] = Field(
        default="practice_password",
        description="With which password assistants sign in: the practice's, or one of their own, chosen with a "
        "fresh key for their phone at their first sign-in, so that the practitioner knows neither.",
    )
    max_assistants: int = Field(
        default=10,
        ge=0,
        le=10,
        description="Assistants of one account; the chance of guessing a code is computed for ten.",
    )
    access_token_lifetime: int = Field(
        default=300, ge=30, le=300, description="Seconds that an access token lives."
    )
    code_lifetime: int = Field(
        default=60, ge=10, le=60, description="Seconds that an authorization code lives."
    )
    transaction_lifetime: int = Field(
        default=600, ge=60, le=3600, description="Seconds to finish one sign-in or activation."
    )
    refresh_lifetime: int = Field(
        default=2592000,
        ge=300,
        le=31536000,
        description="Seconds after sign-in when the last refresh token ends.",
    )
    revocation_lag: int = Field(
        default=2,
        ge=0,
        le=2,
        description="Seconds within which removing, disabling or signing out takes effect everywhere.",
    )
    retention_days: int = Field(
        default=365,
        ge=30,
        le=3650,
        description="Days that the audit, the journal of sign-ins and finished notices are kept.",
    )
    pepper_file: Path | None = Field(
        default=None,
        strict=False,
        description="The file of the keys mixed into passwords before Argon2id, in the form of the keyring; the "
        "first is used for new passwords, no line may be dropped while a password needs it. Required where a "
        "profile's password is `digits`.",
    )
    smtp: Smtp | None = Field(default=None, description="The mail server, for the notifier `smtp`.")
    webhook: Webhook | None = Field(default=None, description="The receiver, for the notifier `webhook`.")
    outbound: Outbound = Field(default_factory=Outbound, description="What the provider may call.")
    gateway: GatewaySettings = Field(
        default_factory=GatewaySettings,
        description="The gateway before services that know no OpenID Connect.",
    )
    argon2: Argon2 = Field(default_factory=Argon2, description="The cost of a password.")
    theme_folder: Path | None = Field(
        default=None,
        strict=False,
        description="A folder whose templates and static files stand before our own.",
    )
    clock_shift_file: Path | None = Field(
        default=None,
        strict=False,
        description="Demo and tests only: a file with the seconds by which the clock is ahead.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies before the provider whose `X-Forwarded-*` headers are believed.",
    )
    listen: Listen = Field(default_factory=Listen, description="Where `idp serve` answers.")

    _layers: Layers = PrivateAttr(default_factory=lambda: Layers(Document("settings")))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments only: ``load_settings`` reads the rest, and knows the place of each value."""
        return (init_settings,)

    @property
    def secure(self) -> bool:
        """Whether the issuer is https, so that cookies are ``Secure`` and named ``__Host-…``."""
        return self.issuer.startswith("https://")

    def located_by(self, layers: Layers) -> Self:
        """Return the same settings, which then know the place of each value."""
        self._layers = layers
        return self

    def error(self, location: Location, expected: str) -> ConfigurationError:
        """Return an error of the value at ``location``, for a rule that needs more than the settings."""
        return self._layers.error(location, expected)

    def origin(self, location: Location) -> str:
        """Say where a value was set: ``path:line:column``, a variable, or ``default``."""
        return self._layers.origin(location)


def settings_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file that ``IDP_CONFIG`` names, or ``config/idp.yaml``."""
    return Path(environ.get(SELECTOR) or DEFAULT_FILE)


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings: ``overrides``, over ``IDP_*``, over ``IDP_*_FILE``, over the file, over defaults.

    The file is ``path``, else what ``IDP_CONFIG`` names, else ``config/idp.yaml``; its relative paths start
    at its folder. Raises ``ConfigurationErrors`` with everything that is wrong.
    """
    path = path or settings_file(environ)
    document = read_document(path)
    document.data.setdefault("clients_folder", "clients")
    _start_paths_at(path.parent, document.data)
    layers = layered(Settings, document, environ)
    if overrides:
        layers.add(Variable("override", (), dict(overrides)))
    errors = [*document.faults.values(), *layers.faults]
    try:
        settings = Settings(**layers.values)
    except ValidationError as failure:
        errors += located(failure, Settings, layers, document.faults)
    if errors:
        raise ConfigurationErrors(errors)
    settings = settings.located_by(layers)
    if unpeppered := list(_unpeppered(settings)):
        raise ConfigurationErrors(unpeppered)
    return settings


def _unpeppered(settings: Settings) -> Iterator[ConfigurationError]:
    """Yield each profile whose passwords are too few to be kept without a pepper."""
    for name, profile in settings.profiles.items():
        if profile.password == "digits" and settings.pepper_file is None:  # noqa: S105
            yield settings.error(("profiles", name, "password"), "nist, or digits together with pepper_file")


def _start_paths_at(folder: Path, data: dict[str, Any]) -> None:
    for (*groups, name), field in leaves(Settings):
        group: Any = data
        for one in groups:
            group = group.get(one) if isinstance(group, dict) else None
        value = group.get(name) if isinstance(group, dict) else None
        if field.annotation in {Path, Path | None} and isinstance(value, str):
            group[name] = str(folder / value)
    database = data.get("database_url")
    if isinstance(database, str) and database.startswith(_SQLITE) and database != _SQLITE:
        data["database_url"] = _SQLITE + str(folder / database.removeprefix(_SQLITE))
