"""``idp clients try`` before proxies that do not guard: each fault of a gateway has its own plain line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from flask import Flask, Response, redirect, request
from werkzeug.serving import make_server

from idp.cli import main
from tests.interop.running import running_provider
from tests.provider import Provider
from tests.servers import free_port

pytestmark = pytest.mark.server


@dataclass
class Proxy:
    """What stands where the guarding proxy should."""

    address: str
    issuer: str = ""
    does: str = ""
    app: Flask = field(default_factory=lambda: Flask("proxy"))

    def answer(self, path: str) -> Response:
        said = request.headers
        if self.does == "asks nobody" or (self.does == "believes" and "Remote-User" in said):
            return Response("Bonjour")
        told = said.get("X-Forwarded-Proto"), said.get("X-Forwarded-Uri")
        if self.does == "believes the path" and told == ("http", "/static"):
            return Response("Bonjour")
        if path == "static" and self.does == "adds a slash":
            return redirect("/static/")  # type: ignore[return-value]
        if path == "static" and self.does == "signs in for all":
            return self._sent()
        if path == "static" and self.does == "has no index":
            return Response(status=404)
        if f"/{path}".startswith("/static"):
            shown = said.get("Remote-User", "") if self.does == "repeats" else ""
            return Response(f"Bonjour {shown}", status=401 if self.does == "closes" else 200)
        if self.does in ("hides", "breaks", "refuses"):
            return Response(status={"hides": 404, "breaks": 502, "refuses": 403}[self.does])
        if path == "idp-clients-try":
            return self._without_rule()
        if "text/html" in said["Accept"] or self.does == "redirects programs":
            return self._sent()
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    def _without_rule(self) -> Response:
        if self.does in ("signs in anywhere", "signs in for all"):
            return self._sent()
        if self.does == "tells programs":
            return Response('{"code": "no_rule"}', 403, content_type="application/problem+json")
        elsewhere = {"opens all": 200, "asks here and there": 404, "refuses by itself": 403, "falls": 502}
        if self.does in elsewhere:
            return Response("Bonjour", status=elsewhere[self.does])
        return Response('<main data-error="no_rule">Accès refusé</main>', status=403)

    def _sent(self) -> Response:
        asked = {
            "client_id": "another" if self.does == "another client" else "guarded",
            "redirect_uri": f"{self.address}/_gateway/callback",
            "response_type": "code",
            "scope": "openid profile",
            "state": "s",
            "nonce": "n",
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
        issuer = "http://127.0.0.1:1" if self.does == "another provider" else self.issuer
        return redirect(f"{issuer}/oauth2/authorize?{urlencode(asked)}")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guarded")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[tuple[Provider, Proxy]]:
    port = free_port()
    proxy = Proxy(f"http://127.0.0.1:{port}")
    proxy.app.add_url_rule("/<path:path>", "answer", proxy.answer)
    server = make_server("127.0.0.1", port, proxy.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    client = {
        "client_id": "guarded",
        "name": "Service gardé",
        "gateway": {proxy.address: {"/dossiers": {}, "/static": "public"}},
        "scope": ["openid", "profile"],
        "profiles": ["health_professional"],
        "mfa": "optional",
    }
    (folder / "proxy-secret").write_text("a-secret-of-the-proxies-of-the-tests\n")
    thread.start()
    try:
        with running_provider(folder, [client], gateway={"proxy_secret_file": "proxy-secret"}) as provider:
            proxy.issuer = provider.settings.issuer
            yield provider, proxy
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()


REFUSE_NOTHING = {
    *("asks nobody", "hides", "breaks", "refuses", "opens all", "asks here and there", "signs in anywhere"),
    *("refuses by itself", "falls", "signs in for all"),
}
"""Proxies of which nobody can say that the gateway refuses there."""


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("", []),
        ("asks nobody", [
            "{at}/dossiers is shown to everybody (200): the proxy asks nobody. → Include the configuration of",
            "{at}/idp-clients-try has no rule and is answered 200 all the same. → Include the configuration of",
        ]),
        ("believes", ["a visitor who sends Remote-User is let in. → The proxy must set every identity header itself"]),
        ("believes the path", ["who sends X-Forwarded-Uri: /static is let in elsewhere. → The proxy must overwrite"]),
        ("repeats", ["{at}/static repeats the Remote-User that its visitor sent. → The proxy must set every"]),
        ("closes", ["{at}/static is public in the file and answers 401. → Does the running provider have this file?"]),
        ("hides", ["{at}/dossiers answers a visitor 404, not a redirect to the provider. → Does the proxy send the "
                   "right Gateway-Secret"]),
        ("breaks", ["{at}/dossiers answers a visitor 502, not a redirect to the provider. → Does the proxy reach"]),
        ("refuses", ["{at}/dossiers answers a visitor 403, not a redirect to the provider. → Do host and path stand"]),
        ("opens all", ["{at}/idp-clients-try has no rule and is answered 200 all the same."]),
        ("asks here and there", ["{at}/idp-clients-try has no rule and is answered 404, not by the gateway: nobody is "
                                 "asked there. → Include the configuration of config/gateway"]),
        ("signs in anywhere", ["{at}/idp-clients-try has no rule and leads to a sign-in all the same. → Does the "]),
        ("tells programs", []),
        ("refuses by itself", []),
        ("falls", []),
        ("adds a slash", []),
        ("has no index", []),
        ("signs in for all", [
            "{at}/static is public in the file and answers 302 to {issuer}/oauth2/authorize. → Does the running",
            "{at}/idp-clients-try has no rule and leads to a sign-in all the same. → Does the running provider",
        ]),
        ("redirects programs", ["a program without session gets 302 to {issuer}/oauth2/authorize, not 401 with"]),
        ("another client", ["{at}/dossiers asks for a sign-in to another. → Another file has this host"]),
        ("another provider", ["{at}/dossiers asks http://127.0.0.1:1/oauth2/authorize for a sign-in. → The proxy"]),
    ],
)  # fmt: skip
def test_a_fault_of_the_proxy_is_said(
    running: tuple[Provider, Proxy], folder: Path, does: str, expected: list[str]
) -> None:
    _provider, proxy = running
    proxy.does = does
    words = ["clients", "try", "guarded", "--start", f"{proxy.address}/dossiers"]
    result = CliRunner().invoke(main, words, env={"IDP_CONFIG": str(folder / "idp.yaml")})
    lines = [line for line in result.stdout.splitlines() if line.startswith("WRONG  gateway: ")]
    assert len(lines) == len(expected), result.stdout
    for line, start in zip(lines, expected, strict=True):
        told = start.format(at=proxy.address, issuer=proxy.issuer)
        assert line.removeprefix("WRONG  gateway: ").startswith(told), line
    assert result.exit_code == ("WRONG" in result.stdout)
    refused = f"ok     gateway: a path of {proxy.address} without rule is refused.\n"
    unseen = f"?      gateway: whether the gateway refuses what has no rule was not seen: {proxy.address}/"
    assert (refused in result.stdout) == (does not in REFUSE_NOTHING), result.stdout
    assert (unseen in result.stdout) == (does in {"refuses by itself", "falls", "hides", "breaks", "refuses"})
    nothing_there = f"?      gateway: whether {proxy.address}/static is open to everybody was not seen"
    assert (nothing_there in result.stdout) == (does == "has no index")
    if not does:
        assert "WRONG" not in result.stdout
        assert "secret:" not in result.stdout
