"""Where a sign-in may lead: a page of this portal that asks who is there, never another site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

LENGTH_LIMIT = 2000
_UNTOUCHED = "/:@!$&'()*+,;=~"
_MARK = "_asks_who_is_there"


class Targets:
    """Reads the addresses that a sign-in is to lead to."""

    def __init__(self, base_url: str, first_page: str) -> None:
        self._base_url = base_url
        self.first_page = first_page

    def of(self, wanted: str | None) -> str:
        """Return path and query of a page of ``current_app``, or the first page for anything else.

        ``wanted`` comes from outside (OpenID Connect Core §4, ``target_link_uri``): a local path, or an absolute
        address of this portal. Browsers read ``//host`` and ``\\host`` as another site, so the path itself has to
        be one that the portal serves, letter for letter.
        """
        if not wanted or len(wanted) > LENGTH_LIMIT:
            return self.first_page
        address = wanted.removeprefix(self._base_url).partition("#")[0]
        path, question, query = address.partition("?")
        if any(character <= " " or character in "\\\x7f" for character in address):
            return self.first_page
        if not path.startswith("/") or path.startswith("//") or not _is_page(unquote(path)):
            return self.first_page
        return f"{path}{question}{query}"


def this_address() -> str:
    """Return path and query of the request as a browser writes them."""
    query = request.query_string.decode("latin-1")
    written = quote(request.path, safe=_UNTOUCHED)
    return f"{written}?{quote(query, safe=_UNTOUCHED + '?%')}" if query else written


def mark_as_page(view: Callable[..., Any]) -> None:
    """Say that ``view`` asks who is there."""
    setattr(view, _MARK, True)


def _is_page(path: str) -> bool:
    try:
        endpoint, _ = current_app.url_map.bind("portal").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return getattr(current_app.view_functions[endpoint], _MARK, False) is True
