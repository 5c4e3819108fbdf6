"""The password factor: the same work for everybody, in a bounded number of places."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from argon2 import PasswordHasher, extract_parameters
from idp_password import MAX_LENGTH, PasswordFactor

from idp.plugins import FactorBusy, PasswordEvidence
from tests.plugins.conftest import MakeSettings

RIGHT = "48213975"
DEARER = "argon2: {memory_kib: 8192, time_cost: 1}\n"
TIMEOUT = 20


@pytest.fixture
def factor(make_settings: MakeSettings) -> PasswordFactor:
    return PasswordFactor(make_settings(), wait_seconds=0)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the PHC strings that Argon2 is really computed for."""
    computed: list[str] = []
    real = PasswordHasher.verify

    def counted(hasher: PasswordHasher, phc: str, password: str) -> bool:
        computed.append(phc)
        return real(hasher, phc, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return computed


class Meeting:
    """Holds every comparison inside Argon2 until the test lets them go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
        self._inside = Barrier(parties + 1)
        self._go_on = Event()
        real = PasswordHasher.verify

        def held(hasher: PasswordHasher, phc: str, password: str) -> bool:
            if not self._go_on.is_set():
                self._inside.wait(TIMEOUT)
                self._go_on.wait(TIMEOUT)
            return real(hasher, phc, password)

        monkeypatch.setattr(PasswordHasher, "verify", held)

    def wait_until_all_are_inside(self) -> None:
        self._inside.wait(TIMEOUT)

    def let_go(self) -> None:
        self._go_on.set()


def test_the_right_password_is_right_and_any_other_is_wrong(factor: PasswordFactor) -> None:
    stored = factor.hash(RIGHT)
    assert factor.verify([stored], RIGHT) == PasswordEvidence(0)
    for wrong in ("48213976", "4821397", RIGHT + " ", "", RIGHT + "\0", "４８２１３９７５", "\ud800"):
        assert factor.verify([stored], wrong) == PasswordEvidence(None)


def test_a_password_is_kept_as_argon2id_at_the_configured_cost_with_a_salt_of_its_own(
    factor: PasswordFactor,
) -> None:
    first, second = factor.hash(RIGHT), factor.hash(RIGHT)
    assert first.startswith("$argon2id$v=19$m=7168,t=1,p=1$")
    assert first != second
    assert RIGHT not in first


def test_no_password_is_right_for_an_account_that_does_not_exist(factor: PasswordFactor) -> None:
    for guess in (RIGHT, "", factor._nobody):
        assert factor.verify([], guess) == PasswordEvidence(None)


@pytest.mark.attack(9)
def test_right_wrong_too_long_and_no_account_cost_one_comparison_of_the_same_price(
    factor: PasswordFactor, compared: list[str]
) -> None:
    stored = factor.hash(RIGHT)
    for phc, password in [(stored, RIGHT), (stored, "wrong"), (stored, "x" * 10_000), (None, RIGHT)]:
        factor.verify([phc] if phc else [], password)
    assert len(compared) == 4
    assert len({str(extract_parameters(phc)) for phc in compared}) == 1


def test_the_longest_password_is_taken_and_a_longer_one_is_never_right(factor: PasswordFactor) -> None:
    longest = secrets.token_hex(MAX_LENGTH)[:MAX_LENGTH]
    stored = factor.hash(longest)
    assert factor.verify([stored], longest).right
    for more in ("x", longest, "x" * 1_000_000):
        assert not factor.verify([stored], longest + more).right
    with pytest.raises(ValueError, match="at most 256 characters"):
        factor.hash(longest + "x")


def test_a_password_is_stored_anew_at_its_next_right_use_when_the_cost_has_changed(
    make_settings: MakeSettings,
) -> None:
    stored = PasswordFactor(make_settings()).hash(RIGHT)
    dearer = PasswordFactor(make_settings(argon2=DEARER))
    assert dearer.verify([stored], "wrong") == PasswordEvidence(None)
    evidence = dearer.verify([stored], RIGHT)
    assert evidence.right
    assert evidence.rehashed is not None
    assert "m=8192" in evidence.rehashed
    assert dearer.verify([evidence.rehashed], RIGHT) == PasswordEvidence(0)


@pytest.mark.parametrize(
    "phc",
    [
        pytest.param("48213975", id="the password itself"),
        pytest.param("$2b$12$abcdefghijklmnopqrstuv", id="another algorithm"),
        pytest.param("$argon2id$", id="cut short"),
        pytest.param("$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$", id="no hash"),
        pytest.param("$argon2id$v=19$m=x,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", id="no cost"),
        pytest.param("é", id="not ASCII"),
        pytest.param("", id="empty"),
    ],
)
def test_a_broken_stored_password_opens_nothing_and_keeps_no_place(
    make_settings: MakeSettings, phc: str
) -> None:
    factor = PasswordFactor(make_settings(argon2="argon2: {memory_kib: 7168, time_cost: 1, workers: 1}\n"), 0)
    for _ in range(3):
        assert factor.verify([phc], RIGHT) == PasswordEvidence(None)
    assert factor.verify([factor.hash(RIGHT)], RIGHT).right


def test_no_more_than_the_places_are_computed_at_once_and_whoever_finds_none_is_told_so(
    factor: PasswordFactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = factor.hash(RIGHT)
    meeting = Meeting(monkeypatch, parties=2)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(factor.verify, [stored], RIGHT) for _ in range(2)]
        meeting.wait_until_all_are_inside()
        with pytest.raises(FactorBusy):
            factor.verify([stored], RIGHT)
        with pytest.raises(FactorBusy):
            factor.verify([], RIGHT)
        with pytest.raises(FactorBusy):
            factor.hash(RIGHT)
        meeting.let_go()
        assert [one.result(TIMEOUT).right for one in both] == [True, True]
    assert factor.verify([stored], RIGHT).right


def test_whoever_waits_is_served_as_soon_as_a_place_comes_free(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = PasswordFactor(make_settings(), wait_seconds=TIMEOUT)
    stored = patient.hash(RIGHT)
    meeting = Meeting(monkeypatch, parties=2)
    with ThreadPoolExecutor(6) as pool:
        many = [pool.submit(patient.verify, stored, RIGHT) for _ in range(6)]
        meeting.wait_until_all_are_inside()
        assert not any(one.done() for one in many)
        meeting.let_go()
        assert all(one.result(TIMEOUT).right for one in many)
