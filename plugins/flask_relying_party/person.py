"""What a verified ID token says about who is there. Pure: no request, no key, no clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Assurance = Literal["pwd", "mfa"]

NAME_LIMIT = 200


class ClaimsRefused(ValueError):
    """A claim is missing, malformed or too weak; the argument is the claim's name, never its value."""


@dataclass(frozen=True)
class Actor:
    """The person who acts for another, of whom they are an assistant (RFC 8693 §4.1). ``sub`` stays theirs for good."""

    sub: str
    name: str


@dataclass(frozen=True)
class Caller:
    """Who asks for something, by a session or by an access token: whose account, who acts for them, on what proof.

    ``auth_time`` is the moment of the oldest factor that counts, in seconds since 1970.
    """

    sub: str
    actor: Actor | None
    acr: Assurance
    auth_time: int

    @property
    def who(self) -> tuple[str, str | None]:
        """Who sits there: ``sub`` of the account and of the actor, if any."""
        return self.sub, self.actor.sub if self.actor else None


@dataclass(frozen=True)
class Person(Caller):
    """Who is signed in: ``name`` is of the account's holder, for whom ``actor`` acts (``None``: it is the holder).

    ``sid`` is the provider's session, by which back-channel logout names it.
    """

    name: str
    sid: str | None = None


def read_person(
    claims: Mapping[str, Any], *, required: Assurance, now: datetime, leeway: timedelta
) -> Person:
    """Read the claims of an ID token whose signature, issuer, audience, times and nonce were checked before.

    Raises ``ClaimsRefused``: an ``acr`` that is unknown or below ``required``, an ``amr`` (RFC 8176) that
    contradicts it, an ``auth_time`` absent or ahead of ``now``, an ``act`` without person or delegation.
    """
    caller = read_caller(claims, required=required, now=now, leeway=leeway)
    return Person(
        sub=caller.sub,
        name=_text(claims, "name"),
        actor=caller.actor,
        acr=caller.acr,
        auth_time=caller.auth_time,
        sid=_text(claims, "sid") if "sid" in claims else None,
    )


def read_caller(
    claims: Mapping[str, Any], *, required: Assurance, now: datetime, leeway: timedelta
) -> Caller:
    """Read what ID tokens and access tokens (RFC 9068 §2.2.1) both say of a person; raises ``ClaimsRefused``."""
    sub = _text(claims, "sub")
    acr = _assurance(claims, required)
    auth_time = claims.get("auth_time")
    if type(auth_time) is not int or auth_time > (now + leeway).timestamp():
        raise ClaimsRefused("auth_time")
    return Caller(sub, _actor(claims, sub=sub, acr=acr), acr, auth_time)


def contradicts(person: Person, userinfo: Mapping[str, Any]) -> bool:
    """Return whether userinfo speaks of somebody else (OpenID Connect Core §5.3.2), or of another actor."""
    if userinfo.get("sub") != person.sub:
        return True
    if "act" not in userinfo:
        return False
    act = userinfo["act"]
    return person.actor is None or not isinstance(act, dict) or act.get("sub") != person.actor.sub


def _assurance(claims: Mapping[str, Any], required: Assurance) -> Assurance:
    acr = claims.get("acr")
    if acr not in ("pwd", "mfa") or (required == "mfa" and acr != "mfa"):
        raise ClaimsRefused("acr")
    amr = claims.get("amr")
    if not isinstance(amr, list) or not amr or not all(isinstance(method, str) for method in amr):
        raise ClaimsRefused("amr")
    if ("mfa" in amr) != (acr == "mfa"):
        raise ClaimsRefused("amr")
    return "mfa" if acr == "mfa" else "pwd"


def _actor(claims: Mapping[str, Any], *, sub: str, acr: Assurance) -> Actor | None:
    if "act" not in claims:
        if "delegation" in claims:
            raise ClaimsRefused("delegation")
        return None
    act = claims["act"]
    # An actor is named by a code of their own phone, and a delegation never chains.
    if not isinstance(act, dict) or "act" in act or acr != "mfa":
        raise ClaimsRefused("act")
    actor = Actor(sub=_text(act, "sub", of="act"), name=_text(act, "name", of="act"))
    if actor.sub == sub:
        raise ClaimsRefused("act")
    delegation = claims.get("delegation")
    if not isinstance(delegation, dict) or not {"id", "valid_from", "valid_until"} <= delegation.keys():
        raise ClaimsRefused("delegation")
    _text(delegation, "id", of="delegation")
    return actor


def _text(claims: Mapping[str, Any], name: str, of: str | None = None) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > NAME_LIMIT:
        raise ClaimsRefused(of or name)
    return value
