"""``make guide``: the user guide in French, from the running demo, as HTML and PDF below ``var/guide``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from playwright.sync_api import Browser, sync_playwright

from tests.demo_process import running_demo
from tests.guide.book import written_html, written_pdf
from tests.guide.cover import cover
from tests.guide.failure import GuideFailed
from tests.guide.pictures import Progress, pictures
from tests.guide.text import load_guide
from tests.guide.walk import walk

ROOT = Path(__file__).parents[2]
TEXT = ROOT / "templates" / "guide" / "guide.yaml"
COVER = ROOT / "templates" / "guide" / "sign-in.png"


def build(text: Path, into: Path, browser: Browser, progress: Progress) -> list[Path]:
    """Make the guide of a text and return its files. Raises ``GuideFailed``."""
    guide = load_guide(text)
    into.mkdir(parents=True, exist_ok=True)
    progress("starting the demo")
    try:
        with tempfile.TemporaryDirectory(prefix="guide-") as folder, running_demo(Path(folder)) as demo:
            taken = pictures(guide, walk(demo, browser), progress)
    except AssertionError as error:
        raise GuideFailed(f"the demo does not run: {error}") from error
    html = written_html(guide, taken, into / "guide.html")
    progress(f"written {html}")
    pdf = written_pdf(html, browser, into / "guide.pdf")
    progress(f"written {pdf}")
    return [html, pdf]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@click.command()
@click.option("--text", type=click.Path(path_type=Path), default=TEXT, help="The guide's text.")
@click.option(
    "--into", type=click.Path(path_type=Path), default=Path("var/guide"), help="Where both files go."
)
@click.option("--cover", "with_cover", is_flag=True, help="Renew the picture of the README instead.")
def main(text: Path, into: Path, *, with_cover: bool) -> None:
    """Make the user guide from the running demo."""

    def progress(line: str) -> None:
        click.echo(f"· {line}", err=True)

    try:
        with chromium() as browser:
            if with_cover:
                progress(f"written {cover(browser, COVER)}")
            else:
                build(text, into, browser, progress)
    except GuideFailed as failure:
        click.echo(f"no guide: {failure}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
