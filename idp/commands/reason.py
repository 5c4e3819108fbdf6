"""The option ``--reason`` of acts that are done to somebody else: it goes into the audit, so it must say something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_LONGEST = 200


def reason_option(meaning: str) -> Callable[[Any], Any]:
    """Return the option; ``meaning`` is what the audit's reader will want to know."""
    return click.option("--reason", required=True, callback=_valid, help=f"Why, for the audit: {meaning}.")


def optional_reason(meaning: str) -> Callable[[Any], Any]:
    """Return the same, of an act that is done to nobody: it may be left out."""
    return click.option("--reason", callback=_valid_if_any, help=f"For the audit: {meaning}.")


def _valid_if_any(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _valid(context, option, value)


def _valid(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Return the reason with single blanks. Raises ``click.BadParameter`` for one that shows nothing, or too much."""
    reason = " ".join(value.split())
    if not reason.isprintable() or not 1 <= len(reason) <= _LONGEST:
        raise click.BadParameter(f"1 to {_LONGEST} visible characters are expected")
    return reason
