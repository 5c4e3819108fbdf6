"""The files that a service's people paste, from the templates of ``config/snippets``. No secret is ever in them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp.clients.model import Client
from idp.commands.clients_new.answers import Answers
from idp.commands.clients_new.outcome import Snippet
from idp.oidc.discovery import PATHS
from idp.resources import config_folder
from idp.rules.assurance import Policy
from idp.settings import Settings


def snippets(answers: Answers, client: Client, settings: Settings) -> list[Snippet]:
    """Return the files for what the service is built with, in the order of reading."""
    assert answers.framework is not None
    # Brackets, because the languages of the snippets are full of braces. They are programs, not HTML.
    environment = Environment(
        loader=FileSystemLoader(config_folder() / "snippets" / answers.framework),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters["quoted"] = json.dumps
    known = _known(answers, client, settings)
    return [
        Snippet(file, environment.get_template(f"{file}.jinja").render(known))
        for file in answers.built_with.snippets
    ]


def _known(answers: Answers, client: Client, settings: Settings) -> dict[str, Any]:
    address, issuer = urlsplit(answers.address or ""), urlsplit(settings.issuer)
    listening = f"{settings.listen.host}:{settings.listen.port}"
    return {
        "issuer": settings.issuer,
        "endpoints": {name: settings.issuer + path for name, path in PATHS.items()},
        "discovery": f"{settings.issuer}/.well-known/openid-configuration",
        "client_id": client.client_id,
        "address": answers.address,
        "host": address.netloc,
        "hostname": address.hostname,
        "port": address.port or (443 if address.scheme == "https" else 80),
        "https": address.scheme == "https",
        "redirect_uri": client.redirect_uris[0],
        "callback": urlsplit(client.redirect_uris[0]).path,
        "login_uri": client.initiate_login_uri,
        "signed_out_uri": client.post_logout_redirect_uris[0],
        "signed_out_path": urlsplit(client.post_logout_redirect_uris[0]).path,
        "scopes": answers.scope,
        "refreshes": "offline_access" in client.scope,
        "always_mfa": client.mfa == Policy.required(),
        "upstream": answers.upstream,
        # Over http the provider is on this machine, where its issuer says.
        "provider": issuer.netloc if issuer.scheme == "http" else listening,
    }
