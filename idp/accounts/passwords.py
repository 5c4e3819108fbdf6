"""The policy of passwords by profile, what is known of whoever chooses one, and putting a new one in force."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection

from idp.accounts import assistant_factors, directory, failures, reset_links, sessions
from idp.accounts.locking import lock_practice
from idp.accounts.party import Account
from idp.rules.assurance import Policy
from idp.rules.passwords import Kind, Reason, Rule, refused, rule_of


@dataclass(frozen=True)
class Chooser:
    """For whom a password is chosen."""

    profile: str
    two_factors: bool
    """Their password alone never signs in, whatever the profile: the account is activated, or they are an assistant."""
    words: frozenset[str]
    """What others know of them, as :func:`words_of` gives it."""


def chooser_of(account: Account) -> Chooser:
    """Return the account's holder."""
    words = words_of(account.name, account.identifier, *account.attributes.values())
    return Chooser(account.profile, account.activated, words)


def words_of(*known: object) -> frozenset[str]:
    """Return the words of texts, case folded, with and without accents; numbers also joined, days in three orders."""
    found: set[str] = set()
    for text in known:
        if isinstance(text, Mapping):
            found |= words_of(*text.values())
        elif isinstance(text, str):
            found |= set(_words(text))
    return frozenset(found)


@dataclass(frozen=True)
class PasswordPolicy:
    """What a password must be, by profile; the common ones are read when the first is judged."""

    kinds: Mapping[str, Kind]
    obligations: Mapping[str, Policy]
    """By profile, since when two factors are obligatory."""
    institution: str

    def rule(self, chooser: Chooser, now: datetime) -> Rule:
        """Return the rule that holds for somebody at ``now``. Raises ``KeyError`` for a profile without a policy."""
        obliged = self.obligations[chooser.profile].in_force(now)
        return rule_of(self.kinds[chooser.profile], two_factors=chooser.two_factors or obliged)

    def refusal(self, password: str, chooser: Chooser, now: datetime) -> Reason | None:
        """Return why they may not choose the password, or ``None``."""
        words = chooser.words | words_of(self.institution)
        return refused(password, self.rule(chooser, now), self._common.__contains__, words)

    @cached_property
    def _common(self) -> frozenset[str]:
        # Imported here: 30,000 words that most processes never need.
        from zxcvbn.frequency_lists import FREQUENCY_LISTS

        return frozenset(FREQUENCY_LISTS["passwords"])


def beside(connection: Connection, account_id: str, now: datetime) -> list[str]:
    """Return what is compared together with the holder's password: give it to ``KnowledgeFactor.hash``."""
    return list(assistant_factors.own_passwords(connection, account_id, now).values())


def put_in_force(connection: Connection, account: Account, phc: str, now: datetime) -> None:
    """Give the account a password that whoever gets in by another way chose, and end everything proved by the old one.

    Every session at the account, its assistants' too, every grant, every sign-in under way and every link that was made
    before end; failures at the old password are forgotten, those at codes are not. The second factor stays.
    """
    lock_practice(connection, account.id)
    directory.set_password(connection, account.id, phc)
    directory.count_from(connection, account.id, now)
    sessions.end_all(connection, account.id, now, of="everybody")
    failures.forget(connection, "password", account.identifier)
    reset_links.forget(connection, account.id)


def _words(text: str) -> Iterable[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))
    for spelling in {folded, bare}:
        yield from re.findall(r"[^\W_]+", spelling)
    if re.fullmatch(r"[+(]?[0-9][0-9 ().+/-]+", folded):
        yield re.sub("[^0-9]", "", folded)
    if day := re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", folded):
        year, month, date = day.groups()
        yield from (date + month + year, month + date + year, date + month + year[2:])
