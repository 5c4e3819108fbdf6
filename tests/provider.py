"""A whole provider inside the test: real stores and files, a clock that the test moves, people with known secrets."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import Connection, insert, select
from werkzeug.test import TestResponse

from idp.accounts import authenticators, delegations, directory
from idp.accounts.delegations import NewAssistant
from idp.app import Parts, create_app, parts_of
from idp.clients.values import WITH_SECRET
from idp.demo.browser import Page, read_page
from idp.oidc.keys.signing import ALGORITHMS, Signatures, new_key
from idp.oidc.subjects import ensure_subjects
from idp.rules.delegation import window_of_days
from idp.settings import Settings, load_settings
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from idp.storage.keyring import Keyring
from idp.storage.migrate import upgrade
from idp.storage.schema import account, audit_event, signing_key
from tests.assertions import asserted, assertion, public_jwk
from tests.clock import MovableClock

ISSUER = "https://idp.test"
MFA_DATE = date(2026, 3, 1)
START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
PASSWORD = "48213975"
CLIENT_SECRET = "a-secret-of-the-tests"
VERIFIER = "one-verifier-for-all-tests-0123456789-abcdefghijklmnopqrstuvwxyz"

CLIENTS: Mapping[str, Mapping[str, Any]] = {
    "portal": {
        "mfa": {"required_from": MFA_DATE.isoformat()},
        "assistants": "allowed",
        "profiles": ["health_professional"],
    },
    "open": {"assistants": "allowed"},
    "managing": {
        "assistants": "allowed",
        "scope": ["openid", "profile", "offline_access", "assistants:manage"],
    },
    "strict": {"floor": "mfa", "assistants": "allowed"},
    "retirement": {},
    "public": {
        "assistants": "allowed",
        "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "ES256",
    },
    "posting": {"token_endpoint_auth_method": "client_secret_post"},
    "asserting": {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public_jwk("ec")]}},
    "plain": {"pkce": "optional", "scope": ["openid", "profile"]},
    "noncer": {"nonce": "required"},
    "twin": {"subject_type": "pairwise", "sector_identifier": "twins.test", "assistants": "allowed"},
    "sibling": {"subject_type": "pairwise", "sector_identifier": "twins.test", "assistants": "allowed"},
    "apart": {
        "subject_type": "pairwise",
        "assistants": "allowed",
        "scope": ["openid", "profile", "offline_access", "assistants:manage"],
    },
    "signing": {"userinfo_signed_response_alg": "ES256", "assistants": "allowed"},
    "asking": {"consent": "required", "assistants": "allowed"},
    "records": {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": [],
        "resource_identifier": "https://records.test/api",
        "resource_scopes": ["records.read", "records.write"],
    },
    "letters": {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": [],
        "resource_identifier": "https://letters.test/api",
        "resource_scopes": ["letters.send"],
    },
    "machine": {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": ["openid", "profile", "offline_access", "practitioner", "records.read", "letters.send"],
        "resources": ["https://records.test/api", "https://letters.test/api"],
    },
    "salted": {"id_token_signed_response_alg": "PS256"},
    "edwards": {"id_token_signed_response_alg": "EdDSA"},
    "native": {
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "redirect_uris": ["http://127.0.0.1/cb"],
    },
}
"""The clients of the tests by id; each file starts from the same base."""


@dataclass(frozen=True)
class Someone:
    """A person who can sign in: what they type, and the secret on their phone if they have one."""

    identifier: str
    password: str
    name: str
    secret: str | None = None

    def code(self, clock: MovableClock, *, steps: int = 0) -> str:
        """Return the code of the phone, ``steps`` time steps away from the clock's."""
        assert self.secret is not None
        return pyotp.TOTP(self.secret).at(int(clock.now().timestamp()) + 30 * steps)


