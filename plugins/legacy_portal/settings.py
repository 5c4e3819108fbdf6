"""What the portal is told: ``LEGACY_PORTAL_*`` variables. None of them is secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LEGACY_PORTAL_"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsRefused(ValueError):
    """The settings cannot be used; every argument is one line ``VARIABLE: what is expected``."""


class Settings(BaseSettings):
    """The portal's settings. Addresses are strings, compared exactly as they were written."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    issuer: str
    base_url: str
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8082
    workers: Annotated[int, Field(ge=1, le=32)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    shifted_clock: Path | None = None

    @field_validator("issuer", "base_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if not parts.hostname or parts.scheme not in {"https", "http"}:
            raise ValueError("an https address is expected")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("https is expected; http is for loopback only")
        if value != f"{parts.scheme}://{parts.netloc}" or parts.username is not None:
            raise ValueError("scheme, host and port are expected, nothing after them")
        return value

    @field_validator("shifted_clock")
    @classmethod
    def _true_time_in_production(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value and urlsplit(info.data.get("issuer", "")).hostname not in LOOPBACK:
            raise ValueError("nothing is expected unless the provider is on loopback")
        return value

    @property
    def audience(self) -> str:
        """The ``aud`` of assertions for this portal: its host, with the port that its address writes."""
        return urlsplit(self.base_url).netloc


def load_settings(**given: Any) -> Settings:
    """Read the settings from the environment; ``given`` values win.

    Raises ``SettingsRefused`` with one line a mistake.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsRefused(
            *(
                f"{PREFIX}{'_'.join(str(part) for part in mistake['loc']).upper()}: {mistake['msg']}"
                for mistake in error.errors(include_input=False, include_url=False, include_context=False)
            )
        ) from None
