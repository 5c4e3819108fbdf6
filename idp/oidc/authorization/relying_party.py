"""A relying party as the destination of a sign-in: what it demands, and the code or the error that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flask import Response

from idp.clients.demand import demand_of_file
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.login.admissions import Admissions
from idp.login.destination import ApiAccess, Disclosure, Visitor
from idp.oidc.authorization.answers import Answers
from idp.oidc.authorization.redirects import registered
from idp.oidc.authorization.request import AuthorizationRequest
from idp.oidc.codes import CodeContents, CodeStore
from idp.oidc.resources import Resources
from idp.oidc.subjects import Subjects
from idp.oidc.userinfo.person_claims import PersonClaims
from idp.rules.delegation import grantable
from idp.rules.next_step import Demand

DESTINATION = "relying_party"


def demand_of(
    client: Client, request: AuthorizationRequest | None = None, apis: Sequence[Client] = ()
) -> Demand:
    """Return what a client's file demands, with what its request adds; the strictest of it and of the ``apis`` wins."""
    prompt = request.prompt if request else ()
    return replace(
        demand_of_file(client, apis),
        acr_values=request.acr_values if request else (),
        max_age=request.max_age if request else None,
        sign_in_again="login" in prompt,
        select_account="select_account" in prompt,
        silent="none" in prompt,
        consent=_consent(client, request),
    )


@dataclass(frozen=True)
class RelyingParty:
    """A client as the destination of a sign-in: it gets a code, or an error."""

    answers: Answers
    clients: ClientRegistry
    codes: CodeStore
    admissions: Admissions
    subjects: Subjects
    resources: Resources
    person_claims: PersonClaims

    def demand(self, request: Mapping[str, Any]) -> Demand | None:
        """Return what client and request demand; ``None`` once the client, or its address, is no longer registered."""
        asked = AuthorizationRequest.model_validate(request)
        client = self.clients.get(asked.client_id)
        if client is None or not registered(client, asked.redirect_uri):
            return None
        return demand_of(client, asked, [service for _identifier, service in self._apis(client, asked)])

    def service(self, request: Mapping[str, Any]) -> str:
        """Return the client's name."""
        return self.clients[str(request["client_id"])].name

    def client_id(self, request: Mapping[str, Any]) -> str:
        """Return the client's identifier."""
        return str(request["client_id"])

    def disclosure(self, request: Mapping[str, Any]) -> Disclosure:
        """Return the scope, the claims asked for one by one that it does not bring, and the APIs that are named."""
        asked = AuthorizationRequest.model_validate(request)
        brought = self.person_claims.brought(asked.scope)
        claims = [name for member in (asked.claims or {}).values() for name in member if name not in brought]
        apis = [
            ApiAccess(
                identifier, one.name, tuple(word for word in asked.scope if word in one.resource_scopes)
            )
            for identifier, one in self._apis(self.clients[asked.client_id], asked)
        ]
        return Disclosure(asked.client_id, asked.scope, tuple(dict.fromkeys(claims)), tuple(apis))

    def form_action(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the client's origins, and the address asked for: a native client chose its port at run time.

        Chromium applies ``form-action`` to the whole chain of redirects.
        """
        return (*self.clients[str(request["client_id"])].redirect_origins, str(request["redirect_uri"]))

    def admit(self, request: Mapping[str, Any], visitor: Visitor) -> Response:
        """Answer with a code bound to this visitor as they stand now, unless somebody else was expected."""
        asked = AuthorizationRequest.model_validate(request)
        client, session, actor = self.clients[asked.client_id], visitor.session, visitor.party.actor
        present = (
            self.subjects.of(client, visitor.party.account.sub),
            self.subjects.of(client, actor.sub) if actor else None,
        )
        other = asked.subjects is not None and present[0] not in asked.subjects
        if other or asked.expected not in (None, present):
            return self.refuse(request, "login_required", "somebody else is signed in")
        if asked.essential_acr is not None and session.acr not in asked.essential_acr:
            return self.refuse(
                request, "unmet_authentication_requirements", "the sign-in has another acr than is essential"
            )
        self.admissions.at_service(visitor, client.client_id, client.name)
        code = self.codes.issue(
            CodeContents(
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                scope=" ".join(grantable(asked.scope, visitor.party.account.profile, actor)),
                nonce=asked.nonce,
                code_challenge=asked.code_challenge,
                account_id=session.account_id,
                delegation_id=session.delegation_id,
                sid=session.sid,
                proofs=session.proofs,
                resource=asked.resource,
                claims=asked.claims,
                agreed=None
                if _consent(client, asked) == "implicit"
                else self.disclosure(request).by(visitor.party).words,
            )
        )
        return self.answers.send(asked.redirect_uri, asked.response_mode, asked.state, {"code": code})

    def refuse(self, request: Mapping[str, Any], error: str, description: str) -> Response:
        """Answer with an error."""
        asked = AuthorizationRequest.model_validate(request)
        told = {"error": error, "error_description": description}
        return self.answers.send(asked.redirect_uri, asked.response_mode, asked.state, told)

    def _apis(self, client: Client, asked: AuthorizationRequest) -> list[tuple[str, Client]]:
        """Return the APIs that the request names and the client's file still lists, with who serves each."""
        found = ((identifier, self.resources.service(client, identifier)) for identifier in asked.resource)
        return [(identifier, service) for identifier, service in found if service is not None]


def _consent(client: Client, request: AuthorizationRequest | None) -> Literal["implicit", "required", "anew"]:
    """Return whose consent counts: an exchange and a refresh stand on what was agreed to at the sign-in."""
    if request is None:
        return "implicit"
    return "anew" if "consent" in request.prompt else client.consent
