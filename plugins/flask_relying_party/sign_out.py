"""The way out: here, then at the provider (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from requests import RequestException
from werkzeug.wrappers import Response

from flask_relying_party.browser_notes import BrowserNotes
from flask_relying_party.failures import told_as_failures
from flask_relying_party.gate import Gate
from flask_relying_party.options import Options
from flask_relying_party.provider import Provider
from flask_relying_party.sessions import Sessions


class SignOut:
    """The addresses ``/logout`` and ``/goodbye``."""

    def __init__(
        self, options: Options, provider: Provider, sessions: Sessions, gate: Gate, notes: BrowserNotes
    ) -> None:
        self._options = options
        self._provider = provider
        self._sessions = sessions
        self._gate = gate
        self._notes = notes

    def add_to(self, pages: Blueprint) -> None:
        """Add the addresses."""
        pages.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        pages.add_url_rule("/goodbye", "goodbye", self._goodbye, methods=["GET"])

    def _logout(self) -> ResponseReturnValue:
        with told_as_failures():
            ended = self._gate.known()
            if ended is None:
                # Perhaps another site's form, without our cookie: nothing is ended before the provider has asked.
                return self._leave(None)
            self._gate.expect_own_form(ended)
            self._sessions.end(ended)
        response = self._leave(ended.tokens.id_token)
        response.delete_cookie(
            self._options.session_cookie, secure=self._options.secure, httponly=True, samesite="Lax"
        )
        return response

    def _leave(self, id_token: str | None) -> Response:
        try:
            address = self._provider.logout_address(id_token, f"{self._options.base_url}/goodbye")
        except RequestException:
            address = None
        if address is None:
            # The provider may still know this browser: on a shared computer the next person must be asked.
            self._notes.here().ask_again = True
        return redirect(address or url_for("relying_party.goodbye"))

    def _goodbye(self) -> str:
        left_open = self._notes.here().ask_again
        return render_template("relying_party/goodbye.html", provider_left_open=left_open)
