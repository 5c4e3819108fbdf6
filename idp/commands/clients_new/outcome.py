"""What is kept of a new service, and what is said of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from idp.clients.model import Client
from idp.commands.clients_new.client_file import put
from idp.commands.clients_new.frameworks import Framework


@dataclass(frozen=True)
class Snippet:
    """One file that the service's people paste."""

    file: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """A service whose file is right, and what comes with it."""

    client: Client
    built_with: Framework
    issuer: str
    path: Path
    text: str
    snippets: Sequence[Snippet]
    secret: str | None
    secret_file: Path | None
    written: bool
    notes: Sequence[str] = ()
    """What does not work yet, in one line each."""

    def keep(self) -> None:
        """Write the secret's file, if one is wanted, then the client's, or neither.

        Raises ``click.ClickException``.
        """
        if self.secret_file is not None and self.secret is not None:
            _keep_secret(self.secret_file, self.secret)
        try:
            put(self.path.parent, self.client.client_id, self.text)
        except OSError as error:
            if self.secret_file is not None:
                with suppress(OSError):
                    self.secret_file.unlink()
            raise click.ClickException(f"{self.path}: not written ({error.strerror})") from None

    def tell_programs(self) -> None:
        """Print one JSON object."""
        client = self.client
        told = {
            "client_id": client.client_id,
            "file": str(self.path),
            "written": self.written,
            "client_file": self.text,
            "client_secret": None if self.secret_file else self.secret,
            "redirect_uris": client.redirect_uris,
            "post_logout_redirect_uris": client.post_logout_redirect_uris,
            "initiate_login_uri": client.initiate_login_uri,
            "backchannel_logout_uri": client.backchannel_logout_uri,
            "notes": self.notes,
            "snippets": [{"file": one.file, "text": one.text} for one in self.snippets],
        }
        click.echo(json.dumps(told, ensure_ascii=False))

    def tell_people(self) -> None:
        """Print what is pasted on stdout, and around it on stderr what has happened and what comes next."""
        if self.written:
            _say(f"written: {self.path}")
        else:
            _say(f"nothing is written; {self.path} would be:")
            click.echo(self.text)
        _say(f"for {self.built_with.label}:\n")
        for one in self.snippets:
            click.echo(one.text)
        for note in self.notes:
            _say(note)
        if not self.written:
            return
        if self.secret_file is not None:
            _say(f"the secret is in {self.secret_file}; the service gets it as OIDC_CLIENT_SECRET")
        elif self.secret is not None:
            _say(
                f"the secret, shown this once; the service gets it as OIDC_CLIENT_SECRET:\n    {self.secret}"
            )
        if self.client.assistants == "allowed":
            _say(
                f"an assistant who is removed at the provider is out of this service {self.built_with.leaves}"
            )
        _say(
            f"the provider at {self.issuer} takes the file within seconds; `idp clients try {self.client.client_id}` "
            "walks the sign-in and says what is wrong, with `--secret-file FILE` of the secret too"
        )


def _keep_secret(path: Path, secret: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{secret}\n")
    except OSError as error:
        raise click.ClickException(f"{path}: a file that can be made anew ({error.strerror})") from None


def _say(words: str) -> None:
    click.echo(words, err=True)
