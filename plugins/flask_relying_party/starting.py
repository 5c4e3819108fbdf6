"""Sign-ins that have started: sent to the provider, and remembered on the server until the browser is back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import redirect
from werkzeug.wrappers import Response

from flask_relying_party.browser_notes import BrowserNotes
from flask_relying_party.options import Options
from flask_relying_party.pending import PendingLogins
from flask_relying_party.provider import Provider
from flask_relying_party.unfinished import Unfinished

LIFETIME_SECONDS = 3600


@dataclass(frozen=True)
class Started:
    """One sign-in: it leads to ``target``, or on with what is ``unfinished``.

    ``wishes`` went into its authorization request; ``earlier`` are the states that it was begun again for.
    """

    state: str
    target: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    wishes: Mapping[str, str]
    unfinished: Unfinished | None
    earlier: Sequence[str]


class CodeSent(Exception):
    """The sign-in's code was sent before, or is being sent by another request."""


class StartedLogins:
    """Starts sign-ins, and knows those that the browser that asks has started."""

    def __init__(
        self, options: Options, provider: Provider, pending: PendingLogins, notes: BrowserNotes
    ) -> None:
        self._provider = provider
        self._pending = pending
        self._notes = notes
        self._always = {"acr_values": "mfa"} if options.required_acr == "mfa" else {}

    def begin(
        self,
        target: str,
        *,
        wishes: Mapping[str, str] | None = None,
        unfinished: Unfinished | None = None,
        earlier: Sequence[str] = (),
    ) -> Response:
        """Send the browser to the provider, and from there to ``target`` or on with what is ``unfinished``.

        What is unfinished stays on the server, beside the verifier, and is given back once.
        """
        wanted = self._always | dict(wishes or {})
        asked = self._provider.authorization(wanted)
        started = Started(
            asked.state, target, asked.nonce, asked.verifier, wanted, unfinished, tuple(earlier)
        )
        told = asdict(started)
        del told["state"]
        self._pending.add(asked.state, json.dumps(told), LIFETIME_SECONDS)
        self._notes.here().add(asked.state)
        return redirect(asked.url)

    def begin_again(self, started: Started) -> Response:
        """Send the browser to the provider anew, for what that sign-in was for.

        It is forgotten with the new one only: the provider may still be out of reach, and the way back leads here.
        """
        return self.begin(
            started.target,
            wishes=started.wishes,
            unfinished=started.unfinished,
            earlier=(*started.earlier, started.state),
        )

    def find(self, state: str) -> Started | None:
        """Return the sign-in with that ``state``, if this browser started one within the hour."""
        if state not in self._notes.here().states:
            return None
        kept = self._pending.get(state)
        return None if kept is None else _restored(state, json.loads(kept))

    def redeemed(self, started: Started, code: str) -> Mapping[str, Any]:
        """Return the token answer for ``code`` as ``Provider.redeemed`` does.

        A code is sent once: raises ``CodeSent`` for all callers but the first. The sign-in stays until it is forgotten.
        """
        if not self._pending.add(f"code:{started.state}", "", LIFETIME_SECONDS):
            raise CodeSent
        return self._provider.redeemed(code, verifier=started.verifier, nonce=started.nonce)

    def claim_form(self, started: Started) -> bool:
        """Say whether the caller may go on with what is unfinished: of all sign-ins begun again for it, one."""
        return self._pending.add(_form_of(started), "", LIFETIME_SECONDS)

    def release_form(self, started: Started) -> None:
        """Let it be gone on with once more: it was not done."""
        self._pending.delete(_form_of(started))

    def forget(self, started: Started) -> None:
        """Make its ``state`` worthless, and those that it was begun again for."""
        for each in (started.state, *started.earlier):
            self._pending.delete(each)
            self._notes.here().remove(each)


def _form_of(started: Started) -> str:
    return f"form:{(*started.earlier, started.state)[0]}"


def _restored(state: str, told: Mapping[str, Any]) -> Started:
    unfinished = told["unfinished"]
    return Started(
        **{**told, "state": state, "unfinished": Unfinished.restored(unfinished) if unfinished else None}
    )
