"""The production server: gunicorn with threads. Header names with underscores are dropped; workers fork once loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from idp.app import create_app, parts_of
from idp.settings import Settings

GRACE_SECONDS = 10


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the provider until SIGTERM; ``/healthz`` answers once it does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Take everything from the provider's settings, nothing from gunicorn's own files or variables."""
        listen = self._settings.listen
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        options: dict[str, Any] = {
            "bind": f"{host}:{listen.port}",
            "workers": listen.workers,
            "threads": listen.threads,
            "worker_class": "gthread",
            "preload_app": True,
            "graceful_timeout": GRACE_SECONDS,
            "header_map": "drop",
            # Its own belief in loopback peers would let visitors behind a local proxy set SCRIPT_NAME; which
            # proxies are believed is `trusted_proxies`.
            "forwarded_allow_ips": "",
            "limit_request_line": 8190,
            "keepalive": 15,
            "proc_name": "idp",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application, with nothing open that a fork would share."""
        parts = parts_of(self._settings)
        app = create_app(self._settings, parts)
        parts.database.dispose()
        return app


def unsafe(settings: Settings) -> list[str]:
    """Return what forbids serving people with these settings, one line each."""
    reasons = []
    if not settings.secure:
        reasons.append("issuer: https is expected; plain http is for `idp demo` alone")
    if settings.clock_shift_file is not None:
        reasons.append("clock_shift_file: no shifted clock is expected; it is for `idp demo` and tests alone")
    for name, file in (
        ("keyring_file", settings.keyring_file),
        ("pepper_file", settings.pepper_file),
        ("gateway.proxy_secret_file", settings.gateway.proxy_secret_file),
    ):
        if file is not None and _read_by_others(file):
            reasons.append(f"{name}: {file} is expected to be readable by its owner alone (chmod 600)")
    return reasons


def _read_by_others(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o077)
    except OSError:
        # Opening it says what is wrong.
        return False
