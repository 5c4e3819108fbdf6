"""The questions on a terminal: few, with defaults, each answer judged at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from idp.commands.clients_new.answers import Answers
from idp.commands.clients_new.frameworks import FRAMEWORKS


class Interview:
    """Asks for what ``answers`` leave open. Questions go to stderr: stdout is for what is pasted."""

    def __init__(self, answers: Answers, folder: Path, profiles: Collection[str]) -> None:
        """``profiles`` are those of the settings; in ``folder`` no file may have the new one's name."""
        self.answers = answers
        self._folder = folder
        self._profiles = list(profiles)

    def complete(self) -> Answers:
        """Return the answers with nothing left open. Raises ``click.Abort`` when whoever is asked leaves."""
        self._ask("name", "Name of the service as people see it, in French")
        self._ask("client_id", "Its identifier (client_id)", default=slug(self.answers.name or ""))
        for word, one in FRAMEWORKS.items():
            click.echo(f"    {word:19} {one.label}; a removed assistant is out {one.leaves}", err=True)
        self._ask("framework", "What is it built with", kind=click.Choice(list(FRAMEWORKS)))
        self._ask(
            "address",
            "Its address, without a path (https://service.example.org, or http://localhost:8600)",
            read=origin,
        )
        self._ask(
            "profiles",
            f"Who may sign in ({', '.join(self._profiles)}; several with commas)",
            default=self._profiles[0],
            read=words,
        )
        question = "Two factors: required, optional, or the day from which they are (YYYY-MM-DD)"
        self._ask("mfa", question, default="required")
        self._ask(
            "assistants",
            "May practitioners' assistants use it (allowed, refused)",
            default="refused",
            kind=click.Choice(["allowed", "refused"]),
        )
        if self.answers.built_with.behind_gateway:
            self._ask("public", "Paths open to everybody, such as /static (none)", default="", read=words)
        elif self.answers.built_with.refreshes and not self.answers.built_with.settled:
            self._ask(
                "refresh_tokens",
                "Does it call APIs for longer than five minutes (refresh tokens: yes, no)",
                default="no",
                kind=click.BOOL,
            )
        if self.answers.built_with.is_proxy:
            question = "Where the service itself listens, behind the proxy (HOST:PORT)"
            self._ask("upstream", question, default="127.0.0.1:8080")
        return self.answers

    def _ask(
        self,
        field: str,
        question: str,
        *,
        default: Any = None,
        kind: click.ParamType[Any] | None = None,
        read: Callable[[str], Any] = str.strip,
    ) -> None:
        if getattr(self.answers, field) not in (None, ()):
            return

        def judged(text: str) -> Any:
            value = read(text) if kind is None else kind(text)
            answers = replace(self.answers, **{field: value})
            expected = next((wrong for place, wrong in answers.problems() if place == field), None)
            if field == "client_id" and (self._folder / f"{value}.yaml").exists():
                expected = "another one, there is a file of this name"
            if expected is not None:
                raise click.UsageError(f"expected: {expected}")
            self.answers = answers
            return value

        click.prompt(question, default=default, value_proc=judged, err=True, show_default=default != "")


def slug(name: str) -> str | None:
    """Return an identifier that ``name`` suggests, or ``None``: *Feuille de soins* becomes ``feuille-de-soins``."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:64] or None


def words(text: str) -> tuple[str, ...]:
    """Return what is between commas and blanks."""
    return tuple(text.replace(",", " ").split())


def origin(text: str) -> str:
    """Return an address as typed, without the slash that browsers put after a host."""
    return text.strip().removesuffix("/")
