"""Where the home page leads: each profile's service, by the service's own page that starts a sign-in."""

from __future__ import annotations

from idp.clients.registry import ClientRegistry
from idp.configuration import ConfigurationErrors
from idp.settings import Settings


def check_services(settings: Settings, clients: ClientRegistry) -> None:
    """Check that every ``profiles.….service`` admits the profile and has ``initiate_login_uri``.

    Raises ``ConfigurationErrors`` at the places of the settings.
    """
    errors = [
        settings.error(("profiles", profile, "service"), expected)
        for profile, chosen in settings.profiles.items()
        if chosen.service is not None and (expected := _expected(clients, chosen.service, profile))
    ]
    if errors:
        raise ConfigurationErrors(errors)


def _expected(clients: ClientRegistry, service: str, profile: str) -> str | None:
    client = clients.get(service)
    if client is None:
        return "the client_id of a client file"
    if profile not in client.profiles:
        return f"a client whose file admits the profile {profile}"
    if client.initiate_login_uri is None:
        return "a client whose file has initiate_login_uri"
    return None
