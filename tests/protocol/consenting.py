"""The page of consent, and what is stored of it."""

from __future__ import annotations

from sqlalchemy import select

from idp.storage.schema import consent
from tests.provider import Provider, Someone, Visit

ASKED = "asking"
"""A client whose file says ``consent: required``."""


def at_consent(
    provider: Provider, who: Someone, client_id: str = ASKED, visit: Visit | None = None, **changes: str
) -> Visit:
    """Return a browser at the page of consent, signed in there."""
    visit = visit or provider.browser()
    visit.authorize(client_id, **changes)
    visit.identify(who)
    if who.secret is not None:
        visit.enter_code(who)
    assert visit.step == "consent", visit.page.text
    return visit


def given(provider: Provider, who: Someone) -> list[tuple[str, str]]:
    """Return client and scope of each consent stored at the account."""
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
        rows = connection.execute(
            select(consent.c.client_id, consent.c.scope)
            .where(consent.c.account_id == account_id)
            .order_by(consent.c.given_at)
        )
        return [(row.client_id, row.scope) for row in rows]


def audited(provider: Provider, who: Someone, kind: str) -> list[tuple[str | None, str, str]]:
    """Return actor, client and scope of the account's lines of a kind."""
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, who)
    lines = [line for line in provider.audited(kind) if line["account_id"] == account_id]
    return [(line["actor_id"], line["client_id"], line["detail"]["scope"]) for line in lines]
