"""Activation codes: what a phone's enrolment needs beside the password, by letter or from support. One an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, delete, insert, select

from idp.accounts.locking import lock_account
from idp.accounts.one_time_codes import ACTIVATION, fits, kept_form
from idp.rules.assurance import FUND_ZONE
from idp.storage.keyring import Keyring
from idp.storage.schema import account, activation_code

GOOD_FOR = timedelta(days=30)


class AlreadyActivated(Exception):
    """The account needs no code for a first activation; one would open the way of a lost phone."""


@dataclass(frozen=True)
class NewCode:
    """A code as it is printed, and the last day on which it is good."""

    code: str
    last_day: date


def make(
    connection: Connection, keyring: Keyring, account_id: str, now: datetime, *, even_activated: bool = False
) -> NewCode:
    """Give the account a fresh code in the place of an older one; good to the end of the thirtieth day, in Monaco.

    Of codes made in parallel the last one stays. Raises ``AlreadyActivated``, also for an account erased meanwhile:
    whoever looked before cannot know. ``even_activated`` is for a phone that was just taken away.
    """
    lock_account(connection, account_id)
    waits = select(account.c.activated_at.is_(None)).where(account.c.id == account_id)
    if not even_activated and not connection.execute(waits).scalar_one_or_none():
        raise AlreadyActivated
    new = NewCode(ACTIVATION.new(), (now.astimezone(FUND_ZONE) + GOOD_FOR).date())
    forget(connection, account_id)
    connection.execute(
        insert(activation_code).values(
            account_id=account_id,
            digest=kept_form(keyring, ACTIVATION, account_id, new.code.replace("-", "")),
            created_at=now,
            expires_at=datetime.combine(new.last_day + timedelta(days=1), time(), FUND_ZONE),
        )
    )
    return new


def found(connection: Connection, keyring: Keyring, account_id: str, code: str, now: datetime) -> str | None:
    """Return what is stored of the account's code if a normalised ``code`` is it, or ``None``. It is not taken."""
    stored = connection.execute(
        select(activation_code.c.digest).where(
            activation_code.c.account_id == account_id, activation_code.c.expires_at > now
        )
    ).scalar_one_or_none()
    return stored if stored and fits(keyring, ACTIVATION, account_id, code, stored) else None


def take(connection: Connection, account_id: str, stored: str, now: datetime) -> bool:
    """Use the code that ``found`` returned: true for exactly one caller, and only while it still is the account's."""
    result = connection.execute(
        delete(activation_code).where(
            activation_code.c.account_id == account_id,
            activation_code.c.digest == stored,
            activation_code.c.expires_at > now,
        )
    )
    return result.rowcount == 1


def forget(connection: Connection, account_id: str) -> None:
    """Leave the account without a code."""
    connection.execute(delete(activation_code).where(activation_code.c.account_id == account_id))
