"""Is this an access token of our provider for the portal's API, now (RFC 9068 §4)? Verified here, nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass

from flask_relying_party.clock import Clock
from flask_relying_party.failures import told_as_failures
from flask_relying_party.keys import LEEWAY, Keys, NotSigned, signed_by
from flask_relying_party.person import Assurance, Caller, ClaimsRefused, read_caller
from flask_relying_party.sessions import Sessions
from flask_relying_party.step_up import Demand

KINDS = ("at+jwt", "application/at+jwt")


class AccessTokenRefused(Exception):
    """The token opens nothing; the argument says why in a few words, without any of its contents."""


@dataclass(frozen=True)
class Access:
    """Who calls, through which client, for what."""

    caller: Caller
    client_id: str
    scope: frozenset[str]


class AccessTokenVerifier:
    """Checks access tokens of one issuer for one resource (RFC 8707), where nothing is done below ``required``."""

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions,
        clock: Clock,
        *,
        issuer: str,
        resource: str,
        required: Assurance,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._clock = clock
        self._issuer = issuer
        self._resource = resource
        self._floor = Demand(acr=required)

    def verify(self, token: str) -> Access:
        """Return what the token says.

        Raises ``AccessTokenRefused``, ``InsufficientAuthentication`` for one of a person who proved less than the
        portal requires, or ``SignInFailed`` (503) for want of keys or database. One whose session a logout token
        has ended is refused; otherwise it lives to its end, which nobody can bring forward from here.
        """
        with told_as_failures():
            return self._verified(token)

    def _verified(self, token: str) -> Access:
        try:
            signed = signed_by(self._keys, token)
        except NotSigned as error:
            raise AccessTokenRefused("not signed by the provider") from error
        claims, now = signed.claims, self._clock.now()
        audience = claims.get("aud")
        expires_at, issued_at, client_id = claims.get("exp"), claims.get("iat"), claims.get("client_id")
        if str(signed.header.get("typ", "")).lower() not in KINDS:
            raise AccessTokenRefused("not an access token")
        if claims.get("iss") != self._issuer:
            raise AccessTokenRefused("of another issuer")
        if self._resource not in (audience if isinstance(audience, list) else [audience]):
            raise AccessTokenRefused("for another resource")
        if type(expires_at) is not int or now.timestamp() >= expires_at:
            raise AccessTokenRefused("expired")
        if type(issued_at) is not int or issued_at > (now + LEEWAY).timestamp():
            raise AccessTokenRefused("issued in the future")
        if not isinstance(client_id, str) or not isinstance(claims.get("jti"), str):
            raise AccessTokenRefused("incomplete")
        try:
            caller = read_caller(claims, required="pwd", now=now, leeway=LEEWAY)
        except ClaimsRefused as error:
            # A client's own token, without a person behind it, ends here too.
            raise AccessTokenRefused("not about a person") from error
        sid = claims.get("sid")
        if self._sessions.has_ended(sid if isinstance(sid, str) else None, caller.sub, issued_at):
            raise AccessTokenRefused("of a session that ended")
        self._floor.check(caller, now)
        return Access(caller, client_id, frozenset(str(claims.get("scope", "")).split()))
