"""Which password may be chosen, as a table; the length rules and patterns at their borders."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.rules.passwords import MAXIMUM, Reason, Rule, normalised, refused, rule_of

ALONE, BESIDE_A_CODE = rule_of("nist", two_factors=False), rule_of("nist", two_factors=True)
DIGITS = rule_of("digits", two_factors=False)
COMMON = {"password", "12344321", "11223344", "motdepassemotdepasse1", "sunshine2024"}
WORDS = (
    "608349",
    "nomocumo",
    "hyveme",
    "caisses",
    "sociales",
    "monaco",
    "19840721",
    "33648833828",
    "de",
    "hy",
)


def test_the_lengths_are_those_of_nist_and_of_the_funds() -> None:
    assert Rule("nist", 15, 256) == ALONE
    assert Rule("nist", 8, 256) == BESIDE_A_CODE
    assert rule_of("digits", two_factors=True) == DIGITS == Rule("digits", 7, 8)


@pytest.mark.parametrize(
    ("rule", "password", "reason"),
    [
        (ALONE, "", Reason.TOO_SHORT),
        (ALONE, "quatorze signe", Reason.TOO_SHORT),
        (ALONE, "quinze signes !", None),
        (BESIDE_A_CODE, "7 signe", Reason.TOO_SHORT),
        (BESIDE_A_CODE, "8 signes", None),
        (BESIDE_A_CODE, "48213975", None),
        (ALONE, "pluie tabac violon genou", None),
        (ALONE, "x1Y" * 85 + "z", None),
        (ALONE, "pluie " * 42 + "tabac", Reason.TOO_LONG),
        (ALONE, "α\u0313\u0300\u0345" * 256, Reason.PATTERN),
        (ALONE, "ab" * 513, Reason.TOO_LONG),
        (ALONE, "日本語のとても長い合言葉です。ね", None),
        # what composes to fewer characters counts as fewer, what unfolds as more
        (BESIDE_A_CODE, "e\u0301te\u0301 gai", Reason.TOO_SHORT),
        (BESIDE_A_CODE, "ﬃt gai", None),
        # no rule of composition
        (ALONE, "onlysmallletters", None),
        (BESIDE_A_CODE, "aaaaaaaa", Reason.PATTERN),
        (BESIDE_A_CODE, "abcabcabc", Reason.PATTERN),
        (BESIDE_A_CODE, "Genou12Genou12", Reason.PATTERN),
        (BESIDE_A_CODE, "12345678", Reason.PATTERN),
        (BESIDE_A_CODE, "87654321", Reason.PATTERN),
        (BESIDE_A_CODE, "89012345", Reason.PATTERN),
        (BESIDE_A_CODE, "abcdEFGH", Reason.PATTERN),
        (BESIDE_A_CODE, "abcd1234", Reason.PATTERN),
        (BESIDE_A_CODE, "azertyui", Reason.PATTERN),
        (BESIDE_A_CODE, "Azertyuiop1!", Reason.PATTERN),
        (ALONE, "qwertyuiopasdfghjkl", Reason.PATTERN),
        (ALONE, "aaaa bbbb cccc dddd", Reason.PATTERN),
        (BESIDE_A_CODE, "PassWord", Reason.COMMON),
        (ALONE, "MotDePasseMotDePasse1", Reason.COMMON),
        (BESIDE_A_CODE, "Ｐａｓｓｗｏｒｄ", Reason.COMMON),
        (BESIDE_A_CODE, "nomocumo", Reason.PERSONAL),
        (BESIDE_A_CODE, "NOMOCUMO12", Reason.PERSONAL),
        (BESIDE_A_CODE, "hyveme nomocumo", Reason.PERSONAL),
        (BESIDE_A_CODE, "hyveme123456", Reason.PERSONAL),
        (ALONE, "caissessocialesdemonaco", Reason.PERSONAL),
        (ALONE, "monaco 608349 hyveme", Reason.PERSONAL),
        (BESIDE_A_CODE, "48833828", Reason.PERSONAL),
        (ALONE, "hyveme aime le violon", None),
        (BESIDE_A_CODE, "monaco et tabac", None),
        (DIGITS, "482139", Reason.TOO_SHORT),
        (DIGITS, "482139750", Reason.TOO_LONG),
        (DIGITS, "4821397", None),
        (DIGITS, "48213975", None),
        (DIGITS, "4821a975", Reason.NOT_DIGITS),
        (DIGITS, "4821 975", Reason.NOT_DIGITS),
        (DIGITS, "４８２１３９７５", None),
        (DIGITS, "٤٨٢١٣٩٧٥", Reason.NOT_DIGITS),
        (DIGITS, "48222139", Reason.THREE_IN_A_ROW),
        (DIGITS, "48222239", Reason.THREE_IN_A_ROW),
        (DIGITS, "48221399", None),
        (DIGITS, "1234567", Reason.PATTERN),
        (DIGITS, "9876543", Reason.PATTERN),
        (DIGITS, "7890123", Reason.PATTERN),
        (DIGITS, "3210987", Reason.PATTERN),
        (DIGITS, "12345679", Reason.PATTERN),
        (DIGITS, "48484848", Reason.PATTERN),
        (DIGITS, "12341234", Reason.PATTERN),
        (DIGITS, "11223344", Reason.COMMON),
        (DIGITS, "6083491", Reason.PERSONAL),
        (DIGITS, "26083492", Reason.PERSONAL),
        (DIGITS, "19840721", Reason.PERSONAL),
        (DIGITS, "6488338", Reason.PERSONAL),
    ],
)
def test_a_password_is_taken_or_refused_with_its_reason(
    rule: Rule, password: str, reason: Reason | None
) -> None:
    assert refused(password, rule, COMMON.__contains__, WORDS) is reason


@pytest.mark.parametrize(("length", "reason"), [(MAXIMUM, None), (MAXIMUM + 1, Reason.TOO_LONG)])
def test_the_longest_password_has_256_characters(length: int, reason: Reason | None) -> None:
    password = "".join(chr(0x4E00 + 37 * place % 20_000) for place in range(length))
    assert refused(password, ALONE, COMMON.__contains__, ()) is reason


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=40), st.lists(st.text(max_size=8), max_size=4))
def test_any_text_is_judged_and_its_spelling_makes_no_difference(password: str, words: list[str]) -> None:
    for rule in (ALONE, BESIDE_A_CODE, DIGITS):
        judged = refused(password, rule, COMMON.__contains__, words)
        assert refused(normalised(password), rule, COMMON.__contains__, words) is judged
        if judged is None:
            assert rule.minimum <= len(normalised(password)) <= rule.maximum


def test_eight_random_digits_are_nearly_always_taken() -> None:
    taken = sum(
        refused(f"{number * 7_919_993 % 10**8:08}", DIGITS, lambda _: False, WORDS) is None
        for number in range(2_000)
    )
    assert taken > 1_800
