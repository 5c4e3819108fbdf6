"""A sign-in leads to the portal's own pages only."""

from __future__ import annotations

import pytest
from fse_portal.addresses import local_target
from fse_portal.tabs import PAGES

BASE = "https://fse.example"


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/historique", "/historique"),
        (
            "/fse?date=2026-01-13&caisse=CCSS&matricule=123456",
            "/fse?date=2026-01-13&caisse=CCSS&matricule=123456",
        ),
        (f"{BASE}/historique", "/historique"),
        ("/historique#fragment", "/historique"),
    ],
)
def test_pages_of_the_portal_are_kept(wanted: str, target: str) -> None:
    assert local_target(wanted, base_url=BASE, pages=PAGES, default="/fse") == target


@pytest.mark.attack(26)
@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "",
        "//evil.example",
        "//evil.example/historique",
        "\\evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/fse",
        f"{BASE}.evil.example/fse",
        f"{BASE}@evil.example/fse",
        "javascript:alert(1)",
        "/login",
        "/logout",
        "/nowhere",
        "/fse/../login",
        "fse",
        "/fse?a=b\r\nSet-Cookie: x=y",
        "/fse?a=\\b",
        "/fse?" + "a" * 2000,
    ],
)
def test_everything_else_leads_to_the_first_page(wanted: str | None) -> None:
    assert local_target(wanted, base_url=BASE, pages=PAGES, default="/fse") == "/fse"
