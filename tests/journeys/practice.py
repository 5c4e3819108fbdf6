"""A practice's list of assistants: how the doctor gets there, fills the form, and what it shows."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from idp.storage.schema import delegation, person
from tests.journeys.story import code_of, html
from tests.provider import Provider, Someone, Visit


def doctors_browser(provider: Provider, doctor: Someone) -> Visit:
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == "/profile"
    return visit


def filled(visit: Visit, **changes: str) -> dict[str, str]:
    """Return the form of the page shown as a right one, with changes."""
    assert visit.page.secret is not None
    code = code_of(visit.page.secret, visit.provider.clock)
    return {"name": "NAUDIN Fernand", "valid_from": "2026-01-15", "valid_until": "", "code": code, **changes}


def rows(provider: Provider) -> list[dict[str, Any]]:
    with provider.parts.database.read() as connection:
        query = select(delegation, person.c.name).join(person, person.c.id == delegation.c.person_id)
        return [dict(row) for row in connection.execute(query.order_by(delegation.c.created_at)).mappings()]


def listed(visit: Visit) -> list[list[str]]:
    """Return the cells of the list of assistants, without the last column's links."""
    visit.get("/profile")
    rows = re.findall(r'<tr role="row"(?: class="past")?>\s*<td(.*?)</tr>', html(visit), re.DOTALL)
    cells = [re.findall(r"(?:^|<td)[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in row][:-1] for row in cells]
