"""The reverse proxy before the portal that knows only headers: whichever of nginx and Caddy is installed."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from idp.demo.folder import write_private
from idp.resources import config_folder

PROGRAMS = ("nginx", "caddy")
"""In the order of choice: the first starts faster."""

_BESIDE_PATH = ("/usr/sbin", "/usr/local/sbin")
"""Where Debian puts nginx, and where the PATH of people does not lead."""

_NGINX = """\
{user}daemon off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    upstream gateway_provider {{ server {provider}; keepalive 8; keepalive_timeout 10s; }}
    upstream gateway_portal {{ server {portal}; }}
    server {{
        listen {host} default_server;
        underscores_in_headers off;
        ignore_invalid_headers on;
        return 421;
    }}
    server {{
        listen {host};
        server_name {name};
        client_max_body_size 20m;
        set $gateway_host {host};
        include gateway/secret.conf;
        include gateway/server.conf;
        location / {{
            include gateway/gated.conf;
            proxy_pass http://gateway_portal;
        }}
    }}
}}
"""

_CADDY = """\
{{
	admin off
	auto_https off
}}

import gateway.caddy

http://{host} {{
	bind {address}
	import gateway {host} {portal}
}}

http://:{port} {{
	bind {address}
	respond 421
}}
"""


@dataclass(frozen=True)
class Place:
    """One host behind the gateway, over plain http on loopback. All are ``address:port``."""

    host: str
    portal: str
    provider: str
    secret: str
    """What proves to the provider that this proxy asks."""


@dataclass(frozen=True)
class Proxy:
    """An installed one."""

    name: str
    program: str

    def prepared(self, folder: Path, place: Place) -> tuple[list[str], Mapping[str, str]]:
        """Write its configuration over the one of before; return its command line and variables. Raises ``OSError``."""
        folder.mkdir(mode=0o700, exist_ok=True)
        shipped = config_folder() / "gateway"
        address, _, port = place.host.rpartition(":")
        parts = {**vars(place), "address": address, "name": address, "port": port}
        if self.name == "nginx":
            shutil.copytree(shipped / "nginx", folder / "gateway", dirs_exist_ok=True)
            write_private(folder / "gateway" / "secret.conf", f"set $gateway_secret {place.secret};\n")
            (folder / "nginx.conf").write_text(_NGINX.format(user=_nginx_user(), **parts), encoding="utf-8")
            return [self.program, "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"], {}
        shutil.copyfile(shipped / "gateway.caddy", folder / "gateway.caddy")
        (folder / "Caddyfile").write_text(_CADDY.format(**parts), encoding="utf-8")
        variables = {
            "GATEWAY_SECRET": place.secret,
            "GATEWAY_PROVIDER": place.provider,
            "XDG_CONFIG_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
        }
        return [self.program, "run", "--config", str(folder / "Caddyfile")], variables


def installed_proxy(names: tuple[str, ...] = PROGRAMS) -> Proxy | None:
    """Return the first of ``names`` that is installed, or ``None``."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_BESIDE_PATH))
    found = ((name, shutil.which(name, path=path)) for name in names)
    return next((Proxy(name, program) for name, program in found if program), None)


def _nginx_user() -> str:
    """As root nginx would become somebody who may not enter the folder; anybody else cannot change."""
    return f"user {pwd.getpwuid(os.geteuid()).pw_name};\n" if os.geteuid() == 0 else ""
