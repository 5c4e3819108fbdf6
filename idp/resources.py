"""Where what is not code lies: inside the installed package, or in the checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates_folder() -> Path:
    """Return the folder of pages, mails and static files."""
    return _folder("_templates", "templates")


def config_folder() -> Path:
    """Return the folder of the default configuration, with its client files and JSON Schemas."""
    return _folder("_config", "config")


def _folder(installed: str, in_checkout: str) -> Path:
    """Return the one that exists. Raises ``FileNotFoundError`` for a package that was built without it."""
    for folder in (_PACKAGE / installed, _PACKAGE.parent / in_checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{_PACKAGE / installed} is missing: install the package again")
