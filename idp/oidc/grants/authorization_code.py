"""A code for tokens (RFC 6749 §4.1.3): taken by inserting its grant, so that it is spent once whatever happens."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.accounts import delegations
from idp.accounts.grants import Grant, owner_of, revoke, take
from idp.accounts.party import party_in_session
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.oidc.codes import CodeContents, grant_id_of
from idp.oidc.grants.issuing import Issuing, TokenGrant
from idp.oidc.principal import Principal
from idp.oidc.resources import Audience

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def authorization_code_grant(issuing: Issuing) -> type[TokenGrant]:
    """Return the grant class that Authlib makes an object of for each request."""

    class AuthorizationCodeGrant(TokenGrant):
        GRANT_TYPE = "authorization_code"

        def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
            code = form.get("code")
            if not code:
                raise InvalidRequestError("code is missing")
            contents = issuing.codes.read(code)
            grant_id = grant_id_of(client.client_id, code)
            if contents is None:
                _revoke_replayed(issuing, client, grant_id)
            if contents is None or contents.client_id != client.client_id:
                raise InvalidGrantError("the code is unknown, expired or of another client")
            if not hmac.compare_digest(form.get("redirect_uri", "").encode(), contents.redirect_uri.encode()):
                raise InvalidGrantError("redirect_uri differs from the authorization request")
            _check_verifier(form.get("code_verifier"), contents.code_challenge)
            asked = issuing.resources.named(client, self.every("resource"))
            audience = issuing.resources.of_grant(client, contents.resource, asked)
            return _exchanged(issuing, client, grant_id, contents, audience)

    return AuthorizationCodeGrant


def _check_verifier(verifier: str | None, challenge: str | None) -> None:
    """Refuse a missing, superfluous or wrong verifier (RFC 7636 §4.6, RFC 9700 §4.8.2)."""
    if challenge is None:
        if verifier is not None:
            raise InvalidGrantError("the authorization request had no code_challenge")
        return
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        raise InvalidGrantError("code_verifier is missing or malformed")
    if not hmac.compare_digest(str(create_s256_code_challenge(verifier)), challenge):  # type: ignore[no-untyped-call]
        raise InvalidGrantError("code_verifier does not fit the code_challenge")


def _exchanged(
    issuing: Issuing, client: Client, grant_id: str, contents: CodeContents, audience: Audience
) -> dict[str, Any]:
    """Take the code and return the answer: at most four statements in one transaction.

    Raises ``InvalidGrantError`` or ``InvalidTargetError``.
    """
    now = issuing.clock.now()
    with_refresh = "offline_access" in contents.scope.split(" ")
    refresh_lifetime = issuing.refresh_lifetime if with_refresh else timedelta(0)
    grant = Grant(
        id=grant_id,
        client_id=client.client_id,
        account_id=contents.account_id,
        delegation_id=contents.delegation_id,
        sid=contents.sid,
        scope=contents.scope,
        proofs=contents.proofs,
        resource=contents.resource or None,
        claims=contents.claims,
        generation=0,
        created_at=now,
        # The row outlives the code, or a replay would find it unspent.
        expires_at=now + max(issuing.mint.lifetime, issuing.codes.lifetime, refresh_lifetime),
    )
    with issuing.database.write() as connection:
        taken = take(connection, grant)
        present = party_in_session(connection, contents.account_id, contents.delegation_id, contents.sid, now)
        if taken and (present is None or not issuing.admitted(client, present, contents.proofs, now)):
            # Raised inside the transaction: nothing is kept of the grant.
            raise InvalidGrantError("the sign-in behind this code no longer counts")
        if taken and present is not None:
            issuing.check_target(audience, present, contents.proofs, now)
            actor = present.actor
            if actor is not None:
                delegations.used(connection, actor.delegation_id, client.name, now)
            record(
                connection,
                Event.TOKENS_ISSUED,
                now,
                account_id=contents.account_id,
                actor_id=actor.sub if actor else None,
                client_id=client.client_id,
                detail={"scope": contents.scope, "grant": grant.id},
            )
    if not taken or present is None:
        _revoke_replayed(issuing, client, grant_id)
        raise InvalidGrantError("the code was used before")
    principal = Principal(present, contents.proofs, contents.sid)
    generation = 0 if with_refresh else None
    return issuing.tokens(
        client,
        principal,
        grant_id,
        contents.scope,
        contents.nonce,
        generation,
        now,
        grant.expires_at,
        audience,
        contents.claims,
    )


def _revoke_replayed(issuing: Issuing, client: Client, grant_id: str) -> None:
    """A code that comes again ends what it gave (RFC 6749 §4.1.2); one that never was changes nothing."""
    now = issuing.clock.now()
    with issuing.database.write() as connection:
        if revoke(connection, grant_id, now):
            account_id, actor_id = owner_of(connection, grant_id)
            record(
                connection,
                Event.CODE_REPLAYED,
                now,
                account_id=account_id,
                actor_id=actor_id,
                client_id=client.client_id,
                detail={"grant": grant_id},
            )
