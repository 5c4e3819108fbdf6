"""Real nginx and Caddy with the files of ``config/gateway`` themselves; its README names every line that changes."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from idp.resources import config_folder
from tests.certificates import certificate, server_context
from tests.deployment.processes import running
from tests.waiting import wait_until

SHIPPED = config_folder() / "gateway"
SECRET = "the-secret-of-the-proxies-of-the-tests"
USER = "user root;\n" if os.geteuid() == 0 else ""

NGINX_MAIN = """\
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
    include portail.conf;
}}
"""


@dataclass(frozen=True)
class Gate:
    """One host behind a proxy: ``https://localhost:port``."""

    proxy: str
    port: int
    folder: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def origin(self) -> str:
        return f"https://{self.host}"

    @property
    def ca(self) -> Path:
        """The certificate to trust."""
        return certificate(self.folder)

    def connection(self, alpn: str = "http/1.1") -> ssl.SSLSocket:
        """A TLS connection that nothing was sent on."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.set_alpn_protocols([alpn])
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return context.wrap_socket(plain, server_hostname="localhost")

    def raw(self, *lines: str, body: bytes = b"") -> tuple[int, str, bytes]:
        """Send these lines as they are; return status, head and body of the first answer."""
        request = "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + body
        received = b""
        with self.connection() as connection:
            connection.sendall(request)
            try:
                while part := connection.recv(65536):
                    received += part
            except (TimeoutError, ssl.SSLError, ConnectionError):
                pass
        head, _, rest = received.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        # HTTP/0.9 has no status line, and a connection that is closed none either.
        status = int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0
        return status, head.decode("latin-1"), rest

    def get(self, target: str, *headers: str, cookie: str = "") -> tuple[int, str, bytes]:
        """Ask for a raw target with these header lines."""
        cookies = [f"Cookie: {cookie}"] if cookie else []
        return self.raw(
            f"GET {target} HTTP/1.1", f"Host: {self.host}", "Connection: close", *cookies, *headers
        )


@contextmanager
def running_gate(
    gate: Gate, provider: str, portal: str, site: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run the proxy of ``gate``; ``provider`` and ``portal`` are ``address:port``.

    ``site``: changes of nginx's own.
    """
    gate.folder.mkdir(exist_ok=True)
    server_context(gate.folder)  # writes the key beside the certificate
    start = _nginx if gate.proxy == "nginx" else _caddy
    argv, variables = start(gate, provider, portal)
    if site:
        file = gate.folder / "portail.conf"
        file.write_text(changed(file.read_text(), site))
    with running(argv, variables, gate.folder) as process:

        def listens() -> bool:
            assert process.poll() is None, [log.read_text() for log in gate.folder.glob("*.out")]
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", gate.port)) == 0

        wait_until(listens, f"{gate.proxy} listens")
        yield


def _nginx(gate: Gate, provider: str, portal: str) -> tuple[list[str], Mapping[str, str]]:
    shutil.copytree(SHIPPED / "nginx", gate.folder / "gateway", dirs_exist_ok=True)
    (gate.folder / "gateway" / "secret.conf").write_text(f"set $gateway_secret {SECRET};\n")
    (gate.folder / "nginx.conf").write_text(NGINX_MAIN.format(user=USER))
    site = changed(
        (SHIPPED / "nginx.conf").read_text(),
        {
            "listen 443 ": f"listen 127.0.0.1:{gate.port} ",
            "server_name portail.example.org;": "server_name localhost;",
            "$gateway_host portail.example.org;": f"$gateway_host {gate.host};",
            "/etc/ssl/certs/portail.pem": f"{gate.folder}/localhost.pem",
            "/etc/ssl/private/portail.key": f"{gate.folder}/localhost.key",
            "127.0.0.1:8000": provider,
            "127.0.0.1:8082": portal,
        },
    )
    (gate.folder / "portail.conf").write_text(site)
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(gate.folder), "-c", "nginx.conf"], {}


def _caddy(gate: Gate, provider: str, portal: str) -> tuple[list[str], Mapping[str, str]]:
    shutil.copyfile(SHIPPED / "gateway.caddy", gate.folder / "gateway.caddy")
    own_certificate = f"\ttls {gate.folder}/localhost.pem {gate.folder}/localhost.key\n"
    site = changed(
        (SHIPPED / "Caddyfile").read_text(),
        {
            # Port 80 is not ours, and the certificate of the tests is no public one.
            "admin off\n": "admin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n",
            "\timport gateway {$": f"{own_certificate}\timport gateway {{$",
        },
    )
    (gate.folder / "Caddyfile").write_text(site)
    variables = {
        "GATEWAY_SITE": gate.origin,
        "GATEWAY_HOST": gate.host,
        "GATEWAY_ELSEWHERE": f":{gate.port}",
        "GATEWAY_PROVIDER": provider,
        "GATEWAY_PORTAL": portal,
        "GATEWAY_SECRET": SECRET,
        "XDG_CONFIG_HOME": str(gate.folder),
        "XDG_DATA_HOME": str(gate.folder),
    }
    return ["caddy", "run", "--config", str(gate.folder / "Caddyfile")], variables


def changed(text: str, changes: Mapping[str, str]) -> str:
    """Replace every one of these; each has to be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
