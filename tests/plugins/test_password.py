"""The password factor: the same work for everybody, in a bounded number of places."""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import HashingError
from idp_password import PasswordFactor, argon2id
from idp_password.argon2id import Recipe

from idp.plugins import FactorBusy, PasswordEvidence
from idp.rules.passwords import MAXIMUM, normalised
from tests.journeys.story import count_verifications
from tests.plugins.conftest import MakeSettings

RIGHT = "48213975"
DEARER = "argon2: {memory_kib: 8192, time_cost: 1}\n"
TIMEOUT = 20


@pytest.fixture
def factor(make_settings: MakeSettings) -> PasswordFactor:
    return PasswordFactor(make_settings(), wait_seconds=0)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Give the recipes that Argon2 is really computed for."""
    return count_verifications(monkeypatch)


class Meeting:
    """Holds every computation inside Argon2 until the test lets them go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
        self._inside = Barrier(parties + 1)
        self._go_on = Event()
        real = Recipe.computed

        def held(recipe: Recipe, secret: bytes) -> bytes:
            if not self._go_on.is_set():
                self._inside.wait(TIMEOUT)
                self._go_on.wait(TIMEOUT)
            return real(recipe, secret)

        monkeypatch.setattr(Recipe, "computed", held)

    def wait_until_all_are_inside(self) -> None:
        self._inside.wait(TIMEOUT)

    def let_go(self) -> None:
        self._go_on.set()


def test_the_right_password_is_right_and_any_other_is_wrong(factor: PasswordFactor) -> None:
    stored = factor.hash(RIGHT)
    assert factor.verify([stored], RIGHT) == PasswordEvidence(0)
    for wrong in ("48213976", "4821397", RIGHT + " ", "", RIGHT + "\0", "?", "\ud800", RIGHT + "\udcff"):
        assert factor.verify([stored], wrong) == PasswordEvidence(None)


def test_a_password_is_kept_as_argon2id_at_the_configured_cost_with_a_salt_of_its_own(
    factor: PasswordFactor,
) -> None:
    first, second = factor.hash(RIGHT), factor.hash(RIGHT)
    assert first.startswith("$argon2id$v=19$m=7168,t=1,p=1$")
    assert first != second
    assert RIGHT not in first
    assert PasswordHasher().verify(first, RIGHT)


@pytest.mark.parametrize(
    "typed", ["Été à l'île ½", "E\u0301te\u0301 a\u0300 l'i\u0302le ½", "Été à l'île 1⁄2"]
)
def test_one_password_is_one_whatever_keyboard_composes_it(factor: PasswordFactor, typed: str) -> None:
    stored = factor.hash("Été à l'île ½")
    assert factor.verify([stored], typed) == PasswordEvidence(0)
    assert not factor.verify([stored], "Ete a l'ile ½").right


def test_what_was_hashed_as_it_was_typed_still_opens_and_is_stored_anew(factor: PasswordFactor) -> None:
    typed = "dix² pommes ﬁnes"
    before = PasswordHasher(1, 7168, 1).hash(typed)
    evidence = factor.verify([before], typed)
    assert evidence.right
    assert evidence.rehashed is not None
    assert factor.verify([evidence.rehashed], typed) == PasswordEvidence(0)
    assert factor.verify([evidence.rehashed], "dix2 pommes fines") == PasswordEvidence(0)


def test_no_password_is_right_for_an_account_that_does_not_exist(factor: PasswordFactor) -> None:
    for guess in (RIGHT, ""):
        assert factor.verify([], guess) == PasswordEvidence(None)


@pytest.mark.attack(9)
def test_right_wrong_too_long_and_no_account_cost_one_computation_of_the_same_price(
    factor: PasswordFactor, computed: list[Recipe]
) -> None:
    stored = factor.hash(RIGHT)
    computed.clear()
    for phc, password in [(stored, RIGHT), (stored, "wrong"), (stored, "x" * 10_000), (None, RIGHT)]:
        factor.verify([phc] if phc else [], password)
    assert len(computed) == 4
    assert len({recipe.cost for recipe in computed}) == 1


@pytest.mark.attack(58)
def test_eleven_people_cost_one_computation_and_each_is_told_apart(
    factor: PasswordFactor, computed: list[Recipe]
) -> None:
    stored: list[str] = []
    for number in range(11):
        stored.append(factor.hash(f"4821397{number}", beside=stored))
    assert len(set(stored)) == 11
    computed.clear()
    for number in range(11):
        assert factor.verify(stored, f"4821397{number}") == PasswordEvidence(number)
    assert not factor.verify(stored, "48213").right
    assert len(computed) == 12


