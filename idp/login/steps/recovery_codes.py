"""The page of fresh recovery codes: between the last code and the service, seen once."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.clock import Clock
from idp.login.cookies import fingerprint
from idp.login.journey import Journey
from idp.login.kept import Kept
from idp.login.position import Position
from idp.login.wording import format_day
from idp.pages import Pages
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import PRACTITIONER


@dataclass(frozen=True)
class FreshCodes:
    """The codes of a sign-in that nobody has seen yet."""

    kept: Kept

    def keep(self, position: Position, codes: list[str]) -> None:
        """Keep what was just made until its page is left."""
        self.kept.put(_place(position), "\n".join(codes))

    def of(self, position: Position) -> list[str]:
        """Return what is to be shown; nothing once the page was left."""
        return (self.kept.get(_place(position)) or "").split()

    def forget(self, position: Position) -> None:
        """Leave nothing to be shown again."""
        self.kept.take(_place(position))


@dataclass(frozen=True)
class RecoveryCodesStep:
    """Shows the codes, lets them be printed, copied or downloaded, and goes on to the service."""

    clock: Clock
    journey: Journey
    codes: FreshCodes
    pages: Pages
    institution: str

    def show(self, request: Request, position: Position) -> Response:
        """Return the page, the same however often it is loaded."""
        codes = self.codes.of(position)
        if not codes:
            return self.post(request, position)
        transaction = position.transaction
        return self.pages.render(
            "recovery_codes.html",
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            codes=codes,
            made_on=self._today(),
            file_url=url_for("signin.recovery_codes_file", transaction_id=transaction.id),
            renewed=False,
            is_practitioner=position.party is not None and position.party.account.profile == PRACTITIONER,
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )

    def post(self, request: Request, position: Position) -> Response:
        """Go on: from now on the codes are on paper only."""
        transaction = position.transaction
        if transaction.account_id is None:
            return self.journey.proceed(request, transaction.id)
        response = self.journey.prove(
            request, position, transaction.account_id, None, position.proofs, fresh_codes=False
        )
        self.codes.forget(position)
        return response

    def file(self, request: Request, position: Position) -> Response:
        """Return the codes as a text file; nothing keeps it on the way."""
        codes = self.codes.of(position)
        if not codes:
            return self.journey.proceed(request, position.transaction.id)
        return codes_file(self.institution, codes, self._today())

    def _today(self) -> str:
        return format_day(self.clock.now().astimezone(FUND_ZONE).date())


def codes_file(institution: str, codes: list[str], made_on: str) -> Response:
    """Return recovery codes as a text file to be saved. Without the identifier: whoever finds it learns less."""
    lines = [
        institution,
        _("Codes de récupération créés le %(date)s", date=made_on),
        "",
        *codes,
        "",
        _(
            "Chaque code ne sert qu'une fois, avec votre mot de passe, si votre téléphone est perdu ou changé."
        ),
        _("Gardez-les loin de votre ordinateur et de votre téléphone. Ne les donnez à personne."),
    ]
    response = Response("\r\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="codes-de-recuperation.txt"'
    return response


def _place(position: Position) -> str:
    # With whose they are: in one sign-in somebody else may come to stand where the codes were made.
    whose = position.party.account.id if position.party else ""
    return f"codes:{whose}:{fingerprint(position.transaction.id)}"
