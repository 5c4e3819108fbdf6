"""A relying party as the destination of a sign-in: what it demands, and the code or the error that it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.login.admissions import Admissions
from idp.login.destination import Visitor
from idp.oidc.authorization.redirects import answer, registered
from idp.oidc.authorization.request import AuthorizationRequest
from idp.oidc.codes import CodeContents, CodeStore
from idp.oidc.subjects import Subjects
from idp.rules.next_step import Demand

DESTINATION = "relying_party"


def demand_of(client: Client, request: AuthorizationRequest | None = None) -> Demand:
    """Return what a client's file demands, with what its request adds."""
    prompt = request.prompt if request else ()
    return Demand(
        profiles=client.profiles,
        floor=client.floor,
        policy=client.mfa,
        assistants_allowed=client.assistants == "allowed",
        acr_values=request.acr_values if request else (),
        max_age=request.max_age if request else None,
        sign_in_again=bool({"login", "select_account"} & set(prompt)),
        silent="none" in prompt,
    )


@dataclass(frozen=True)
class RelyingParty:
    """A client as the destination of a sign-in: it gets a code, or an error; both say who sent them (RFC 9207)."""

    issuer: str
    clients: ClientRegistry
    codes: CodeStore
    admissions: Admissions
    subjects: Subjects

    def demand(self, request: Mapping[str, Any]) -> Demand | None:
        """Return what client and request demand; ``None`` once the client, or its address, is no longer registered."""
        asked = AuthorizationRequest.model_validate(request)
        client = self.clients.get(asked.client_id)
        return demand_of(client, asked) if client and registered(client, asked.redirect_uri) else None

    def service(self, request: Mapping[str, Any]) -> str | None:
        """Return the client's name."""
        client = self.clients.get(str(request["client_id"]))
        return client.name if client else None

    def form_action(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the client's origins, and the address asked for: a native client chose its port at run time.

        Chromium applies ``form-action`` to the whole chain of redirects.
        """
        client = self.clients.get(str(request["client_id"]))
        return (*client.redirect_origins, str(request["redirect_uri"])) if client else ()

    def admit(self, request: Mapping[str, Any], visitor: Visitor) -> Response:
        """Answer with a code bound to this visitor as they stand now, unless somebody else was expected."""
        asked = AuthorizationRequest.model_validate(request)
        client, session, actor = self.clients.get(asked.client_id), visitor.session, visitor.party.actor
        if client is None:
            return self.refuse(request, "unauthorized_client", "the client is no longer registered")
        present = (
            self.subjects.of(client, visitor.party.account.sub),
            self.subjects.of(client, actor.sub) if actor else None,
        )
        if asked.expected not in (None, present):
            return self.refuse(request, "login_required", "somebody else is signed in")
        self.admissions.at_service(visitor, client.client_id, client.name)
        code = self.codes.issue(
            CodeContents(
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                scope=" ".join(asked.scope),
                nonce=asked.nonce,
                code_challenge=asked.code_challenge,
                account_id=session.account_id,
                delegation_id=session.delegation_id,
                sid=session.sid,
                proofs=session.proofs,
                resource=asked.resource,
                claims=asked.claims,
            )
        )
        return answer(asked.redirect_uri, {"code": code, "state": asked.state, "iss": self.issuer})

    def refuse(self, request: Mapping[str, Any], error: str, description: str) -> Response:
        """Answer with an error."""
        asked = AuthorizationRequest.model_validate(request)
        return self.error(asked.redirect_uri, asked.state, error, description)

    def error(self, redirect_uri: str, state: str | None, error: str, description: str) -> Response:
        """Return the error answer for a validated redirect address."""
        told = {"error": error, "error_description": description, "state": state, "iss": self.issuer}
        return answer(redirect_uri, told)
