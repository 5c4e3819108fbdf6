"""The client files of a provider that runs: written, broken and taken away, each at a moment of the tests' clock."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from idp.clients.following import LOOK_EVERY
from tests.provider import ISSUER, Provider


class Files:
    """The folder of client files. What it does to a file happened long ago, or ``just_now`` at the next look."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.folder = provider.settings.clients_folder

    def path(self, client_id: str) -> Path:
        return self.folder / f"{client_id}.yaml"

    def write(self, client_id: str, *, like: str = "", just_now: bool = False, **changes: Any) -> None:
        """Change keys of a service's file; ``None`` takes one out. ``like``: start from another's file."""
        data = json.loads(self.path(like or client_id).read_text(encoding="utf-8"))
        if like:
            data |= {"client_id": client_id, "redirect_uris": [f"https://{client_id}.test/callback"]}
        kept = {key: value for key, value in (data | changes).items() if value is not None}
        self.write_text(client_id, json.dumps(kept), just_now=just_now)

    def write_text(self, client_id: str, text: str, *, just_now: bool = False) -> None:
        self.path(client_id).write_text(text, encoding="utf-8")
        self.touched(self.path(client_id), just_now=just_now)

    def remove(self, client_id: str, *, just_now: bool = False) -> str:
        """Take the file away and return what stood in it."""
        text = self.path(client_id).read_text(encoding="utf-8")
        self.path(client_id).unlink()
        self.touched(just_now=just_now)
        return text

    def touched(self, *paths: Path, just_now: bool = False) -> None:
        """Say when these, and the folder, were touched."""
        # The next look comes in a second: half of one is left then.
        since = timedelta(seconds=0.5) if just_now else timedelta(hours=-1)
        moment = (self.provider.clock.now() + since).timestamp()
        for path in (*paths, self.folder):
            os.utime(path, (moment, moment))

    def look(self) -> None:
        """Let a request look: the first one after a second."""
        self.provider.clock.advance(seconds=LOOK_EVERY.total_seconds())
        assert self.provider.http().get("/healthz", base_url=ISSUER).status_code == 200

    def readyz(self) -> list[str]:
        """Return what `/readyz` says beside that people may come."""
        answer = self.provider.http().get("/readyz", base_url=ISSUER)
        first, *more = answer.text.splitlines()
        assert (answer.status_code, first) == (200, "ready")
        return more