class Provider:
    """The provider in ``folder``. ``database_url`` and ``ephemeral_url`` default to the embedded stores."""

    def __init__(
        self,
        folder: Path,
        clock: MovableClock,
        database_url: str | None = None,
        ephemeral_url: str = "sql:",
        **settings: Any,
    ) -> None:
        self.clock = clock
        clock.set(START)
        self.settings = _settings(folder, database_url, ephemeral_url, settings)
        parts = parts_of(self.settings)
        ephemeral: EphemeralStore = open_ephemeral(ephemeral_url, parts.database, clock)
        self.parts = replace(parts, ephemeral=ephemeral, clock=clock)
        prepare(self.parts)
        self._phc = self.parts.plugins.knowledge.hash(PASSWORD)
        self.app: Flask = create_app(self.settings, self.parts)

    def add(
        self,
        identifier: str,
        name: str,
        profile: str = "health_professional",
        *,
        mfa: bool = False,
        attributes: Mapping[str, object] | None = None,
    ) -> Someone:
        """Add an account with the password ``PASSWORD``; with ``mfa`` it has been activated, no step spent."""
        now = self.clock.now()
        secret = self.parts.plugins.possession.new_secret() if mfa else None
        with self.parts.database.write() as connection:
            sub = directory.add_person(connection, name, now, attributes)
            account_id = directory.add_account(connection, sub, identifier, profile, self._phc, now)
            if secret is not None:
                authenticators.activate(connection, self.parts.keyring, account_id, secret, None, now)
        return Someone(identifier, PASSWORD, name, secret)

    def add_assistant(
        self,
        doctor: Someone,
        name: str,
        first: date = date(2025, 12, 3),
        last: date | None = None,
        secret: str | None = None,
    ) -> Someone:
        """Add an assistant of ``doctor`` with their own phone, no step spent."""
        secret = secret or self.parts.plugins.possession.new_secret()
        new = NewAssistant(name, window_of_days(first, last), secret, None)
        with self.parts.database.write() as connection:
            account_id = self.account_id(connection, doctor)
            delegations.add(connection, self.parts.keyring, account_id, new, 10, self.clock.now())
        return Someone(doctor.identifier, doctor.password, name, secret)

    def remove_assistant(self, doctor: Someone, name: str) -> None:
        """Remove the assistant of that name, as the practitioner does on the profile."""
        with self.parts.database.write() as connection:
            account_id = self.account_id(connection, doctor)
            listed = delegations.of_account(connection, account_id)
            one = next(one for one in listed if one.name == name and one.removed_at is None)
            sub = connection.execute(
                select(account.c.person_id).where(account.c.id == account_id)
            ).scalar_one()
            assert delegations.remove(connection, account_id, one.id, sub, self.clock.now())

    def disable(self, who: Someone) -> None:
        """Disable the account."""
        with self.parts.database.write() as connection:
            directory.set_disabled(connection, self.account_id(connection, who), self.clock.now())

    def account_id(self, connection: Connection, who: Someone) -> str:
        """Return the id of the account's row."""
        found: str = connection.execute(
            select(account.c.id).where(account.c.identifier == who.identifier)
        ).scalar_one()
        return found

    def audited(self, kind: str) -> list[dict[str, Any]]:
        """Return the audit's lines of a kind, the oldest first."""
        with self.parts.database.read() as connection:
            found = connection.execute(
                select(audit_event).where(audit_event.c.kind == kind).order_by(audit_event.c.id)
            )
            return [dict(row) for row in found.mappings()]

    def browser(self) -> Visit:
        """Return a new browser."""
        return Visit(self)

    def token(self, data: Mapping[str, str], client_id: str = "open", **how: Any) -> TestResponse:
        """Post to the token endpoint as ``client_id``, authenticated the way its file says."""
        return self.as_client("/oauth2/token", data, client_id, **how)

    def introspect(self, token: str, client_id: str = "open", **more: str) -> TestResponse:
        """Ask what stands behind a token."""
        return self.as_client("/oauth2/introspect", {"token": token, **more}, client_id)

    def revoke(self, token: str, client_id: str = "open", **more: str) -> TestResponse:
        """Give a token back."""
        return self.as_client("/oauth2/revoke", {"token": token, **more}, client_id)

    def as_client(self, path: str, data: Mapping[str, str], client_id: str, **how: Any) -> TestResponse:
        """Post to any endpoint for clients, authenticated the way the file of ``client_id`` says."""
        method = self.parts.clients.get(client_id)
        assert method is not None
        body = dict(data)
        headers = {}
        if method.token_endpoint_auth_method == "client_secret_basic":
            credentials = base64.b64encode(f"{client_id}:{CLIENT_SECRET}".encode()).decode()
            headers["Authorization"] = f"Basic {credentials}"
        elif method.token_endpoint_auth_method == "client_secret_post":
            body |= {"client_id": client_id, "client_secret": CLIENT_SECRET}
        elif method.token_endpoint_auth_method == "private_key_jwt":
            body |= asserted(assertion(client_id, ISSUER, self.clock.now()))
        else:
            body |= {"client_id": client_id}
        return self.http().post(path, data=body, headers=headers, **how)

    def redeem(self, code: str, client_id: str = "open", **changes: str) -> TestResponse:
        """Redeem a code that ``Visit.authorize`` got."""
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri(client_id),
            "code_verifier": VERIFIER,
        }
        return self.token({**data, **changes}, client_id)

    def refresh(self, token: str, client_id: str = "open", **changes: str) -> TestResponse:
        """Use a refresh token."""
        return self.token({"grant_type": "refresh_token", "refresh_token": token, **changes}, client_id)

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask for the claims of an access token."""
        return self.http().get("/oauth2/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of one of the provider's JWTs, its signature verified by the published keys."""
        keys = KeySet.import_key_set(json.loads(self.http().get("/oauth2/jwks").data))
        return dict(jwt.decode(token, keys, registry=Signatures()).claims)

    def http(self) -> FlaskClient:
        """Return a client without cookies, for what is no browser."""
        return self.app.test_client(use_cookies=False)


