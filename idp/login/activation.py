"""First activation: a fresh secret is shown until its first right code confirms it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Request, Response, url_for

from idp.accounts import authenticators
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.cookies import fingerprint
from idp.login.journey import Journey, NoTransaction, Position
from idp.login.wording import no_code, wrong_code
from idp.pages import Pages, Problem, qr_svg
from idp.plugins import Candidate, PossessionFactor
from idp.rules.assurance import Proof
from idp.rules.delegation import PRACTITIONER
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class ActivationStep:
    """Shows the secret of this transaction and makes it the account's first authenticator."""

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    possession: PossessionFactor
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page: the same secret for as long as the transaction lives."""
        del request
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler* or the first code."""
        if "cancel" in request.form:
            return self.journey.cancel(position)
        position, secret = self._secret(position)
        code = self.possession.normalised(request.form.get("code", ""))
        if code is None or position.party is None:
            return self._page(position, Problem("code", no_code()))
        now = self.clock.now()
        steps = [match.step for match in self.possession.matches([Candidate("new", secret)], code, now)]
        if not steps:
            return self._page(position, Problem("code", wrong_code()))
        account_id = position.party.account.id
        with self.database.write() as connection:
            first = authenticators.activate(connection, self.keyring, account_id, secret, max(steps), now)
            if first:
                record(connection, Event.MFA_ACTIVATED, now, account_id=account_id)
        if not first:
            # Another browser was: its authenticator counts, this one never did.
            return self.journey.proceed(request, position.transaction.id)
        otp = Proof("otp", int(now.timestamp()))
        proofs = tuple(proof for proof in position.proofs if proof.method == "pwd")
        return self.journey.prove(request, position, account_id, None, (*proofs, otp), enrolment=None)

    def _page(self, position: Position, *problems: Problem) -> Response:
        position, secret = self._secret(position)
        identifier = position.party.account.identifier if position.party else ""
        uri = self.possession.enrolment_uri(secret, identifier)
        return self.pages.render(
            "activation.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code="invalid_code",
            form_action=position.destination.form_action(position.transaction.request),
            service=position.destination.service(position.transaction.request),
            identifier=identifier,
            qr_svg=qr_svg(uri),
            switch_url=url_for("signin.switch", transaction_id=position.transaction.id),
            key_text=secret,
            otpauth_uri=uri,
            is_practitioner=position.party is not None and position.party.account.profile == PRACTITIONER,
        )

    def _secret(self, position: Position) -> tuple[Position, str]:
        """Return the transaction's unconfirmed secret, made and stored at the first look."""
        transaction = position.transaction
        bound_to = f"enrolment:{fingerprint(transaction.id)}"
        if transaction.enrolment is None:
            sealed = self.keyring.seal(self.possession.new_secret().encode(), bound_to=bound_to)
            self.journey.transactions.save(transaction, transaction.model_copy(update={"enrolment": sealed}))
            stored = self.journey.transactions.load(transaction.id)
            if stored is None or stored.enrolment is None:
                raise NoTransaction
            transaction = stored
        secret = self.keyring.open(transaction.enrolment or "", bound_to=bound_to).decode()
        return replace(position, transaction=transaction), secret
