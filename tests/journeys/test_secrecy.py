"""Nothing that opens anything is written down: not in logs at DEBUG, not in the audit, not in a dump of the stores."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select, update

from idp.storage.schema import audit_event, authenticator, metadata
from tests.journeys.story import COOKIES, code_of, codes_shown, cookie, labels, press
from tests.provider import CLIENT_SECRET, PASSWORD, VERIFIER, Provider, Someone, Visit

FAR = 3
"""Time steps around the story whose codes are looked for."""


@dataclass
class Whole:
    """One story with everything in it, and every value in it that opens something, by what it is."""

    provider: Provider
    secrets: dict[str, set[str]] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Doctor activates, adds an assistant who signs in; tokens, refresh, userinfo, failures, logout."""
        provider = self.provider
        self._note("password", PASSWORD)
        self._note("client secret", CLIENT_SECRET)
        self._note("PKCE verifier", VERIFIER)
        doctor = provider.add("408462", "MARTIN Paul")
        visit = provider.browser()
        visit.authorize("open")
        self._look(visit)
        visit.submit(identifier=doctor.identifier, password="13572468")
        self._note("mistyped password", "13572468")
        self._look(visit)
        press(visit, PASSWORD, identifier=doctor.identifier, activate_mfa="1")
        self._look(visit)
        visit.submit(remember_me="1")
        self._look(visit)
        visit.submit(code="999111")
        self._note("mistyped code", "999111")
        assert visit.page.secret is not None
        doctor = Someone(doctor.identifier, doctor.password, doctor.name, visit.page.secret)
        visit.submit(code=code_of(visit.page.secret, provider.clock))
        paper = codes_shown(visit)
        for one in [*paper, *(one.replace("-", "") for one in paper)]:
            self._note("recovery", one)
        self._look(visit)
        visit.submit()
        self._phone(doctor)
        self._look(visit)
        self._tokens(visit)
        visit.get("/profile/assistants/new")
        assert visit.page.secret is not None
        assistant = Someone(doctor.identifier, doctor.password, "NAUDIN Fernand", visit.page.secret)
        self._phone(assistant)
        code = code_of(visit.page.secret, provider.clock)
        visit.submit(name=assistant.name, valid_from="2026-01-15", code=code)
        visit.get("/profile/assistants/new")
        assert visit.page.secret is not None
        self._note("pending secret", visit.page.secret)
        provider.clock.advance(seconds=30)
        other = provider.browser()
        other.authorize("portal")
        other.identify(doctor)
        self._look(other)
        other.enter_code(assistant)
        self._look(other)
        self._tokens(other, "portal")
        other.get("/profile")
        lost = provider.browser()
        lost.authorize("public")
        lost.identify(doctor)
        lost.get(lost.page.url.replace("/code", "/lost-phone"))
        lost.submit(recovery_code="ABCDE-FGHJK")
        self._note("recovery", "ABCDEFGHJK")
        lost.submit(recovery_code=paper[0], choice="forgotten")
        self._tokens(lost, "public")
        half = provider.browser()
        half.authorize("strict")
        half.identify(doctor)
        self._look(half)
        tokens = self._tokens_again(visit)
        visit.get(f"/logout?id_token_hint={tokens['id_token']}")
        self._look(visit)

    def _note(self, what: str, value: str | None) -> None:
        if value:
            self.secrets.setdefault(what, set()).add(value)

    def _phone(self, who: Someone) -> None:
        assert who.secret is not None
        self._note("phone secret", who.secret)
        self._note("phone secret", base64.b32decode(who.secret).hex())
        now = int(self.provider.clock.now().timestamp())
        for step in range(-FAR, FAR + 1):
            self._note("code", pyotp.TOTP(who.secret).at(now + 30 * step))

    def _look(self, visit: Visit) -> None:
        for purpose in COOKIES:
            if purpose != "identifier":
                self._note(f"{purpose} cookie", cookie(visit, purpose))
        assert visit.response is not None
        if 'name="key"' in visit.response.text:
            self.orders.add(labels(visit))
        if visit.left_for is not None:
            self._note("authorization code", parse_qs(urlsplit(visit.left_for).query).get("code", [""])[0])
        elif visit.page.url.startswith("/signin/") and visit.step != "help":
            self._note("transaction", visit.page.url.split("/")[2])

    def _tokens(self, visit: Visit, client_id: str = "open") -> dict[str, Any]:
        self._look(visit)
        tokens: dict[str, Any] = self.provider.redeem(visit.answer["code"], client_id).get_json()
        self._note_tokens(tokens)
        self._note_tokens(self.provider.refresh(tokens["refresh_token"], client_id).get_json())
        assert self.provider.userinfo(tokens["access_token"]).status_code == 200
        return tokens

    def _tokens_again(self, visit: Visit) -> dict[str, Any]:
        visit.authorize("open", prompt="none")
        return self._tokens(visit)

    def _note_tokens(self, tokens: dict[str, Any]) -> None:
        for kind in ("access_token", "id_token", "refresh_token"):
            self._note(kind, tokens[kind])


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Give everything logged with every logger there is at DEBUG, the libraries' too."""
    names = [name for name in logging.root.manager.loggerDict if not name.startswith(("hypothesis", "faker"))]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def _found(secrets: dict[str, set[str]], text: str) -> list[str]:
    """Return which kinds of secret stand in ``text``."""
    return sorted(what for what, values in secrets.items() if any(value in text for value in values))


