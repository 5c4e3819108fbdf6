"""A new client file: what the answers make of it, whether it is right, and how it comes into the folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.configuration import ConfigurationError, ConfigurationErrors
from idp.outbound import reach_of
from idp.plugins import load_plugins
from idp.services import check_services
from idp.settings import Settings

_HEAD = """\
# yaml-language-server: $schema=../schemas/client.schema.json
#
# Made by `idp clients new` for {label}.
# config/README.md explains every key.

"""

_COMMENTS: Mapping[str, str] = {
    "redirect_uris": "Compared character by character, also case, port and the slash at the end.",
    "initiate_login_uri": "The service's own page that starts a sign-in: the home page leads there.",
    "backchannel_logout_uri": "Where the service is told at once that a session ended; the provider calls it.",
    "client_secret_sha256": "Only the SHA-256 of the secret stands here; while it changes, a list of two: [new, old].",
    "gateway": "What is open to whom. A path without a rule of its own follows the one above it; a rule may ask for\n"
    "more than this file does, never for less: {acr: mfa}, {profiles: [...]}, {assistants: refused}.",
    "mfa": "Two factors: required, optional, or {required_from: 2026-03-01}; the profile may ask for more.",
    "assistants": "Whether a practitioner's assistants may use the service in the practitioner's place.",
}
_IN_ONE_LINE = frozenset({"scope", "profiles"})


def file_text(label: str, draft: Mapping[str, Any]) -> str:
    """Return the file of a service built with ``label``: its keys in the order of ``draft``, with comments."""
    data = CommentedMap()
    for key, value in draft.items():
        data[key] = _in_one_line(value) if key in _IN_ONE_LINE else value
        if key in _COMMENTS:
            data.yaml_set_comment_before_after_key(key, before=_COMMENTS[key])
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(data, stream)
    return _HEAD.format(label=label) + stream.getvalue()


def checked_in_folder(settings: Settings, client_id: str, text: str) -> Client:
    """Return the service, its file judged together with all that stand in the folder, without putting it there.

    Raises ``ConfigurationErrors`` with everything that is wrong, as if it stood there already.
    """
    folder = settings.clients_folder
    with TemporaryDirectory() as name:
        trial = Path(name)
        for path in _entries(folder):
            (trial / path.name).symlink_to(path.absolute())
        new = trial / f"{client_id}.yaml"
        new.unlink(missing_ok=True)
        new.write_text(text, encoding="utf-8")
        try:
            registry = ClientRegistry.load(
                trial, frozenset(load_plugins(settings).scopes), reach_of(settings)
            )
        except ConfigurationErrors as found:
            raise ConfigurationErrors(_in(folder, found.errors)) from None
        check_services(settings, registry)
    return registry[client_id]


def put(folder: Path, client_id: str, text: str) -> Path:
    """Let the file appear in the folder, whole, and return where.

    Whoever reads the folder meanwhile sees no file or all of it. A file that is there is never written over: raises
    ``FileExistsError``; ``OSError`` when the folder cannot be written to.
    """
    path = folder / f"{client_id}.yaml"
    unfinished = folder / f".{client_id}.{secrets.token_hex(4)}.new"
    # Nothing secret is in it, and the provider often runs as somebody else.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        # A rename would replace what somebody else put there in between; a link does not.
        os.link(unfinished, path)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return path


def _in_one_line(values: Sequence[str]) -> CommentedSeq:
    line = CommentedSeq(values)
    line.fa.set_flow_style()
    return line


def _entries(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        expected = f"a readable folder of client files ({error.strerror})"
        raise ConfigurationErrors([ConfigurationError(str(folder), 1, 1, "file", expected)]) from None


def _in(folder: Path, errors: Sequence[ConfigurationError]) -> Iterator[ConfigurationError]:
    for error in errors:
        path = str(folder / Path(error.path).name)
        yield ConfigurationError(path, error.line, error.column, error.key, error.expected)
