"""Signing people in through the provider, as an ordinary relying party of it: code, PKCE, state, nonce, issuer.

Only the last step differs from a relying party elsewhere: the code is redeemed in this process, by the same steps as at
the token endpoint, instead of by a call of the provider to itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode

from flask import Request, Response, redirect
from pydantic import BaseModel, ConfigDict

from idp.accounts.party import party_in_session
from idp.clients.gateway import CALLBACK
from idp.clients.model import Client
from idp.clock import Clock
from idp.gateway.cookies import BROWSER, SESSION, GuardedHost
from idp.gateway.sessions import HostSessions
from idp.login.cookies import fingerprint, new_token, same
from idp.oidc.codes import grant_id_of
from idp.oidc.discovery import PATHS
from idp.oidc.grants.issuing import Issuing
from idp.oidc.grants.redemption import CodeRefused, read_code, redeem
from idp.storage.ephemeral import EphemeralStore
from idp.storage.errors import StorageUnavailable

Failure = Literal["expired", "denied", "unmet", "unavailable"]

LONGEST_TARGET = 2048
"""Bytes that are kept of what was asked for, by anybody at all, for as long as a sign-in may take."""


class SignInFailed(Exception):
    """A sign-in that ends on a page, never in another sign-in."""

    def __init__(self, why: Failure, back: str) -> None:
        super().__init__(why)
        self.why = why
        self.back = back
        """Where to try again, on the guarded host."""


class _Begun(BaseModel):
    """A sign-in under way, of one browser on one host."""

    model_config = ConfigDict(frozen=True)

    origin: str
    client_id: str
    browser: str
    """The fingerprint of what the browser keeps."""
    target: str
    nonce: str
    verifier: str

    @property
    def waits_on(self) -> tuple[str, str]:
        """On which host, and for which service."""
        return self.origin, self.client_id


@dataclass(frozen=True)
class SignIns:
    """Sends browsers to the provider, and takes them back. ``lifetime``: how long one may take."""

    issuer: str
    store: EphemeralStore
    clock: Clock
    sessions: HostSessions
    issuing: Issuing
    lifetime: timedelta

    def begin(
        self, request: Request, client: Client, origin: str, target: str, acr_values: tuple[str, ...]
    ) -> Response:
        """Send the browser to the authorization endpoint; ``target`` (path and query) is where it comes back to.

        Of one longer than ``LONGEST_TARGET`` the path is, or where that is too long the page where visits begin.
        """
        host, state = GuardedHost(origin), new_token()
        browser = host.get(request, BROWSER) or new_token()
        begun = _Begun(
            origin=origin,
            client_id=client.client_id,
            browser=fingerprint(browser),
            target=_kept(target, client.path_rules[origin].start),
            nonce=new_token(),
            verifier=secrets.token_urlsafe(48),
        )
        self.store.put(_key(state), begun.model_dump_json().encode(), self.clock.now() + self.lifetime)
        asked = {
            "client_id": client.client_id,
            "response_type": "code",
            "redirect_uri": origin + CALLBACK,
            "scope": " ".join(sorted(client.scope)),
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": _challenge(begun.verifier),
            "code_challenge_method": "S256",
            **({"acr_values": " ".join(acr_values)} if acr_values else {}),
        }
        response = redirect(f"{self.issuer}{PATHS['authorization_endpoint']}?{urlencode(asked)}")
        assert isinstance(response, Response)
        host.put(response, BROWSER, browser)
        return response

    def finish(self, request: Request, client: Client, origin: str) -> Response:
        """Take the provider's answer, open the session, and lead to the page that was asked for.

        Raises ``SignInFailed`` for an answer that nobody here waits for, an error, a code that gives nothing, and a
        store that is gone once the answer is used up; ``StorageUnavailable`` while it is not.
        """
        answer = _read(request)
        begun = self._taken(answer.get("state", ""))
        browser = GuardedHost(origin).get(request, BROWSER)
        if begun is None or not same(begun.browser, browser) or begun.waits_on != (origin, client.client_id):
            raise SignInFailed("expired", origin + client.path_rules[origin].start)
        back = origin + begun.target
        if answer.get("iss") != self.issuer:
            raise SignInFailed("expired", back)
        if "error" in answer:
            unmet = answer["error"] == "unmet_authentication_requirements"
            raise SignInFailed("unmet" if unmet else "denied", back)
        host = GuardedHost(origin)
        try:
            session = self._opened(client, begun, answer.get("code", ""), host.get(request, SESSION))
        except CodeRefused as refused:
            raise SignInFailed("expired", back) from refused
        except StorageUnavailable as gone:
            raise SignInFailed("unavailable", back) from gone
        response = redirect(back)
        assert isinstance(response, Response)
        host.put(response, SESSION, session)
        return response

    def _opened(self, client: Client, begun: _Begun, code: str, before: str) -> str:
        """Return the cookie's value of a new session in the place of the one ``before``.

        The code is redeemed last: whatever fails leaves no grant, and a session without its grant opens nothing.
        Raises ``CodeRefused``, ``StorageUnavailable``.
        """
        contents = read_code(self.issuing, client, code, begun.origin + CALLBACK, begun.verifier)
        if not hmac.compare_digest((contents.nonce or "").encode(), begun.nonce.encode()):
            raise CodeRefused("the nonce is another sign-in's")
        account, delegation, sid = contents.account_id, contents.delegation_id, contents.sid
        with self.issuing.database.read() as connection:
            party = party_in_session(connection, account, delegation, sid, self.clock.now())
        if party is None:
            raise CodeRefused("the sign-in behind this code no longer counts")
        grant_id = grant_id_of(client.client_id, code)
        session = self.sessions.open(
            begun.origin, client.client_id, grant_id, contents.proofs, party.account.profile
        )
        self.sessions.close(before)
        redeem(self.issuing, client, code, contents, self.sessions.latest_end(contents.proofs))
        return session

    def _taken(self, state: str) -> _Begun | None:
        stored = self.store.take(_key(state)) if state else None
        return None if stored is None else _Begun.model_validate_json(stored)


def _kept(target: str, start: str) -> str:
    path = target.partition("?")[0]
    return next((one for one in (target, path) if len(one) <= LONGEST_TARGET), start)


def _read(request: Request) -> dict[str, str]:
    """Return the answer's parameters; none of it counts when one of them came twice."""
    every = dict(request.args.lists())
    return (
        {}
        if any(len(found) > 1 for found in every.values())
        else {name: found[0] for name, found in every.items()}
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _key(state: str) -> str:
    return f"gateway-sign-in:{fingerprint(state)}"
