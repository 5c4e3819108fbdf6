"""Text and pictures become one HTML file that holds everything, and from it a PDF."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from playwright.sync_api import Browser

from idp.rules.assurance import FUND_ZONE
from tests.guide.text import Guide

TEMPLATES = Path(__file__).parents[2] / "templates"

_FOOT = (
    '<div style="width: 100%; font: 8px sans-serif; color: #565e6c; padding: 0 16mm; display: flex">'
    '<span style="flex: 1">{title}</span>'
    '<span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
)


def written_html(guide: Guide, taken: Mapping[str, bytes], file: Path) -> Path:
    """Write the guide as one page, its pictures and its style within."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["labelled"] = _labelled
    page = environment.get_template("guide/guide.html").render(
        guide=guide,
        pictures={
            name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in taken.items()
        },
        day=format_date(datetime.now(FUND_ZONE).date(), "long", locale="fr"),
    )
    file.write_text(page, encoding="utf-8")
    return file


def written_pdf(html: Path, browser: Browser, file: Path) -> Path:
    """Print the guide on A4, tagged and with an outline."""
    page = browser.new_page()
    page.goto(f"file://{quote(str(html.resolve()))}")
    page.emulate_media(media="print", color_scheme="light")
    page.pdf(
        path=file,
        format="A4",
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=_FOOT.format(title=escape(page.title())),
        margin={"top": "14mm", "bottom": "18mm", "left": "14mm", "right": "14mm"},
        outline=True,
        tagged=True,
    )
    page.close()
    return file


def _labelled(text: str) -> Markup:
    """Return a text with what stands in « » set apart, as on the slides."""
    return Markup(re.sub(r"«\s*([^»]+?)\s*»", r"<b>«&nbsp;\1&nbsp;»</b>", str(escape(text))))
