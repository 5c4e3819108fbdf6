"""The smallest valid files, and what is wrong in a file as lines."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from idp.configuration import ConfigurationErrors

SECRET = "a-secret-that-a-machine-drew"
DIGEST = sha256(SECRET.encode()).hexdigest()

CLIENT = f"""\
client_id: portal
name: Portail
redirect_uris:
  - https://portal.example.org/callback
token_endpoint_auth_method: client_secret_basic
client_secret_sha256: {DIGEST}
scope: [openid]
profiles: [insured]
"""

SETTINGS = """\
issuer: https://idp.example.org
database_url: sqlite:///idp.sqlite
keyring_file: keyring
profiles:
  insured:
    label: Assuré
support:
  phone: "+377 00"
  hours: le matin
"""

SCOPES = frozenset({"practitioner"})


def changed(text: str, old: str, new: str) -> str:
    """Return ``text`` with one occurrence replaced; it has to be there."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def lines_of(read: Callable[[], object], folder: Path) -> list[str]:
    """Return the errors that ``read`` raises, one a line, paths relative to ``folder``."""
    try:
        read()
    except ConfigurationErrors as errors:
        return str(errors).replace(f"{folder}/", "").split("\n")
    return []
