"""The journal: who was let in at which service, when, from which device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from flask import Request, Response, abort, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import journal
from idp.accounts.journal import Entry
from idp.clock import Clock
from idp.login.destination import Visitor
from idp.login.wording import format_moment
from idp.pages import Pages
from idp.storage.database import Database

PAGE = 50
"""Lines of one page."""

_LATEST = 5
"""Lines on the profile itself."""


@dataclass(frozen=True)
class JournalPage:
    """The account's journal, its assistants' lines too. ``kept``: what is older is as good as gone."""

    database: Database
    clock: Clock
    pages: Pages
    kept: timedelta

    def latest(self, connection: Connection, visitor: Visitor) -> list[dict[str, str]]:
        """Return the last lines, for the profile."""
        return [self._row(one) for one in self._entries(connection, visitor, _LATEST, None)]

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Return one page of it: the newest lines, or those older than the line that the address names."""
        before = _line(request.args.get("before"))
        with self.database.read() as connection:
            found = self._entries(connection, visitor, PAGE + 1, before)
        shown, more = found[:PAGE], len(found) > PAGE
        return self.pages.render(
            "journal.html",
            entries=[self._row(one) for one in shown],
            days=self.kept.days,
            newest_url=url_for("records.show_journal") if before is not None else None,
            older_url=url_for("records.show_journal", before=shown[-1].id) if more else None,
            profile_url=url_for("profile.show"),
            sessions_url=url_for("records.show_sessions"),
            switch_url=url_for("home.switch"),
            signed_in={"name": visitor.party.account.name, "acting_for": None},
        )

    def _entries(
        self, connection: Connection, visitor: Visitor, limit: int, before: int | None
    ) -> list[Entry]:
        since = self.clock.now() - self.kept
        account_id = visitor.party.account.id
        return list(journal.of_account(connection, account_id, since, limit, before=before))

    def _row(self, one: Entry) -> dict[str, str]:
        return {
            "name": one.name,
            "service": one.service if one.client_id else _(one.service),
            "when": format_moment(one.at, self.clock.now()),
            "device": one.device,
        }


def _line(asked: str | None) -> int | None:
    if asked is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", asked):
        abort(404)
    return int(asked)
