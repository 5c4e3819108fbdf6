"""The authenticator app: RFC 6238 as Google and Microsoft Authenticator read it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from idp_totp import TotpFactor

from idp.plugins import Candidate
from idp.rules.person import Match
from tests.plugins.conftest import MakeSettings

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30
ONE_STEP = timedelta(seconds=30)


@pytest.fixture
def factor(make_settings: MakeSettings) -> TotpFactor:
    return TotpFactor(make_settings())


def phone(name: str) -> Candidate:
    return Candidate(name, pyotp.random_base32(32))


def code_of(candidate: Candidate, step: int) -> str:
    return pyotp.TOTP(candidate.secret).generate_otp(step)


def three_distinct_codes() -> Candidate:
    """Return a phone whose codes of the steps around ``NOW`` differ: chance makes two alike once in a million."""
    while True:
        candidate = phone("phone")
        if len({code_of(candidate, STEP + ahead) for ahead in (-2, -1, 0, 1)}) == 4:
            return candidate


@pytest.mark.parametrize(
    ("seconds", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b_match_with_their_last_six_digits(
    factor: TotpFactor, seconds: int, eight_digits: str
) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    fitting = factor.matches([Candidate("rfc", RFC_SECRET)], eight_digits[-6:], now)
    assert fitting == {Match("rfc", seconds // 30)}


@pytest.mark.parametrize(("ahead", "fits"), [(-2, False), (-1, True), (0, True), (1, False), (2, False)])
def test_the_step_and_the_one_before_fit_and_never_the_next(
    factor: TotpFactor, ahead: int, fits: bool
) -> None:
    candidate = three_distinct_codes()
    fitting = factor.matches([candidate], code_of(candidate, STEP + ahead), NOW)
    assert fitting == ({Match("phone", STEP + ahead)} if fits else frozenset())


@pytest.mark.parametrize(
    ("later", "fits"),
    [(0, True), (29, True), (30, True), (59, True), (60, False)],
)
def test_a_code_lives_for_its_step_and_the_next_to_the_second(
    factor: TotpFactor, later: int, fits: bool
) -> None:
    candidate = three_distinct_codes()
    now = NOW + timedelta(seconds=later)
    assert bool(factor.matches([candidate], code_of(candidate, STEP), now)) is fits


@pytest.mark.attack(47)
def test_every_phone_that_fits_is_returned_and_the_factor_names_nobody(factor: TotpFactor) -> None:
    doctor = three_distinct_codes()
    twins = [Candidate("fernand", doctor.secret), Candidate("lulu", doctor.secret)]
    fitting = factor.matches([doctor, *twins], code_of(doctor, STEP), NOW)
    assert fitting == {Match(name, STEP) for name in ("phone", "fernand", "lulu")}


def test_nobody_fits_without_candidates_not_even_what_fills_the_places(factor: TotpFactor) -> None:
    assert factor.matches([], code_of(factor._padding, STEP), NOW) == frozenset()


@pytest.mark.attack(9)
@pytest.mark.parametrize("assistants", [0, 2, 10])
def test_as_many_codes_are_computed_whoever_is_there_and_whoever_fits(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, assistants: int
) -> None:
    factor = TotpFactor(make_settings(f"max_assistants: {assistants}\n"))
    phones = [phone(str(number)) for number in range(assistants + 1)]
    computed: list[int] = []
    real = pyotp.TOTP.generate_otp

    def counted(totp: pyotp.TOTP, step: int) -> str:
        computed.append(step)
        return real(totp, step)

    right = [code_of(candidate, STEP) for candidate in phones]
    monkeypatch.setattr(pyotp.TOTP, "generate_otp", counted)
    for present in range(assistants + 2):
        for code in ("000000", right[0], right[-1]):
            computed.clear()
            factor.matches(phones[:present], code, NOW)
            assert sorted(computed) == sorted([STEP, STEP - 1] * (assistants + 1))


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        ("000000", "000000"),
        ("123 456", "123456"),
        (" 123456 ", "123456"),
        ("12-34-56", "123456"),
        ("1 2 3 4 5 6", "123456"),
        ("123\u00a0456", "123456"),
        ("123\u202f456", "123456"),
    ],
)
def test_blanks_and_hyphens_are_dropped(factor: TotpFactor, typed: str, code: str) -> None:
    assert factor.normalised(typed) == code


@pytest.mark.attack(7)
@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="blanks"),
        pytest.param("12345", id="five digits"),
        pytest.param("1234567", id="seven digits"),
        pytest.param("１２３４５６", id="full-width digits"),
        pytest.param("١٢٣٤٥٦", id="Arabic digits"),
        pytest.param("१२३४५६", id="Devanagari digits"),
        pytest.param("12345६", id="one foreign digit"),
        pytest.param("²²²²²²", id="superscripts"),
        pytest.param("abcdef", id="letters"),
        pytest.param("12345O", id="one letter"),
        pytest.param("+12345", id="sign"),
        pytest.param("1234.5", id="point"),
        pytest.param("0x1234", id="hexadecimal"),
        pytest.param("123456\n", id="line break"),
        pytest.param("123\t456", id="tab"),
        pytest.param("123456\0", id="NUL"),
        pytest.param("12\u200b3456", id="zero-width blank"),
        pytest.param("123456" + " " * 1_000_000, id="a megabyte of blanks"),
        pytest.param("1" * 1_000_000, id="a megabyte of digits"),
    ],
)
def test_what_cannot_be_a_code_is_refused_before_any_comparison(factor: TotpFactor, typed: str) -> None:
    assert factor.normalised(typed) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(st.characters(categories=["Nd", "Zs", "Pd", "L"]), max_size=12))
def test_a_code_is_six_ascii_digits_or_nothing(factor: TotpFactor, typed: str) -> None:
    code = factor.normalised(typed)
    assert code is None or (len(code) == 6 and code.isascii() and code.isdigit())


def test_a_secret_has_160_bits_and_is_new_each_time(factor: TotpFactor) -> None:
    secrets = {factor.new_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}


def test_the_address_for_the_phone_says_issuer_account_and_secret_and_nothing_that_apps_ignore(
    factor: TotpFactor,
) -> None:
    uri = urlsplit(factor.enrolment_uri(RFC_SECRET, "408461"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == "/Caisses Sociales de Monaco:408461"
    assert parse_qs(uri.query) == {"secret": [RFC_SECRET], "issuer": ["Caisses Sociales de Monaco"]}


@pytest.mark.parametrize("label", ["NAUDIN:Fernand", "a:b:c", "é & co ? #1", ":"])
def test_a_colon_never_stands_in_issuer_or_account(make_settings: MakeSettings, label: str) -> None:
    factor = TotpFactor(make_settings('institution: {name: "Caisse: test"}\n'))
    uri = factor.enrolment_uri(RFC_SECRET, label)
    issuer, colon, account = unquote(urlsplit(uri).path).removeprefix("/").partition(":")
    assert (issuer, colon, account) == ("Caisse  test", ":", label.replace(":", " "))
    assert parse_qs(urlsplit(uri).query)["issuer"] == [issuer]


def test_the_address_gives_an_app_the_codes_that_fit(factor: TotpFactor) -> None:
    secret = factor.new_secret()
    app = pyotp.parse_uri(factor.enrolment_uri(secret, "408461"))
    assert isinstance(app, pyotp.TOTP)
    assert factor.matches([Candidate("phone", secret)], app.at(NOW), NOW) >= {Match("phone", STEP)}
