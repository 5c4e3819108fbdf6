"""The demo's provider process: the production server, without the refusal of plain http that ``idp serve`` makes."""

from __future__ import annotations

import sys
from pathlib import Path

from idp.serving import Server
from idp.settings import load_settings

if __name__ == "__main__":
    Server(load_settings(Path(sys.argv.pop()), environ={})).run()
