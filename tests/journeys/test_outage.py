"""A store fails at each moment of the story: 503, nothing half done, and the person goes on when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select

from idp.accounts import authenticators, recovery_codes
from idp.rules.person import Match
from idp.storage.schema import authenticator, delegation, failure
from tests.journeys.failing import Flaky
from tests.journeys.story import audit_lines, authenticators_of, code_of, cookie
from tests.provider import VERIFIER, Provider, Someone, Visit, redirect_uri

MODES = [
    pytest.param(store, lost, id=f"{store}, {'answer lost' if lost else 'refused'}")
    for store in ("database", "ephemeral")
    for lost in (False, True)
]


@pytest.fixture
def flaky(provider: Provider) -> Iterator[Callable[[str, bool], Flaky]]:
    """Make a provider whose stores fail."""
    made: list[Flaky] = []

    def make(store: str, answer_lost: bool) -> Flaky:
        made.append(Flaky(provider, store, answer_lost))
        return made[-1]

    yield make
    for one in made:
        one.database.dispose()


def _said_so(visit: Visit) -> None:
    """See that the last answer says that the service is gone, and changed nothing in the browser."""
    assert visit.response is not None
    assert (visit.page.status, visit.page.error) == (503, "temporarily_unavailable")
    assert int(visit.response.headers["Retry-After"]) > 0
    names = [line.partition("=")[0] for line in visit.response.headers.getlist("Set-Cookie")]
    assert set(names) <= {"__Host-idp_browser"}


def _goes_on(visit: Visit, who: Someone, secret: str | None) -> str | None:
    """Sign in as a person does who tries again; return the secret on their phone in the end."""
    clock, seen = visit.provider.clock, 0
    visit.authorize("public", acr_values="mfa")
    for _ in range(9):
        if visit.left_for is not None and "code" in visit.answer:
            return secret
        if visit.page.status == 503:
            seen += 1
            assert seen == 1
            _said_so(visit)
            visit.get(visit.page.url)
        elif visit.page.error == "expired":
            visit.authorize("public", acr_values="mfa")
        elif visit.step == "identification":
            visit.identify(who)
        elif visit.step == "activation":
            secret = visit.page.secret
            assert secret is not None
            visit.submit(code=code_of(secret, clock))
        elif visit.step == "recovery-codes":
            visit.submit()
        else:
            assert (visit.step, visit.page.status) == ("code", 200)
            assert secret is not None
            clock.advance(seconds=30)
            visit.submit(code=code_of(secret, clock))
    raise AssertionError(f"never arrived: {visit.page.status} {visit.page.url}")


def _replaces(visit: Visit, who: Someone, code: str) -> str:
    """Enrol a new phone by a recovery code as a person does who tries again; return the secret on it."""
    secret = ""
    for _ in range(9):
        if visit.left_for is not None:
            return secret
        if visit.page.status == 503:
            _said_so(visit)
            visit.get(visit.page.url)
        elif visit.page.error == "expired":
            visit.authorize("public")
        elif visit.page.secret is not None:
            secret = visit.page.secret
            visit.submit(code=code_of(secret, visit.provider.clock))
        elif secret and "déjà utilisé" in visit.page.text:
            visit.provider.clock.advance(seconds=30)
            visit.get(visit.page.url.replace("/lost-phone", "/code"))
        elif visit.step == "lost-phone":
            visit.submit(recovery_code=code)
        elif visit.step == "identification":
            visit.identify(who)
        else:
            assert (visit.step, visit.page.status) == ("code", 200)
            visit.provider.clock.advance(seconds=30)
            visit.submit(code=code_of(secret, visit.provider.clock))
    raise AssertionError(f"never arrived: {visit.page.status} {visit.page.url}")


def _kinds(provider: Provider, who: Someone) -> list[str]:
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
    return [line["kind"] for line in audit_lines(provider) if line["account_id"] == account_id]


@pytest.mark.attack(65)
@pytest.mark.parametrize(("store", "answer_lost"), MODES)
def test_first_activation_goes_on_after_a_failure_at_any_moment(
    provider: Provider, flaky: Callable[[str, bool], Flaky], store: str, answer_lost: bool
) -> None:
    at = flaky(store, answer_lost)
    number, failed = 0, True
    while failed:
        who = provider.add(f"41{number:04d}", "MARTIN Paul")
        at.fail_at(number)
        visit = at.browser()
        secret = _goes_on(visit, who, None)
        failed = at.failure.failed
        at.fail_at(-1)
        assert len(authenticators_of(provider, who)) == 1
        kinds = _kinds(provider, who)
        assert kinds.count("mfa.activated") == 1
        provider.clock.advance(seconds=30)
        tokens = provider.redeem(visit.answer["code"], "public")
        assert tokens.status_code == 200
        assert provider.claims(tokens.get_json()["id_token"])["acr"] == "mfa"
        assert _goes_on(at.browser(), who, secret) == secret
        number += 1
    assert number > 8


@pytest.mark.attack(65)
@pytest.mark.parametrize(("store", "answer_lost"), MODES)
def test_a_later_sign_in_goes_on_after_a_failure_at_any_moment(
    provider: Provider, flaky: Callable[[str, bool], Flaky], store: str, answer_lost: bool
) -> None:
    at = flaky(store, answer_lost)
    number, failed = 0, True
    while failed:
        who = provider.add(f"42{number:04d}", "DURAND Alice", mfa=True)
        at.fail_at(number)
        visit = at.browser()
        _goes_on(visit, who, who.secret)
        failed = at.failure.failed
        at.fail_at(-1)
        assert cookie(visit, "session") is not None
        visit.authorize("public", prompt="none")
        assert provider.redeem(visit.answer["code"], "public").status_code == 200
        assert 1 <= _kinds(provider, who).count("session.signed_in") <= 2
        number += 1
    assert number > 8


@pytest.mark.attack(65)
@pytest.mark.parametrize(("store", "answer_lost"), MODES)
def test_a_lost_phone_is_replaced_for_one_recovery_code_whatever_fails(
    provider: Provider, flaky: Callable[[str, bool], Flaky], store: str, answer_lost: bool
) -> None:
    at = flaky(store, answer_lost)
    number, failed = 0, True
    while failed:
        who = provider.add(f"44{number:04d}", "DURAND Alice", mfa=True)
        with provider.parts.database.write() as connection:
            account_id, keyring = provider.account_id(connection, who), provider.parts.keyring
            code = recovery_codes.renew(connection, keyring, account_id, provider.clock.now())[0]
        visit = at.browser()
        visit.authorize("public")
        visit.identify(who)
        visit.get(visit.page.url.replace("/code", "/lost-phone"))
        at.fail_at(number)
        secret = _replaces(visit, who, code)
        failed = at.failure.failed
        at.fail_at(-1)
        assert provider.redeem(visit.answer["code"], "public").status_code == 200
        kinds = _kinds(provider, who)
        assert kinds.count("recovery.code_used") == kinds.count("mfa.phone_replaced") == 1
        with provider.parts.database.read() as connection:
            held = authenticators.active(connection, keyring, account_id, provider.clock.now())
            assert [one.secret for one in held] == [secret]
            assert recovery_codes.left(connection, account_id) == recovery_codes.HOW_MANY - 1
        number += 1
    assert number > 8


@pytest.mark.attack(65)
@pytest.mark.parametrize(("store", "answer_lost"), MODES)
def test_an_assistant_is_added_once_whatever_fails(
    provider: Provider, flaky: Callable[[str, bool], Flaky], store: str, answer_lost: bool
) -> None:
    at = flaky(store, answer_lost)
    number, failed = 0, True
    while failed:
        doctor = provider.add(f"43{number:04d}", "DURAND Alice", mfa=True)
        visit = at.browser()
        _goes_on(visit, doctor, doctor.secret)
        at.fail_at(number)
        secret = _adds(visit)
        failed = at.failure.failed
        at.fail_at(-1)
        assert _kinds(provider, doctor).count("assistant.added") == 1
        rows = authenticators_of(provider, doctor)
        assert sorted(row["delegation_id"] is None for row in rows) == [False, True]
        provider.clock.advance(seconds=30)
        _goes_on(at.browser(), doctor, secret)
        number += 1
    assert number > 3


def _adds(visit: Visit) -> str:
    """Add an assistant as a doctor does who looks at the list before trying again; return the phone's secret."""
    secret = ""
    for _ in range(4):
        if "NAUDIN Fernand" in visit.get("/profile").text:
            return secret
        if visit.page.status == 503:
            _said_so(visit)
            continue
        page = visit.get("/profile/assistants/new")
        if page.status == 503:
            _said_so(visit)
            continue
        assert page.secret is not None
        secret = page.secret
        visit.submit(
            name="NAUDIN Fernand", valid_from="2026-01-15", code=code_of(secret, visit.provider.clock)
        )
        if visit.page.status == 503:
            _said_so(visit)
    raise AssertionError("never added")


