"""Who is at the other end: the session of a request looked up together with the account as it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Request, Response
from flask import session as browser_session
from sqlalchemy import Connection

from idp.accounts import delegations, grants, sessions
from idp.accounts.grants import OwnedSession
from idp.accounts.links import SignedInBy, still_counts
from idp.accounts.locking import lock_account
from idp.accounts.party import party, party_in_session
from idp.accounts.sessions import Opened
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login import way_back
from idp.login.cookies import Cookies
from idp.login.destination import Visitor
from idp.login.session import SessionStore, SignOnSession
from idp.rules.assurance import Proof
from idp.storage.database import Database

CSRF_FIELD: Final = "csrf_token"
"""Where Flask-WTF keeps in the same cookie what the forms of this browser prove (its ``WTF_CSRF_FIELD_NAME``)."""

SIGNED_OUT: Final = "signed_out"
"""Where the browser's signed cookie keeps which session it signed out of last, until somebody signs in."""


@dataclass(frozen=True)
class Visitors:
    """Opens, finds and ends single sign-on sessions. The account and delegation are looked at anew each time."""

    database: Database
    clock: Clock
    sessions: SessionStore
    cookies: Cookies

    def unseen(self, request: Request) -> bool:
        """Tell of a POST without our session's cookie, which browsers keep from the forms of other sites (Lax).

        It comes with the GET that follows. Whether any other cookie came tells nothing: a proxy's own may.
        """
        return request.method == "POST" and not self.cookies.get(request, "session")

    def of(self, request: Request, *, silent: bool = False) -> Visitor | None:
        """Return who is signed in, or ``None``: no session, or an account or delegation that no longer counts.

        A ``silent`` request is no use of the session: nobody need be there who sent it.
        """
        cookie = self.cookies.get(request, "session")
        session = self.sessions.load(cookie, used=not silent)
        if session is None:
            return None
        with self.database.read() as connection:
            present = party_in_session(
                connection, session.account_id, session.delegation_id, session.sid, self.clock.now()
            )
        if present is None:
            self.end(cookie, session, "account or delegation no longer in force")
            return None
        return Visitor(cookie, session, present)

    def sign_in(
        self,
        before: Visitor | None,
        account_id: str,
        delegation_id: str | None,
        proofs: tuple[Proof, ...],
        *,
        device: str,
        by: SignedInBy | None = None,
    ) -> Visitor | None:
        """Open the session of a finished sign-in, under a new cookie value.

        ``None`` when it no longer counts: its account, its delegation, or proofs older than a session lasts at all.
        The same person at the same account, signed in ``by`` the same practice, goes on with the same ``sid``; any
        other session at this browser ends.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            present = party(connection, account_id, delegation_id, now)
        if present is None or self.sessions.ends_at_the_latest(present.account.profile, proofs) <= now:
            return None
        via = by.delegation_id if by is not None else None
        goes_on = before is not None and _same_way(before.session, account_id, delegation_id, via)
        ending = before if not goes_on else None
        # Opened before anything is written: if a store fails, nobody holds the new cookie and nothing else changed.
        cookie, session = self.sessions.open(
            account_id,
            delegation_id,
            present.account.profile,
            proofs,
            before.session.sid if before is not None and goes_on else None,
            device,
            via,
        )
        ends_at = self.sessions.ends_at_the_latest(session.profile, proofs)
        new = Opened(session.sid, account_id, delegation_id, device, session.opened_at, ends_at, via)
        with self.database.write() as connection:
            touched = {one.account_id for one in (new, by, ending.session if ending else None) if one}
            for one in sorted(touched) if len(touched) > 1 else ():
                lock_account(connection, one)
            counts = by is None or still_counts(connection, by, proofs, now)
            if counts and ending is not None:
                self._revoke(connection, _owned(ending.session), "somebody else signed in")
            if counts:
                sessions.opened(connection, new, goes_on=goes_on)
                record(
                    connection,
                    Event.SIGNED_IN,
                    now,
                    account_id=account_id,
                    actor_id=present.actor.sub if present.actor else None,
                    detail={"methods": sorted({proof.method for proof in proofs})},
                )
        if not counts:
            self.sessions.close(cookie)
            return None
        if before is not None:
            self.sessions.close(before.cookie)
        browser_session.pop(SIGNED_OUT, None)
        return Visitor(cookie, session, present)

    def sign_out(self, visitor: Visitor, response: Response) -> None:
        """End the visitor's session with every grant of it, and have their browser forget them."""
        self.end(visitor.cookie, visitor.session, "signed out")
        self.forget(response)

    def forget(self, response: Response) -> None:
        """Drop what a browser keeps of whoever sat there: cookies, what other tabs proved, where it signed in, forms.

        Its binding stays, for the sign-in of the next person, and the language.
        """
        self.cookies.drop(response, "session")
        self.cookies.drop(response, "proof")
        way_back.forget()
        browser_session.pop(CSRF_FIELD, None)

    def end(self, cookie: str, session: SignOnSession, why: str) -> None:
        """End a session with every grant of it."""
        with self.database.write() as connection:
            self._revoke(connection, _owned(session), why)
        self.sessions.close(cookie)

    def end_named(self, sid: str) -> None:
        """End a session of which only the ``sid`` is known: its browser has no cookie of it any more."""
        with self.database.write() as connection:
            owned = grants.owner_of_session(connection, sid)
            if owned is not None:
                self._revoke(connection, owned, "hint without session")

    def _revoke(self, connection: Connection, owned: OwnedSession, why: str) -> None:
        now = self.clock.now()
        grants.revoke_session(connection, owned.sid, owned.account_id, now)
        delegation_id = owned.delegation_id
        record(
            connection,
            Event.SIGNED_OUT,
            now,
            account_id=owned.account_id,
            actor_id=delegations.assistant_of(connection, delegation_id) if delegation_id else None,
            detail={"why": why},
        )


def _owned(session: SignOnSession) -> OwnedSession:
    return OwnedSession(session.sid, session.account_id, session.delegation_id)


def _same_way(session: SignOnSession, account_id: str, delegation_id: str | None, via: str | None) -> bool:
    same = (account_id, delegation_id, via)
    return (session.account_id, session.delegation_id, session.via_delegation_id) == same
