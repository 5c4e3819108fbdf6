"""The ``legacy-portal`` command."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import click
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped, unused-ignore]

from legacy_portal.app import create_app
from legacy_portal.clock import SystemClock
from legacy_portal.keys import KeysUnavailable, ProviderKeys
from legacy_portal.settings import Settings, SettingsRefused, load_settings

GRACE_SECONDS = 5


@click.group()
def main() -> None:
    """A portal that knows only headers, behind the provider's gateway."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@main.command()
def serve() -> None:
    """Serve the portal until SIGTERM; it is up when /healthz answers 200."""
    _Server(_settings()).run()


@main.command()
def check() -> None:
    """Check the settings, and that the provider answers as the configured issuer with usable keys."""
    settings = _settings()
    try:
        keys = ProviderKeys(settings.issuer, SystemClock()).current().keys
    except KeysUnavailable as error:
        _stop(f"LEGACY_PORTAL_ISSUER: {settings.issuer} does not answer as a provider ({error})")
    click.echo(f"{settings.issuer}: {len(keys)} keys")


class _Server(BaseApplication):  # type: ignore[misc, unused-ignore]
    """gunicorn with its gthread worker, configured by the portal's settings alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        for name, value in {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": "gthread",
            "graceful_timeout": GRACE_SECONDS,
            "proc_name": "legacy-portal",
            # No peer may set SCRIPT_NAME or the like, and no header may pass for another by its underscores.
            "forwarded_allow_ips": "",
            "header_map": "drop",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsRefused as refused:
        _stop(*refused.args)


def _stop(*lines: str) -> NoReturn:
    for line in lines:
        click.echo(line, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
