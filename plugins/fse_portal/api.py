"""The portal's API for other programs: bearer tokens, and step-up by challenge (RFC 6750 §3, RFC 9470 §3)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask_relying_party import (
    Access,
    AccessTokenRefused,
    AccessTokenVerifier,
    Caller,
    InsufficientAuthentication,
)

from fse_portal.beneficiaries import Beneficiary
from fse_portal.sheets import Sheet, SheetDesk, read_draft, read_number

SCOPE = "fse"
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class Challenged(Exception):
    """The token does not do; ``parameters`` go into ``WWW-Authenticate``."""

    def __init__(self, status: int, **parameters: str) -> None:
        super().__init__()
        self.status = status
        self.parameters = parameters


class SheetsApi:
    """``/api/feuilles``: list them, send one, cancel one. No cookie plays a part."""

    def __init__(self, verifier: AccessTokenVerifier, desk: SheetDesk, people: Sequence[Beneficiary]) -> None:
        self._verifier = verifier
        self._desk = desk
        self._people = people

    def addresses(self) -> Blueprint:
        """Return the addresses, to be registered with an application."""
        api = Blueprint("api", __name__, url_prefix="/api")
        for method, path, view in (
            ("GET", "/feuilles", self._listed),
            ("POST", "/feuilles", self._send),
            ("DELETE", "/feuilles/<number>", self._cancel),
        ):
            api.add_url_rule(path, method.lower(), self._allowed(view), methods=[method])
        api.register_error_handler(Challenged, _challenged)
        api.register_error_handler(InsufficientAuthentication, _more_is_needed)
        return api

    def _allowed(self, view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        """Give ``view`` the caller of a token that is for this API and has its scope."""

        @wraps(view)
        def guarded(**values: Any) -> ResponseReturnValue:
            return view(_access(self._verifier).caller, **values)

        return guarded

    def _listed(self, caller: Caller) -> ResponseReturnValue:
        sheets = self._desk.sent(caller, request.args.get("date"))
        return jsonify(feuilles=[_told(sheet) for sheet in sheets])

    def _send(self, caller: Caller) -> ResponseReturnValue:
        try:
            sent = request.get_json(silent=True)
        except RecursionError:  # Not among what ``silent`` is about: nested a thousandfold.
            sent = None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            return _error("invalid_request", "a JSON object of strings is expected", 400)
        draft = read_draft(sent, self._people, self._desk.today())
        if draft.errors:
            return jsonify(error="invalid_sheet", fields=dict(draft.errors)), 422
        return jsonify(numero=self._desk.send(caller, draft, secrets.token_urlsafe(16))), 201

    def _cancel(self, caller: Caller, number: str) -> ResponseReturnValue:
        known = read_number(number)
        if known is None or not self._desk.cancel(caller, known):
            return _error("not_found", "no such sheet, or cancelled before", 404)
        return "", 204


def _challenged(error: Challenged) -> ResponseReturnValue:
    return dict(error.parameters), error.status, {"WWW-Authenticate": _challenge(error.parameters)}


def _more_is_needed(error: InsufficientAuthentication) -> ResponseReturnValue:
    told = {
        "error": "insufficient_user_authentication",
        "error_description": "a stronger or more recent sign-in is needed",
        **error.demand.parameters(),
    }
    return told, 401, {"WWW-Authenticate": _challenge(told)}


def _access(verifier: AccessTokenVerifier) -> Access:
    sent = request.headers.get("Authorization")
    if sent is None:
        # Nothing was tried, so nothing is called wrong (RFC 6750 §3.1).
        raise Challenged(401)
    bearer = _BEARER.fullmatch(sent)
    if bearer is None:
        raise Challenged(400, error="invalid_request", error_description="one bearer token is expected")
    try:
        access = verifier.verify(bearer[1])
    except AccessTokenRefused as refused:
        raise Challenged(401, error="invalid_token", error_description=f"the token is {refused}") from refused
    if SCOPE not in access.scope:
        raise Challenged(403, error="insufficient_scope", scope=SCOPE)
    return access


def _challenge(parameters: Mapping[str, str]) -> str:
    told = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return f"Bearer {told}" if told else 'Bearer realm="fse"'


def _error(code: str, description: str, status: int) -> ResponseReturnValue:
    return jsonify(error=code, error_description=description), status


def _told(sheet: Sheet) -> dict[str, Any]:
    return {
        "numero": sheet.id,
        "date": sheet.day.isoformat(),
        "caisse": sheet.fund,
        "matricule": sheet.number,
        "beneficiaire": sheet.person,
        "acte": sheet.act,
        "montant": sheet.amount,
        "transmise_le": sheet.sent_at.isoformat(),
        "assistant": sheet.by,
        "annulee": sheet.cancelled_at is not None,
    }
