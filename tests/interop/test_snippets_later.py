"""What `idp clients new` prints, minutes after the sign-in: who is still there, and what their cookie holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from idp.demo.browser import Browser
from tests.deployment.processes import running
from tests.interop.newcomers import Newcomer, added
from tests.interop.running import TrueClock, running_provider, subject_of
from tests.interop.test_snippets import RANDOM, RUNNERS, secrets_of, signed_in
from tests.provider import Provider, Someone

pytestmark = pytest.mark.server

COOKIE = "new-flask"
EXPIRE = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
for one in Session.objects.all():
    kept = SessionStore(one.session_key)
    kept["oidc_id_token_expiration"] = 0
    kept.save()
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with running_provider(tmp_path_factory.mktemp("provider"), []) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def flask(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    new = added(provider, "flask")
    with RUNNERS["flask"](new, tmp_path_factory.mktemp("flask")):
        yield new


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHE Anne", mfa=True)


def test_flask_asks_again_whatever_was_put_into_the_session_since(
    provider: Provider, flask: Newcomer, doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, ("flask", flask), assistant)
    provider.remove_assistant(doctor, assistant.name)
    app = Flask("reader")
    app.secret_key = RANDOM
    cookies = SecureCookieSessionInterface().get_signing_serializer(app)
    assert cookies is not None
    kept = cookies.loads(browser._session.cookies[COOKIE])
    # Half an hour later, in a cookie that was written anew just now.
    (own,) = (one for one in browser._session.cookies if one.name == COOKIE)
    own.value = cookies.dumps(kept | {"until": kept["until"] - 1800})
    assert "Se connecter" in browser.get(f"{flask.address}/").text
    assert browser.get(f"{flask.address}/dossier").url.endswith("/identification")


def test_sign_ins_with_flask_that_nobody_finished_leave_room_for_one_in_another_tab(
    provider: Provider, flask: Newcomer, doctor: Someone
) -> None:
    browser = signed_in(provider, ("flask", flask), doctor)
    begun = [
        browser._session.get(f"{flask.address}/login", allow_redirects=False, timeout=10).headers["Location"]
        for _ in range(25)
    ]
    assert len(f"{COOKIE}={browser._session.cookies[COOKIE]}") < 3000
    assert browser.get(begun[-3]).url == f"{flask.address}/"
    assert doctor.name in browser.page.text


def test_django_does_nothing_for_who_may_be_gone_until_the_provider_was_asked(
    provider: Provider, doctor: Someone, tmp_path: Path
) -> None:
    new = added(provider, "django")
    with RUNNERS["django"](new, tmp_path):
        assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
        browser = signed_in(provider, ("django", new), assistant)
        (own,) = (one for one in browser._session.cookies if one.name == "new-django")
        assert own.expires is not None
        assert own.expires - datetime.now(UTC).timestamp() < 28801
        assert posted(browser, new) == (200, f"Dossier de {subject_of(provider, doctor)}")

        expired(new, tmp_path)
        assert posted(browser, new)[0] == 403
        assert browser.get(f"{new.address}/").url == f"{new.address}/"
        assert posted(browser, new)[0] == 200

        provider.remove_assistant(doctor, assistant.name)
        expired(new, tmp_path)
        assert posted(browser, new)[0] == 403
        browser.get(f"{new.address}/")
        assert "Se connecter" in browser.page.text
        assert "Dossier" not in posted(browser, new)[1]


def posted(browser: Browser, new: Newcomer) -> tuple[int, str]:
    """Send a form of the service; return what it answers itself."""
    token = browser._session.cookies["csrftoken"]
    answer = browser._session.post(
        f"{new.address}/dossier", headers={"X-CSRFToken": token}, allow_redirects=False, timeout=10
    )
    return answer.status_code, answer.text


def expired(new: Newcomer, folder: Path) -> None:
    """Let the library's five minutes be over."""
    argv = [sys.executable, "manage.py", "shell", "-c", EXPIRE]
    with running(argv, secrets_of(new, "UNUSED"), folder) as process:
        assert process.wait(timeout=60) == 0


def test_express_shows_who_is_there_when_the_access_token_is_over(
    provider: Provider, doctor: Someone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = added(provider, "express")
    with RUNNERS["express"](new, tmp_path):
        browser = signed_in(provider, ("express", new), doctor)
        at_present = TrueClock.now
        monkeypatch.setattr(TrueClock, "now", lambda self: at_present(self) + timedelta(seconds=400))
        shown = browser.get(f"{new.address}/")
        assert (shown.status, "ROCHE Anne (mfa)" in shown.text) == (200, True)
