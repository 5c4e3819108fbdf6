"""The last page: that it is over, and which services heard of it. It waits for none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Response, url_for
from flask import session as browser_session

from idp.accounts import logouts
from idp.accounts.logouts import Reached
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.login.visitors import SIGNED_OUT
from idp.pages import Pages
from idp.storage.database import Database

SHOWN: Final = timedelta(minutes=10)
"""How long this browser may ask which services those were: practice computers are shared."""


@dataclass(frozen=True)
class SignedOut:
    """What this browser's signed cookie says that it signed out of; no address names a session."""

    database: Database
    clock: Clock
    clients: ClientRegistry
    pages: Pages

    def remember(self, sid: str, *, stays: bool) -> None:
        """Let this browser see what becomes of the session; ``stays``: the way back that was asked for is not known."""
        until = (self.clock.now() + SHOWN).timestamp()
        browser_session[SIGNED_OUT] = {"sid": sid, "until": until, "stays": stays}

    def page(self) -> Response:
        """Return the page."""
        kept = browser_session.get(SIGNED_OUT)
        if not isinstance(kept, dict) or self.clock.now().timestamp() >= kept["until"]:
            kept = {}
        services = [self._shown(one) for one in self._reached(kept.get("sid"))]
        states = {service["state"] for service in services}
        return self.pages.render(
            "logged_out.html",
            services=services,
            changing=bool(states & {"pending", "unreached"}),
            to_close=bool(states & {"unreached", "untold"}),
            stays=bool(kept.get("stays")),
            refresh_url=url_for("logout.done"),
        )

    def _reached(self, sid: str | None) -> list[Reached]:
        if sid is None:
            return []
        with self.database.read() as connection:
            return list(logouts.of_session(connection, sid))

    def _shown(self, one: Reached) -> dict[str, Any]:
        client = self.clients.get(one.client_id)
        if one.told:
            state = "told"
        elif client is None or client.backchannel_logout_uri is None:
            state = "untold"
        elif one.failed:
            state = "unreached"
        else:
            # The end and its lines were written together: where none is, nobody will be told any more.
            state = "pending" if one.waits else "untold"
        return {"name": client.name if client else one.service, "state": state}
