"""Which language a page speaks: the one asked for, else the one kept, else the browser's, else French."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from babel import Locale, negotiate_locale
from babel.support import NullTranslations
from flask import Flask, Response, current_app, request, session
from flask_babel import Babel, Domain, get_locale
from werkzeug.exceptions import HTTPException

from idp.languages import AS_WRITTEN_IN, SOURCE_LANGUAGE, Catalogues

PARAMETER: Final = "ui_locales"
"""OpenID Connect Core §3.1.2.1; the links in the head of each page use it too."""
_KEPT: Final = "language"


class PageLanguages:
    """Chooses, keeps and offers the languages of the catalogues."""

    def __init__(self, catalogues: Catalogues) -> None:
        self._catalogues = catalogues

    def init_app(self, app: Flask) -> None:
        """Wire the languages into an application: ``gettext``, dates, the choice in the templates, and keeping it."""
        babel = Babel(
            app,
            default_locale=SOURCE_LANGUAGE,
            default_timezone="Europe/Monaco",
            locale_selector=self._select,
        )
        babel.domain_instance = _CatalogueDomain(self._catalogues)
        app.after_request(self._keep)
        app.jinja_env.globals.update(
            languages=self._catalogues.languages, language_url=_language_url, language_name=_language_name
        )

    def _select(self) -> str:
        accepted = [tag for tag, quality in request.accept_languages if quality > 0]
        kept = str(session.get(_KEPT, ""))
        chosen = self._asked() or self._first([kept]) or self._first(accepted) or SOURCE_LANGUAGE
        return AS_WRITTEN_IN.get(chosen, chosen)

    def _keep(self, response: Response) -> Response:
        """Keep what was asked for in the browser's signed cookie: the pages that follow are at other addresses."""
        if response.mimetype == "text/html" and (asked := self._asked()) and session.get(_KEPT) != asked:
            session[_KEPT] = asked
        return response

    def _asked(self) -> str | None:
        try:
            return self._first(request.values.get(PARAMETER, "").split())
        except HTTPException:  # a form that is too large is answered in any language
            return None

    def _first(self, tags: list[str]) -> str | None:
        return negotiate_locale(tags, self._catalogues.languages, sep="-")


class _CatalogueDomain(Domain):  # type: ignore[misc]
    def __init__(self, catalogues: Catalogues) -> None:
        super().__init__()
        self._catalogues = catalogues

    def get_translations(self) -> NullTranslations:
        """Return the translations of this request's language; French outside a request."""
        locale = get_locale()
        return self._catalogues.translations(locale.language if locale else SOURCE_LANGUAGE)


def _language_url(language: str) -> str:
    """Return the address of the page shown, in a language; that of the front door where nothing can be opened again.

    A service's request is not repeated: it may be anybody's, and hold a token.
    """
    adapter = current_app.create_url_adapter(request)
    methods = adapter.allowed_methods() if adapter else ()
    if request.blueprint == "oidc" or (methods and "GET" not in methods):
        return f"{request.script_root}/?{urlencode({PARAMETER: language})}"
    others = [(name, value) for name, value in request.args.items(multi=True) if name != PARAMETER]
    return f"?{urlencode([*others, (PARAMETER, language)])}"


def _language_name(language: str) -> str:
    return str(Locale.parse(language).get_language_name(language)).capitalize()
