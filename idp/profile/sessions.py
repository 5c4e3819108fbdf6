"""The account's open sessions and known devices, and ending them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Request, Response, abort, flash, get_flashed_messages, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Connection

from idp.accounts import delegations, devices, sessions
from idp.accounts.devices import Device
from idp.accounts.sessions import OpenSession
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.login.devices import KnownDevices
from idp.login.wording import format_moment
from idp.pages import Pages
from idp.storage.database import Database

_HOLDER = "holder"


@dataclass(frozen=True)
class SessionsPage:
    """Whoever looks is the holder; whoever ends was let through by the guard as for any change."""

    database: Database
    clock: Clock
    known: KnownDevices
    pages: Pages

    def show(self, request: Request, visitor: Visitor, *, may_end: bool) -> Response:
        """Return the page; without ``may_end`` it first asks for a recent sign-in."""
        now, account_id = self.clock.now(), visitor.party.account.id
        with self.database.read() as connection:
            found = sessions.of_account(connection, account_id, now)
            known = devices.of_account(connection, account_id, now)
        this_one = self.known.token(request)
        assistants: dict[str, list[OpenSession]] = {}
        for one in found:
            if one.delegation_id is not None:
                assistants.setdefault(one.delegation_id, []).append(one)
        own = [one for one in found if one.delegation_id is None]
        return self.pages.render(
            "sessions.html",
            own={"of": _HOLDER, "sessions": self._rows(own, visitor)},
            assistants=[
                {"of": of, "name": theirs[0].assistant, "sessions": self._rows(theirs, visitor)}
                for of, theirs in assistants.items()
            ],
            devices=[self._device(one, here=one.token == this_one) for one in known],
            may_end=may_end,
            notice=" ".join(map(str, get_flashed_messages())) or None,
            step_up_url=url_for("profile.step_up"),
            path=url_for("records.show_sessions"),
            profile_url=url_for("profile.show"),
            switch_url=url_for("home.switch"),
            logout_url=url_for("oidc.logout"),
            signed_in={"name": visitor.party.account.name, "acting_for": None},
        )

    def end(self, request: Request, visitor: Visitor) -> Response:
        """End one session (``sid``), all of one person but this very one (``all``), or forget a ``device``."""
        form, account_id = request.form, visitor.party.account.id
        with self.database.write() as connection:
            if "device" in form:
                self._forget(connection, account_id, form["device"])
                done = _("L'appareil est oublié.")
            else:
                ended = (
                    self._end_all(connection, visitor, form["all"])
                    if "all" in form
                    else self._end_one(connection, account_id, form.get("sid", ""))
                )
                done = ngettext("%(num)d session est terminée.", "%(num)d sessions sont terminées.", ended)
        flash(done)
        return see_other(url_for("records.show_sessions"))

    def _forget(self, connection: Connection, account_id: str, device_id: str) -> None:
        if not devices.forget_one(connection, account_id, device_id):
            abort(404)
        detail = {"device": device_id}
        record(connection, Event.DEVICE_FORGOTTEN, self.clock.now(), account_id=account_id, detail=detail)

    def _end_one(self, connection: Connection, account_id: str, sid: str) -> int:
        now = self.clock.now()
        listed = sessions.of_account(connection, account_id, now)
        found = next((one for one in listed if one.sid == sid), None)
        if found is None or not sessions.end(connection, account_id, sid, now):
            abort(404)
        detail = {"of": found.delegation_id or _HOLDER, "sid": sid}
        record(connection, Event.SESSION_ENDED, now, account_id=account_id, detail=detail)
        return 1

    def _end_all(self, connection: Connection, visitor: Visitor, of: str) -> int:
        now, account_id = self.clock.now(), visitor.party.account.id
        if of != _HOLDER and of not in {one.id for one in delegations.of_account(connection, account_id)}:
            abort(404)
        ended = sessions.end_all(connection, account_id, now, of=of, but=visitor.session.sid)
        if ended:
            detail = {"of": of, "sessions": ended}
            record(connection, Event.SESSION_ENDED, now, account_id=account_id, detail=detail)
        return ended

    def _rows(self, found: Sequence[OpenSession], visitor: Visitor) -> list[dict[str, object]]:
        now = self.clock.now()
        return [
            {
                "sid": one.sid,
                "device": one.device,
                "since": format_moment(one.opened_at, now),
                "until": format_moment(one.ends_at, now),
                "here": one.sid == visitor.session.sid,
            }
            for one in found
        ]

    def _device(self, one: Device, *, here: bool) -> dict[str, object]:
        own = [_("Vous")] if one.by_holder else []
        return {
            "id": one.id,
            "label": one.label,
            "who": ", ".join([*own, *one.assistants]),
            "used": format_moment(one.last_used_at, self.clock.now()),
            "here": here,
        }
