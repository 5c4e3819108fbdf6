"""The demo's folder: keys, people and passwords, made once and kept; addresses follow the ports of each start."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import Connection, select

from idp.accounts import authenticators, delegations, directory
from idp.accounts.delegations import NewAssistant
from idp.app import Parts, parts_of
from idp.demo.people import PEOPLE, Seed
from idp.oidc.keys import ensure_keys
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import window_of_days
from idp.settings import Settings, load_settings
from idp.storage.keyring import Keyring
from idp.storage.migrate import upgrade
from idp.storage.schema import account, delegation, person

ALL_SCOPES = ["openid", "profile", "email", "phone", "address", "offline_access", "practitioner"]
ALL_PROFILES = ["health_professional", "insured", "employer"]


@dataclass(frozen=True)
class World:
    """What the demo runs on."""

    folder: Path
    settings: Settings
    parts: Parts
    issuer: str
    portal: str
    portal_secret: str
    portal_cookie_key: str
    description: dict[str, Any]
    """What ``--json`` prints."""


def open_world(folder: Path, port: int, portal_port: int, mfa_date: date | None) -> World:
    """Make or reopen the demo of ``folder``. Raises ``OSError`` when the folder cannot be written."""
    (folder / "clients").mkdir(parents=True, exist_ok=True, mode=0o700)
    issuer, portal = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{portal_port}"
    kept = _kept(folder)
    day = mfa_date or datetime.now(FUND_ZONE).date() + timedelta(days=90)
    _write_yaml(folder / "idp.yaml", _settings(issuer, port, day))
    clients = _clients(portal, day, kept)
    for client in clients:
        _write_yaml(folder / "clients" / f"{client['client_id']}.yaml", client)
    settings = load_settings(folder / "idp.yaml", environ={})
    parts = parts_of(settings)
    upgrade(parts.database)
    ensure_keys(parts.database, parts.keyring, parts.clock.now())
    _seed(parts, kept)
    description = {
        "issuer": issuer,
        "portal": portal,
        "profile": f"{issuer}/profile",
        "accounts": _accounts(parts, kept),
        "clients": [_described(client, kept) for client in clients],
    }
    parts.database.dispose()
    return World(folder, settings, parts, issuer, portal, kept["fse-portal"], kept["portal"], description)


def _kept(folder: Path) -> dict[str, str]:
    """Return the folder's random secrets: the keyring's file, passwords by identifier, clients' secrets by id."""
    keyring, file = folder / "keyring", folder / "secrets.json"
    if not keyring.exists():
        _write_private(keyring, Keyring.generate_line("demo") + "\n")
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    names = [
        *(seed.identifier for seed in PEOPLE),
        "fse-portal",
        "demo-confidential",
        "dossier-retraite",
        "portal",
    ]
    for name in names:
        kept.setdefault(name, _password() if name.isdigit() else secrets.token_urlsafe(32))
    _write_private(file, json.dumps(kept, indent=1))
    return kept


def _password() -> str:
    """Return eight random digits, none three times in a row: what the funds' rule allows."""
    while True:
        digits = "".join(secrets.choice("0123456789") for _ in range(8))
        if not any(digit * 3 in digits for digit in "0123456789"):
            return digits


def _settings(issuer: str, port: int, day: date) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "database_url": "sqlite:///idp.sqlite",
        "ephemeral_url": "sql:",
        "keyring_file": "keyring",
        "clock_shift_file": "clock",
        "profiles": {
            "health_professional": {
                "label": "Professionnel de santé",
                "mfa": {"required_from": day.isoformat()},
                "service": "fse-portal",
            },
            "insured": {"label": "Assuré", "mfa": "optional"},
            "employer": {"label": "Employeur", "mfa": "optional"},
        },
        "support": {"phone": "+377 00 00 00 00", "hours": "du lundi au vendredi, de 8 h 30 à 17 h"},
        "listen": {"host": "127.0.0.1", "port": port, "workers": 2, "threads": 8},
    }


