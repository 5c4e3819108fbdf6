"""The option ``--reason`` of acts that are done to somebody else: it goes into the audit, so it must say something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_LONGEST = 200


def reason_option(meaning: str) -> Callable[[Any], Any]:
    """Return the option; ``meaning`` is what the audit's reader will want to know."""
    return click.option("--reason", required=True, callback=_valid, help=f"Why, for the audit: {meaning}.")


def _valid(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Return the reason with single blanks. Raises ``click.BadParameter`` for one that shows nothing, or too much."""
    reason = " ".join(value.split())
    if not reason.isprintable() or not 1 <= len(reason) <= _LONGEST:
        raise click.BadParameter(f"1 to {_LONGEST} visible characters are expected")
    return reason
