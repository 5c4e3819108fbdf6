"""``idp serve``: the provider for people."""

from __future__ import annotations

import sys

import click

from idp.commands.opened import Unprepared, open_parts
from idp.oidc.keys.signing import ALGORITHMS
from idp.oidc.keys.store import load_keys
from idp.serving import Server, unsafe
from idp.settings import Settings, load_settings
from idp.storage.errors import SealBroken


@click.command()
def command() -> None:
    """Serve the provider until SIGTERM; unsafe settings are refused."""
    settings = load_settings()
    if reasons := unsafe(settings):
        raise Unprepared("\n".join(reasons))
    _check_prepared(settings)
    sys.argv = sys.argv[:1]
    Server(settings).run()


def _check_prepared(settings: Settings) -> None:
    """Raise ``Unprepared`` for what would make the first request fail."""
    parts = open_parts(settings)
    try:
        published = load_keys(parts.database, parts.keyring).published
        if {one.signing.alg for one in published} != set(ALGORITHMS):
            raise Unprepared("database: signing keys are expected; `idp db upgrade` makes them")
    except SealBroken:
        raise Unprepared("keyring_file: the key that sealed the signing keys is expected") from None
    finally:
        parts.database.dispose()
