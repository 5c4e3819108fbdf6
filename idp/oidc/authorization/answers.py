"""Answers to a validated redirect address, in the mode that the request asked for; each says who sent it (RFC 9207)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from flask import Response

from idp.configuration.addresses import with_query
from idp.login.destination import see_other
from idp.pages import Pages

ResponseMode = Literal["query", "form_post"]
RESPONSE_MODES: tuple[ResponseMode, ...] = get_args(ResponseMode)


@dataclass(frozen=True)
class Answers:
    """The one place that knows how an answer travels."""

    issuer: str
    pages: Pages

    def send(
        self, redirect_uri: str, mode: ResponseMode, state: str | None, parameters: Mapping[str, str]
    ) -> Response:
        """Send ``parameters``, ``state`` as it came, and ``iss``: in the address, or as a form that posts itself.

        The form follows OAuth 2.0 Form Post Response Mode 1.0.
        """
        said = {**parameters, **({} if state is None else {"state": state}), "iss": self.issuer}
        if mode == "query":
            return see_other(with_query(redirect_uri, said))
        response = self.pages.render(
            "form_post.html", form_action=(redirect_uri,), address=redirect_uri, answer=said
        )
        # Under the policy of other pages browsers post with "Origin: null", which firewalls of services refuse.
        response.headers["Referrer-Policy"] = "strict-origin"
        return response
