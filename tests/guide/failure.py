"""Why no guide was made."""

from __future__ import annotations


class GuideFailed(Exception):
    """The guide and the pages do not agree; the message says where."""
