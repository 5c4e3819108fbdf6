"""The authorization endpoint: it reads a request once, runs the checks, and begins the journey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, Response
from flask_babel import gettext as _

from idp.accounts.identifier import MAX_LENGTH
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.login.destination import see_other
from idp.login.journey import Journey
from idp.oidc.authorization.answers import Answers
from idp.oidc.authorization.checks import CHECKS
from idp.oidc.authorization.redirects import MAX_QUERY, registered
from idp.oidc.authorization.relying_party import DESTINATION
from idp.oidc.authorization.request import AuthorizationError, Parameters, read_request
from idp.oidc.resources import InvalidTargetError, Resources
from idp.oidc.tokens import BadToken, TokenMint
from idp.oidc.userinfo.person_claims import PersonClaims
from idp.pages import Pages


@dataclass(frozen=True)
class AuthorizationEndpoint:
    """Reads a request once, runs the checks in their order, and begins the journey."""

    clients: ClientRegistry
    answers: Answers
    offered_scopes: Callable[[], frozenset[str]]
    journey: Journey
    mint: TokenMint
    pages: Pages
    person_claims: PersonClaims
    resources: Resources

    def respond(self, request: Request) -> Response:
        """Answer GET (query) or POST (body); OpenID Connect Core §3.1.2.1."""
        source = request.form if request.method == "POST" else request.args
        again = urlencode(list(source.items(multi=True)))
        if self.journey.visitors.unseen(request) and 0 < len(again) <= MAX_QUERY:
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
            asked = read_request(
                parameters,
                client.client_id,
                redirect_uri,
                granted,
                expected,
                self.person_claims.brought(client.scope),
                self._resource(parameters, client),
            )
        except AuthorizationError as error:
            states = parameters.values.get("state", ())
            state = states[0] if len(states) == 1 else None
            told = {"error": error.error, "error_description": error.description}
            return self.answers.send(redirect_uri, parameters.response_mode, state, told)
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
        offered = self.offered_scopes()
        words = tuple(word for word in parameters.words("scope") if word in offered)
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

    def _resource(self, parameters: Parameters, client: Client) -> tuple[str, ...]:
        """Return the APIs that tokens are asked for (RFC 8707 §2.1)."""
        try:
            return self.resources.named(client, parameters.every("resource"))
        except InvalidTargetError as error:
            raise AuthorizationError(error.error, error.description) from error

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
