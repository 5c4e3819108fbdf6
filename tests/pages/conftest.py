"""A browser to which the pages come straight from the application: real headers, no server."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Route

from tests.pages.samples import make_app, make_pages

SITE = "https://idp.example"


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    return make_app(make_pages()).test_client()


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


def serve(context: BrowserContext, client: FlaskClient) -> None:
    """Answer every request of the browser by the application's own answer.

    The page that leaves by itself is looked at as it stands, without the script that sends it off.
    """

    def answer(route: Route) -> None:
        request = route.request
        response = client.open(
            request.url.removeprefix(SITE),
            method=request.method,
            data=request.post_data_buffer,
            headers={"Content-Type": request.headers.get("content-type", "")},
        )
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.data)

    context.route("**/*", answer)
    context.route("**/static/form_post.js*", lambda route: route.fulfill(content_type="text/javascript"))
