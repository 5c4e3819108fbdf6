"""The demo's settings and client files, written anew at each start: addresses follow the ports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from idp.demo.legacy import ATTESTATIONS

PORTAL = "fse-portal"
CONFIDENTIAL = "demo-confidential"
PUBLIC = "demo-public"
RETIREMENT = "dossier-retraite"
SOFTWARE = "logiciel-cabinet"

_SCOPES = ["openid", "profile", "email", "phone", "address", "offline_access", "practitioner"]
_PROFILES = ["health_professional", "insured", "employer"]


def write_configuration(folder: Path, settings: dict[str, Any], clients: list[dict[str, Any]]) -> Path:
    """Write ``idp.yaml`` and ``clients/``, and return the path of the settings."""
    (folder / "clients").mkdir(exist_ok=True)
    yaml = YAML()
    # Of a start when a proxy was installed.
    (folder / "clients" / f"{ATTESTATIONS}.yaml").unlink(missing_ok=True)
    for client in clients:
        yaml.dump(client, folder / "clients" / f"{client['client_id']}.yaml")
    yaml.dump(settings, folder / "idp.yaml")
    return folder / "idp.yaml"


def demo_settings(issuer: str, mfa_date: date) -> dict[str, Any]:
    """Return the provider's settings; ``mfa_date`` is the first day of obligation."""
    return {
        "issuer": issuer,
        "database_url": "sqlite:///idp.sqlite",
        "ephemeral_url": "sql:",
        "keyring_file": "keyring",
        "pepper_file": "pepper",
        "clock_shift_file": "clock",
        "enrolment_proof": "none",
        "profiles": {
            "health_professional": {
                "label": "Professionnel de santé",
                "mfa": {"required_from": mfa_date.isoformat()},
                "password": "digits",
                "service": PORTAL,
            },
            "insured": {"label": "Assuré", "mfa": "optional", "password": "digits"},
            "employer": {"label": "Employeur", "mfa": "optional", "password": "digits"},
        },
        "support": {"phone": "+377 00 00 00 00", "hours": "du lundi au vendredi, de 8 h 30 à 17 h"},
        "outbound": {"allowed": ["127.0.0.0/8", "::1/128"]},
        "gateway": {"proxy_secret_file": "proxy-secret"},
        "listen": {"port": int(issuer.rpartition(":")[2])},
    }


def demo_clients(portal: str, mfa_date: date, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the client files: the portal, two to try anything with, one without assistants, one of its API."""
    by_date = {"required_from": mfa_date.isoformat()}
    return [
        {
            "client_id": PORTAL,
            "name": "Feuille de Soins Électronique (FSE)",
            "redirect_uris": [f"{portal}/callback"],
            "post_logout_redirect_uris": [f"{portal}/goodbye"],
            "initiate_login_uri": f"{portal}/login",
            "backchannel_logout_uri": f"{portal}/backchannel-logout",
            "resource_identifier": f"{portal}/api",
            "resource_scopes": ["fse"],
            "id_token_signed_response_alg": "RS256",
            **_confidential("client_secret_basic", secrets[PORTAL]),
            **{"scope": ["openid", "profile", "practitioner", "offline_access"]},
            **{"profiles": ["health_professional"]},
            **{"floor": "pwd", "mfa": by_date, "assistants": "allowed"},
        },
        {
            "client_id": CONFIDENTIAL,
            "name": "Service d'essai confidentiel",
            "redirect_uris": ["http://127.0.0.1:8400/callback"],
            "post_logout_redirect_uris": ["http://127.0.0.1:8400/goodbye"],
            "id_token_signed_response_alg": "RS256",
            **_confidential("client_secret_basic", secrets[CONFIDENTIAL]),
            **_for_everybody("allowed"),
        },
        {
            "client_id": PUBLIC,
            "name": "Service d'essai public",
            "redirect_uris": ["http://127.0.0.1:8401/callback"],
            "post_logout_redirect_uris": ["http://127.0.0.1:8401/goodbye"],
            "id_token_signed_response_alg": "RS256",
            "token_endpoint_auth_method": "none",
            **_for_everybody("allowed"),
        },
        {
            "client_id": RETIREMENT,
            "name": "Mon dossier de retraite",
            "redirect_uris": ["http://127.0.0.1:8402/callback"],
            "post_logout_redirect_uris": ["http://127.0.0.1:8402/goodbye"],
            "id_token_signed_response_alg": "ES256",
            **_confidential("client_secret_post", secrets[RETIREMENT]),
            **_for_everybody("refused"),
        },
        {
            "client_id": SOFTWARE,
            "name": "Logiciel de cabinet",
            "redirect_uris": ["http://127.0.0.1:8403/callback"],
            "post_logout_redirect_uris": ["http://127.0.0.1:8403/goodbye"],
            "id_token_signed_response_alg": "RS256",
            **_confidential("client_secret_basic", secrets[SOFTWARE]),
            **{"scope": ["openid", "profile", "offline_access", "fse"], "resources": [f"{portal}/api"]},
            **{"profiles": ["health_professional"]},
            **{"floor": "pwd", "mfa": "optional", "assistants": "allowed"},
        },
    ]


def described(client: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what ``--json`` tells of a client."""
    method = client["token_endpoint_auth_method"]
    return {
        "client_id": client["client_id"],
        "client_secret": None if method == "none" else secrets[client["client_id"]],
        "token_endpoint_auth_method": method,
        "redirect_uris": client["redirect_uris"],
        "post_logout_redirect_uris": client["post_logout_redirect_uris"],
        "id_token_signed_response_alg": client["id_token_signed_response_alg"],
        "scope": " ".join(client["scope"]),
        "floor": client["floor"],
        "assistants": client["assistants"] == "allowed",
    }


def _confidential(method: str, secret: str) -> dict[str, Any]:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return {"token_endpoint_auth_method": method, "client_secret_sha256": digest}


def _for_everybody(assistants: str) -> dict[str, Any]:
    return {
        "scope": _SCOPES,
        "profiles": _PROFILES,
        "floor": "pwd",
        "mfa": "optional",
        "assistants": assistants,
    }