@pytest.mark.attack(70)
def test_logs_at_debug_hold_no_secret_of_the_whole_story(
    provider: Provider, logged: pytest.LogCaptureFixture
) -> None:
    whole = Whole(provider)
    whole.run()
    text = "\n".join(f"{record.getMessage()} {record.args!r}" for record in logged.records)
    assert "INSERT INTO token_grant" in text
    whole.secrets.pop("transaction")  # an address, worth nothing in another browser
    codes = whole.secrets.pop("code") | whole.secrets.pop("mistyped code")
    assert _found(whole.secrets, text) == []
    assert not set(re.findall(r"(?<![\w.])\d{6}(?!\w)", text)) & codes
    assert len(whole.orders) >= 2
    assert all(order not in text for order in whole.orders)
    assert len(whole.secrets) >= 12


@pytest.mark.attack(70)
def test_the_audit_holds_no_secret_of_the_whole_story(provider: Provider) -> None:
    whole = Whole(provider)
    whole.run()
    with provider.parts.database.read() as connection:
        lines = [dict(row) for row in connection.execute(select(audit_event)).mappings()]
    text = json.dumps(lines, default=str)
    assert len(lines) > 10
    assert _found({what: values for what, values in whole.secrets.items() if "code" not in what}, text) == []
    told = [value for line in lines for value in _leaves(line["detail"])]
    assert not whole.secrets["code"] & set(told)
    assert _found({"code": whole.secrets["authorization code"]}, text) == []


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [str(value)]


@pytest.mark.attack(69)
def test_a_dump_of_the_stores_holds_nothing_that_opens_anything(provider: Provider) -> None:
    whole = Whole(provider)
    whole.run()
    dump: dict[str, str] = {}
    with provider.parts.database.read() as connection:
        for table in metadata.sorted_tables:
            rows = [tuple(row) for row in connection.execute(select(table))]
            dump[table.name] = repr(rows)
    assert all(
        len(dump[name]) > 2
        for name in ("account", "authenticator", "recovery_code", "ephemeral", "token_grant", "signing_key")
    )
    codes = {"code", "mistyped code"}  # six digits stand by chance in a long dump
    usable = {what: values for what, values in whole.secrets.items() if what not in codes}
    assert _found(usable, "\n".join(dump.values())) == []
    for values in whole.secrets.values():
        for value in values:
            if len(value) > 20:
                encoded = base64.b64encode(value.encode()).decode().rstrip("=")
                assert encoded not in "".join(dump.values())
    for name in ("d", "p", "q"):
        assert f'"{name}"' not in dump["signing_key"]


@pytest.mark.attack(69)
def test_what_a_dump_holds_of_a_session_is_no_cookie(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    value = cookie(visit, "session")
    assert value is not None
    stored = provider.parts.ephemeral.get(f"session:{hashlib.sha256(value.encode()).hexdigest()}")
    assert stored is not None
    for guess in (hashlib.sha256(value.encode()).hexdigest(), json.loads(stored)["sid"]):
        thief = provider.browser()
        thief.client.set_cookie("__Host-idp_session", guess, domain="idp.test", secure=True)
        thief.authorize(prompt="none")
        assert thief.answer["error"] == "login_required"


@pytest.mark.attack(69)
def test_a_secret_moved_to_another_account_in_the_database_opens_nothing(
    provider: Provider, doctor: Someone
) -> None:
    thief = provider.add("408463", "PETIT Anne", mfa=True)
    with provider.parts.database.write() as connection:
        own = connection.execute(
            select(authenticator.c.secret).where(
                authenticator.c.account_id == provider.account_id(connection, thief)
            )
        ).scalar_one()
        connection.execute(
            update(authenticator)
            .where(authenticator.c.account_id == provider.account_id(connection, doctor))
            .values(secret=own)
        )
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    visit.submit(code=thief.code(provider.clock))
    assert visit.left_for is None
    assert cookie(visit, "session") is None
