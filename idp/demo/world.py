"""What the demo runs on: the folder's keys, people and passwords, made once and kept, under this start's addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from idp.accounts import authenticators, delegations, directory
from idp.accounts.delegations import NewAssistant
from idp.app import Parts, parts_of
from idp.demo.configuration import (
    CONFIDENTIAL,
    PORTAL,
    RETIREMENT,
    SOFTWARE,
    demo_clients,
    demo_settings,
    described,
    write_configuration,
)
from idp.demo.failure import DemoFailed
from idp.demo.folder import kept_keys, kept_secrets, write_private
from idp.demo.legacy import PROXY_SECRET, Legacy
from idp.demo.people import PEOPLE, Seed
from idp.oidc.keys.rotation import ensure_keys
from idp.oidc.subjects import ensure_subjects
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import PRACTITIONER, window_of_days
from idp.settings import load_settings
from idp.storage.errors import SealBroken
from idp.storage.migrate import upgrade
from idp.storage.schema import account, person

PORTAL_COOKIES = "portal-cookies"
DAYS_BEFORE_OBLIGATION = 90


@dataclass(frozen=True)
class World:
    """The demo of one folder."""

    folder: Path
    settings_file: Path
    parts: Parts
    issuer: str
    portal: str
    secrets: Mapping[str, str]
    """Passwords by identifier, clients' secrets by id, and the key of the portal's cookies."""
    clients: list[dict[str, Any]]
    """Those that anybody may try; the portal behind the gateway has no secret to tell."""
    legacy: Legacy | None = None
    """The portal behind the gateway, where a proxy is installed."""

    @property
    def profile(self) -> str:
        """The address of the page *Profil*."""
        return f"{self.issuer}/profile"

    def accounts(self) -> list[dict[str, Any]]:
        """Return everybody who can sign in now, with what they type and the secret on their phone."""
        now = self.parts.clock.now()
        with self.parts.database.read() as connection:
            rows = connection.execute(
                select(account, person.c.name)
                .join(person, person.c.id == account.c.person_id)
                .where(account.c.identifier.in_([seed.identifier for seed in PEOPLE]))
            ).all()
            found = {row.identifier: row for row in rows}
            seeded = [found[seed.identifier] for seed in PEOPLE if seed.identifier in found]
            return [told for row in seeded for told in self._at(connection, row, now)]

    def description(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "issuer": self.issuer,
            "portal": self.portal,
            "profile": self.profile,
            "legacy": self.legacy.origin if self.legacy else None,
            "accounts": self.accounts(),
            "clients": [described(client, self.secrets) for client in self.clients],
        }

    def _at(self, connection: Connection, row: Any, now: datetime) -> list[dict[str, Any]]:
        held = authenticators.active(connection, self.parts.keyring, row.id, now)
        own = next((one.secret for one in held if one.delegation_id is None), None)
        names = {one.id: one.name for one in delegations.of_account(connection, row.id)}
        role = "practitioner" if row.profile == PRACTITIONER else row.profile
        people = [(role, row.name, row.activated_at is not None, own)]
        people += [
            ("assistant", names[one.delegation_id], True, one.secret) for one in held if one.delegation_id
        ]
        return [
            {
                "role": role,
                "name": name,
                "identifier": row.identifier,
                "password": self.secrets[row.identifier],
                "mfa": activated,
                "totp_secret": secret,
            }
            for role, name, activated, secret in people
        ]


def open_world(
    folder: Path, port: int, portal_port: int, mfa_date: date | None, legacy: Legacy | None = None
) -> World:
    """Make or reopen the demo of an existing folder, ready to be served.

    Raises ``OSError`` or ``StorageUnavailable`` when it cannot be written, ``DemoFailed`` when it is damaged.
    """
    issuer, portal = (f"http://127.0.0.1:{one}" for one in (port, portal_port))
    mfa_date = mfa_date or datetime.now(FUND_ZONE).date() + timedelta(days=DAYS_BEFORE_OBLIGATION)
    try:
        kept_keys(folder)
        secrets = kept_secrets(
            folder,
            [seed.identifier for seed in PEOPLE],
            [PORTAL, CONFIDENTIAL, RETIREMENT, SOFTWARE, PORTAL_COOKIES, PROXY_SECRET],
        )
        clients = demo_clients(portal, mfa_date, secrets)
        guarded = [legacy.client(mfa_date)] if legacy else []
        file = write_configuration(folder, demo_settings(issuer, mfa_date), [*clients, *guarded])
        write_private(folder / "proxy-secret", secrets[PROXY_SECRET] + "\n")
        parts = parts_of(load_settings(file, environ={}))
        world = World(folder, file, parts, issuer, portal, secrets, clients, legacy)
        _prepare(world)
    except (SealBroken, ValueError) as error:
        raise DemoFailed(f"the folder {folder} is damaged: remove it, or name another by --data") from error
    return world


def _prepare(world: World) -> None:
    """Migrate, make signing keys, add the people who are missing; leave nothing open that a fork would share."""
    parts = world.parts
    upgrade(parts.database)
    now = parts.clock.now()
    ensure_keys(parts.database, parts.keyring, now)
    ensure_subjects(parts.database, parts.keyring, now)
    present = {one["identifier"] for one in world.accounts()}
    for seed in PEOPLE:
        if seed.identifier not in present:
            phc = parts.plugins.knowledge.hash(world.secrets[seed.identifier])
            with parts.database.write() as connection:
                _add(connection, parts, seed, phc, now)
    parts.database.dispose()


def _add(connection: Connection, parts: Parts, seed: Seed, phc: str, now: datetime) -> None:
    attributes = {**seed.attributes, "updated_at": int(now.timestamp())}
    sub = directory.add_person(connection, seed.name, now, attributes)
    account_id = directory.add_account(connection, sub, seed.identifier, seed.profile, phc, now)
    new_secret = parts.plugins.possession.new_secret
    if seed.activated:
        authenticators.activate(connection, parts.keyring, account_id, new_secret(), None, now)
    for name, first in seed.assistants:
        new = NewAssistant(name, window_of_days(first, None), new_secret(), None)
        delegations.add(connection, parts.keyring, account_id, new, 10, now)
