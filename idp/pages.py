"""The rendering room: templates, static files, language and security headers of every page.

Views know what to say and give it to ``Pages.render``; nothing else in the provider makes HTML.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import segno
from flask import Flask, Response, abort, make_response, render_template, request
from flask_babel import get_locale
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from idp.languages import Catalogues
from idp.page_language import PageLanguages

_YEAR = 365 * 24 * 3600

# What a page may leave out. Any other name that a template uses and a view forgets is an error.
_OPTIONAL: Final[dict[str, Any]] = {
    "acting_for": None,
    "add_url": None,
    "back_url": None,
    "box": None,
    "cancel": False,
    "is_practitioner": True,
    "lost_phone_url": None,
    "keypad": None,
    "notice": None,
    "profile_url": "/profile",
    "service": None,
    "signed_in": None,
    "step_up_url": None,
    "switch_url": None,
    "problem_code": "invalid_form",
}

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Flask-WTF checks the Referer of a form over https, so it must reach our own origin.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}


class Institution(Protocol):
    """Whose provider this is, as the head of each page says it."""

    @property
    def name(self) -> str:
        """The name, e.g. *Caisses Sociales de Monaco*."""
        ...

    @property
    def subtitle(self) -> str:
        """The line under the name, e.g. *CCSS · CAR · CMRC · CAMTI · CARTI*."""
        ...


class Support(Protocol):
    """Whom to call. What is empty is not shown."""

    @property
    def phone(self) -> str | None:
        """A telephone number as people write it."""
        ...

    @property
    def hours(self) -> str | None:
        """When somebody answers, in words."""
        ...

    @property
    def email(self) -> str | None:
        """A mail address."""
        ...


@dataclass(frozen=True)
class Problem:
    """One thing that the person has to correct. ``field`` is the input's name, or None for the whole page."""

    field: str | None
    text: str


@dataclass(frozen=True)
class _StaticFile:
    content: bytes
    mimetype: str
    digest: str


def qr_svg(text: str) -> Markup:
    """Return ``text`` as a QR code: an inline SVG without any style, dark on white whatever the theme."""
    code = segno.make(text, micro=False, error="m")
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True))  # noqa: S704


def csp_source(address: str) -> str:
    """Return the CSP source that covers an address (CSP 3 §2.3.1); only its origin counts.

    A private scheme and an IPv6 literal, which the grammar has no host for, become a scheme source.
    Raises ValueError for an address that could break out of the header.
    """
    parts = urlsplit(address)
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme):
        raise ValueError(f"no scheme in {address!r}")
    if not parts.netloc or parts.netloc.startswith("["):
        return f"{parts.scheme}:"
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", parts.netloc):
        raise ValueError(f"not a host for a policy: {address!r}")
    return f"{parts.scheme}://{parts.netloc}"


class Pages:
    """Renders the provider's pages. A theme folder may override any template and any static file."""

    def __init__(
        self,
        *,
        templates: Path,
        institution: Institution,
        support: Support,
        secure: bool,
        theme_folder: Path | None = None,
    ) -> None:
        """Read the static files once. ``secure`` says that the site is on https, so that HSTS is sent."""
        self._folders = [folder for folder in (theme_folder, templates) if folder is not None]
        self._base = templates
        self._institution = institution
        self._support = support
        self._secure = secure
        self._static = _read_static(self._folders)
        self._catalogues = Catalogues(templates / "i18n")

    @property
    def languages(self) -> list[str]:
        """The languages that the pages speak, French first."""
        return self._catalogues.languages

    def init_app(self, app: Flask) -> None:
        """Wire templates, languages, static files and headers into an application without a static folder."""
        if app.has_static_folder:
            raise ValueError("make the application with static_folder=None: Pages serves /static")
        own = FileSystemLoader(self._base)
        app.jinja_loader = ChoiceLoader([FileSystemLoader(self._folders), PrefixLoader({"base": own})])
        app.jinja_env.undefined = StrictUndefined
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
        app.jinja_env.globals.update(
            institution=self._institution,
            support=self._support,
            static_url=self.static_url,
        )
        app.jinja_env.filters.update(grouped=_grouped, dialled=_dialled)
        PageLanguages(self._catalogues).init_app(app)
        app.add_url_rule("/static/<path:name>", "static", self._serve_static)
        app.after_request(self._add_headers)

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        problems: Sequence[Problem] = (),
        form_action: Iterable[str] = (),
        **context: Any,
    ) -> Response:
        """Return a page.

        ``form_action`` names the addresses, besides our own, that the answer to the page's form may redirect
        to; Chromium blocks the way back to the client otherwise. Only their origins are used. Raises
        jinja2.UndefinedError when the template needs a value that ``context`` does not hold.
        """
        texts = {problem.field: problem.text for problem in reversed(problems) if problem.field}
        html = render_template(
            template,
            **{**_OPTIONAL, **context},
            problems=problems,
            problem_texts=texts,
            locale=get_locale().language,
        )
        response = make_response(html, status)
        sources = " ".join(["'self'", *sorted({csp_source(address) for address in form_action})])
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
            f"form-action {sources}; frame-ancestors 'none'; base-uri 'none'"
        )
        return response

    def error(
        self,
        status: int,
        code: str,
        title: str,
        text: str,
        action_url: str | None = None,
        action_label: str | None = None,
    ) -> Response:
        """Return an error page. It never redirects; ``code`` stands in the page as ``data-error``."""
        return self.render(
            "error.html",
            status=status,
            code=code,
            title=title,
            text=text,
            action_url=action_url,
            action_label=action_label,
        )

    def static_url(self, name: str) -> str:
        """Return the address of a static file with the hash of its content; KeyError if absent."""
        return f"{request.script_root}/static/{name}?{urlencode({'v': self._static[name].digest})}"

    def _serve_static(self, name: str) -> Response:
        file = self._static.get(name)
        if file is None:
            abort(404)
        response = Response(file.content, mimetype=file.mimetype)
        response.set_etag(file.digest)
        # An address with another hash comes from another release behind the same name: not to be kept.
        if request.args.get("v") == file.digest:
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(request)
        return response

    def _add_headers(self, response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if self._secure:
            response.headers.setdefault(
                "Strict-Transport-Security", f"max-age={2 * _YEAR}; includeSubDomains"
            )
        return response


def _read_static(folders: Sequence[Path]) -> dict[str, _StaticFile]:
    files: dict[str, _StaticFile] = {}
    for folder in reversed(folders):
        for path in sorted((folder / "static").rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                files[path.relative_to(folder / "static").as_posix()] = _StaticFile(
                    content,
                    mimetypes.guess_type(path.name)[0] or "application/octet-stream",
                    hashlib.sha256(content).hexdigest()[:16],
                )
    return files


def _grouped(key: str) -> str:
    """Four by four, as a person copies a key."""
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def _dialled(number: str) -> str:
    return "".join(sign for sign in number if sign in "+0123456789")
