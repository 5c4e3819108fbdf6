"""What a service demands and what was proved -> the next page, or the error that ``prompt=none`` gets.

Everything that admits somebody asks this one rule: the sign-in pages, the code exchange and each refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from idp.rules.assurance import Acr, Policy, Proof, acr_of, auth_time_of, meets, strictest, wanted_acr
from idp.rules.delegation import Actor

ACTIVATION_SECONDS = 300
"""How old a password may be, from an earlier sign-in, for a first phone to be activated by it."""


class Step(StrEnum):
    """What comes next. Pages are named after their step."""

    IDENTIFICATION = "identification"
    CODE = "code"
    ACTIVATION = "activation"
    RECOVERY_CODES = "recovery-codes"
    REKEY = "rekey"
    CHOICE = "choice"
    CONSENT = "consent"
    PROFILE_REFUSED = "profile_refused"
    ASSISTANT_REFUSED = "assistant_refused"
    ADMITTED = "admitted"


@dataclass(frozen=True)
class Demand:
    """What a service's file and its request ask of whoever wants in."""

    profiles: frozenset[str]
    floor: Acr = "pwd"
    policy: Policy = field(default_factory=Policy.required)
    assistants_allowed: bool = False
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    """Seconds; how old the oldest factor may be (OpenID Connect Core §3.1.2.1)."""
    sign_in_again: bool = False
    """``prompt=login``: what an earlier sign-in proved does not count."""
    select_account: bool = False
    """``prompt=select_account``: an earlier sign-in counts once its person said to go on as themselves."""
    silent: bool = False
    """``prompt=none``: nobody can be asked anything."""
    consent: Literal["implicit", "required", "anew"] = "implicit"
    """Whether the person must have agreed to what the service is told: before (``required``) or just now (``anew``)."""

    @property
    def wanted(self) -> Acr | None:
        """The level that the request asks for, if it asks for one that is offered."""
        return wanted_acr(self.acr_values, silent=self.silent)


@dataclass(frozen=True)
class Standing:
    """Who is there and what they proved."""

    profile: str
    activated: bool
    """The account has a confirmed authenticator: its password alone never suffices, anywhere."""
    proofs: tuple[Proof, ...]
    actor: Actor | None = None
    earlier: bool = False
    """Proved before this request, in the single sign-on session."""
    not_before: float | None = None
    """Seconds since the epoch: what was proved before counts no longer."""
    own_password: bool = False
    """The actor has a password of their own, and a phone whose secret nobody else has seen."""


def required_acr(
    demand: Demand, standing: Standing, profile_policies: Mapping[str, Policy], now: datetime
) -> Acr:
    """Return the level that ``standing`` needs for this demand at ``now``; the strictest of all reasons wins.

    An actor always needs two factors: only a code says who acts. Raises ``KeyError`` for a profile without a policy.
    """
    obliged = strictest([demand.policy, profile_policies[standing.profile]]).in_force(now)
    needs_code = standing.activated or standing.actor is not None
    if needs_code or obliged or "mfa" in (demand.floor, demand.wanted):
        return "mfa"
    return "pwd"


