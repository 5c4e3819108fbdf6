"""Every page with contexts like those that the views give, and an application that shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response
from flask_wtf.csrf import CSRFProtect

from idp.login.new_password import AskedFor
from idp.login.services import Service
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
    ending_soon: bool = False
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
SERVICES: dict[str, Any] = {
    "services": [
        Service("Feuille de Soins Électronique", "https://fse.example/login?iss=x", "at_once"),
        Service(f"Ordipostes et formulaires des {LONG}", "https://ordi.example/", "second_factor"),
        Service("Mon dossier de retraite", None, "practitioner_only"),
    ],
    "link_url": "/link-code",
    "consents_url": "/profile/consents",
    "switch_url": "/switch",
    "logout_url": "/logout",
    "signed_in": {"name": "HKLOMTZULT FIFQOE", "acting_for": None},
}
IDENTIFICATION = {
    "service": "Feuille de Soins Électronique",
    "identifier": "",
    "remember_me": False,
    "keypad": Keypad(),
    "box": {"state": "free", "checked": False, "date": "01/03/2026", "countdown": "dans 47 jours"},
    "forgotten_identifier_url": "/forgotten/identifier",
    "forgotten_password_url": "/forgotten/password",
    "cancel": True,
    "continuing": None,
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
    "codes_left": 9,
}
JOURNAL = [
    {"name": "NAUDIN Fernand", "service": "FSE", "when": "13/01 09:12", "device": "Firefox, Windows"},
    {"name": LONG, "service": "Feuille de Soins Électronique", "when": "13/01 08:01", "device": ""},
    *[
        {"name": "HKLOMTZULT FIFQOE", "service": "Profil", "when": f"{day}/12/2025 18:40"}
        | {"device": "Mobile Safari UI/WKWebView, iOS"}
        for day in range(12, 30)
    ],
]
PROFILE = {
    "account": ACCOUNT,
    "can_manage": True,
    "is_practitioner": True,
    "mfa_day": None,
    "password_url": "/password",
    "delegations": [
        Row("NAUDIN Fernand", last_used="13/01/2026 09:12, FSE"),
        Row(LONG, valid_until="31/12/2026", last_used="12/01/2026 18:40, Feuille de Soins Électronique"),
        Row("DELAFOY Antoine", valid_until="31/12/2025", expired=True),
        Row("NAUDIN Lulu", valid_until="20/01/2026", ending_soon=True),
        Row("VOLFONI Paul", valid_until="15/12/2025", expired=True, removed=True),
    ],
    "add_url": "/profile/assistants/new",
    "back_url": "https://fse.example",
    "switch_url": "/switch",
    "logout_url": "/logout",
    "step_up_url": "/step-up",
    "leaflet_url": "/profile/assistants/leaflet",
    "just_added": True,
    "journal": JOURNAL[:5],
    "phone_url": "/profile/phone",
    "codes_url": "/profile/recovery-codes",
    "journal_url": "/profile/journal",
    "sessions_url": "/profile/sessions",
    "consents_url": "/profile/consents",
    "notice": "NAUDIN Fernand peut maintenant s'identifier.",
    "signed_in": {"name": "HKLOMTZULT FIFQOE", "acting_for": None},
}
FRESH_CODES: dict[str, Any] = {
    "codes": [f"{number}K7QX-{number}M2VN" for number in range(10)],
    "made_on": "15/01/2026",
    "file_url": "/codes.txt",
    "renewed": False,
    "switch_url": "/switch",
}
LOST_PHONE: dict[str, Any] = {
    "identifier": "408461",
    "choice": "replace",
    "code_url": "/code",
    "switch_url": "/switch",
}
NEW_PHONE: dict[str, Any] = {
    "identifier": "408461",
    "holding_both": False,
    "codes_left": 9,
    "switch_url": "/switch",
    **SECRET,
}
ADD = {**SECRET, "values": {"valid_from": "2026-01-13"}}
PHONE_OF_ASSISTANT = {**SECRET, "name": LONG, "own_passwords": False, "switch_url": "/switch"}
REKEY = {
    **SECRET,
    "name": "NAUDIN Fernand",
    "acting_for": LONG,
    "identifier": "408461",
    "asked": AskedFor("Au moins 8 caractères : plusieurs mots à la suite.", digits=False),
    "switch_url": "/switch",
}
CHOICE = {
    "name": "NAUDIN Fernand",
    "places": [("d1", "DURAND Alice"), ("d2", LONG)],
    "switch_url": "/switch",
}
CONSENT: dict[str, Any] = {
    "service": "Feuille de Soins Électronique",
    "name": "HKLOMTZULT FIFQOE",
    "told": [
        "un identifiant qui ne change pas, et comment vous vous êtes identifié",
        "l'identité : nom, prénoms, sexe, date de naissance, langue",
        "l'adresse e-mail",
        "tout cela aussi en votre absence, jusqu'à votre déconnexion",
    ],
    "asked": "0f" * 32,
    "switch_url": "/switch",
}
CONSENTS: dict[str, Any] = {
    "given": [
        {"client_id": "fse", "name": "Feuille de Soins Électronique", "when": "13/01 09:12"}
        | {"told": CONSENT["told"], "asks_again": True},
        {"client_id": "a" * 64, "name": "a" * 64, "when": "13/12/2025 09:12", "told": CONSENT["told"][:1]}
        | {"asks_again": False},
    ],
    "shown_to": "0f" * 32,
    "notice": f"Votre accord est retiré : Service des {LONG}",
    "back_url": "/profile",
    "back_label": "Retour au profil",
    "switch_url": "/switch",
    "signed_in": {"name": "HKLOMTZULT FIFQOE", "acting_for": None},
}
LINK_CODE = {
    "acting_for": LONG,
    "practitioner": LONG,
    "code": None,
    "back_url": "/",
    "switch_url": "/switch",
}
LEAFLET = {
    "practitioner": LONG,
    "identifier": "408461",
    "own_passwords": False,
    "back_url": "/profile",
    "switch_url": "/switch",
}
PASSWORD: dict[str, Any] = {
    "identifier": "608349",
    "asked": AskedFor("7 ou 8 chiffres, jamais trois fois le même de suite.", digits=True),
    "switch_url": "/switch",
}
WRONG = (Problem(None, "Identifiant ou mot de passe incorrect."),)


def _session(sid: str, device: str, *, here: bool = False) -> dict[str, Any]:
    return {"sid": sid, "device": device, "since": "13/01 09:12", "until": "12/02 09:12", "here": here}


SESSIONS: dict[str, Any] = {
    "own": {
        "of": "holder",
        "sessions": [_session("1", "Firefox, Windows", here=True), _session("2", ""), _session("3", LONG)],
    },
    "assistants": [
        {"of": "d1", "name": LONG, "sessions": [_session("4", "Chrome, Android"), _session("5", "")]},
        {"of": "d2", "name": "NAUDIN Fernand", "sessions": [_session("6", "Mobile Safari, iOS")]},
    ],
    "devices": [
        {"id": "1", "label": "Firefox, Windows", "who": f"Vous, {LONG}", "used": "13/01 09:12"}
        | {"here": True},
        {"id": "2", "label": "", "who": "NAUDIN Fernand", "used": "13/12/2025 09:12"} | {"here": False},
    ],
    "may_end": True,
    "notice": "Une session est terminée.",
    "path": "/profile/sessions",
    "profile_url": "/profile",
    "step_up_url": "/step-up",
    "switch_url": "/switch",
    "logout_url": "/logout",
    "signed_in": {"name": "HKLOMTZULT FIFQOE", "acting_for": None},
}

SIGNED_OUT: dict[str, Any] = {
    "services": [],
    "changing": False,
    "to_close": False,
    "stays": False,
    "refresh_url": "/logout/done",
}

SAMPLES: dict[str, Sample] = {
    "home": Sample("home.html", HOME),
    "services": Sample("services.html", SERVICES),
    "services-assistant": Sample(
        "services.html", {**SERVICES, "signed_in": {"name": "NAUDIN Fernand", "acting_for": LONG}}
    ),
    "services-none": Sample("services.html", {**SERVICES, "services": []}),
    "home-problem": Sample("home.html", HOME, (Problem("profile", "Choisissez un profil."),)),
    "register": Sample("register.html", {}),
    "identification": Sample("identification.html", IDENTIFICATION),
    "identification-typed": Sample("identification.html", {**IDENTIFICATION, "keypad": Keypad("31415926")}),
    "identification-locked": Sample(
        "identification.html",
        {**IDENTIFICATION, "identifier": "408461", "remember_me": True}
        | {"box": {"state": "locked", "checked": True, "date": "01/03/2026"}},
    ),
    "identification-continue": Sample(
        "identification.html",
        {**IDENTIFICATION, "identifier": "408461", "switch_url": "/switch"}
        | {"acting_for": LONG, "continuing": {"name": LONG, "acting_for": LONG, "value": "0f" * 32}},
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
    "code-lost-phone": Sample("code.html", {**CODE, "lost_phone_url": "/lost-phone"}),
    "activation": Sample("activation.html", {"identifier": "408461", "activation_code": None, **SECRET}),
    "activation-by-letter": Sample(
        "activation.html", {"identifier": "408461", "activation_code": "asked", **SECRET}
    ),
    "activation-by-letter-wrong": Sample(
        "activation.html",
        {"identifier": "408461", "activation_code": "asked", **SECRET},
        (
            Problem("activation_code", "Code d'activation incorrect ou expiré."),
            Problem("code", "Code incorrect."),
        ),
    ),
    "activation-letter-taken": Sample(
        "activation.html",
        {"identifier": "408461", "activation_code": "given", **SECRET},
        (Problem("code", "Code incorrect."),),
    ),
    "recovery-codes": Sample("recovery_codes.html", FRESH_CODES),
    "recovery-codes-renewed": Sample(
        "recovery_codes.html", {**FRESH_CODES, "renewed": True, "is_practitioner": False}
    ),
    "renew-codes": Sample("renew_codes.html", {"codes_left": 3, "switch_url": "/switch"}),
    "renew-codes-none": Sample("renew_codes.html", {"codes_left": 0, "switch_url": "/switch"}),
    "lost-phone": Sample("lost_phone.html", LOST_PHONE),
    "lost-phone-wrong": Sample(
        "lost_phone.html",
        {**LOST_PHONE, "choice": "forgotten"},
        (Problem("recovery_code", "Code incorrect, expiré ou déjà utilisé."),),
    ),
    "new-phone": Sample("new_phone.html", NEW_PHONE),
    "new-phone-last-code": Sample("new_phone.html", {**NEW_PHONE, "codes_left": 0}),
    "new-phone-holding-both": Sample(
        "new_phone.html",
        {**NEW_PHONE, "holding_both": True, "codes_left": None},
        (Problem("code", "Code incorrect."), Problem("code_old", "Code incorrect.")),
    ),
    "activation-wrong": Sample(
        "activation.html",
        {"identifier": "408461", "is_practitioner": False, "activation_code": None, **SECRET},
        (Problem("code", "Code incorrect."),),
    ),
    "recovery": Sample("recovery.html", {"back_url": "/"}),
    "password": Sample("password.html", PASSWORD),
    "password-wrong": Sample(
        "password.html",
        {**PASSWORD, "asked": AskedFor("Au moins 15 caractères : plusieurs mots à la suite.", digits=False)},
        (
            Problem("current_password", "Le mot de passe actuel est incorrect."),
            Problem("new_password", "Ce mot de passe est trop courant : on l'essaie en premier."),
        ),
    ),
    "forgotten-password": Sample("forgotten.html", {"forgotten": "password", "typed": "", "back_url": "/"}),
    "forgotten-identifier": Sample(
        "forgotten.html",
        {"forgotten": "identifier", "typed": "camille", "back_url": "/"},
        (Problem("typed", "Saisissez votre adresse e-mail, par exemple nom@exemple.fr."),),
    ),
    "forgotten-sent": Sample("forgotten_sent.html", {"forgotten": "password", "back_url": "/"}),
    "forgotten-identifier-sent": Sample("forgotten_sent.html", {"forgotten": "identifier", "back_url": "/"}),
    "forgotten-reset": Sample("forgotten_reset.html", {"identifier": "608349", "asked": PASSWORD["asked"]}),
    "forgotten-reset-wrong": Sample(
        "forgotten_reset.html",
        {"identifier": "608349", "asked": PASSWORD["asked"]},
        (Problem("new_password", "Le même chiffre ne doit pas venir trois fois de suite."),),
    ),
    "forgotten-done": Sample("forgotten_done.html", {"activated": True, "home_url": "/"}),
    "device-stopped": Sample("device_stopped.html", {**CODE, "known": False}, status=403),
    "device-stopped-known": Sample("device_stopped.html", {**CODE, "known": True}, status=403),
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
    "consent": Sample("consent.html", CONSENT),
    "consent-assistant": Sample(
        "consent.html",
        {**CONSENT, "name": LONG, "acting_for": LONG}
        | {
            "told": [
                "l'accès « urn:service-public:mc:remboursements.lecture »",
                "l'accès au service « Feuilles de soins électroniques » : feuilles.lecture, feuilles.envoi",
                "votre nom, NAUDIN Fernand, comme assistant(e)",
                *CONSENT["told"],
            ]
        },
    ),
    "consents": Sample("consents.html", CONSENTS),
    "consents-assistant": Sample(
        "consents.html",
        {**CONSENTS, "signed_in": {"name": "NAUDIN Fernand", "acting_for": LONG}, "notice": None}
        | {"back_url": "/", "back_label": "Retour à l'accueil"},
    ),
    "consents-stale": Sample(
        "consents.html", {**CONSENTS, "notice": None}, (Problem(None, "Rien n'a été retiré."),), 422
    ),
    "consents-none": Sample("consents.html", {**CONSENTS, "given": []}),
    "form-post": Sample(
        "form_post.html",
        {
            "address": "https://fse.example/callback",
            "answer": {
                "code": "c" * 43,
                "state": '"><script>alert(1)</script>',
                "iss": "https://idp.example",
            },
        },
    ),
    "logged-out": Sample("logged_out.html", SIGNED_OUT),
    "logged-out-services": Sample(
        "logged_out.html",
        SIGNED_OUT
        | {"changing": True, "to_close": True, "stays": True}
        | {
            "services": [
                {"name": "Feuille de Soins Électronique (FSE)", "state": "told"},
                {"name": "Mon dossier de retraite", "state": "pending"},
                {"name": f"Service des {LONG}", "state": "unreached"},
                {"name": "Attestations", "state": "untold"},
            ]
        },
    ),
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
            "mfa_day": {"date": "01/03/2026", "countdown": "demain"},
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
    "journal": Sample(
        "journal.html",
        {
            "entries": JOURNAL,
            "days": 365,
            "newest_url": "/profile/journal",
            "older_url": "/profile/journal?before=7",
            "profile_url": "/profile",
            "sessions_url": "/profile/sessions",
            "switch_url": "/switch",
            "signed_in": {"name": LONG, "acting_for": None},
        },
    ),
    "sessions": Sample("sessions.html", SESSIONS),
    "sessions-later": Sample("sessions.html", {**SESSIONS, "may_end": False, "assistants": []}),
    "assistant-add": Sample("assistant_add.html", ADD),
    "assistant-add-asked": Sample("assistant_add.html", {**ADD, "service": f"Service des {LONG}"}),
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
            "phone_url": "/profile/assistants/1/phone",
            "password_url": "/password",
        },
    ),
    "assistant-phone": Sample("assistant_phone.html", PHONE_OF_ASSISTANT),
    "assistant-phone-wrong": Sample(
        "assistant_phone.html",
        {**PHONE_OF_ASSISTANT, "own_passwords": True},
        (Problem("code", "Code incorrect."),),
    ),
    "rekey": Sample("rekey.html", REKEY),
    "rekey-wrong": Sample(
        "rekey.html",
        {**REKEY, "asked": AskedFor("7 ou 8 chiffres.", digits=True)},
        (Problem("new_password", "Choisissez un autre mot de passe."), Problem("code", "Code incorrect.")),
    ),
    "choice": Sample("choice.html", CHOICE),
    "choice-wrong": Sample(
        "choice.html", CHOICE, (Problem("delegation", "Choisissez un praticien de la liste."),)
    ),
    "link-code": Sample("link_code.html", LINK_CODE),
    "link-code-made": Sample("link_code.html", {**LINK_CODE, "code": "ABCD-EFGH"}),
    "leaflet": Sample("leaflet.html", LEAFLET),
    "leaflet-own-passwords": Sample("leaflet.html", {**LEAFLET, "own_passwords": True}),
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
