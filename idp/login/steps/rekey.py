"""An assistant's first sign-in with ``own_password``: a password and a phone key that the practitioner never saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts import assistant_factors, directory
from idp.accounts.party import Account, password_mark
from idp.accounts.passwords import Chooser, words_of
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.enrolment import Enrolments
from idp.login.journey import Journey
from idp.login.new_password import FIELD, NewPasswords
from idp.login.position import Position
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages, Problem
from idp.plugins import KnowledgeFactor
from idp.rules.assurance import Proof
from idp.rules.delegation import Actor
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class RekeyStep:
    """Reached with the practice's password and the phone that the practitioner gave; both open nothing afterwards."""

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    knowledge: KnowledgeFactor
    new: NewPasswords
    enrolments: Enrolments
    outbox: Outbox
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page: the same key for as long as the sign-in lives."""
        del request
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler*, or the new password with the first code of the new key."""
        party = position.party
        if "cancel" in request.form or party is None or party.actor is None:
            return self.journey.cancel(position)
        account, actor = party.account, party.actor
        typed = request.form.get(FIELD, "")
        secret = self.enrolments.secret(position.place)
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        problems = [self.new.problem(typed, _chooser(account, actor)), step]
        found = [problem for problem in problems if isinstance(problem, Problem)]
        if found or isinstance(step, Problem):
            return self._page(position, *found)
        phc = self._hashed(account, actor, typed)
        if phc is None:
            return self._page(position, Problem(FIELD, str(_("Choisissez un autre mot de passe."))))
        return self._rekeyed(request, position, account, actor, phc, secret, step)

    def _hashed(self, account: Account, actor: Actor, typed: str) -> str | None:
        """Return the string to keep, or ``None`` when somebody else at the account has that password.

        Asked last: an answer that it is nobody's can be had once, since it makes the password theirs who asked.
        """
        with self.database.read() as connection:
            known = directory.credentials(connection, account.identifier)
            own = assistant_factors.own_passwords(connection, account.id, self.clock.now())
        own.pop(actor.delegation_id, None)
        others = [*([known.password] if known else []), *own.values()]
        return (
            None if self.knowledge.verify(others, typed).right else self.knowledge.hash(typed, beside=others)
        )

    def _rekeyed(
        self,
        request: Request,
        position: Position,
        account: Account,
        actor: Actor,
        phc: str,
        secret: str,
        step: int,
    ) -> Response:
        now = self.clock.now()
        with self.database.write() as connection:
            first = assistant_factors.rekey(
                connection, self.keyring, account.id, actor.delegation_id, phc, secret, step, now
            )
            if first:
                detail = {"delegation": actor.delegation_id}
                record(
                    connection,
                    Event.ASSISTANT_REKEYED,
                    now,
                    account_id=account.id,
                    actor_id=actor.sub,
                    detail=detail,
                )
                self.outbox.tell(connection, Notice.PHONE_ADDED, account.id, now, who=actor.name)
        if not first:
            # Another browser was: what it chose counts, this never did.
            return self.journey.proceed(request, position.transaction.id)
        self.enrolments.take(position.place, secret)
        # The assistant's session at this browser has just ended with all others: nothing goes on under its sid.
        position = replace(position, visitor=self.journey.visitors.of(request))
        at = int(now.timestamp())
        return self.journey.prove(
            request,
            position,
            account.id,
            actor.delegation_id,
            (Proof("pwd", at), Proof("otp", at)),
            own_password=True,
            password_mark=password_mark(phc),
        )

    def _page(self, position: Position, *problems: Problem) -> Response:
        transaction, party = position.transaction, position.party
        assert party is not None
        assert party.actor is not None
        account = party.account
        return self.pages.render(
            "rekey.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            acting_for=account.name,
            name=party.actor.name,
            identifier=account.identifier,
            asked=self.new.asked(_chooser(account, party.actor)),
            **self.enrolments.shown(self.enrolments.secret(position.place), account.identifier),
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )


def _chooser(account: Account, actor: Actor) -> Chooser:
    words = words_of(actor.name, account.name, account.identifier)
    return Chooser(account.profile, two_factors=True, words=words)
