"""Who calls: a bearer token of the provider itself, by the same rules as the pages that manage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request

from idp.accounts.party import Account
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.clock import Clock
from idp.oidc.core import Core
from idp.oidc.standing import NotGood, Standing
from idp.oidc.userinfo.bearer import BadRequest, bearer_token
from idp.profile.api.problems import Kind, Problem
from idp.profile.practice import Manager
from idp.rules.assurance import acr_of, auth_time_of
from idp.rules.delegation import MANAGE_SCOPE, MANAGING_SECONDS, PRACTITIONER, Denial, managing_denied
from idp.storage.database import Database


@dataclass(frozen=True)
class Caller:
    """A service with a practitioner's token, let through."""

    client: Client
    account: Account
    subject: Callable[[str], str]
    """Gives what the service knows somebody of ours, or a delegation, by."""

    @property
    def manager(self) -> Manager:
        """Who manages, as the audit has it."""
        return Manager(self.account, self.client.client_id, self.client.name)


@dataclass(frozen=True)
class Callers:
    """Judges tokens; who may not manage leaves a line in the audit, as at the pages."""

    core: Core
    database: Database
    clock: Clock

    def of(self, request: Request) -> Caller:
        """Return who calls. Raises ``Problem`` with the challenge of RFC 6750 §3 and RFC 9470 §3 beside it.

        At most one statement, none while what stands behind the token is known fresh. To look, two factors are enough;
        to change something both must have been shown within ``MANAGING_SECONDS``.
        """
        try:
            token = bearer_token(request)
        except BadRequest as error:
            kind = Kind.TOO_LARGE if error.status == 413 else Kind.INVALID_REQUEST
            raise Problem(kind, str(error), headers=_challenge("invalid_request", str(error))) from error
        if token is None:
            raise Problem(Kind.INVALID_TOKEN, "an access token is needed", headers=_challenge())
        try:
            found = self.core.bearers.of(token, self.clock.now())
        except NotGood as error:
            raise Problem(
                Kind.INVALID_TOKEN, str(error), headers=_challenge("invalid_token", str(error))
            ) from error
        denial = self._denial(found, changing=request.method not in ("GET", "HEAD"))
        if denial is not None:
            self._note(request, found, denial)
            raise _REFUSED[denial]()
        subject = self.core.mint.subjects.as_known_to(found.client)
        return Caller(found.client, found.party.account, subject)

    def _denial(self, found: Standing, *, changing: bool) -> Denial | None:
        """Return why the token does not do. Whoever acts for somebody, a person or a service, manages nothing."""
        party, proofs = found.party, found.grant.proofs
        if MANAGE_SCOPE not in found.scope or "act" in found.token.claims:
            return "insufficient_scope"
        if party.account.profile != PRACTITIONER:
            return "insufficient_scope"
        age = self.clock.now().timestamp() - auth_time_of(proofs) if changing else 0
        return managing_denied(acr_of(proofs), party.actor, age)

    def _note(self, request: Request, found: Standing, denial: Denial) -> None:
        actor = found.party.actor
        with self.database.write() as connection:
            record(
                connection,
                Event.MANAGING_DENIED,
                self.clock.now(),
                account_id=found.party.account.id,
                actor_id=actor.sub if actor else None,
                client_id=found.client.client_id,
                detail={"why": denial, "endpoint": request.endpoint},
            )


def _not_allowed() -> Problem:
    told = f"a practitioner in person is needed, and the scope {MANAGE_SCOPE}"
    return Problem(Kind.NOT_ALLOWED, told, headers=_challenge("insufficient_scope", told, scope=MANAGE_SCOPE))


def _step_up() -> Problem:
    told = "a sign-in with two factors is needed, for a change a recent one"
    challenge = _challenge(
        "insufficient_user_authentication", told, acr_values="mfa", max_age=str(MANAGING_SECONDS)
    )
    return Problem(Kind.STEP_UP, told, headers=challenge)


_REFUSED: dict[Denial, Callable[[], Problem]] = {
    "insufficient_scope": _not_allowed,
    "insufficient_user_authentication": _step_up,
}


def _challenge(error: str = "", description: str = "", **more: str) -> dict[str, str]:
    """Return the header of RFC 6750 §3; without ``error`` no token was sent, and it says what would be needed."""
    told = {"error": error, "error_description": description, **more} if error else {"scope": MANAGE_SCOPE}
    attributes = "".join(f', {name}="{value}"' for name, value in told.items())
    return {"WWW-Authenticate": f'Bearer realm="assistants"{attributes}'}
