"""What the portal is told: ``FSE_PORTAL_*`` variables, or ``FSE_PORTAL_*_FILE`` naming a file with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from flask_relying_party.options import LOOPBACK, PROVIDER_TIMEOUT_SECONDS, address_mistake
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "FSE_PORTAL_"


class SettingsRefused(ValueError):
    """The settings cannot be used; every argument is one line ``VARIABLE: what is expected``."""


class Settings(BaseSettings):
    """The portal's settings. Addresses are strings, compared exactly as they were written."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    issuer: str
    base_url: str
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr
    secret_key: Annotated[SecretStr, Field(min_length=32)]
    database: Path
    profile_url: str | None = None
    required_acr: Literal["pwd", "mfa"] = "pwd"
    revalidate_seconds: Annotated[float, Field(ge=1, le=60)] = 2.0
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=PROVIDER_TIMEOUT_SECONDS)] = 2.0
    session_idle_seconds: Annotated[int, Field(ge=60, le=86400)] = 1800
    session_seconds: Annotated[int, Field(ge=60, le=604800)] = 28800
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8081
    workers: Annotated[int, Field(ge=1, le=32)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    shifted_clock: Path | None = None

    @field_validator("issuer", "base_url")
    @classmethod
    def _secure_address(cls, value: str) -> str:
        if mistake := address_mistake(value):
            raise ValueError(mistake)
        return value

    @field_validator("base_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        if urlsplit(value).path:
            raise ValueError("an address without a path is expected")
        return value

    @field_validator("shifted_clock")
    @classmethod
    def _true_time_in_production(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value and urlsplit(info.data.get("issuer", "")).hostname not in LOOPBACK:
            raise ValueError("nothing is expected unless the provider is on loopback")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then variables, then files that variables name; no ``.env`` is read."""
        return init_settings, env_settings, _NamedFiles(settings_cls)

    @property
    def resource(self) -> str:
        """The identifier of the portal's API: the ``aud`` of access tokens for it (RFC 8707)."""
        return f"{self.base_url}/api"

    @property
    def profile_page(self) -> str:
        """The provider's page on which practitioners manage their assistants."""
        return self.profile_url or f"{self.issuer}/profile"

    @property
    def provider_origin(self) -> str:
        """Scheme, host and port of the provider, for the content security policy."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"


class _NamedFiles(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_settings(**given: Any) -> Settings:
    """Read the settings from the environment; ``given`` values win.

    Raises ``SettingsRefused`` with one line a mistake; a line never shows the value, which may be a secret.
    """
    try:
        return Settings(**given)
    except OSError as error:
        raise SettingsRefused(f"{error.filename}: a readable file is expected") from error
    except ValidationError as error:
        raise SettingsRefused(
            *(
                f"{PREFIX}{'_'.join(str(part) for part in mistake['loc']).upper()}: {mistake['msg']}"
                for mistake in error.errors(include_input=False, include_url=False, include_context=False)
            )
        ) from None
