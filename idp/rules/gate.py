"""What one page of a service behind the gateway asks beside the service's file, and who may open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from idp.rules.assurance import Acr, Policy, acr_of, meets
from idp.rules.next_step import Demand, Standing, Step, next_step, required_acr


class Way(StrEnum):
    """How somebody who comes to a page goes on."""

    OPEN = "open"
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"
    """They are signed in, by less than the page asks."""
    PROFILE_REFUSED = "profile_refused"
    ASSISTANT_REFUSED = "assistant_refused"


@dataclass(frozen=True)
class Gate:
    """What a rule adds to what the service's file demands; it takes nothing away."""

    profiles: frozenset[str] | None = None
    acr: Acr | None = None
    assistants_refused: bool = False

    def narrowed(self, demand: Demand) -> Demand:
        """Return the service's demand as this page has it."""
        return replace(
            demand,
            profiles=demand.profiles if self.profiles is None else demand.profiles & self.profiles,
            acr_values=demand.acr_values if self.acr is None else (self.acr,),
            assistants_allowed=demand.assistants_allowed and not self.assistants_refused,
        )


def way_in(
    demand: Demand,
    standing: Standing | None,
    profile_policies: Mapping[str, Policy],
    now: datetime,
    *,
    own_passwords: bool = False,
) -> Way:
    """Return how ``standing`` goes on at a page that asks ``demand``: the rule of entry says so here too.

    The arguments are those of :func:`idp.rules.next_step.next_step`.
    """
    step = next_step(demand, standing, profile_policies, now, own_passwords=own_passwords)
    match step:
        case Step.ADMITTED:
            return Way.OPEN
        case Step.PROFILE_REFUSED:
            return Way.PROFILE_REFUSED
        case Step.ASSISTANT_REFUSED:
            return Way.ASSISTANT_REFUSED
    known = standing if standing is not None and standing.profile in profile_policies else None
    lacks = known is not None and not meets(
        acr_of(known.proofs), required_acr(demand, known, profile_policies, now)
    )
    return Way.STEP_UP if lacks else Way.SIGN_IN
