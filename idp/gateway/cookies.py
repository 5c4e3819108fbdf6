"""The gateway's two cookies on each guarded host. Over https both are ``__Host-``: no sibling domain can plant one."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request, Response

from idp.login.cookies import Cookies

SESSION = "gateway"
BROWSER = "gateway-browser"


@dataclass(frozen=True)
class GuardedHost:
    """The cookies of one origin. A port that is not the usual one is in their names: all ports share a jar."""

    origin: str

    def get(self, request: Request, purpose: str) -> str:
        """Return the cookie's value, empty when absent."""
        return self._jar.get(request, self._name(purpose))

    def put(self, response: Response, purpose: str, value: str) -> None:
        """Set a cookie that no script reads and that goes with the browser's session."""
        self._jar.put(response, self._name(purpose), value)

    def drop(self, response: Response, purpose: str) -> None:
        """Delete a cookie."""
        self._jar.drop(response, self._name(purpose))

    @property
    def _jar(self) -> Cookies:
        return Cookies(self.origin.startswith("https:"), prefix="")

    def _name(self, purpose: str) -> str:
        port = self.origin.rpartition(":")[2]
        return f"{purpose}-{port}" if port.isdigit() else purpose
