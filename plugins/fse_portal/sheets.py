"""Care sheets (*feuilles de soins*): what is typed, what is kept, and what each operation demands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from flask_relying_party import Caller, Clock, Demand

from fse_portal.beneficiaries import Beneficiary
from fse_portal.clock import today_in_monaco
from fse_portal.database import Database

ACTS = {"C": "Consultation", "CS": "Consultation de spécialiste", "V": "Visite à domicile"}
SEND = Demand(acr="mfa")
CANCEL = Demand(acr="mfa", max_age=15 * 60)

_AMOUNT = re.compile(r"[0-9]{1,4}(?:[.,][0-9]{1,2})?")
_LENGTH_LIMIT = 40
_NUMBER = re.compile(r"[0-9]{1,9}")


class AlreadySent(Exception):
    """The form was for one sheet, which was sent: as sheet ``number``, with other contents, or cancelled since."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True)
class Draft:
    """What was typed: shown again as it was, with one sentence a field that cannot be used."""

    day: str
    fund: str
    number: str
    rank: str
    act: str
    amount: str
    beneficiary: Beneficiary | None
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """One that was sent. ``cents`` of a euro; ``by`` is the name of the assistant, ``None`` the practitioner."""

    id: int
    day: date
    person: str
    number: str
    fund: str
    act: str
    cents: int
    sent_at: datetime
    by: str | None
    cancelled_at: datetime | None

    @property
    def act_name(self) -> str:
        """Return what the act is called."""
        return ACTS[self.act]

    @property
    def amount(self) -> str:
        """Return the amount as it is written in French."""
        return f"{self.cents // 100},{self.cents % 100:02} €"


def read_draft(typed: Mapping[str, str], people: Sequence[Beneficiary], today: date) -> Draft:
    """Read what was typed, or sent to the API, under the fields' names."""
    names = ("date", "caisse", "matricule", "rang", "acte", "montant")
    day, fund, number, rank, act, amount = (typed.get(name, "").strip()[:_LENGTH_LIMIT] for name in names)
    errors = {}
    found = next(
        (one for one in people if (one.fund, one.number, str(one.rank)) == (fund, number, rank)), None
    )
    if found is None:
        errors["matricule"] = "Aucun bénéficiaire trouvé."
    if (acts_on := _day(day)) is None:
        errors["date"] = "Saisissez la date des actes."
    elif acts_on > today:
        errors["date"] = "La date des actes ne peut pas être à venir."
    elif found is not None and found.born > acts_on:
        errors["date"] = "La date des actes précède la naissance du bénéficiaire."
    if act not in ACTS:
        errors["acte"] = "Choisissez un acte."
    if not _AMOUNT.fullmatch(amount) or not _cents(amount):
        errors["montant"] = "Saisissez un montant en euros, par exemple 25,00."
    return Draft(day, fund, number, rank, act, amount, found, errors)


def read_number(typed: str) -> int | None:
    """Read the number of a sheet; ``None`` for what can be none."""
    return int(typed) if _NUMBER.fullmatch(typed) else None


class SheetDesk:
    """What may be done with the sheets of a practice. Pages and API come here, so both meet the same demands.

    Every method raises ``sqlite3.Error`` when the file cannot be used.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, caller: Caller, draft: Draft, once: str) -> int:
        """Keep a sheet as sent and return its number; the same again under the same ``once`` is the same sheet.

        Raises ``InsufficientAuthentication`` below two factors, ``ValueError`` for a draft with errors, and
        ``AlreadySent``, having done nothing, when another sheet was sent under that ``once``.
        """
        if draft.errors or draft.beneficiary is None:
            raise ValueError("a draft with errors")
        SEND.check(caller, self._clock.now())
        person = draft.beneficiary
        contents = {
            "person": f"{person.last_name} {person.first_name}",
            "number": person.number,
            "fund": person.fund,
            "act": draft.act,
            "cents": _cents(draft.amount),
        }
        day = date.fromisoformat(draft.day).isoformat()
        now = self._clock.now().timestamp()
        by = caller.actor.name if caller.actor else None
        told = json.dumps(contents)
        with self._database.transaction() as connection:
            sent = connection.execute(
                "SELECT id, day, contents, cancelled_at FROM sheet WHERE sub = ? AND draft = ?",
                (caller.sub, once),
            ).fetchone()
            if sent is None:
                made = connection.execute(
                    "INSERT INTO sheet (sub, draft, contents, day, sent_at, sent_by) VALUES (?, ?, ?, ?, ?, ?) "
                    "RETURNING id",
                    (caller.sub, once, told, day, now, by),
                ).fetchone()
                return int(made[0])
        if sent[1:] != (day, told, None):
            raise AlreadySent(sent[0])
        return int(sent[0])

    def cancel(self, caller: Caller, number: int) -> bool:
        """Cancel a sheet; false for one of another practice, or cancelled before.

        Raises ``InsufficientAuthentication`` below two factors, or when the sign-in is older than 15 minutes.
        """
        now = self._clock.now()
        CANCEL.check(caller, now)
        with self._database.connection() as connection:
            cancelled = connection.execute(
                "UPDATE sheet SET cancelled_at = ?, cancelled_by = ? "
                "WHERE id = ? AND sub = ? AND cancelled_at IS NULL",
                (now.timestamp(), caller.actor.name if caller.actor else None, number, caller.sub),
            )
            return cancelled.rowcount == 1

    def sent(self, caller: Caller, day: str | None = None) -> list[Sheet]:
        """Return the sheets of the practice, of acts on ``day`` (ISO) if one is given, the most recent first."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT id, day, contents, sent_at, sent_by, cancelled_at FROM sheet "
                "WHERE sub = ? AND (? IS NULL OR day = ?) ORDER BY id DESC LIMIT 200",
                (caller.sub, day, day),
            ).fetchall()
        return [_sheet(*row) for row in rows]

    def today(self) -> date:
        """Return the day in Monaco, the last that a sheet may bear."""
        return today_in_monaco(self._clock)


def _sheet(
    number: int, day: str, contents: str, sent_at: float, by: str | None, cancelled: float | None
) -> Sheet:
    told: dict[str, Any] = json.loads(contents)
    return Sheet(
        id=number,
        day=date.fromisoformat(day),
        sent_at=datetime.fromtimestamp(sent_at, UTC),
        by=by,
        cancelled_at=None if cancelled is None else datetime.fromtimestamp(cancelled, UTC),
        **told,
    )


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _cents(amount: str) -> int:
    euros, _, cents = amount.replace(",", ".").partition(".")
    return int(euros) * 100 + int(cents.ljust(2, "0") or 0)
