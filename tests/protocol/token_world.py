"""A model of codes and tokens beside the real thing: what should be alive, and whether it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from idp.clients.values import TOKEN_EXCHANGE
from tests.clock import MovableClock
from tests.protocol.answers import body, token_error
from tests.provider import CLIENT_SECRET, Provider, Someone, Visit, redirect_uri

CODE_SECONDS, ACCESS_SECONDS, GRACE_SECONDS = 60, 300, 10
LEDGER, ARCHIVE = "https://ledger.test/api", "https://archive.test/api"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

SERVICES: dict[str, dict[str, Any]] = {
    "app": {
        "assistants": "allowed",
        "scope": ["openid", "profile", "offline_access", "ledger.read", "ledger.write"],
        "resources": [LEDGER],
    },
    "other": {"assistants": "allowed", "scope": ["openid", "profile", "offline_access"]},
    "ledger": {
        "assistants": "allowed",
        "grant_types": [TOKEN_EXCHANGE],
        "redirect_uris": [],
        "scope": ["archive.read"],
        "resource_identifier": LEDGER,
        "resource_scopes": ["ledger.read", "ledger.write"],
        "resources": [ARCHIVE],
    },
    "archive": {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": [],
        "resource_identifier": ARCHIVE,
        "resource_scopes": ["archive.read", "archive.write"],
    },
}
"""`app` and `other` sign people in; `app` calls the ledger, the ledger the archive, which refuses assistants."""


@dataclass
class Session:
    """Somebody at a browser."""

    visit: Visit
    who: Someone
    acts: bool
    over: bool = False


@dataclass
class Given:
    """A grant: what an authorization code stands for before and after it is redeemed."""

    session: Session
    client_id: str
    code: str
    issued: datetime
    resource: str | None
    scope: frozenset[str]
    spent: bool = False
    revoked: bool = False
    generation: int = 0
    rotated: datetime | None = None
    refresh_tokens: list[str] = field(default_factory=list)


@dataclass
class Access:
    """An access token."""

    token: str
    given: Given
    readers: frozenset[str]
    """Who may introspect it."""
    until: datetime
    scope: frozenset[str]
    revoked: bool = False
    """By itself; its grant may be too."""


class TokenWorld:
    """Two people at browsers, services with codes and tokens: each act is done for real and in the model."""

    def __init__(self, provider: Provider, identifier: str) -> None:
        self.provider = provider
        self.doctor = provider.add(identifier, "ROCHE Anne", mfa=True)
        self.assistant = provider.add_assistant(self.doctor, "NAUDIN Fernand")
        self.removed = False
        self.sessions: list[Session] = []
        self.given: list[Given] = []
        self.access: list[Access] = []
        self.exchanged = 0

    @property
    def now(self) -> datetime:
        """The provider's time."""
        return self.provider.clock.now()

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.provider.clock.advance(seconds=seconds)

    def sign_in(self, who: Someone) -> None:
        """Open a browser and sign in at `other`; the code is left unused."""
        self.advance(30)  # a phone shows one code a step
        visit, acts = self.provider.browser(), who is self.assistant
        visit.authorize("other")
        visit.identify(who)
        visit.enter_code(who)
        assert (visit.left_for is None) == (acts and self.removed)
        if visit.left_for is not None:
            session = Session(visit, who, acts)
            self.sessions.append(session)
            self._note(session, "other", None)

    def authorize(self, session: Session, client_id: str, resource: str | None) -> None:
        """Ask for a code by single sign-on, in silence."""
        scope = " ".join(SERVICES[client_id]["scope"])
        session.visit.authorize(client_id, prompt="none", resource=resource, scope=scope)
        if self.alive(session):
            self._note(session, client_id, resource)
        else:
            assert session.visit.answer["error"] == "login_required"

    def redeem(self, given: Given, client_id: str) -> None:
        """Redeem a code, perhaps as the wrong client, perhaps again."""
        answer = self.provider.redeem(given.code, client_id, redirect_uri=redirect_uri(given.client_id))
        fresh = self.now < given.issued + timedelta(seconds=CODE_SECONDS)
        if client_id == given.client_id and not given.spent and fresh and self.alive(given.session):
            given.spent = True
            self._keep(given, answer)
            return
        assert token_error(answer) == "invalid_grant"
        if client_id == given.client_id and given.spent:
            given.revoked = True

    def refresh(self, given: Given, which: int, client_id: str) -> None:
        """Use one of the refresh tokens of a grant, perhaps an old one, perhaps as the wrong client."""
        answer = self.provider.refresh(given.refresh_tokens[which], client_id)
        if client_id != given.client_id:
            assert token_error(answer) == "invalid_grant"
            return
        again = (
            which == given.generation - 1
            and given.rotated is not None
            and self.now <= given.rotated + timedelta(seconds=GRACE_SECONDS)
        )
        if self.lives(given) and (which == given.generation or again):
            successor = self._keep(given, answer)
            if again:
                assert successor == given.refresh_tokens[-1]
                given.refresh_tokens.pop()
            else:
                given.generation, given.rotated = given.generation + 1, self.now
            return
        assert token_error(answer) == "invalid_grant"
        given.revoked = True

    def exchange(self, access: Access, scope: str | None) -> None:
        """Let the ledger trade the token that it was sent for one for the archive."""
        asked = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": access.token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": ARCHIVE,
            **({"scope": scope} if scope else {}),
        }
        answer = self.provider.token(asked, "ledger")
        may = "ledger" in access.readers and not access.given.session.acts
        if not (self.counts(access) and may) or scope not in (None, "archive.read"):
            token_error(answer)
            return
        told = body(answer)
        assert (told["issued_token_type"], "refresh_token" in told, "id_token" in told) == (
            ACCESS_TOKEN,
            False,
            False,
        )
        self.exchanged += 1
        self._add(access.given, told, access.until, frozenset({"archive", "ledger"}))
        assert self.access[-1].scope <= {"archive.read"}
        assert self.access[-1].until <= access.until

    def revoke(self, token: str, client_id: str, given: Given) -> None:
        """Give a refresh token back, or somebody else's."""
        answer = self.provider.revoke(token, client_id)
        if client_id == given.client_id:
            assert answer.status_code == 200
            given.revoked = True

    def revoke_access(self, access: Access) -> None:
        """Give an access token back as the client that got it."""
        client_id = str(self.provider.claims(access.token)["client_id"])
        assert self.provider.revoke(access.token, client_id).status_code == 200
        if not self.counts(access):
            return
        if client_id == access.given.client_id:
            access.given.revoked = True
        else:
            access.revoked = True

    def sign_out(self, session: Session) -> None:
        """Sign out at the provider."""
        session.visit.get("/logout")
        if session.visit.page.forms:
            session.visit.submit()
        session.over = True

    def remove_assistant(self) -> None:
        """Remove the assistant: all of theirs ends."""
        if not self.removed:
            self.provider.remove_assistant(self.doctor, self.assistant.name)
            self.removed = True

    def alive(self, session: Session) -> bool:
        """Say whether a session should count."""
        return not session.over and not (session.acts and self.removed)

    def lives(self, given: Given) -> bool:
        """Say whether a grant should count."""
        return given.spent and not given.revoked and self.alive(given.session)

    def counts(self, access: Access) -> bool:
        """Say whether an access token should count."""
        return not access.revoked and self.now < access.until and self.lives(access.given)

    def check(self) -> None:
        """Compare: every access token counts where it should, for whom it should, and says who acts."""
        for access in self.access:
            for client_id in SERVICES:
                told = json.loads(self.provider.introspect(access.token, client_id).data)
                if self.counts(access) and client_id in access.readers:
                    assert told["active"], (client_id, access)
                    assert ("act" in told) == ("delegation" in told) == access.given.session.acts
                    assert told["acr"] == "mfa"
                    assert frozenset(str(told["scope"]).split()) == access.scope
                    assert access.scope <= access.given.scope | {"archive.read"}
                else:
                    assert told == {"active": False}, (client_id, access)
            known = self.provider.userinfo(access.token).status_code
            own = self.provider.claims(access.token)["aud"] == self.provider.settings.issuer
            assert known == (200 if own and self.counts(access) else 401)

    def _note(self, session: Session, client_id: str, resource: str | None) -> None:
        code = session.visit.answer["code"]
        scope = frozenset(SERVICES[client_id]["scope"])
        self.given.append(Given(session, client_id, code, self.now, resource, scope))

    def _keep(self, given: Given, answer: TestResponse) -> str:
        told = body(answer)
        until = self.now + timedelta(seconds=ACCESS_SECONDS)
        readers = {given.client_id} | ({"ledger"} if given.resource == LEDGER else set())
        self._add(given, told, until, frozenset(readers))
        given.refresh_tokens.append(told["refresh_token"])
        return str(told["refresh_token"])

    def _add(self, given: Given, told: dict[str, Any], until: datetime, readers: frozenset[str]) -> None:
        scope = frozenset(str(told.get("scope", "")).split())
        claims = self.provider.claims(told["access_token"])
        until = min(until, datetime.fromtimestamp(claims["exp"], until.tzinfo))
        self.access.append(Access(told["access_token"], given, readers, until, scope))


def provider_with_services(folder: Path, clock: MovableClock, **more: Any) -> Provider:
    """Return a provider whose clients are the services of this model."""
    (folder / "services").mkdir()
    for client_id, changes in SERVICES.items():
        data = {
            "client_id": client_id,
            "name": f"Service {client_id}",
            "redirect_uris": [redirect_uri(client_id)],
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret_sha256": sha256(CLIENT_SECRET.encode()).hexdigest(),
            "profiles": ["health_professional"],
            "mfa": "optional",
            **changes,
        }
        (folder / "services" / f"{client_id}.yaml").write_text(json.dumps(data), encoding="utf-8")
    profiles = {
        name: {"label": name, "mfa": "optional"} for name in ("health_professional", "insured", "employer")
    }
    return Provider(folder, clock, clients_folder="services", profiles=profiles, revocation_lag=0, **more)
