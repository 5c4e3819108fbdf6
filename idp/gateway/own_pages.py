"""The gateway's own addresses on a guarded host: starting a sign-in, its end, and signing out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, Response, current_app, redirect

from idp.accounts.grants import live_party
from idp.clients.gateway import SIGNED_OUT
from idp.clients.model import Client
from idp.clock import Clock
from idp.gateway.addresses import Unreadable, canonical_path
from idp.gateway.cookies import SESSION, GuardedHost
from idp.gateway.guard import Guard, Known
from idp.gateway.pages import GatewayPages
from idp.gateway.question import Question
from idp.gateway.sessions import HostSessions
from idp.gateway.sign_in import SignInFailed, SignIns
from idp.oidc.discovery import PATHS
from idp.oidc.tokens import TokenMint
from idp.storage.database import Database

_HINT_SECONDS = 60


@dataclass(frozen=True)
class OwnPages:
    """What the addresses under ``/_gateway`` answer, on the origin that the proxy names."""

    issuer: str
    database: Database
    clock: Clock
    guard: Guard
    sessions: HostSessions
    sign_ins: SignIns
    mint: TokenMint
    pages: GatewayPages

    def callback(self, request: Request, origin: str, client: Client) -> Response:
        """Take the provider's answer."""
        try:
            return self.sign_ins.finish(request, client, origin)
        except SignInFailed as failure:
            if failure.why == "unavailable":
                current_app.logger.error("unavailable: %s", type(failure.__cause__).__name__)
            return self.pages.failed(failure)

    def login(self, request: Request, origin: str, client: Client) -> Response:
        """Start a sign-in for whoever sent the visitor here (OpenID Connect Core §4); it ends on this host.

        There is one provider only: a link of the service itself need not name it.
        """
        if request.args.getlist("iss") not in ([self.issuer], []):
            return self.pages.unreadable()
        link = request.args.get("target_link_uri", "")
        target = _own_target(link, origin) or client.path_rules[origin].start
        asked = Question("GET", origin, target, canonical_path(target), wants_page=True)
        verdict = self.guard.decide(asked, GuardedHost(origin).get(request, SESSION))
        if verdict.passes and verdict.known is not None:
            return _to(origin + target)
        return self.sign_ins.begin(request, client, origin, target, verdict.acr_values)

    def logout(self, request: Request, origin: str, client: Client) -> Response:
        """Lead to the provider's page that ends the session, here and in every service.

        Only a link of the service's own pages, which the browser vouches for, ends it without a question: a link on
        another site must sign nobody out.
        """
        asked = {"client_id": client.client_id, "post_logout_redirect_uri": origin + SIGNED_OUT}
        host = GuardedHost(origin)
        cookie = host.get(request, SESSION)
        known = self.guard.known(origin, cookie)
        response = _to(f"{self.issuer}{PATHS['end_session_endpoint']}?{urlencode(asked)}")
        if known is None or not _by_own_link(request):
            return response
        asked["id_token_hint"] = self._hint(client, known)
        self.sessions.close(cookie)
        response = _to(f"{self.issuer}{PATHS['end_session_endpoint']}?{urlencode(asked)}")
        host.drop(response, SESSION)
        return response

    def signed_out(self, request: Request, origin: str, client: Client) -> Response:
        """Say that it is over, if it is; it may have ended in another process just now, so the table is asked."""
        host = GuardedHost(origin)
        cookie = host.get(request, SESSION)
        session = self.sessions.load(cookie, origin)
        if session is not None:
            with self.database.read() as connection:
                if live_party(connection, session.grant_id, self.clock.now()) is not None:
                    return _to(origin + client.path_rules[origin].start)
            self.sessions.close(cookie)
        response = self.pages.signed_out()
        host.drop(response, SESSION)
        return response

    def _hint(self, client: Client, known: Known) -> str:
        """Return an ID token that says whose session is meant, and nothing else of anybody."""
        subjects, grant = self.mint.subjects, known.grant
        issued = int(self.clock.now().timestamp())
        claims = {
            **self.mint.frame(self.clock.now(), issued + _HINT_SECONDS),
            "aud": client.client_id,
            "sub": subjects.of(client, known.party.account.sub),
            "sid": subjects.sid_of(client, grant.sid),
        }
        return self.mint.signed(client.id_token_signed_response_alg, "JWT", claims)


def _own_target(link: str, origin: str) -> str | None:
    """Return path and query of a page of this very host, ``None`` for any other address: nobody is led away."""
    target = link.removeprefix(origin) if link.startswith(f"{origin}/") else ""
    try:
        canonical_path(target)
    except Unreadable:
        return None
    return target


def _by_own_link(request: Request) -> bool:
    """Say whether the browser vouches that a page of this host led here by navigation (Fetch Metadata)."""
    told = (request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode"))
    return told == ("same-origin", "navigate") and "Sec-Purpose" not in request.headers


def _to(address: str) -> Response:
    response = redirect(address)
    assert isinstance(response, Response)
    return response
