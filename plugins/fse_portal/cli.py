"""The ``fse-portal`` command."""

from __future__ import annotations

import logging
import sqlite3
import sys
from typing import NoReturn

import click
from flask import Flask
from flask_relying_party import SystemClock
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped, unused-ignore]
from requests import RequestException

from fse_portal.app import create_app, relying_party
from fse_portal.settings import Settings, SettingsRefused, load_settings

GRACE_SECONDS = 5


@click.group()
def main() -> None:
    """The FSE portal, a relying party of the identity provider."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@main.command()
def serve() -> None:
    """Serve the portal until SIGTERM; it is up when /healthz answers 200."""
    settings = _settings()
    try:
        # Here once, so that workers find the file made and a mistake is told before any of them starts.
        create_app(settings)
    except (OSError, sqlite3.Error) as error:
        _stop(f"FSE_PORTAL_DATABASE: a writable SQLite file is expected ({error})")
    _Server(settings).run()


@main.command()
def check() -> None:
    """Check the settings, and that the provider answers as the configured issuer with usable keys."""
    settings = _settings()
    sso = relying_party(Flask("fse_portal"), settings, SystemClock())
    try:
        answer = sso.check_provider()
    except RequestException as error:
        _stop(f"FSE_PORTAL_ISSUER: {settings.issuer} does not answer as a provider ({type(error).__name__})")
    logout = "with" if answer.ends_session else "without"
    click.echo(f"{settings.issuer}: {answer.keys} keys, {logout} logout at the provider")


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
            "proc_name": "fse-portal",
            # No peer may set SCRIPT_NAME or the like, loopback neither: nothing of a request is believed but its body.
            "forwarded_allow_ips": "",
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
