"""The portal's pages. They look at headers only; that those are true is the business of ``assertion.py``."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from legacy_portal.visitor import Visitor, visitor_of

INFORMATION = "/informations"
TABS = (("/", "Attestations"), ("/depot", "Déposer un document"), ("/compte", "Mon compte"))


def portal_pages(base_url: str) -> Blueprint:
    """Return the pages; ``base_url`` is the origin from which forms may come."""
    pages = Blueprint("portal", __name__)

    @pages.get("/")
    def certificates() -> ResponseReturnValue:
        return _page("certificates.html", _visitor())

    @pages.get("/compte")
    def account() -> ResponseReturnValue:
        visitor = _visitor()
        # The gateway refuses already: this is what the portal did before, and goes on doing.
        if visitor.assistant is not None:
            abort(403)
        return _page("account.html", visitor)

    @pages.get("/depot")
    def deposit() -> ResponseReturnValue:
        return _page("deposit.html", _visitor())

    @pages.post("/depot")
    def receive() -> ResponseReturnValue:
        visitor = _visitor()
        # Browsers say where a form stands (RFC 6454 §7); another site's is not this visitor's wish.
        if request.headers.get("Origin", base_url) != base_url:
            abort(403)
        document = request.files.get("document")
        if document is None or not document.filename:
            return _page("deposit.html", visitor, missing=True), 422
        size = sum(len(part) for part in iter(lambda: document.stream.read(65536), b""))
        return _page("deposit.html", visitor, name=document.filename, size=size)

    @pages.get(INFORMATION)
    def information() -> ResponseReturnValue:
        return render_template("information.html")

    return pages


def _visitor() -> Visitor:
    visitor = visitor_of(request.headers)
    if visitor is None:
        abort(401)
    return visitor


def _page(template: str, visitor: Visitor, **values: object) -> str:
    return render_template(template, visitor=visitor, tabs=TABS, path=request.path, **values)
