"""A form that was sent before enough was proved for it: kept on the server, given back once, to the same person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from flask_relying_party.addresses import this_address
from flask_relying_party.person import Caller

FORM_TOKEN = "form_token"  # noqa: S105  The name of a field.


@dataclass(frozen=True)
class Unfinished:
    """What was typed on the form that goes to ``address``, and who sat there: ``sub`` of the account and the actor."""

    address: str
    method: str
    form: Sequence[tuple[str, str]]
    sub: str
    actor: str | None

    @classmethod
    def of_request(cls, sender: Caller) -> Unfinished | None:
        """Return what has to be kept of this request; its form token ends with its session.

        ``None`` for what is no form, or brings files along: done without them it would be something else.
        """
        if request.files or request.mimetype not in (
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ):
            return None
        typed = [(name, value) for name, value in request.form.items(multi=True) if name != FORM_TOKEN]
        return cls(this_address(), request.method, typed, *sender.who)

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Unfinished:
        """Return it as it was before it was kept as JSON."""
        return cls(**{**stored, "form": [(name, value) for name, value in stored["form"]]})

    def is_of(self, person: Caller) -> bool:
        """Say whether that person is the one who typed it."""
        return person.who == (self.sub, self.actor)
