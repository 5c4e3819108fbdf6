"""The policy by profile, what is known of a person, and a new password put in force. On both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from idp.accounts import directory, passwords, reset_links
from idp.accounts.party import party
from idp.accounts.passwords import Chooser, PasswordPolicy, words_of
from idp.rules.assurance import Policy
from idp.rules.passwords import Reason, Rule
from tests.accounts.conftest import Practice
from tests.accounts.test_reset_links import QUARTER

BEFORE = datetime(2026, 2, 28, 22, 59, tzinfo=UTC)
AFTER = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy() -> PasswordPolicy:
    return PasswordPolicy(
        {"health_professional": "nist", "insured": "digits"},
        {
            "health_professional": Policy.required_from(date(2026, 3, 1)),
            "insured": Policy.optional(),
        },
        "Caisses Sociales de Monaco CCSS · CAR · CMRC",
    )


def _chooser(
    profile: str = "health_professional", *, two_factors: bool = False, words: tuple[str, ...] = ()
) -> Chooser:
    return Chooser(profile, two_factors, words_of(*words))


@pytest.mark.parametrize(
    ("chooser", "now", "rule"),
    [
        (_chooser(), BEFORE, Rule("nist", 15, 256)),
        (_chooser(), AFTER, Rule("nist", 8, 256)),
        (_chooser(two_factors=True), BEFORE, Rule("nist", 8, 256)),
        (_chooser("insured"), BEFORE, Rule("digits", 7, 8)),
        (_chooser("insured", two_factors=True), AFTER, Rule("digits", 7, 8)),
    ],
)
def test_the_rule_follows_profile_date_and_second_factor(
    policy: PasswordPolicy, chooser: Chooser, now: datetime, rule: Rule
) -> None:
    assert policy.rule(chooser, now) == rule


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Password1", Reason.COMMON),
        ("football", Reason.COMMON),
        ("DURAND Hélène", Reason.PERSONAL),
        ("durandhelene", Reason.PERSONAL),
        ("Caisses-Monaco!", Reason.PERSONAL),
        ("caissesmonaco", Reason.PERSONAL),
        ("21071984", Reason.PERSONAL),
        ("19840721", Reason.PERSONAL),
        ("helene210784", Reason.PERSONAL),
        ("48833828", Reason.PERSONAL),
        ("pluie tabac", None),
    ],
)
def test_what_others_know_and_what_everybody_takes_is_refused(
    policy: PasswordPolicy, password: str, reason: Reason | None
) -> None:
    known = ("DURAND Hélène", "408461", "1984-07-21", "+33648833828")
    assert policy.refusal(password, _chooser(two_factors=True, words=known), BEFORE) is reason


@pytest.mark.parametrize("password", ["11223344", "12312312", "1123581"])
def test_the_common_digits_are_refused_too(policy: PasswordPolicy, password: str) -> None:
    assert policy.refusal(password, _chooser("insured"), BEFORE) in (Reason.COMMON, Reason.PATTERN)


def test_words_are_taken_from_texts_numbers_and_days_alone() -> None:
    assert words_of("Été-Durand", None, 4, {"locality": "Monaco"}) == {"été", "ete", "durand", "monaco"}
    assert words_of("+377 99-00.00 00") >= {"37799000000"}
    assert words_of("1984-07-21") == {"1984", "07", "21", "19840721", "21071984", "07211984", "210784"}


def test_a_new_password_ends_what_the_old_one_opened(practice: Practice) -> None:
    now = practice.clock.now()
    with practice.database.write() as connection:
        token = reset_links.make(connection, practice.account_id, QUARTER, now)
        there = party(connection, practice.account_id, None, now)
        assert there is not None
        passwords.put_in_force(connection, there.account, "$argon2id$new", now)
        known = directory.credentials(connection, there.account.identifier)
        assert known is not None
        assert known.password == "$argon2id$new"
        assert reset_links.holder(connection, token, now) is None
        after = party(connection, practice.account_id, None, now)
        assert after is not None
        assert after.not_before == now
        assert after.account.activated == there.account.activated