def test_strings_of_one_account_come_to_share_a_salt_when_they_are_stored_anew(
    make_settings: MakeSettings, computed: list[Recipe]
) -> None:
    before = PasswordFactor(make_settings())
    stored = [before.hash("48213975"), before.hash("59324086")]
    after = PasswordFactor(make_settings(argon2=DEARER))
    for which, password in enumerate(("48213975", "59324086")):
        evidence = after.verify(stored, password)
        assert evidence.which == which
        assert evidence.rehashed is not None
        stored[which] = evidence.rehashed
    kept = [argon2id.read(phc) for phc in stored]
    assert kept[0] is not None
    assert kept[1] is not None
    assert kept[0].recipe == kept[1].recipe
    assert kept[0].digest != kept[1].digest
    computed.clear()
    assert after.verify(stored, "59324086") == PasswordEvidence(1)
    assert len(computed) == 1


def test_the_longest_password_is_taken_and_a_longer_one_is_never_right(factor: PasswordFactor) -> None:
    longest = secrets.token_hex(MAXIMUM)[:MAXIMUM]
    stored = factor.hash(longest)
    assert factor.verify([stored], longest).right
    for more in ("x", longest, "x" * 1_000_000):
        assert not factor.verify([stored], longest + more).right
    for unusable in (longest + "x", "ﷺ" * 20, "\ud800"):
        with pytest.raises(ValueError, match="text of at most 256 characters"):
            factor.hash(unusable)


@pytest.mark.parametrize("typed", ["e\u0301" * MAXIMUM, "α\u0313\u0300\u0345" * MAXIMUM])
def test_the_length_is_that_of_the_normalised_password_however_it_was_typed(
    factor: PasswordFactor, typed: str
) -> None:
    stored = factor.hash(typed)
    assert factor.verify([stored], typed) == PasswordEvidence(0)
    assert factor.verify([stored], normalised(typed)) == PasswordEvidence(0)
    for more in (typed + "x", "x" * (4 * MAXIMUM + 1)):
        assert not factor.verify([stored], more).right
        with pytest.raises(ValueError, match="at most 256"):
            factor.hash(more)


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


BROKEN = [
    pytest.param("48213975", id="the password itself"),
    pytest.param("$2b$12$abcdefghijklmnopqrstuv", id="another algorithm, cut short"),
    pytest.param("$argon2id$", id="cut short"),
    pytest.param("$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$", id="no hash"),
    pytest.param("$argon2id$v=19$m=7168,t=1,p=1$c2FsdA$c2FsdHNhbHRzYWx0c2FsdA", id="a salt too short"),
    pytest.param("$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$YQ", id="a digest too short"),
    pytest.param("$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$" + "A" * 41, id="no base64"),
    pytest.param("$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", id="less than the least"),
    pytest.param("$argon2id$v=19$m=7168,t=0,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", id="no pass"),
    pytest.param("$argon2id$v=19$m=7168,t=1,p=0$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", id="no lane"),
    pytest.param("$argon2id$v=19$m=x,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ", id="no cost"),
    pytest.param("$argon2d$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", id="another variant"),
    pytest.param("$pepper=$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", id="no kid"),
    pytest.param("é", id="not ASCII"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("phc", BROKEN)
def test_a_broken_stored_password_opens_nothing_and_keeps_no_place(
    make_settings: MakeSettings, computed: list[Recipe], phc: str
) -> None:
    factor = PasswordFactor(make_settings(argon2="argon2: {memory_kib: 7168, time_cost: 1, workers: 1}\n"), 0)
    for _ in range(3):
        assert factor.verify([phc], RIGHT) == PasswordEvidence(None)
    assert len(computed) == 3
    assert not factor.accepts(phc)
    assert factor.verify([factor.hash(RIGHT)], RIGHT).right


def test_a_stored_password_that_memory_does_not_suffice_for_opens_nothing(
    factor: PasswordFactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, real = factor.hash(RIGHT), Recipe.computed

    def short(recipe: Recipe, secret: bytes) -> bytes:
        if recipe.cost.memory_kib > 7168:
            raise HashingError("Memory allocation error")
        return real(recipe, secret)

    monkeypatch.setattr(Recipe, "computed", short)
    huge = stored.replace("m=7168", "m=4194304")
    assert not factor.accepts(huge)
    assert factor.verify([huge], RIGHT) == PasswordEvidence(None)
    assert factor.verify([huge, stored], RIGHT) == PasswordEvidence(1)


@pytest.mark.attack(70)
def test_nothing_of_a_password_is_logged(
    factor: PasswordFactor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        stored = factor.hash(RIGHT)
        factor.verify([stored], RIGHT)
        factor.verify([stored], "wrong-password")
    told = caplog.text + "".join(capfd.readouterr())
    assert RIGHT not in told
    assert "wrong-password" not in told
    assert stored not in told


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
        many = [pool.submit(patient.verify, [stored], RIGHT) for _ in range(6)]
        meeting.wait_until_all_are_inside()
        assert not any(one.done() for one in many)
        meeting.let_go()
        assert all(one.result(TIMEOUT).right for one in many)
