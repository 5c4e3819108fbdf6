"""What settings and client files say together: where the home page leads, and what a profile is obliged to where."""

from __future__ import annotations

from collections.abc import Mapping

from idp.clients.registry import ClientRegistry
from idp.configuration import ConfigurationErrors
from idp.outbound import reach_of
from idp.rules.assurance import Policy
from idp.settings import Settings


def services_of(settings: Settings, known_scopes: frozenset[str]) -> ClientRegistry:
    """Return the services of all client files, checked with the settings; it follows the files from then on.

    What raises here while the provider runs leaves the last good set. Raises ``ConfigurationErrors``.
    """
    within_reach = reach_of(settings)

    def read() -> ClientRegistry:
        clients = ClientRegistry.load(settings.clients_folder, known_scopes, within_reach)
        check_services(settings, clients)
        return clients

    return ClientRegistry.following(settings.clients_folder, read)


def check_services(settings: Settings, clients: ClientRegistry) -> None:
    """Check that every ``profiles.….service`` admits the profile and has ``initiate_login_uri``.

    And that no API has the provider's own identifier: whoever serves it could take tokens for userinfo.

    Raises ``ConfigurationErrors`` at the places of the settings.
    """
    errors = [
        settings.error(("profiles", profile, "service"), expected)
        for profile, chosen in settings.profiles.items()
        if chosen.service is not None and (expected := _expected(clients, chosen.service, profile))
    ]
    if (taken := clients.serving(settings.issuer)) is not None:
        expected = f"an address that is no resource_identifier; {taken.client_id}.yaml has this one"
        errors.append(settings.error(("issuer",), expected))
    if errors:
        raise ConfigurationErrors(errors)


def obligations(clients: ClientRegistry, profile: str) -> Mapping[str, Policy]:
    """Return the policies of the services that admit ``profile``, by ``client_id``.

    A service whose floor is two factors obliges always.
    """
    return {
        client.client_id: Policy.required() if client.floor == "mfa" else client.mfa
        for client in sorted(clients, key=lambda client: client.client_id)
        if profile in client.profiles
    }


def _expected(clients: ClientRegistry, service: str, profile: str) -> str | None:
    client = clients.get(service)
    if client is None:
        return "the client_id of a client file"
    if profile not in client.profiles:
        return f"a client whose file admits the profile {profile}"
    if client.initiate_login_uri is None:
        return "a client whose file has initiate_login_uri"
    return None