def next_step(
    demand: Demand,
    standing: Standing | None,
    profile_policies: Mapping[str, Policy],
    now: datetime,
    *,
    activation_wanted: bool = False,
    fresh_codes: bool = False,
    own_passwords: bool = False,
    several: bool = False,
    consented: bool = False,
    selected: bool = False,
) -> Step:
    """Return what comes next for ``standing`` (``None``: nobody is known yet).

    ``profile_policies`` holds the settings' policy of each profile; a profile without one enters nowhere.
    ``activation_wanted`` is the ticked box: it asks for more than is demanded, never for less. ``fresh_codes``:
    recovery codes were made in this sign-in, and their holder sees them before anything else. ``own_passwords`` is the
    setting ``assistants_sign_in``: an assistant whose secrets the practitioner knows is let in nowhere before choosing
    others. ``several``: this sign-in will do for other practitioners too, and the assistant has not said for whom.
    ``consented``: what was agreed to covers what is asked. It is asked last, of whoever would else be let in.
    ``selected``: in this sign-in they said to go on as who they are in an earlier one.
    """
    if standing is None or not _knows_password(standing) or _too_old(demand, standing, now):
        return Step.IDENTIFICATION
    if demand.select_account and standing.earlier and not selected:
        return Step.IDENTIFICATION
    if standing.profile not in demand.profiles or standing.profile not in profile_policies:
        return Step.PROFILE_REFUSED
    needed = "mfa" if activation_wanted else required_acr(demand, standing, profile_policies, now)
    if not meets(acr_of(standing.proofs), needed):
        if standing.activated or standing.actor is not None:
            return Step.CODE
        return _enrolment(Step.ACTIVATION, standing, now)
    if standing.actor is None:
        step = Step.RECOVERY_CODES if fresh_codes else Step.ADMITTED
    else:
        step = _of_actor(demand, standing, now, own_passwords=own_passwords, several=several)
    wanting = demand.consent != "implicit" and not consented
    return Step.CONSENT if step is Step.ADMITTED and wanting else step


def offers_to_continue(
    demand: Demand,
    standing: Standing | None,
    profile_policies: Mapping[str, Policy],
    now: datetime,
    *,
    own_passwords: bool = False,
) -> bool:
    """Say whether the page that asks who it is offers to go on as whoever signed in earlier.

    Only where the service asks to choose, and never where that sign-in would not count all the same.
    """
    if not demand.select_account or standing is None:
        return False
    step = next_step(demand, standing, profile_policies, now, own_passwords=own_passwords, selected=True)
    return step is not Step.IDENTIFICATION


def silent_error(step: Step, demand: Demand) -> str | None:
    """Return the error that ``prompt=none`` gets at ``step`` (OpenID Connect Core §3.1.2.6), ``None`` when admitted.

    Asked ``acr_values`` that an existing session does not meet are named as such (OpenID Connect Core Error Code
    unmet_authentication_requirements 1.0).
    """
    match step:
        case Step.ADMITTED:
            return None
        case Step.PROFILE_REFUSED | Step.ASSISTANT_REFUSED:
            return "access_denied"
        case Step.CONSENT:
            return "consent_required"
        case Step.CODE | Step.ACTIVATION if demand.wanted == "mfa":
            return "unmet_authentication_requirements"
        case Step.RECOVERY_CODES | Step.REKEY | Step.CHOICE:
            return "interaction_required"
        case _:
            return "login_required"


def _of_actor(
    demand: Demand, standing: Standing, now: datetime, *, own_passwords: bool, several: bool
) -> Step:
    """Return what comes next for an assistant who showed both factors."""
    if not demand.assistants_allowed:
        return Step.ASSISTANT_REFUSED
    if own_passwords and not standing.own_password:
        return _enrolment(Step.REKEY, standing, now)
    return Step.CHOICE if several else Step.ADMITTED


def _enrolment(step: Step, standing: Standing, now: datetime) -> Step:
    """Return the step that binds a phone: whoever finds a session open must not bind one of their own."""
    return Step.IDENTIFICATION if _older_than(standing, ACTIVATION_SECONDS, now) else step


def _knows_password(standing: Standing) -> bool:
    return any(proof.method == "pwd" for proof in standing.proofs)


def _too_old(demand: Demand, standing: Standing, now: datetime) -> bool:
    if standing.not_before is not None and auth_time_of(standing.proofs) < standing.not_before:
        return True
    if not standing.earlier:
        return False
    if demand.sign_in_again or demand.max_age == 0:
        return True
    return demand.max_age is not None and _older_than(standing, demand.max_age, now)


def _older_than(standing: Standing, seconds: int, now: datetime) -> bool:
    return standing.earlier and now.timestamp() - auth_time_of(standing.proofs) > seconds
