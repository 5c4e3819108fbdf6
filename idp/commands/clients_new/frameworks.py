"""What a service is built with: the addresses that follow from its conventions, and the snippets for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Framework:
    """One kind of service. Paths begin with ``/`` and stand on the service's own origin."""

    label: str
    leaves: str
    """When an assistant who was removed is out of the service too, in words."""
    snippets: tuple[str, ...]
    """The files that its people paste, in the order of reading; their templates lie in ``config/snippets``."""
    callback: str = "/callback"
    login: str = "/login"
    """What starts a sign-in."""
    signed_out: str = "/"
    """Where people come back to after signing out."""
    backchannel: str | None = None
    """Where it is told that a session ended; ``None`` when the library has nothing for it."""
    refreshes: bool = True
    """Whether refresh tokens are kept where browsers cannot read them, and used."""
    settled: bool = False
    """Whether its library has one address for answers and always refreshes: neither can be chosen."""
    is_proxy: bool = False
    """Whether the service itself stands behind it, at another address."""
    behind_gateway: bool = False
    """Whether the provider signs people in for it: nothing but the gateway's rules stands in the file then."""


FRAMEWORKS: Mapping[str, Framework] = {
    "flask-relying-party": Framework(
        "Flask with flask_relying_party, which comes with the provider",
        "at once",
        ("app.py",),
        signed_out="/goodbye",
        backchannel="/backchannel-logout",
        settled=True,
    ),
    "flask": Framework(
        "Flask with Authlib", "half an hour after they signed in", ("app.py",), refreshes=False
    ),
    "django": Framework(
        "Django with mozilla-django-oidc",
        "within five minutes",
        ("settings.py", "oidc.py", "urls.py"),
        callback="/oidc/callback/",
        login="/oidc/authenticate/",
        refreshes=False,
    ),
    "express": Framework(
        "Express with express-openid-connect",
        "at once",
        ("app.mjs",),
        backchannel="/backchannel-logout",
        refreshes=False,
    ),
    "spring": Framework(
        "Spring Boot with Spring Security",
        "at once",
        ("application.yaml", "SecurityConfiguration.java"),
        callback="/login/oauth2/code/idp",
        login="/oauth2/authorization/idp",
        backchannel="/logout/connect/back-channel/idp",
    ),
    "apache": Framework(
        "Apache with mod_auth_openidc",
        "at once",
        ("service.conf",),
        login="/",
        signed_out="/signed-out",
        backchannel="/callback?logout=backchannel",
        is_proxy=True,
    ),
    "nginx": Framework(
        "nginx and the gateway, for a service without OpenID Connect",
        "at once",
        ("gateway.conf", "service.conf"),
        is_proxy=True,
        behind_gateway=True,
    ),
    "caddy": Framework(
        "Caddy and the gateway, for a service without OpenID Connect",
        "at once",
        ("Caddyfile",),
        is_proxy=True,
        behind_gateway=True,
    ),
    "other": Framework(
        "anything else that speaks OpenID Connect", "when the service sees to it", ("values.txt",), login="/"
    ),
}
"""By the word of ``--framework``."""
