"""The device at the other end: in words that its owner recognises, and whether an account knows it."""

from __future__ import annotations

import hashlib

from flask import Request, Response
from itsdangerous import BadSignature, Signer
from sqlalchemy import Connection
from ua_parser import parse

from idp.accounts import devices
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.cookies import Cookies, fingerprint, new_token
from idp.login.destination import Visitor
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.storage.database import Database
from idp.storage.keyring import Keyring

KEPT_SECONDS = 400 * 86_400
"""How long a browser keeps the cookie after the last sign-in: the longest that browsers grant (RFC 6265bis §5.5)."""

_MAX_AGENT = 512
_MAX_LABEL = 120


def device_label(user_agent: str) -> str:
    """Return browser and system, *Firefox, Windows*; empty when the browser does not tell."""
    found = parse(user_agent[:_MAX_AGENT])
    named = [part.family for part in (found.user_agent, found.os) if part and part.family != "Other"]
    return ", ".join(named)[:_MAX_LABEL]


class KnownDevices:
    """The cookie by which accounts know a browser again. It opens nothing: it only says where failures count.

    One random token a browser, for all accounts used there. It is signed, so that an invented one costs no look-up.
    """

    def __init__(
        self, database: Database, clock: Clock, cookies: Cookies, keyring: Keyring, outbox: Outbox
    ) -> None:
        self._database = database
        self._clock = clock
        self._cookies = cookies
        self._outbox = outbox
        oldest_first = keyring.derive_all("device cookie")[::-1]
        self._signer = Signer(oldest_first, salt="device", digest_method=hashlib.sha256)

    def token(self, request: Request) -> str | None:
        """Return the SHA-256 of this browser's token, or ``None`` when it has none of ours."""
        raw = self._raw(request)
        return None if raw is None else fingerprint(raw)

    def knows(self, connection: Connection, request: Request, account_id: str) -> bool:
        """Say whether the account knows this browser."""
        token = self.token(request)
        return token is not None and devices.is_known(connection, account_id, token, self._clock.now())

    def knows_at(self, connection: Connection, request: Request, identifier: str) -> bool:
        """Say the same by comparable identifier, with the same work whether an account has it or not."""
        token = self.token(request)
        return token is not None and devices.is_known_at(connection, identifier, token, self._clock.now())

    def knows_by_mail(self, connection: Connection, request: Request, email_key: str) -> bool:
        """Say the same by the key of a holder's e-mail address."""
        token = self.token(request)
        return token is not None and devices.is_known_by_mail(connection, email_key, token, self._clock.now())

    def make_known(self, request: Request, visitor: Visitor) -> str | None:
        """Let the visitor's account know this browser, and return what the browser shall keep.

        After two factors; after a password alone only while the account is not activated (else ``None``), and to the
        first activation. Where the account knew other devices only, its contacts are told.
        """
        alone = visitor.session.acr != "mfa"
        account, actor = visitor.party.account, visitor.party.actor
        now = self._clock.now()
        raw = self._raw(request)
        with self._database.write() as connection:
            # Forgotten by every account, a token may have been copied: it is not taken up again.
            if raw is None or not devices.is_used(connection, fingerprint(raw)):
                raw = new_token()
            found = devices.make_known(
                connection,
                account.id,
                actor.delegation_id if actor else None,
                fingerprint(raw),
                visitor.session.device,
                now,
                by_password_alone=alone,
            )
            if found == "activated":
                return None
            if found != "before":
                detail = {"device": visitor.session.device}
                actor_id = actor.sub if actor else None
                record(
                    connection,
                    Event.DEVICE_KNOWN,
                    now,
                    account_id=account.id,
                    actor_id=actor_id,
                    detail=detail,
                )
            if found == "another":
                who = actor.name if actor else account.name
                self._outbox.tell(
                    connection, Notice.NEW_DEVICE, account.id, now, who=who, device=visitor.session.device
                )
        return self._signer.sign(raw).decode()

    def keep(self, response: Response, value: str) -> None:
        """Have the browser keep what ``make_known`` returned, for as long again."""
        self._cookies.put(response, "device", value, KEPT_SECONDS)

    def _raw(self, request: Request) -> str | None:
        try:
            return self._signer.unsign(self._cookies.get(request, "device")).decode("ascii")
        except (BadSignature, UnicodeError):
            return None
