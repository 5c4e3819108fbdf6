"""A code redeemed: read, checked, and taken by inserting its grant, so that it is spent once whatever happens.

The token endpoint and the gateway, which is a relying party inside the provider, redeem by the same steps.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.accounts import consents, delegations
from idp.accounts.grants import Grant, owner_of, revoke, take
from idp.accounts.party import party_in_session
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.oidc.codes import CodeContents, grant_id_of
from idp.oidc.grants.issuing import Issuing
from idp.oidc.principal import Principal
from idp.oidc.resources import Audience

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class CodeRefused(InvalidGrantError):
    """The code gives nothing. The text is printable ASCII for developers."""


@dataclass(frozen=True)
class Redeemed:
    """What a code gave: its grant, and whom that is about as they stand now."""

    grant: Grant
    principal: Principal


def read_code(
    issuing: Issuing, client: Client, code: str, redirect_uri: str, verifier: str | None
) -> CodeContents:
    """Return what a live code of this client stands for; it is not spent by that.

    Raises ``CodeRefused`` for one that is unknown, over, of another client, or sent with another address or verifier.
    A code that was spent and is over ends what it gave.
    """
    contents = issuing.codes.read(code)
    if contents is None:
        _revoke_replayed(issuing, client, grant_id_of(client.client_id, code))
    if contents is None or contents.client_id != client.client_id:
        raise CodeRefused("the code is unknown, expired or of another client")
    if not hmac.compare_digest(redirect_uri.encode(), contents.redirect_uri.encode()):
        raise CodeRefused("redirect_uri differs from the authorization request")
    _check_verifier(verifier, contents.code_challenge)
    return contents


def redeem(
    issuing: Issuing,
    client: Client,
    code: str,
    contents: CodeContents,
    ends: datetime,
    audience: Audience | None = None,
) -> Redeemed:
    """Take the code for a grant that lasts until ``ends``: at most four statements in one transaction, and one more
    where its person was asked for consent.

    The row outlives the code in any case, or a replay would find it unspent. ``audience`` is whom tokens are for.
    Raises ``CodeRefused`` or ``InvalidTargetError``.
    """
    now = issuing.clock.now()
    grant = Grant(
        id=grant_id_of(client.client_id, code),
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
        expires_at=max(ends, now + issuing.codes.lifetime),
    )
    with issuing.database.write() as connection:
        taken = take(connection, grant)
        present = party_in_session(connection, contents.account_id, contents.delegation_id, contents.sid, now)
        if taken and (present is None or not issuing.admitted(client, present, contents.proofs, now)):
            # Raised inside the transaction: nothing is kept of the grant.
            raise CodeRefused("the sign-in behind this code no longer counts")
        if taken and present is not None:
            agreed = contents.agreed
            if agreed is not None and not consents.cover(connection, present, client.client_id, agreed):
                raise CodeRefused("the consent behind this code was withdrawn")
            if audience is not None:
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
        _revoke_replayed(issuing, client, grant.id)
        raise CodeRefused("the code was used before")
    return Redeemed(grant, Principal(present, contents.proofs, contents.sid))


def _check_verifier(verifier: str | None, challenge: str | None) -> None:
    """Refuse a missing, superfluous or wrong verifier (RFC 7636 §4.6, RFC 9700 §4.8.2)."""
    if challenge is None:
        if verifier is not None:
            raise CodeRefused("the authorization request had no code_challenge")
        return
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        raise CodeRefused("code_verifier is missing or malformed")
    if not hmac.compare_digest(str(create_s256_code_challenge(verifier)), challenge):  # type: ignore[no-untyped-call]
        raise CodeRefused("code_verifier does not fit the code_challenge")


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