@pytest.mark.attack(65)
@pytest.mark.parametrize("store", ["database", "ephemeral"])
def test_while_a_store_is_gone_nobody_enters_and_every_page_that_needs_it_says_so(
    provider: Provider, flaky: Callable[[str, bool], Flaky], doctor: Someone, store: str
) -> None:
    at = flaky(store, False)
    signed_in, fresh = at.browser(), at.browser()
    _goes_on(signed_in, doctor, doctor.secret)
    code = signed_in.answer["code"]
    fresh.authorize()
    identification = fresh.page
    at.fail_at(0, lasting=True)
    for path in ("/", "/profile", "/profile/assistants/new", "/logout"):
        signed_in.get(path)
        _said_so(signed_in)
    signed_in.authorize(prompt="none")
    _said_so(signed_in)
    fresh.page = identification
    fresh.identify(doctor)
    _said_so(fresh)
    answer = at.token(
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri("public"),
            "code_verifier": VERIFIER,
        }
    )
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    client = at.app.test_client()
    for path in (
        "/healthz",
        "/.well-known/openid-configuration",
        "/oauth2/jwks",
        "/static/idp.css",
        "/register",
    ):
        assert client.get(path, base_url="https://idp.test").status_code == 200
    at.fail_at(-1)
    signed_in.authorize("public", prompt="none")
    assert "code" in signed_in.answer
    fresh.page = identification
    provider.clock.advance(seconds=30)
    fresh.identify(doctor)
    fresh.enter_code(doctor)
    assert "code" in fresh.answer


