"""A sign-in leads to the portal's own pages only."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_relying_party.addresses import Targets

BASE = "https://fse.example"


def target_of(portal: Flask, wanted: str | None) -> str:
    with portal.app_context():
        return Targets(BASE, "/fse").of(wanted)


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
def test_pages_of_the_portal_are_kept(portal: Flask, wanted: str, target: str) -> None:
    assert target_of(portal, wanted) == target


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
        "/",
        "/goodbye",
        "/healthz",
        "/api/feuilles",
        "/%2Fevil.example",
        "/fse/feuille/",
        "/nowhere",
        "/fse/../login",
        "fse",
        "/fse?a=b\r\nSet-Cookie: x=y",
        "/fse?a=\\b",
        "/fse?" + "a" * 2000,
    ],
)
def test_everything_else_leads_to_the_first_page(portal: Flask, wanted: str | None) -> None:
    assert target_of(portal, wanted) == "/fse"
