"""Where the provider tells that a session ended (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8)."""

from __future__ import annotations

import logging

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from flask_relying_party.failures import SignInFailed, told_as_failures
from flask_relying_party.logout_token import LogoutRefused, LogoutTokenVerifier
from flask_relying_party.sessions import Sessions

log = logging.getLogger(__name__)


class BackchannelLogout:
    """The address ``/backchannel-logout``. The token's signature says who asks: no cookie plays a part.

    Without keys or database it answers 503, and the provider tries again.
    """

    def __init__(self, verifier: LogoutTokenVerifier, sessions: Sessions) -> None:
        self._verifier = verifier
        self._sessions = sessions

    def add_to(self, pages: Blueprint) -> None:
        """Add the address."""
        pages.add_url_rule("/backchannel-logout", "backchannel_logout", self._logout, methods=["POST"])

    def _logout(self) -> ResponseReturnValue:
        sent = request.form.getlist("logout_token")
        try:
            if len(sent) != 1:
                raise LogoutRefused("logout_token")
            with told_as_failures():
                self._sessions.end_by_provider(self._verifier.verify(sent[0]))
        except LogoutRefused as refused:
            (what,) = refused.args
            log.warning("logout token refused: %s", what)
            told = f"the logout token cannot be used: {what}"
            return jsonify(error="invalid_request", error_description=told), 400
        except SignInFailed as failed:
            return jsonify(error=failed.code), failed.status, failed.headers
        return "", 200
