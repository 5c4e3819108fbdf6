"""A form that was sent before enough was proved for it: kept on the server, given back once, to the same person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flask.typing import ResponseReturnValue

from fse_portal.identity import Identity
from fse_portal.sessions import PortalSession


@dataclass(frozen=True)
class Unfinished:
    """What was typed on the form of ``path``, and who sat there: the practice's and the actor's ``sub``."""

    path: str
    form: dict[str, str]
    sub: str
    actor: str | None

    def is_of(self, identity: Identity) -> bool:
        """Say whether that person is the one who typed it."""
        return identity.person == (self.sub, self.actor)


class Posting(Protocol):
    """What a form does."""

    def perform(self, session: PortalSession, form: Mapping[str, str]) -> ResponseReturnValue:
        """Do it. Raises ``InsufficientAuthentication``, having done nothing."""
        ...

    def shown_again(
        self, session: PortalSession, form: Mapping[str, str], because: str
    ) -> ResponseReturnValue:
        """Return the form as it was typed, with nothing done, and why: ``not_stepped_up`` or ``other_person``."""
        ...


def unfinished_form(path: str, form: Mapping[str, str], identity: Identity) -> Unfinished:
    """Return what has to be kept of a form; its token ends with its session."""
    typed = {name: value for name, value in form.items() if name != "form_token"}
    sub, actor = identity.person
    return Unfinished(path, typed, sub, actor)
