"""A small service with a sign-in of its own making, which a test may let do anything wrong."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Flask, Response, redirect, request, session
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

from tests.servers import free_port


@dataclass
class Does:
    """What the service does otherwise than it should."""

    request: Mapping[str, str | None] = field(default_factory=dict)
    """Parameters of its authorization request that are others, or left out."""
    endpoint: str | None = None
    """Where it sends people instead."""
    secret: str | None = None
    start: int | None = None
    """The status of its start page instead of a redirect."""
    callback: int | None = None
    logout: int | None = None
    goodbye: int = 200
    keys: Any = field(default_factory=lambda: {"keys": []})
    forgets: bool = False
    """Who has signed in is sent to sign in again."""


@dataclass
class Service:
    """The service at ``address``."""

    client_id: str
    secret: str
    address: str
    issuer: str = ""
    does: Does = field(default_factory=Does)
    told: list[str] = field(default_factory=list)
    """The logout tokens that came."""

    @property
    def app(self) -> Flask:
        """The web application."""
        app = Flask("service")
        app.secret_key = "the-key-of-the-service"
        app.config["SESSION_COOKIE_NAME"] = "service"
        app.add_url_rule("/login", "login", self._login)
        app.add_url_rule("/callback", "callback", self._callback)
        app.add_url_rule("/home", "home", self._home)
        app.add_url_rule("/goodbye", "goodbye", lambda: ("Au revoir", self.does.goodbye))
        app.add_url_rule("/keys", "keys", lambda: self.does.keys)
        app.add_url_rule("/logout", "logout", self._logout, methods=["POST"])
        return app

    def _login(self) -> Response:
        if self.does.start is not None:
            return Response("Bienvenue", status=self.does.start)
        verifier = secrets.token_urlsafe(48)
        session.update(state=secrets.token_urlsafe(16), verifier=verifier)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "client_id": self.client_id,
            "redirect_uri": f"{self.address}/callback",
            "response_type": "code",
            "scope": "openid profile",
            "state": session["state"],
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            **self.does.request,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._sent(f"{self.does.endpoint or self._found('authorization_endpoint')}?{query}")

    def _callback(self) -> Response:
        if self.does.callback is not None or request.args.get("state") != session.get("state", ""):
            return Response("Erreur du service", status=self.does.callback or 400)
        form = {
            "grant_type": "authorization_code",
            "code": request.args["code"],
            "redirect_uri": f"{self.address}/callback",
            "code_verifier": session["verifier"],
        }
        proof = (self.client_id, self.does.secret or self.secret)
        answer = requests.post(self._found("token_endpoint"), data=form, auth=proof, timeout=10)
        if not answer.ok:
            return Response(f"Erreur du service : {answer.json()['error']}", status=500)
        session["signed_in"] = not self.does.forgets
        return self._sent("/home")

    def _home(self) -> Response:
        if not session.get("signed_in"):
            return self._sent("/login")
        return Response("Bonjour de la part du service")

    def _logout(self) -> Response:
        token = request.form["logout_token"]
        self.told.append(token)
        if self.does.logout is not None:
            return Response(status=self.does.logout, headers={"Location": "/login"})
        keys = KeySet.import_key_set(requests.get(self._found("jwks_uri"), timeout=10).json())
        try:
            jws.deserialize_compact(token, keys, algorithms=["RS256", "ES256"])
        except (JoseError, ValueError):
            return Response(status=400)
        return Response(status=200)

    def _sent(self, address: str) -> Response:
        return redirect(address)  # type: ignore[return-value]

    def _found(self, name: str) -> str:
        found = requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=10).json()
        return str(found[name])


@contextmanager
def running_service(client_id: str, secret: str) -> Iterator[Service]:
    """Give the service on loopback; its issuer is still to be said."""
    service = Service(client_id, secret, f"http://127.0.0.1:{free_port()}")
    server = make_server("127.0.0.1", int(service.address.rpartition(":")[2]), service.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()
