"""The one dispatcher. Every page posts its step and comes back here; only here is decided what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Request, Response, url_for
from flask import session as browser_session

from idp.accounts import links
from idp.accounts.links import Place
from idp.accounts.party import Party, party
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login import way_back
from idp.login.agreements import Agreements
from idp.login.cookies import Cookies, fingerprint, new_token, same
from idp.login.destination import Destination, Visitor, see_other
from idp.login.devices import KnownDevices, device_label
from idp.login.position import NoTransaction, Position
from idp.login.transaction import Transaction, TransactionStore
from idp.login.visitors import Visitors
from idp.rules.assurance import Policy, Proof
from idp.rules.next_step import Demand, Standing, Step, next_step, silent_error
from idp.storage.database import Database


@dataclass(frozen=True)
class Journey:
    """Begins transactions, says where they stand, and ends them at their destination."""

    database: Database
    clock: Clock
    transactions: TransactionStore
    visitors: Visitors
    cookies: Cookies
    devices: KnownDevices
    agreements: Agreements
    destinations: Mapping[str, Destination]
    profile_policies: Mapping[str, Policy]
    own_passwords: bool
    """Assistants sign in with a password of their own (``assistants_sign_in``)."""

    def begin(self, request: Request, name: str, asked: dict[str, Any], *, identifier: str = "") -> Response:
        """Start towards the destination ``name``: straight in, an error of ``prompt=none``, or the first page."""
        destination = self.destinations[name]
        demand = destination.demand(asked)
        if demand is None:
            raise NoTransaction
        visitor = self.visitors.of(request, silent=demand.silent)
        step = self._step(destination, asked, demand, *_in_session(visitor))
        if step is Step.ADMITTED and visitor is not None:
            return destination.admit(asked, visitor)
        if demand.silent:
            return destination.refuse(
                asked, silent_error(step, demand) or "login_required", "nobody may be asked"
            )
        known = visitor.party.account.identifier if visitor else self.cookies.get(request, "identifier")
        if visitor is not None:
            self._note_refusal(step, visitor.party, destination.service(asked))
        transaction = self.transactions.begin(_binding(), name, asked, identifier or known)
        way_back.keep(transaction.id, destination.client_id(asked))
        return _to_page(transaction, step)

    def stands(self, request: Request, name: str, asked: dict[str, Any]) -> tuple[Step, Visitor | None]:
        """Return what would come next for whoever is signed in, without beginning anything."""
        destination = self.destinations[name]
        demand, visitor = destination.demand(asked), self.visitors.of(request)
        if demand is None:
            raise NoTransaction
        return self._step(destination, asked, demand, *_in_session(visitor)), visitor

    def find(self, request: Request, transaction_id: str) -> Position:
        """Return where the transaction stands. Raises ``NoTransaction``."""
        transaction = self.transactions.load(transaction_id)
        if transaction is None or not same(transaction.browser, _binding()):
            raise NoTransaction
        destination = self.destinations[transaction.destination]
        demand = destination.demand(transaction.request)
        if demand is None:
            raise NoTransaction
        visitor = self.visitors.of(request)
        if transaction.holder and not same(transaction.holder, self.cookies.get(request, "proof")):
            transaction = transaction.forgetting_proofs()
        present, standing, proofs = self._who(transaction, visitor)
        step = self._step(destination, transaction.request, demand, present, standing, transaction)
        return Position(transaction, destination, demand, step, present, proofs, visitor)

    def proceed(self, request: Request, transaction_id: str) -> Response:
        """Send the browser to wherever the transaction stands now: a page, or out at the destination."""
        position = self.find(request, transaction_id)
        if position.step is not Step.ADMITTED:
            return _to_page(position.transaction, position.step)
        return self._arrive(request, position)

    def prove(
        self,
        request: Request,
        position: Position,
        account_id: str,
        delegation_id: str | None,
        proofs: tuple[Proof, ...],
        **changes: Any,
    ) -> Response:
        """Store what was just proved, under a new proof cookie, and go on.

        When another request changed the transaction meanwhile, that one counts: nothing is stored twice.
        """
        cookie = new_token()
        proved = {
            "account_id": account_id,
            "delegation_id": delegation_id,
            "proofs": proofs,
            "by": None,
            "password_mark": _mark_kept(position, account_id),
        }
        after = position.transaction.model_copy(update={**proved, "holder": fingerprint(cookie), **changes})
        if not self.transactions.save(position.transaction, after):
            return self.proceed(request, position.transaction.id)
        stored = self.transactions.load(after.id)
        if stored is None:
            raise NoTransaction
        now_at = self._at(stored, position)
        if now_at.step is Step.ADMITTED:
            return self._arrive(request, now_at)
        if now_at.party is not None:
            self._note_refusal(now_at.step, now_at.party, now_at.destination.service(stored.request))
        response = _to_page(stored, now_at.step)
        self.cookies.put(response, "proof", cookie)
        return response

    def agree(self, request: Request, position: Position) -> Response:
        """Note that who is there agreed to what the destination is told, and go on."""
        if position.party is not None:
            after = position.transaction.model_copy(update={"agreed": position.party.key})
            self.transactions.save(position.transaction, after)
        return self.proceed(request, position.transaction.id)

    def cancel(self, position: Position) -> Response:
        """Leave: the destination hears ``access_denied``."""
        self.transactions.finish(position.transaction)
        response = position.destination.refuse(
            position.transaction.request, "access_denied", "the person cancelled"
        )
        self.cookies.drop(response, "proof")
        return response

    def switch(self, position: Position) -> Response:
        """Somebody else wants to sign in: end whatever session there is and ask again who it is."""
        blank = position.transaction.forgetting_proofs().model_copy(update={"identifier": ""})
        self.transactions.save(position.transaction, blank)
        response = _to_page(blank, Step.IDENTIFICATION)
        if position.visitor is not None:
            self.visitors.sign_out(position.visitor, response)
        else:
            self.visitors.forget(response)
        # This sign-in alone goes on, for whoever comes: its pages name the service anyway.
        way_back.keep(blank.id, position.destination.client_id(blank.request))
        return response

    def _arrive(self, request: Request, position: Position) -> Response:
        """Let the transaction's visitor in and end it, once."""
        visitor = position.visitor
        if position.transaction.account_id is not None:
            visitor = self.visitors.sign_in(
                position.visitor,
                position.transaction.account_id,
                position.transaction.delegation_id,
                position.proofs,
                by=position.transaction.by,
                device=device_label(request.headers.get("User-Agent", "")),
            )
        if visitor is None:
            raise NoTransaction
        new = position.transaction.account_id is not None
        device = self.devices.make_known(request, visitor) if new else None
        response = position.destination.admit(position.transaction.request, visitor)
        # Last, so that a store that fails on the way leaves a sign-in that can go on.
        if not self.transactions.finish(position.transaction):
            raise NoTransaction
        if new:
            self.cookies.put(response, "session", visitor.cookie)
            self.cookies.drop(response, "proof")
        if device is not None:
            self.devices.keep(response, device)
        return response

    def _at(self, transaction: Transaction, position: Position) -> Position:
        present, standing, proofs = self._who(transaction, position.visitor)
        destination, demand = position.destination, position.demand
        step = self._step(destination, transaction.request, demand, present, standing, transaction)
        return Position(transaction, destination, demand, step, present, proofs, position.visitor)

    def _who(
        self, transaction: Transaction, visitor: Visitor | None
    ) -> tuple[Party | None, Standing | None, tuple[Proof, ...]]:
        if transaction.account_id is None:
            return *_in_session(visitor), visitor.session.proofs if visitor else ()
        with self.database.read() as connection:
            now, by = self.clock.now(), transaction.by
            present = party(connection, transaction.account_id, transaction.delegation_id, now)
            if by is not None and not links.still_counts(connection, by, transaction.proofs, now):
                present = None
        if present is None or (self.own_passwords and present.own_password and not transaction.own_password):
            # In between: no longer in force; or by another browser the assistant chose a password of their own.
            return None, None, ()
        mark = present.own_mark if transaction.own_password else present.mark
        if transaction.password_mark not in (None, mark):
            # The password that was shown here opens nothing any more.
            return None, None, ()
        return present, present.standing(transaction.proofs, earlier=False), transaction.proofs

    def _step(
        self,
        destination: Destination,
        asked: Mapping[str, Any],
        demand: Demand,
        present: Party | None,
        standing: Standing | None,
        transaction: Transaction | None = None,
    ) -> Step:
        return next_step(
            demand,
            standing,
            self.profile_policies,
            self.clock.now(),
            activation_wanted=transaction is not None and transaction.activation_wanted,
            fresh_codes=transaction is not None and transaction.fresh_codes,
            own_passwords=self.own_passwords,
            several=transaction is not None and transaction.to_choose,
            selected=transaction is not None and present is not None and transaction.selected == present.key,
            consented=self.agreements.cover(
                destination, asked, demand, present, transaction.agreed if transaction else None
            ),
        )

    def others(self, delegation_id: str | None) -> Sequence[Place]:
        """Return for whom else somebody may act who signs in by a delegation."""
        if delegation_id is None:
            return ()
        with self.database.read() as connection:
            return links.reached(
                connection, delegation_id, self.clock.now(), own_passwords=self.own_passwords
            )

    def _note_refusal(self, step: Step, present: Party, service: str | None) -> None:
        if step not in (Step.ASSISTANT_REFUSED, Step.PROFILE_REFUSED):
            return
        with self.database.write() as connection:
            record(
                connection,
                Event.SERVICE_REFUSED,
                self.clock.now(),
                account_id=present.account.id,
                actor_id=present.actor.sub if present.actor else None,
                detail={"service": service, "why": step.value},
            )


def _in_session(visitor: Visitor | None) -> tuple[Party | None, Standing | None]:
    if visitor is None:
        return None, None
    return visitor.party, visitor.party.standing(visitor.session.proofs, earlier=True)


def _mark_kept(position: Position, account_id: str) -> str | None:
    """Return the mark of the password by which a sign-in goes on at the account that it stands at.

    A session ends with its password, so one that is stepped up has the present one. Chosen elsewhere, an assistant goes
    on by a link: no password of that account was shown.
    """
    before, party = position.transaction, position.party
    if before.account_id is None and party is not None and party.account.id == account_id:
        return party.mark
    return before.password_mark if before.account_id == account_id else None


def _binding() -> str:
    """Return this browser's binding, made at its first request and kept in the signed cookie."""
    value = browser_session.get("browser")
    if not isinstance(value, str):
        value = browser_session["browser"] = new_token()
    return value


def _to_page(transaction: Transaction, step: Step) -> Response:
    page = "refused" if step in (Step.PROFILE_REFUSED, Step.ASSISTANT_REFUSED) else step.value
    return see_other(url_for(f"signin.{page}", transaction_id=transaction.id))
