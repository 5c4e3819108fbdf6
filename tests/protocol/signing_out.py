"""Signing out by a service's request: what is sent, and what must be so afterwards."""

from __future__ import annotations

from typing import Any

from tests.protocol.answers import redirected_error, token_error, tokens
from tests.provider import Provider, Someone, Visit

GOODBYE = "https://open.test/goodbye"
"""An address that ``open`` has registered for the way back."""


def signed_in(provider: Provider, who: Someone) -> tuple[Visit, dict[str, Any]]:
    """Return a browser signed in to ``open``, and the tokens it got."""
    visit = provider.browser()
    return visit, tokens(provider, who, visit=visit)


def logout_request(hint: str, address: str = GOODBYE) -> dict[str, str]:
    """Return a logout request with a hint and an address to go back to."""
    return {"id_token_hint": hint, "post_logout_redirect_uri": address}


def assert_asked(visit: Visit) -> None:
    """Require the question."""
    assert visit.left_for is None
    assert visit.page.status == 200
    assert visit.response is not None
    assert 'id="logout-form"' in visit.response.text
    assert "form-action 'self';" in visit.response.headers["Content-Security-Policy"]


def assert_last_page(visit: Visit) -> None:
    """Require the provider's last page."""
    assert (visit.left_for, visit.step, visit.page.status) == (None, "done", 200)


def assert_alive(provider: Provider, visit: Visit, given: dict[str, Any]) -> None:
    """Require that session and tokens count."""
    assert provider.userinfo(given["access_token"]).status_code == 200
    visit.authorize(prompt="none")
    assert visit.answer["code"]


def assert_dead(provider: Provider, visit: Visit, given: dict[str, Any]) -> None:
    """Require that neither session nor tokens count."""
    assert token_error(provider.refresh(given["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 401
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"
