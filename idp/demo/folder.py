"""The demo's folder: one demo at a time, private files, and secrets that stay over restarts."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.demo.failure import DemoFailed
from idp.rules.passwords import refused, rule_of
from idp.storage.keyring import Keyring


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and keep other demos out of it. Raises ``DemoFailed``; ``OSError`` when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed(f"the folder {folder} is in use by another demo") from error
        yield


def kept_keys(folder: Path) -> None:
    """Make the files of the keyring and of the pepper unless they are there; a folder of before has no pepper."""
    for name in ("keyring", "pepper"):
        if not (folder / name).exists():
            write_private(folder / name, Keyring.generate_line("demo") + "\n")


def kept_secrets(folder: Path, passwords: Iterable[str], keys: Iterable[str]) -> dict[str, str]:
    """Return a typed password or a random key for each name, made at the first start.

    Raises ``ValueError`` for a damaged file.
    """
    file = folder / "secrets.json"
    before: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    made = {name: _password() for name in passwords} | {name: secrets.token_urlsafe(32) for name in keys}
    kept = made | before
    if kept != before:
        write_private(file, json.dumps(kept, indent=1))
    return kept


def write_private(file: Path, text: str) -> None:
    """Write a file for its owner alone, wholly or not at all."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:  # noqa: PTH123
        opened.write(text)
    part.replace(file)


def _password() -> str:
    """Return eight random digits that the funds' rule allows."""
    rule = rule_of("digits", two_factors=False)
    while True:
        digits = "".join(secrets.choice("0123456789") for _ in range(8))
        if refused(digits, rule, lambda _common: False, ()) is None:
            return digits