class Visit:
    """A browser at the provider: it follows redirects within, and stops at the door of a relying party."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.client: FlaskClient = provider.app.test_client()
        self.page: Page = Page("", 0, [], None, None, "")
        self.response: TestResponse | None = None
        self.left_for: str | None = None
        """The relying party's address that the last answer led to."""

    def get(self, path: str) -> Page:
        """Open a path of the provider."""
        return self._follow("GET", path, None)

    def submit(self, form: int = 0, /, **entered: str) -> Page:
        """Post the page's form with what is entered over what it holds."""
        chosen = self.page.forms[form]
        return self._follow("POST", chosen.action or self.page.url, {**chosen.fields, **entered})

    def post(self, path: str, data: Mapping[str, str]) -> Page:
        """Post anything anywhere, with the page's own form protection unless ``data`` brings another."""
        token = next((f.fields["csrf_token"] for f in self.page.forms if "csrf_token" in f.fields), "")
        return self._follow("POST", path, {"csrf_token": token, **data})

    def authorize(self, client_id: str = "open", **changes: str | None) -> Page:
        """Ask for authorization as the relying party ``client_id`` would; ``None`` leaves a parameter out."""
        query = urlencoded({**authorization_request(client_id), **changes})
        return self.get(f"/oauth2/authorize?{query}")

    def identify(self, who: Someone, **more: str) -> Page:
        """Fill the identification page."""
        return self.submit(identifier=who.identifier, password=who.password, **more)

    def enter_code(self, who: Someone, *, steps: int = 0) -> Page:
        """Fill the code page from the phone."""
        return self.submit(code=who.code(self.provider.clock, steps=steps))

    def sign_in(self, who: Someone, client_id: str = "open", **changes: str | None) -> str:
        """Sign in to a relying party all the way and return its authorization code."""
        self.authorize(client_id, **changes)
        self.identify(who)
        if self.left_for is None and who.secret is not None:
            self.enter_code(who)
        return self.answer["code"]

    @property
    def answer(self) -> dict[str, str]:
        """The parameters that the last answer carried to the relying party."""
        assert self.left_for is not None, (
            f"still at {self.page.url} ({self.page.status}): {self.page.text[:300]}"
        )
        return {name: values[0] for name, values in parse_qs(urlsplit(self.left_for).query).items()}

    @property
    def step(self) -> str:
        """The last part of the path of the page shown."""
        return urlsplit(self.page.url).path.rpartition("/")[2]

    def _follow(self, method: str, path: str, data: Mapping[str, str] | None) -> Page:
        self.left_for = None
        for _ in range(12):
            headers = {"Referer": f"{ISSUER}/"} if method == "POST" else {}
            self.response = self.client.open(path, method=method, data=data, base_url=ISSUER, headers=headers)
            if not 300 <= self.response.status_code < 400:
                self.page = read_page(path, self.response.status_code, self.response.text)
                return self.page
            location = self.response.headers["Location"]
            if urlsplit(location).netloc not in ("", urlsplit(ISSUER).netloc):
                self.left_for = location
                return self.page
            method, data, path = "GET", None, location.removeprefix(ISSUER)
        raise AssertionError("too many redirects")


