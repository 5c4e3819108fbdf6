"""What the web rooms are given."""

from __future__ import annotations

from dataclasses import dataclass

from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.login.cookies import Cookies
from idp.notices.outbox import Outbox
from idp.outbound import Outbound
from idp.pages import Pages
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class Surroundings:
    """What the web rooms are given: settings and the parts outside the application."""

    settings: Settings
    database: Database
    ephemeral: EphemeralStore
    keyring: Keyring
    clock: Clock
    plugins: Plugins
    clients: ClientRegistry
    cookies: Cookies
    pages: Pages
    outbox: Outbox
    outbound: Outbound
