"""What this browser carries between two pages of a sign-in: a signed cookie, none of whose contents is secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Response, after_this_request, g, request
from itsdangerous import BadSignature, URLSafeSerializer

from flask_relying_party.options import Options

LOGINS_A_BROWSER = 8
"""More would make a cookie that browsers silently drop, which happens above 4 KB."""


@dataclass
class Notes:
    """``states`` of the sign-ins that this browser started, the latest last; whether the next has to ask anew."""

    states: list[str] = field(default_factory=list)
    ask_again: bool = False

    def add(self, state: str) -> None:
        """Remember a sign-in in the place of the oldest, if there are many."""
        self.states = [*self.states, state][-LOGINS_A_BROWSER:]

    def remove(self, state: str) -> None:
        """Forget a sign-in."""
        self.states = [one for one in self.states if one != state]


class BrowserNotes:
    """Reads the cookie once a request, and writes it with the answer where the notes have changed."""

    def __init__(self, options: Options) -> None:
        self._name = options.login_cookie
        self._secure = options.secure
        self._signer = URLSafeSerializer(options.secret_key, salt="flask_relying_party.login")

    def here(self) -> Notes:
        """Return the notes of the browser that asks; changes are kept, whatever the answer."""
        found: Notes | None = g.get("relying_party_notes")
        if found is None:
            found = g.relying_party_notes = self._read()
            before = self._written(found)

            @after_this_request
            def write(response: Response) -> Response:
                if self._written(found) != before:
                    self._set(response, found)
                return response

        return found

    def _read(self) -> Notes:
        try:
            states, ask_again = self._signer.loads(request.cookies.get(self._name, ""))
        except BadSignature:
            return Notes()
        return Notes(states, ask_again)

    def _written(self, notes: Notes) -> str:
        signed = self._signer.dumps([notes.states, notes.ask_again])
        return signed if isinstance(signed, str) else signed.decode()

    def _set(self, response: Response, notes: Notes) -> None:
        if notes == Notes():
            response.delete_cookie(self._name, secure=self._secure, httponly=True, samesite="Lax")
        else:
            value = self._written(notes)
            response.set_cookie(self._name, value, secure=self._secure, httponly=True, samesite="Lax")