def _clients(portal: str, day: date, kept: dict[str, str]) -> list[dict[str, Any]]:
    def digest(name: str) -> str:
        return hashlib.sha256(kept[name].encode()).hexdigest()

    base = {"scope": ALL_SCOPES, "profiles": ALL_PROFILES, "floor": "pwd", "mfa": "optional"}
    return [
        {
            "client_id": "fse-portal",
            "name": "Feuille de Soins Électronique (FSE)",
            "redirect_uris": [f"{portal}/callback"],
            "post_logout_redirect_uris": [f"{portal}/goodbye"],
            "initiate_login_uri": f"{portal}/login",
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret_sha256": digest("fse-portal"),
            "scope": ["openid", "profile", "practitioner"],
            "profiles": ["health_professional"],
            "floor": "pwd",
            "mfa": {"required_from": day.isoformat()},
            "assistants": "allowed",
        },
        {
            **base,
            "client_id": "demo-confidential",
            "name": "Service d'essai confidentiel",
            "redirect_uris": ["http://127.0.0.1:8400/callback"],
            "post_logout_redirect_uris": ["http://127.0.0.1:8400/goodbye"],
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret_sha256": digest("demo-confidential"),
            "assistants": "allowed",
        },
        {
            **base,
            "client_id": "demo-public",
            "name": "Service d'essai public",
            "redirect_uris": ["http://127.0.0.1:8401/callback"],
            "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": "ES256",
            "assistants": "allowed",
        },
        {
            **base,
            "client_id": "dossier-retraite",
            "name": "Mon dossier de retraite",
            "redirect_uris": ["http://127.0.0.1:8402/callback"],
            "token_endpoint_auth_method": "client_secret_post",
            "client_secret_sha256": digest("dossier-retraite"),
            "assistants": "refused",
        },
    ]


def _described(client: dict[str, Any], kept: dict[str, str]) -> dict[str, Any]:
    return {
        "client_id": client["client_id"],
        "client_secret": kept[client["client_id"]] if "client_secret_sha256" in client else None,
        "token_endpoint_auth_method": client["token_endpoint_auth_method"],
        "redirect_uris": client["redirect_uris"],
        "scope": " ".join(client["scope"]),
        "floor": client["floor"],
        "assistants": client["assistants"] == "allowed",
    }


def _seed(parts: Parts, kept: dict[str, str]) -> None:
    now = parts.clock.now()
    with parts.database.read() as connection:
        present = set(connection.execute(select(account.c.identifier)).scalars())
    for seed in PEOPLE:
        if seed.identifier not in present:
            phc = parts.plugins.knowledge.hash(kept[seed.identifier])
            with parts.database.write() as connection:
                _add(connection, parts, seed, phc, now)


def _add(connection: Connection, parts: Parts, seed: Seed, phc: str, now: datetime) -> None:
    attributes = {**seed.attributes, "updated_at": int(now.timestamp())}
    sub = directory.add_person(connection, seed.name, now, attributes)
    account_id = directory.add_account(connection, sub, seed.identifier, seed.profile, phc, now)
    if seed.activated:
        secret = parts.plugins.possession.new_secret()
        authenticators.activate(connection, parts.keyring, account_id, secret, None, now)
    for name, first in seed.assistants:
        new = NewAssistant(name, window_of_days(first, None), parts.plugins.possession.new_secret(), None)
        delegations.add(connection, parts.keyring, account_id, new, 10, now)


def _accounts(parts: Parts, kept: dict[str, str]) -> list[dict[str, Any]]:
    """Return every person who can sign in as they are now, those added by hand too."""
    now = parts.clock.now()
    told = []
    with parts.database.read() as connection:
        rows = connection.execute(
            select(account, person.c.name)
            .join(person, person.c.id == account.c.person_id)
            .order_by(account.c.created_at)
        ).all()
        names = dict(
            connection.execute(
                select(delegation.c.id, person.c.name).join(person, person.c.id == delegation.c.person_id)
            )
            .tuples()
            .all()
        )
        for row in rows:
            held = authenticators.active(connection, parts.keyring, row.id, now)
            own = next((one.secret for one in held if one.delegation_id is None), None)
            typed = {"identifier": row.identifier, "password": kept.get(row.identifier)}
            role = "practitioner" if row.profile == "health_professional" else row.profile
            mfa = row.activated_at is not None
            told.append({"role": role, "name": row.name, **typed, "mfa": mfa, "totp_secret": own})
            told += [
                {
                    "role": "assistant",
                    "name": names[one.delegation_id],
                    **typed,
                    "mfa": True,
                    "totp_secret": one.secret,
                }
                for one in held
                if one.delegation_id is not None
            ]
    return told


def _write_yaml(path: Path, data: dict[str, Any]) -> None:
    yaml = YAML()
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)


def _write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
