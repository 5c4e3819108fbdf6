"""Recovery codes on the profile: how many are left, and fresh ones in their place."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request, Response, url_for

from idp.accounts import recovery_codes
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.login.enrolment import session_place
from idp.login.kept import Kept
from idp.login.steps.recovery_codes import codes_file
from idp.login.wording import format_day
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import PRACTITIONER
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class RecoveryCodesPage:
    """Whoever gets here was let through by the guard: the holder, with both factors, just now."""

    database: Database
    clock: Clock
    keyring: Keyring
    kept: Kept
    outbox: Outbox
    pages: Pages
    institution: str

    def show(self, visitor: Visitor) -> Response:
        """Return the page: how many codes are left, and what making fresh ones does."""
        with self.database.read() as connection:
            left = recovery_codes.left(connection, visitor.party.account.id)
        return self.pages.render("renew_codes.html", codes_left=left, switch_url=url_for("home.switch"))

    def renew(self, request: Request, visitor: Visitor) -> Response:
        """Make fresh codes, the old ones die, and go to the page that shows them."""
        if "cancel" in request.form:
            return see_other(url_for("profile.show"))
        account_id, now = visitor.party.account.id, self.clock.now()
        with self.database.write() as connection:
            codes = recovery_codes.renew(connection, self.keyring, account_id, now)
            record(connection, Event.RECOVERY_CODES_MADE, now, account_id=account_id)
            self.outbox.tell(connection, Notice.RECOVERY_RENEWED, account_id, now)
        self.kept.put(_place(visitor), "\n".join(codes))
        return see_other(url_for("factors.fresh_codes"))

    def fresh(self, visitor: Visitor) -> Response:
        """Return the page of codes just made by this session, while they are kept."""
        codes = self._fresh(visitor)
        if not codes:
            return see_other(url_for("factors.codes"))
        return self.pages.render(
            "recovery_codes.html",
            codes=codes,
            made_on=self._today(),
            file_url=url_for("factors.codes_file"),
            renewed=True,
            is_practitioner=visitor.party.account.profile == PRACTITIONER,
            switch_url=url_for("home.switch"),
        )

    def seen(self, visitor: Visitor) -> Response:
        """Show the codes no more: from now on they are on paper only."""
        self.kept.take(_place(visitor))
        return see_other(url_for("profile.show"))

    def file(self, visitor: Visitor) -> Response:
        """Return the codes just made as a text file."""
        codes = self._fresh(visitor)
        if not codes:
            return see_other(url_for("factors.codes"))
        return codes_file(self.institution, codes, self._today())

    def _fresh(self, visitor: Visitor) -> list[str]:
        return (self.kept.get(_place(visitor)) or "").split()

    def _today(self) -> str:
        return format_day(self.clock.now().astimezone(FUND_ZONE).date())


def _place(visitor: Visitor) -> str:
    return session_place(visitor.session, "codes")
