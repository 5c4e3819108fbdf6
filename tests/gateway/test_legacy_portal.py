"""The portal that knows only headers: its pages, and what it refuses to start with."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import legacy_portal
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from legacy_portal.app import create_app
from legacy_portal.cli import main
from legacy_portal.errors import register_errors
from legacy_portal.pages import portal_pages
from legacy_portal.settings import SettingsRefused, load_settings

from idp.demo.browser import Page, read_page
from tests.gateway.asserting import ACTING, BASE_URL, HOST, ISSUER, PLAIN

RIGHT = {"issuer": ISSUER, "base_url": BASE_URL}


@pytest.fixture
def portal() -> FlaskClient:
    """The portal as it was before anything stood in front of it: it believes every header."""
    app = Flask("legacy_portal")
    app.config["MAX_CONTENT_LENGTH"] = 1024
    app.register_blueprint(portal_pages(BASE_URL))
    register_errors(app)
    return app.test_client()


def page(portal: FlaskClient, path: str, headers: dict[str, str] = PLAIN) -> Page:
    answer = portal.get(path, headers=headers)
    return read_page(path, answer.status_code, answer.text)


def test_it_shows_who_is_identified_with_their_accents(portal: FlaskClient) -> None:
    shown = page(portal, "/")
    assert "Personne identifiée : LÉVÊQUE Zoé" in shown.text
    assert "Vous agissez" not in shown.text
    assert ("Se déconnecter", "/_gateway/logout") in shown.links


def test_an_assistant_sees_for_whom_they_act_and_has_no_account_page(portal: FlaskClient) -> None:
    shown = page(portal, "/", ACTING).text
    assert "Vous agissez pour LÉVÊQUE Zoé" in shown
    assert "Assistant(e) : NAUDIN Fernand" in shown
    assert (page(portal, "/compte", ACTING).status, page(portal, "/compte").status) == (403, 200)


def test_the_public_page_needs_nobody_and_the_others_do(portal: FlaskClient) -> None:
    assert page(portal, "/informations", {}).status == 200
    assert [page(portal, path, {}).status for path in ("/", "/depot", "/compte")] == [401] * 3


def send(portal: FlaskClient, content: bytes | None, **headers: str) -> Page:
    data = {} if content is None else {"document": (io.BytesIO(content), "relevé.pdf")}
    answer = portal.post("/depot", data=data, headers={**PLAIN, **headers})
    return read_page("/depot", answer.status_code, answer.text)


def test_a_document_is_received(portal: FlaskClient) -> None:
    received = send(portal, b"abc", Origin=BASE_URL)
    assert (received.status, "relevé.pdf a été reçu (3 octets)" in received.text) == (200, True)


def test_without_a_document_the_page_says_so(portal: FlaskClient) -> None:
    refused = send(portal, None)
    assert (refused.status, "Choisissez un document." in refused.text) == (422, True)


def test_a_form_of_another_site_and_a_document_that_is_too_large_are_refused(portal: FlaskClient) -> None:
    assert send(portal, b"abc", Origin="https://evil.example").error == "forbidden"
    assert send(portal, b"a" * 2000).error == "too_large"


def test_the_audience_is_the_host_as_the_address_writes_it() -> None:
    assert load_settings(**RIGHT).audience == HOST
    assert load_settings(**RIGHT | {"base_url": "http://127.0.0.1:5082"}).audience == "127.0.0.1:5082"


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"issuer": "http://id.example"}, "ISSUER"),
        ({"issuer": "https://id.example/"}, "ISSUER"),
        ({"base_url": "https://portail.example.org/app"}, "BASE_URL"),
        ({"base_url": "portail.example.org"}, "BASE_URL"),
        ({"port": "http"}, "PORT"),
        ({"shifted_clock": "clock"}, "SHIFTED_CLOCK"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        load_settings(**RIGHT | changes)
    (line,) = refused.value.args
    assert line.startswith(f"LEGACY_PORTAL_{variable}: ")
    for name, value in (RIGHT | changes).items():
        monkeypatch.setenv(f"LEGACY_PORTAL_{name.upper()}", value)
    stopped = CliRunner().invoke(main, ["serve"])
    assert (stopped.exit_code, stopped.stderr.strip()) == (1, line)


def test_the_whole_application_lets_nobody_in_around_the_gateway() -> None:
    portal = create_app(load_settings(**RIGHT)).test_client()
    assert portal.get("/", headers=PLAIN).status_code == 401
    assert portal.get("/healthz").json == {"status": "ok"}
    style = portal.get("/static/portal.css", headers={"Remote-User": "p-2"})
    assert (style.status_code, style.headers["Content-Security-Policy"][:18]) == (200, "default-src 'none'")
    style.close()


def test_the_portal_imports_nothing_of_the_provider_or_of_another_portal() -> None:
    for file in Path(legacy_portal.__file__).parent.glob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(file.read_text()))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not {name for name in names if name.split(".")[0] in ("idp", "fse_portal", "authlib")}