@pytest.mark.attack(65)
@pytest.mark.parametrize("store", ["database", "ephemeral"])
def test_no_attempt_is_judged_while_it_cannot_be_counted(
    provider: Provider,
    flaky: Callable[[str, bool], Flaky],
    doctor: Someone,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = flaky(store, False)
    visit = at.browser()
    visit.authorize()
    visit.identify(doctor)
    judged: list[str] = []

    def matches(_candidates: object, code: str, _now: object) -> frozenset[Match]:
        judged.append(code)
        return frozenset()

    monkeypatch.setattr(provider.parts.plugins.possession, "matches", matches)
    page = visit.page
    for number in range(8):
        visit.page = page
        at.fail_at(number)
        visit.submit(code="000000")
        assert (visit.page.status == 503) == at.failure.failed
    at.fail_at(-1)
    with provider.parts.database.read() as connection:
        counted = connection.execute(select(failure.c.count)).scalar_one()
    assert counted >= len(judged)


def test_rows_of_assistants_and_their_phones_always_come_in_pairs(
    provider: Provider, flaky: Callable[[str, bool], Flaky]
) -> None:
    at = flaky("database", False)
    doctor = provider.add("440000", "DURAND Alice", mfa=True)
    visit = at.browser()
    _goes_on(visit, doctor, doctor.secret)
    for number in range(6):
        at.fail_at(number)
        _adds(visit)
        with provider.parts.database.read() as connection:
            rows = connection.execute(select(func.count()).select_from(delegation)).scalar_one()
            phones = connection.execute(
                select(func.count()).where(authenticator.c.delegation_id.is_not(None))
            ).scalar_one()
        assert rows == phones == 1
