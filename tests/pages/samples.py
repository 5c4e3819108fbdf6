"""Every page with contexts like those that the views give, and an application that shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response
from flask_wtf.csrf import CSRFProtect

from idp.pages import Pages, Problem, qr_svg

TEMPLATES = Path(__file__).parents[2] / "templates"


@dataclass(frozen=True)
class Institution:
    name: str = "Caisses Sociales de Monaco"
    subtitle: str = "CCSS · CAR · CMRC · CAMTI · CARTI"


@dataclass(frozen=True)
class Support:
    phone: str | None = "(+377) 93 00 00 00"
    hours: str | None = "du lundi au vendredi, 8 h 30 - 17 h"
    email: str | None = "assistance@example.mc"


@dataclass(frozen=True)
class Row:
    name: str
    valid_from: str = "03/12/2025"
    valid_until: str | None = None
    expired: bool = False
    removed: bool = False
    last_used: str | None = None
    edit_url: str = "/profile/assistants/1"


@dataclass(frozen=True)
class Keypad:
    positions: str = ""
    id: str = "k1"
    digits: tuple[str, ...] = ("7", "8", "0", "2", "3", "9", "1", "4", "6", "5")

    @property
    def typed(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Sample:
    """One page in one state."""

    template: str
    context: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    status: int = 200


KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY_AS_SHOWN = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"
URI = f"otpauth://totp/Caisses%20Sociales%20de%20Monaco:408461?secret={KEY}&issuer=Caisses%20Sociales%20de%20Monaco"
SECRET = {"qr_svg": qr_svg(URI), "key_text": KEY, "otpauth_uri": URI}
LONG = "VANDERBILT-CHOLMONDELEY Marie-Antoinette-Clémentine"

HOME = {
    "profiles": [
        ("health_professional", "Professionnel de santé"),
        ("insured", "Assuré"),
        ("employer", "Employeur"),
    ],
    "selected": "health_professional",
    "register_url": "/register",
}
IDENTIFICATION = {
    "service": "Feuille de Soins Électronique",
    "identifier": "",
    "remember_me": False,
    "keypad": Keypad(),
    "box": {"state": "free", "checked": False, "date": "01/03/2026"},
    "help_url": "/recovery",
    "cancel": True,
}
CODE: dict[str, Any] = {
    "identifier": "408461",
    "service": "Feuille de Soins Électronique",
    "switch_url": "/switch",
}
ACCOUNT = {
    "identifier": "608349",
    "matricule_csm": "940034",
    "adeli": "061992780",
    "mobile": "(+33) 6 48 83 38 28",
    "mfa_active": True,
}
PROFILE = {
    "account": ACCOUNT,
    "can_manage": True,
    "is_practitioner": True,
    "password_url": "/password",
    "delegations": [
        Row("NAUDIN Fernand", last_used="13/01/2026 09:12, FSE"),
        Row(LONG, valid_until="31/12/2026", last_used="12/01/2026 18:40, Feuille de Soins Électronique"),
        Row("DELAFOY Antoine", valid_until="31/12/2025", expired=True),
        Row("VOLFONI Paul", valid_until="15/12/2025", expired=True, removed=True),
    ],
    "add_url": "/profile/assistants/new",
    "back_url": "https://fse.example",
    "switch_url": "/switch",
    "logout_url": "/logout",
    "step_up_url": "/step-up",
    "notice": "NAUDIN Fernand peut maintenant s'identifier.",
    "signed_in": {"name": "HKLOMTZULT FIFQOE", "acting_for": None},
}
ADD = {**SECRET, "values": {"valid_from": "2026-01-13"}}
WRONG = (Problem(None, "Identifiant ou mot de passe incorrect."),)

SAMPLES: dict[str, Sample] = {
    "home": Sample("home.html", HOME),
    "home-signed-in": Sample(
        "home.html",
        {**HOME, "signed_in": {"name": "NAUDIN Fernand", "acting_for": LONG}, "switch_url": "/switch"},
    ),
    "home-problem": Sample("home.html", HOME, (Problem("profile", "Choisissez un profil."),)),
    "register": Sample("register.html", {}),
    "identification": Sample("identification.html", IDENTIFICATION),
    "identification-typed": Sample("identification.html", {**IDENTIFICATION, "keypad": Keypad("31415926")}),
    "identification-locked": Sample(
        "identification.html",
        {**IDENTIFICATION, "identifier": "408461", "remember_me": True}
        | {"box": {"state": "locked", "checked": True, "date": "01/03/2026"}},
    ),
    "identification-plain": Sample(
        "identification.html",
        {**IDENTIFICATION, "keypad": None, "box": None, "service": None, "cancel": False},
    ),
    "identification-wrong": Sample("identification.html", IDENTIFICATION, WRONG, 401),
    "identification-empty": Sample(
        "identification.html",
        IDENTIFICATION,
        (
            Problem("identifier", "Saisissez votre identifiant."),
            Problem("password", "Saisissez votre mot de passe."),
        ),
    ),
    "code": Sample("code.html", CODE),
    "code-wrong": Sample("code.html", CODE, (Problem("code", "Code incorrect."),)),
    "activation": Sample("activation.html", {"identifier": "408461", **SECRET}),
    "activation-wrong": Sample(
        "activation.html",
        {"identifier": "408461", "is_practitioner": False, **SECRET},
        (Problem("code", "Code incorrect."),),
    ),
    "recovery": Sample("recovery.html", {"back_url": "/"}),
    "password": Sample("recovery.html", {"subject": "change", "back_url": "/profile"}),
    "refused-assistant": Sample(
        "refused.html",
        {"reason": "assistant", "service": "Retraite", "name": "NAUDIN Fernand", "switch_url": "/switch"}
        | {"acting_for": "HKLOMTZULT FIFQOE"},
        status=403,
    ),
    "refused-profile": Sample(
        "refused.html",
        {"reason": "profile", "service": None, "name": LONG, "switch_url": "/switch"},
        status=403,
    ),
    "step-up": Sample(
        "step_up.html",
        {
            "step_up_url": "/step-up",
            "path": "/profile/assistants/new",
            "activated": True,
            "switch_url": "/switch",
        },
        status=403,
    ),
    "error": Sample(
        "error.html",
        {"code": "invalid_request", "title": "Lien non valable", "text": "Ce lien a expiré ou a déjà servi."}
        | {"action_url": "/", "action_label": "Recommencer"},
        status=400,
    ),
    "logout": Sample(
        "logout.html", {"confirm_url": "/logout/confirm", "signed_in": {"name": LONG, "acting_for": None}}
    ),
    "logged-out": Sample("logged_out.html", {}),
    "profile": Sample("profile.html", PROFILE),
    "profile-empty": Sample("profile.html", {**PROFILE, "delegations": [], "back_url": None, "notice": None}),
    "profile-full": Sample("profile.html", {**PROFILE, "add_url": None, "notice": None}),
    "profile-pwd": Sample("profile.html", {**PROFILE, "can_manage": False, "notice": None}),
    "profile-not-activated": Sample(
        "profile.html",
        {
            **PROFILE,
            "can_manage": False,
            "notice": None,
            "delegations": [],
            "account": {**ACCOUNT, "mfa_active": False},
        },
    ),
    "profile-insured": Sample(
        "profile.html",
        {**PROFILE, "can_manage": False, "is_practitioner": False, "delegations": [], "notice": None}
        | {
            "account": {
                "identifier": "A1",
                "matricule_csm": None,
                "adeli": None,
                "mobile": None,
                "mfa_active": False,
            }
        },
    ),
    "assistant-add": Sample("assistant_add.html", ADD),
    "assistant-add-wrong": Sample(
        "assistant_add.html",
        {**ADD, "values": {"name": LONG, "valid_from": "2026-02-01", "valid_until": "2026-01-01"}},
        (Problem("valid_until", "La fin précède le début."), Problem("code", "Code incorrect.")),
    ),
    "assistant-edit": Sample(
        "assistant_edit.html",
        {
            "name": LONG,
            "valid_from": "03/12/2025",
            "values": {"valid_until": "2026-12-31"},
            "password_url": "/password",
        },
    ),
}


def make_pages(
    *,
    templates: Path = TEMPLATES,
    theme: Path | None = None,
    secure: bool = True,
    support: Support | None = None,
) -> Pages:
    return Pages(
        templates=templates,
        institution=Institution(),
        support=support or Support(),
        secure=secure,
        theme_folder=theme,
    )


def make_app(pages: Pages, answer: Callable[[], Response] | None = None) -> Flask:
    """An application with each sample at ``/pages/<its name>`` and, when given, ``answer`` at ``/answer``."""
    app = Flask("samples", static_folder=None)
    app.secret_key = "only for tests"
    CSRFProtect(app)
    pages.init_app(app)

    def show(name: str) -> Response:
        sample = SAMPLES[name]
        return pages.render(sample.template, status=sample.status, problems=sample.problems, **sample.context)

    app.add_url_rule("/pages/<name>", view_func=show)
    if answer is not None:
        app.add_url_rule("/answer", view_func=answer)
    return app
