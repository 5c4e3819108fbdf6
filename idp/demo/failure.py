"""What ends the demo."""

from __future__ import annotations


class DemoFailed(Exception):
    """The demo cannot run, or a journey did not end as the story tells; the text is one clear line."""
