"""Where a sign-in may lead: the portal's own pages, never another site."""

from __future__ import annotations

from collections.abc import Collection

LENGTH_LIMIT = 2000


def local_target(wanted: str | None, *, base_url: str, pages: Collection[str], default: str) -> str:
    """Return path and query of one of ``pages``, or ``default`` for anything else.

    ``wanted`` comes from outside (OpenID Connect Core §4, ``target_link_uri``): a local path, or an absolute
    address of this portal. Browsers read ``//host`` and ``\\host`` as another site, so the path itself has to
    be one that the portal serves, letter for letter.
    """
    if not wanted or len(wanted) > LENGTH_LIMIT:
        return default
    path, question, query = wanted.removeprefix(base_url).partition("#")[0].partition("?")
    if path not in pages or any(character <= " " or character == "\\" for character in query):
        return default
    return f"{path}{question}{query}"
