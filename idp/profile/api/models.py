"""What the API takes and gives, field by field. The OpenAPI document is made of these."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from idp.accounts.delegations import Delegation
from idp.profile.forms import EARLIEST, LATEST, MAX_NAME, tidied
from idp.rules.delegation import first_day, last_day

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class State(StrEnum):
    """Where an assistant stands at the moment of the answer."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    EXPIRED = "expired"
    REMOVED = "removed"


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day as YYYY-MM-DD is expected")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such day") from None
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"a day from {EARLIEST} to {LATEST} is expected")
    return day


def _name(value: str) -> str:
    name = tidied(value)
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(f"1 to {MAX_NAME} printable characters are expected")
    return name


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A whole day of Europe/Monaco."""


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AssistantChange(_Taken):
    """A JSON Merge Patch (RFC 7396): what is left out stays, `null` takes the value away."""

    valid_until: Day | None = Field(
        default=None, description="The last day on which the assistant may sign in; `null`: open."
    )


class EnrolmentRequest(_Taken):
    """What the page *Ajouter* is filled with, and where it leads back to. The practitioner may change all but that."""

    return_uri: str = Field(
        min_length=1,
        max_length=2000,
        description="Where the browser goes afterwards, whether somebody was added or not: https, on an origin of the "
        "service's own redirect addresses, without fragment.",
    )
    name: Annotated[str, AfterValidator(_name)] | None = Field(
        default=None, max_length=2 * MAX_NAME, description="Name and first name."
    )
    valid_from: Day | None = Field(default=None, description="The first day; by default today.")
    valid_until: Day | None = Field(default=None, description="The last day; by default open.")


class Assistant(_Given):
    """Somebody who may act, or might, for the practitioner. Removed ones stay as history."""

    id: str = Field(description="As `delegation.id` in the tokens of this service when the assistant acts.")
    name: str
    valid_from: date = Field(description="The first day (Europe/Monaco).")
    valid_until: date | None = Field(description="The last day (Europe/Monaco), all of it; `null`: open.")
    state: State
    added_at: datetime
    removed_at: datetime | None
    last_used_at: datetime | None = Field(description="When the assistant last signed in to a service.")
    last_used_for: str | None = Field(description="To which one.")

    @classmethod
    def of(cls, one: Delegation, subject: Callable[[str], str], now: datetime) -> Assistant:
        """Return the line of a delegation, by the name that ``subject`` gives it."""
        return cls(
            id=subject(one.id),
            name=one.name,
            valid_from=first_day(one.window),
            valid_until=last_day(one.window),
            state=state_of(one, now),
            added_at=one.added_at,
            removed_at=one.removed_at,
            last_used_at=one.last_used_at,
            last_used_for=one.last_used_for,
        )


class Assistants(_Given):
    """The list, the newest first."""

    assistants: list[Assistant]
    places_left: int = Field(ge=0, description="How many more there is room for.")


class Enrolment(_Given):
    """The one-time address to send the practitioner's browser to."""

    enrolment_uri: str = Field(
        description="Opens once, for this practitioner in person with two factors, before `expires_at`."
    )
    expires_at: datetime


class FieldError(_Given):
    """What is wrong at one place."""

    detail: str
    pointer: str | None = Field(default=None, description="A JSON Pointer into the body, as a URI fragment.")
    parameter: str | None = Field(default=None, description="The name of a parameter of the address.")


class ProblemDetails(_Given):
    """RFC 9457. `x-problems` of this document lists every `type` with its meaning."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str | None = None
    errors: list[FieldError] | None = None


Listed = Literal["present", "all"]
"""``present``: who has a place, upcoming ones too; ``all``: expired and removed ones too."""


def state_of(one: Delegation, now: datetime) -> State:
    """Return where the assistant stands at ``now``."""
    if one.removed_at is not None:
        return State.REMOVED
    if one.window.is_over(now):
        return State.EXPIRED
    return State.ACTIVE if one.window.holds(now) else State.UPCOMING
