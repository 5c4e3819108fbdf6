"""Where the provider tells that a session ended (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8)."""

from __future__ import annotations

import logging

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from fse_portal.logout_token import LogoutRefused, LogoutTokenVerifier
from fse_portal.sessions import Sessions

log = logging.getLogger(__name__)


def backchannel_logout(verifier: LogoutTokenVerifier, sessions: Sessions) -> Blueprint:
    """Return the address ``/backchannel-logout``. The token's signature says who asks: no cookie plays a part.

    Without keys or database it answers 503, and the provider tries again.
    """
    receiver = Blueprint("backchannel", __name__)

    @receiver.post("/backchannel-logout")
    def logout() -> ResponseReturnValue:
        sent = request.form.getlist("logout_token")
        try:
            if len(sent) != 1:
                raise LogoutRefused("logout_token")
            sessions.end_by_provider(verifier.verify(sent[0]))
        except LogoutRefused as refused:
            (what,) = refused.args
            log.warning("logout token refused: %s", what)
            told = f"the logout token cannot be used: {what}"
            return jsonify(error="invalid_request", error_description=told), 400
        return "", 200

    return receiver
