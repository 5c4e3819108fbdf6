"""A new password by a single-use link. The second factor stays as it is: the next sign-in asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Request, Response, url_for
from flask import session as browser_session
from flask_babel import gettext as _

from idp.accounts import passwords, reset_links
from idp.accounts.party import Account
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import see_other
from idp.login.new_password import FIELD, NewPasswords
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages, Problem
from idp.plugins import KnowledgeFactor
from idp.storage.database import Database

_KEPT: Final = "link"
_LONGEST_TOKEN: Final = 64


@dataclass(frozen=True)
class ResetPage:
    """The link is looked at as often as mail scanners like; only a password that may be chosen uses it up."""

    database: Database
    clock: Clock
    knowledge: KnowledgeFactor
    new: NewPasswords
    outbox: Outbox
    pages: Pages

    def follow(self, token: str) -> Response:
        """Put the token into the browser's cookie and go on without it in the address, where history keeps it."""
        browser_session[_KEPT] = token[:_LONGEST_TOKEN]
        return see_other(url_for("forgotten.reset"))

    def show(self) -> Response:
        """Return the page that asks for the new password."""
        account = self._holder()
        return self._page(account) if account else self._over()

    def post(self, request: Request) -> Response:
        """Take *Annuler*, or the new password."""
        if "cancel" in request.form:
            browser_session.pop(_KEPT, None)
            return see_other(url_for("home.home"))
        account, typed = self._holder(), request.form.get(FIELD, "")
        if account is None:
            return self._over()
        problem = self.new.problem(typed, passwords.chooser_of(account))
        if problem is not None:
            return self._page(account, problem)
        with self.database.read() as connection:
            beside = passwords.beside(connection, account.id, self.clock.now())
        if not self._used(account, self.knowledge.hash(typed, beside=beside)):
            return self._over()
        browser_session.pop(_KEPT, None)
        return self.pages.render(
            "forgotten_done.html", activated=account.activated, home_url=url_for("home.home")
        )

    def _used(self, account: Account, phc: str) -> bool:
        now = self.clock.now()
        with self.database.write() as connection:
            taken = reset_links.take(connection, browser_session.get(_KEPT, ""), now)
            if taken is None:
                record(connection, Event.RECOVERY_LINK_REFUSED, now, account_id=account.id)
                return False
            passwords.put_in_force(connection, account, phc, now)
            record(connection, Event.PASSWORD_RESET, now, account_id=account.id, detail={"by": "link"})
            self.outbox.tell(connection, Notice.PASSWORD_CHANGED, account.id, now)
        return True

    def _holder(self) -> Account | None:
        with self.database.read() as connection:
            return reset_links.holder(connection, browser_session.get(_KEPT, ""), self.clock.now())

    def _page(self, account: Account, *problems: Problem) -> Response:
        return self.pages.render(
            "forgotten_reset.html",
            status=422 if problems else 200,
            problems=problems,
            identifier=account.identifier,
            asked=self.new.asked(passwords.chooser_of(account)),
        )

    def _over(self) -> Response:
        """Say that the link is good no more, whatever the reason."""
        browser_session.pop(_KEPT, None)
        return self.pages.error(
            410,
            "expired",
            str(_("Ce lien n'est plus valable")),
            str(_("Il a expiré, a déjà servi, ou votre compte a changé depuis. Demandez-en un nouveau.")),
            action_url=url_for("forgotten.password"),
            action_label=str(_("Demander un nouveau lien")),
        )