def prepare(parts: Parts) -> None:
    """Migrate the database and make its signing keys; an SQLite one starts as a copy of one made before."""
    file = parts.database.engine.url.database
    if parts.database.engine.dialect.name != "sqlite" or file is None:
        upgrade(parts.database)
    else:
        parts.database.dispose()
        Path(file).write_bytes(_migrated())
    with parts.database.write() as connection:
        for alg, private in _signing_keys().items():
            kid = json.loads(private)["kid"]
            sealed = parts.keyring.seal(private.encode(), bound_to=f"signing_key:{kid}")
            row = {"kid": kid, "alg": alg, "private_jwk": sealed, "created_at": START}
            connection.execute(insert(signing_key).values(**row))
    ensure_subjects(parts.database, parts.keyring, START)


@cache
def _migrated() -> bytes:
    """Return an empty migrated SQLite database: migrating takes ten times as long as copying."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/idp.sqlite")
        upgrade(database)
        database.dispose()  # the last connection empties the log into the file
        return (Path(folder) / "idp.sqlite").read_bytes()


@cache
def _signing_keys() -> dict[str, str]:
    """Return private keys by algorithm: making an RSA key takes tenths of a second."""
    made = [new_key(alg) for alg in ALGORITHMS]
    return {one.alg: json.dumps({**one.key.as_dict(private=True), "kid": one.kid}) for one in made}


def authorization_request(client_id: str) -> dict[str, str]:
    """Return a right authorization request of ``client_id``."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    return {
        "client_id": client_id,
        "redirect_uri": redirect_uri(client_id),
        "response_type": "code",
        "scope": "openid profile offline_access" if client_id != "plain" else "openid profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


def redirect_uri(client_id: str) -> str:
    """Return the registered redirect address of a client of the tests."""
    if client_id == "native":
        return "http://127.0.0.1/cb"
    return f"https://{client_id}.test/callback"


def urlencoded(parameters: Mapping[str, str | None]) -> str:
    """Return parameters as a query, those that are ``None`` left out."""
    return urlencode({name: value for name, value in parameters.items() if value is not None})


def _settings(
    folder: Path, database_url: str | None, ephemeral_url: str, more: Mapping[str, Any]
) -> Settings:
    (folder / "clients").mkdir()
    (folder / "keyring").write_text(Keyring.generate_line("first") + "\n")
    digest = hashlib.sha256(CLIENT_SECRET.encode()).hexdigest()
    for client_id, changes in CLIENTS.items():
        data: dict[str, Any] = {
            "client_id": client_id,
            "name": f"Service {client_id}",
            "redirect_uris": [redirect_uri(client_id)],
            "post_logout_redirect_uris": [f"https://{client_id}.test/goodbye"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": ["openid", "profile", "email", "phone", "address", "offline_access"],
            "profiles": ["health_professional", "insured", "employer"],
            "mfa": "optional",
            **changes,
        }
        if data["token_endpoint_auth_method"] in WITH_SECRET:
            data["client_secret_sha256"] = digest
        if client_id == "portal":
            data["scope"] = ["openid", "profile", "practitioner", "offline_access"]
            data["initiate_login_uri"] = "https://portal.test/login"
        (folder / "clients" / f"{client_id}.yaml").write_text(json.dumps(data), encoding="utf-8")
    profiles = {
        "health_professional": {"label": "Professionnel de santé", "mfa": "optional", "service": "portal"},
        "insured": {"label": "Assuré", "mfa": "optional"},
        "employer": {"label": "Employeur", "mfa": "optional"},
    }
    data = {
        "issuer": ISSUER,
        "database_url": database_url or "sqlite:///idp.sqlite",
        "ephemeral_url": ephemeral_url,
        "keyring_file": "keyring",
        "profiles": profiles,
        "support": {"phone": "+377 00 00 00 00", "hours": "de 9 h à 17 h"},
        "enrolment_proof": "none",
        "argon2": {"memory_kib": 7168, "time_cost": 1, "workers": 8},
        **more,
    }
    (folder / "idp.yaml").write_text(json.dumps(data), encoding="utf-8")
    return load_settings(folder / "idp.yaml", environ={})
