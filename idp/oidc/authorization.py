"""The authorization endpoint, and the relying party as the destination of a sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Request, Response
from flask_babel import gettext as _

from idp.accounts.identifier import MAX_LENGTH
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.login.admissions import Admissions
from idp.login.destination import Visitor, see_other
from idp.login.journey import Journey
from idp.oidc.checks import CHECKS
from idp.oidc.codes import CodeContents, CodeStore
from idp.oidc.redirects import answer, registered
from idp.oidc.request import AuthorizationError, AuthorizationRequest, Parameters, read_request
from idp.oidc.tokens import BadToken, TokenMint
from idp.pages import Pages
from idp.rules.next_step import Demand

DESTINATION = "relying_party"

_MAX_QUERY = 6_000
"""Characters; servers and proxies take 8,000 for a whole request line."""


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
        session, actor = visitor.session, visitor.party.actor
        present = (visitor.party.account.sub, actor.sub if actor else None)
        if asked.expected not in (None, present):
            return self.refuse(request, "login_required", "somebody else is signed in")
        self.admissions.at_service(visitor, asked.client_id, self.service(request) or asked.client_id)
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


@dataclass(frozen=True)
class AuthorizationEndpoint:
    """Reads a request once, runs the checks in their order, and begins the journey."""

    clients: ClientRegistry
    relying_party: RelyingParty
    offered_scopes: frozenset[str]
    journey: Journey
    mint: TokenMint
    pages: Pages

    def respond(self, request: Request) -> Response:
        """Answer GET (query) or POST (body); OpenID Connect Core §3.1.2.1."""
        source = request.form if request.method == "POST" else request.args
        again = urlencode(list(source.items(multi=True)))
        if request.method == "POST" and not request.cookies and 0 < len(again) <= _MAX_QUERY:
            # A browser keeps Lax cookies from a service's cross-site form, but not from the GET that follows.
            return see_other(f"{request.path}?{again}")
        parameters = Parameters({name: source.getlist(name) for name in source})
        found = self._client_and_address(parameters)
        if found is None:
            return self._nowhere_to_go()
        client, redirect_uri = found
        try:
            for check in CHECKS:
                check(parameters, client)
            granted, expected = self._granted(parameters, client), self._expected(parameters, client)
            asked = read_request(parameters, client.client_id, redirect_uri, granted, expected)
        except AuthorizationError as error:
            states = parameters.values.get("state", ())
            state = states[0] if len(states) == 1 else None
            return self.relying_party.error(redirect_uri, state, error.error, error.description)
        hint = (parameters.one("login_hint") or "")[:MAX_LENGTH]
        return self.journey.begin(request, DESTINATION, asked.model_dump(mode="json"), identifier=hint)

    def _client_and_address(self, parameters: Parameters) -> tuple[Client, str] | None:
        """Return client and redirect address, or ``None``: then nothing may be redirected (RFC 6749 §4.1.2.1)."""
        if {"client_id", "redirect_uri"} & set(parameters.repeated):
            return None
        client = self.clients.get(parameters.one("client_id") or "")
        redirect_uri = parameters.one("redirect_uri")
        if client is None or redirect_uri is None or not registered(client, redirect_uri):
            return None
        return client, redirect_uri

    def _granted(self, parameters: Parameters, client: Client) -> tuple[str, ...]:
        """Return the granted scope: words that nobody offers are ignored (OpenID Connect Core §3.1.2.1)."""
        words = tuple(word for word in parameters.words("scope") if word in self.offered_scopes)
        if not set(words) <= client.scope:
            raise AuthorizationError(
                "invalid_scope", "the configuration of this client does not allow a scope"
            )
        return words

    def _expected(self, parameters: Parameters, client: Client) -> tuple[str, str | None] | None:
        """Return whom the ``id_token_hint`` is about, and who acted: our ID token for this client, over or not."""
        hint = parameters.one("id_token_hint")
        if hint is None:
            return None
        try:
            claims = self.mint.hint(hint)
        except BadToken:
            claims = {}
        if claims.get("aud") != client.client_id:
            raise AuthorizationError("invalid_request", "id_token_hint is not an ID token for this client")
        return claims["sub"], claims.get("act", {}).get("sub")

    def _nowhere_to_go(self) -> Response:
        return self.pages.error(
            400,
            "invalid_request",
            _("Ce service n'est pas reconnu"),
            _(
                "La demande vient d'un service inconnu ou son adresse de retour n'est pas enregistrée. "
                "Revenez au service par votre adresse habituelle ; si cela se répète, prévenez son exploitant."
            ),
        )
