"""What ``Pages`` adds to a template: headers, static files, themes, and no hole in a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, Response, redirect
from flask.testing import FlaskClient
from jinja2 import UndefinedError
from playwright.sync_api import Browser, Route
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from idp.pages import Pages, Problem, csp_source, qr_svg
from tests.pages.conftest import SITE, serve
from tests.pages.samples import CODE, SAMPLES, TEMPLATES, Support, make_app, make_pages


def policy(response: TestResponse) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


def test_a_page_carries_the_security_headers_and_is_never_stored(client: FlaskClient) -> None:
    response = client.get("/pages/identification")
    assert policy(response) == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert parse_options_header(response.headers["Content-Type"]) == ("text/html", {"charset": "utf-8"})


def test_an_answer_that_is_no_page_has_the_strictest_headers_unless_it_says_otherwise() -> None:
    plain = make_app(make_pages(), lambda: redirect("/elsewhere")).test_client().get("/answer")  # type: ignore[arg-type, return-value]
    assert policy(plain) == {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"}
    assert plain.headers["Cache-Control"] == "no-store"
    cached = make_app(make_pages(), lambda: Response("{}", headers={"Cache-Control": "max-age=60"}))
    assert cached.test_client().get("/answer").headers["Cache-Control"] == "max-age=60"


@pytest.mark.parametrize("secure", [True, False])
def test_hsts_is_sent_on_https_only(*, secure: bool) -> None:
    response = make_app(make_pages(secure=secure)).test_client().get("/pages/home")
    assert ("Strict-Transport-Security" in response.headers) == secure


def test_the_form_may_lead_to_the_client_and_nowhere_else() -> None:
    pages = make_pages()
    back = ("https://fse.example/callback?x=1", "http://127.0.0.1:5001/cb", "https://fse.example/other")
    app = make_app(pages, lambda: pages.render("code.html", form_action=back, **CODE))
    expected = "'self' http://127.0.0.1:5001 https://fse.example"
    assert policy(app.test_client().get("/answer"))["form-action"] == expected


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://fse.example/callback", "https://fse.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080/cb", "http:"),
        ("mc.example.app:/callback", "mc.example.app:"),
    ],
)
def test_the_source_of_an_address_is_its_origin(address: str, source: str) -> None:
    assert csp_source(address) == source


@pytest.mark.parametrize(
    "address",
    [
        "/relative",
        "https://a.example;script-src *",
        "https://a.example,b",
        "https://u@a.example/",
        "https://a b/",
        "https://*/",
    ],
)
def test_an_address_that_would_rewrite_the_policy_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"no scheme|not a host"):
        csp_source(address)


@pytest.mark.attack(25)
@pytest.mark.server
def test_the_login_page_does_not_show_in_a_frame_nor_run_an_injected_script(
    browser: Browser, client: FlaskClient
) -> None:
    context = browser.new_context()
    serve(context, client)
    hostile = "https://evil.example/"
    framing = f"<iframe src='{SITE}/pages/identification'></iframe>"
    context.route(hostile, lambda route: route.fulfill(body=framing, content_type="text/html"))

    def inject(route: Route) -> None:
        answer = client.get("/pages/identification")
        body = answer.get_data(as_text=True).replace(
            "<main", "<script>document.title = 'taken'</script><main"
        )
        route.fulfill(headers=dict(answer.headers), body=body)

    context.route(f"{SITE}/injected", inject)
    page = context.new_page()
    page.goto(hostile)
    assert "Identification" not in page.frames[1].content()
    page.goto(f"{SITE}/injected")
    assert page.title().startswith("Identification")
    context.close()


def test_a_name_is_text_never_markup() -> None:
    pages = make_pages()
    hostile = "<script>alert(1)</script>"
    app = make_app(
        pages, lambda: pages.render("code.html", **{**CODE, "identifier": hostile, "acting_for": hostile})
    )
    html = app.test_client().get("/answer").get_data(as_text=True)
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") == 2


def test_a_static_file_is_kept_for_ever_under_its_own_hash_only(client: FlaskClient) -> None:
    page = client.get("/pages/home").get_data(as_text=True)
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    file = client.get(address)
    assert file.mimetype == "text/css"
    assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/idp.css", "/static/idp.css?v=0123456789abcdef"):
        assert client.get(other).headers["Cache-Control"] == "no-cache"
    assert client.get(address, headers={"If-None-Match": file.headers["ETag"]}).status_code == 304
    for absent in ("/static/", "/static/none.css", "/static/../layout.html", "/static/%2e%2e/layout.html"):
        assert client.get(absent).status_code == 404


def test_a_theme_overrides_a_template_and_a_file_and_may_build_on_the_original(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "idp.css").write_text(":root { --brand: #036 }")
    (tmp_path / "layout.html").write_text(
        '{% extends "base/layout.html" %}{% block width %}medium theme{% endblock %}'
    )
    (tmp_path / "logo.html").write_text("<b>theme</b>")
    themed = make_app(make_pages(theme=tmp_path)).test_client()
    html = themed.get("/pages/home").get_data(as_text=True)
    assert 'class="medium theme"' in html
    assert "<b>theme</b>" in html
    assert "Accéder à mes services" in html
    assert themed.get("/static/idp.css").get_data(as_text=True) == ":root { --brand: #036 }"
    assert themed.get("/static/keypad.js").status_code == 200


def test_what_the_view_forgets_is_an_error_not_a_hole_in_the_page() -> None:
    pages = make_pages()
    app = make_app(pages, lambda: pages.render("code.html", switch_url="/switch"))
    app.testing = True
    with pytest.raises(UndefinedError, match="identifier"):
        app.test_client().get("/answer")


def test_an_error_page_has_its_status_its_code_and_a_way_on() -> None:
    pages = make_pages()
    app = make_app(
        pages,
        lambda: pages.error(400, "invalid_client", "Service inconnu", "Ce lien est faux.", "/", "Accueil"),
    )
    response = app.test_client().get("/answer")
    html = response.get_data(as_text=True)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert 'data-error="invalid_client"' in html
    assert '<a class="button main" href="/">Accueil</a>' in html


def test_the_link_that_opens_the_app_is_for_ones_own_phone_only(client: FlaskClient) -> None:
    assert 'href="otpauth://' in client.get("/pages/activation").get_data(as_text=True)
    assert 'href="otpauth://' not in client.get("/pages/assistant-add").get_data(as_text=True)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("refused-assistant", 403, "access_denied"), ("step-up", 403, "insufficient_user_authentication")],
)
def test_a_refusal_is_marked_for_programs(client: FlaskClient, name: str, status: int, code: str) -> None:
    response = client.get(f"/pages/{name}")
    assert response.status_code == status
    assert f'data-error="{code}"' in response.get_data(as_text=True)


def test_whom_one_acts_for_stands_on_every_page_given_it(client: FlaskClient) -> None:
    html = client.get("/pages/refused-assistant").get_data(as_text=True)
    assert "Vous agissez pour <strong>HKLOMTZULT FIFQOE</strong>" in html
    assert "Vous agissez pour" not in client.get("/pages/code").get_data(as_text=True)
    assert 'href="/profile"' not in client.get("/pages/home-signed-in").get_data(as_text=True)


def test_support_that_is_not_configured_leaves_no_empty_link() -> None:
    app = make_app(make_pages(support=Support(phone="+377 93", hours=None, email=None)))
    html = app.test_client().get("/pages/recovery").get_data(as_text=True)
    assert '<a href="tel:+37793">+377 93</a>' in html
    assert "mailto:" not in html


def test_only_the_first_problem_of_a_field_stands_at_the_field() -> None:
    pages = make_pages()
    problems = [Problem("code", "Premier."), Problem("code", "Second.")]
    app = make_app(pages, lambda: pages.render("code.html", problems=problems, **CODE))
    html = app.test_client().get("/answer").get_data(as_text=True)
    assert '<p class="problem" id="code-problem">Premier.</p>' in html
    assert html.count("Second.") == 1


def test_the_qr_code_is_dark_on_white_and_has_no_style() -> None:
    svg = qr_svg("otpauth://totp/A:B?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=A")
    assert svg.startswith("<svg")
    assert "style" not in svg
    assert 'fill="#fff"' in svg
    assert 'stroke="#000"' in svg


def test_an_application_with_a_static_folder_of_its_own_is_refused(tmp_path: Path) -> None:
    pages: Pages = make_pages()
    with pytest.raises(ValueError, match="static_folder=None"):
        pages.init_app(Flask("other", static_folder=str(tmp_path)))


def test_the_samples_show_every_template() -> None:
    shown = {sample.template for sample in SAMPLES.values()} | {"layout.html", "parts.html", "logo.html"}
    assert shown == {path.name for path in TEMPLATES.glob("*.html")}
