"""The truth table in ``idp/rules/README.md``: asks the real rules for every situation, and groups what does not differ.

``python -m tests.rules.truth_table`` prints it, with ``--write`` it goes into the README.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import click

from idp.rules.assurance import Acr, Policy, Proof, acr_of
from idp.rules.delegation import Actor, window_of_days
from idp.rules.next_step import Demand, Standing, Step, next_step, silent_error
from tests.generated_part import command

README = Path(__file__).parents[2] / "idp" / "rules" / "README.md"
NAME = "truth table"

_DAY = date(2026, 3, 1)
_PASSWORD = Proof("pwd", 0)
_CODE = Proof("otp", 0)
_ASSISTANT = Actor("a", "NAUDIN Fernand", "d", window_of_days(date(2025, 12, 3), None))

_DATES = {
    "before": datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC),
    "from": datetime(2026, 2, 28, 23, 0, tzinfo=UTC),
}
_PROFILES = {
    "health_professional": Policy.required_from(_DAY),
    "insured": Policy.optional(),
    "employer": Policy.optional(),
}
_ADMITTED_PROFILES = frozenset({"health_professional", "insured"})
_POLICIES = {
    "optional": Policy.optional(),
    "required_from": Policy.required_from(_DAY),
    "required": Policy.required(),
}
_FLOORS: Mapping[str, Acr] = {"pwd": "pwd", "mfa": "mfa"}
_ASSISTANTS = {"allowed": True, "refused": False}
_SESSIONS: Mapping[str, tuple[bool, tuple[Proof, ...], Actor | None]] = {
    "none": (False, (), None),
    "pwd": (False, (_PASSWORD,), None),
    "pwd (activated)": (True, (_PASSWORD,), None),
    "mfa": (True, (_PASSWORD, _CODE), None),
    "mfa (phone just activated)": (True, (_PASSWORD, _CODE), None),
    "mfa (assistant)": (True, (_PASSWORD, _CODE), _ASSISTANT),
    "mfa (assistant, own_password to choose)": (True, (_PASSWORD, _CODE), _ASSISTANT),
    "mfa (assistant of several)": (True, (_PASSWORD, _CODE), _ASSISTANT),
    "pwd (select_account)": (False, (_PASSWORD,), None),
    "mfa (select_account)": (True, (_PASSWORD, _CODE), None),
    "mfa (assistant, select_account)": (True, (_PASSWORD, _CODE), _ASSISTANT),
}
_MORE: Mapping[str, Mapping[str, bool]] = {
    "mfa (phone just activated)": {"fresh_codes": True},
    "mfa (assistant, own_password to choose)": {"own_passwords": True},
    "mfa (assistant of several)": {"several": True},
}
"""What the rule is told besides."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "date": tuple(_DATES),
    "profile": tuple(_PROFILES),
    "client: policy": tuple(_POLICIES),
    "client: floor": tuple(_FLOORS),
    "client: assistants": tuple(_ASSISTANTS),
    "session and actor": tuple(_SESSIONS),
}
_FOLDING_ORDER = (1, 0, 2, 3, 4, 5)

_OUTCOMES = ("page", "`prompt=none` gets", "acr", "act")

Outcome = tuple[str, ...]
Situations = tuple[frozenset[str], ...]


def table() -> str:
    """Return the table in Markdown, one row a group of situations with the same outcome."""
    rows = {tuple(frozenset({label}) for label in one): _outcome(*one) for one in product(*_COLUMNS.values())}
    for column in _FOLDING_ORDER:
        rows = _folded(rows, column)
    head = (*_COLUMNS, *_OUTCOMES)
    body = [(*_shown(situations), *rows[situations]) for situations in sorted(rows, key=_place)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *body))


def _outcome(day: str, profile: str, policy: str, floor: str, assistants: str, session: str) -> Outcome:
    activated, proofs, actor = _SESSIONS[session]
    choosing = "select_account" in session
    demand = Demand(
        _ADMITTED_PROFILES,
        _FLOORS[floor],
        _POLICIES[policy],
        _ASSISTANTS[assistants],
        select_account=choosing,
    )
    standing = Standing(profile, activated, proofs, actor, earlier=session not in _MORE) if proofs else None
    step = next_step(demand, standing, _PROFILES, _DATES[day], **_MORE.get(session, {}))
    if step is not Step.ADMITTED:
        silent = "–" if choosing else f"`{silent_error(step, demand)}`"
        return f"`{step}`", silent, "–", "–"
    return "**admitted**", "a code", f"`{acr_of(proofs)}`", "the assistant" if actor else "absent"


def _folded(rows: Mapping[Situations, Outcome], column: int) -> dict[Situations, Outcome]:
    """Return ``rows`` with those made one that differ in ``column`` alone and have the same outcome."""
    folded: dict[tuple[Situations, Situations, Outcome], frozenset[str]] = {}
    for situations, outcome in rows.items():
        key = (situations[:column], situations[column + 1 :], outcome)
        folded[key] = folded.get(key, frozenset()) | situations[column]
    return {(*before, labels, *after): outcome for (before, after, outcome), labels in folded.items()}


def _shown(situations: Situations) -> Iterator[str]:
    for labels, column in zip(situations, _COLUMNS.values(), strict=True):
        yield "any" if labels == set(column) else ", ".join(one for one in column if one in labels)


def _place(situations: Situations) -> list[list[int]]:
    """Return what rows are sorted by: the session first, then the columns from the left."""
    columns = zip(situations, _COLUMNS.values(), strict=True)
    *others, session = [sorted(column.index(label) for label in labels) for labels, column in columns]
    return [session, *others]


@click.command()
@click.option("--write", is_flag=True, help="Write it into the README.")
def main(*, write: bool) -> None:
    """Print the truth table of the rules."""
    command(README, NAME, table(), write=write)


if __name__ == "__main__":
    main()
