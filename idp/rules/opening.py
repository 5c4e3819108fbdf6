"""What the list of services says of each one to somebody who is signed in: the answer of the sign-in itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from idp.rules.assurance import Policy
from idp.rules.next_step import Demand, Standing, Step, next_step

Opening = Literal["at_once", "second_factor", "practitioner_only"]
"""Nothing more to show; the second factor first; not for an assistant."""


def opening(
    demand: Demand, standing: Standing, profile_policies: Mapping[str, Policy], now: datetime
) -> Opening | None:
    """Return how a service opens to whoever stands there, or ``None`` where it does not admit their profile.

    ``demand`` is that of its file. How long ago somebody signed in says nothing here: it is about what they may open
    and by which factors, not whether they will be asked for them again.
    """
    fresh = replace(standing, earlier=False, not_before=None)
    match next_step(demand, fresh, profile_policies, now, consented=True):
        case Step.PROFILE_REFUSED | Step.IDENTIFICATION:
            return None
        case Step.ASSISTANT_REFUSED:
            return "practitioner_only"
        case Step.CODE | Step.ACTIVATION:
            return "second_factor"
        case _:
            return "at_once"
