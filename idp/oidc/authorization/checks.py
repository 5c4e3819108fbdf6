"""The checks of an authorization request whose client and redirect address are known to be right, in their order.

Each is one function; each raises ``AuthorizationError``. Authlib lets most of what is refused here pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from idp.clients.model import Client
from idp.oidc.authorization.answers import RESPONSE_MODES
from idp.oidc.authorization.request import AuthorizationError, Parameters
from idp.oidc.server import REPEATABLE
from idp.oidc.tokens import MAX_TOKEN
from idp.rules.claims import BadClaims, asked_claims

MAX_VALUE = 2_048
"""Characters of one value of a parameter."""

_LONGEST: dict[str, int | None] = {
    "claims": 4 * MAX_VALUE,
    "id_token_hint": MAX_TOKEN,
    "nonce": 512,
    "ui_locales": None,
}
"""Where it is otherwise: an ID token of ours stays within what is read as one, by its ``nonce`` too. Whatever
``ui_locales`` holds never fails a request (OpenID Connect Core §3.1.2.1)."""

PROMPTS = ("none", "login", "select_account", "consent")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")


def once_each(parameters: Parameters, client: Client) -> None:
    """No parameter more than once (RFC 6749 §3.1) but those that may be (RFC 8707 §2.1), none beyond its size."""
    del client
    if set(parameters.repeated) - REPEATABLE:
        raise AuthorizationError("invalid_request", "a parameter was sent more than once")
    for name, values in parameters.values.items():
        longest = _LONGEST.get(name, MAX_VALUE)
        if longest is not None and any(len(value) > longest for value in values):
            named = name if name in _LONGEST else "a parameter"
            raise AuthorizationError("invalid_request", f"{named} is longer than {longest} characters")


def no_request_object(parameters: Parameters, client: Client) -> None:
    """Request objects and registration are off, and said to be (OpenID Connect Core §3.1.2.6)."""
    del client
    for name in ("request", "request_uri", "registration"):
        if parameters.one(name) is not None:
            raise AuthorizationError(f"{name}_not_supported", f"the parameter {name} is not supported")


def code_flow(parameters: Parameters, client: Client) -> None:
    """Only the code flow, answered in the query or by a form (``response_mode``)."""
    del client
    if parameters.one("response_type") is None:
        raise AuthorizationError("invalid_request", "response_type is missing")
    if parameters.one("response_type") != "code":
        raise AuthorizationError("unsupported_response_type", "only response_type=code is supported")
    if parameters.one("response_mode") not in (None, *RESPONSE_MODES):
        raise AuthorizationError("invalid_request", "only response_mode=query and form_post are supported")


def openid_scope(parameters: Parameters, client: Client) -> None:
    """The scope holds ``openid``."""
    del client
    if "openid" not in parameters.words("scope"):
        raise AuthorizationError("invalid_scope", "the scope must contain openid")


def proof_key(parameters: Parameters, client: Client) -> None:
    """PKCE with S256 (RFC 7636 §4.3), unless the client's file makes it optional; never ``plain``."""
    challenge = parameters.one("code_challenge")
    method = parameters.one("code_challenge_method")
    if challenge is None and method is None and client.pkce == "optional":
        return
    if challenge is None:
        raise AuthorizationError("invalid_request", "code_challenge is missing")
    if method != "S256":
        raise AuthorizationError("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise AuthorizationError("invalid_request", "code_challenge is not the base64url of a SHA-256")


def nonce_present(parameters: Parameters, client: Client) -> None:
    """A ``nonce`` where the client's file requires one."""
    if client.nonce == "required" and parameters.one("nonce") is None:
        raise AuthorizationError("invalid_request", "nonce is missing")


def known_prompt(parameters: Parameters, client: Client) -> None:
    """Only known values of ``prompt``, and ``none`` alone (OpenID Connect Core §3.1.2.1)."""
    del client
    words = parameters.words("prompt")
    if not set(words) <= set(PROMPTS):
        raise AuthorizationError("invalid_request", "prompt has an unknown value")
    if "none" in words and len(words) > 1:
        raise AuthorizationError("invalid_request", "prompt=none goes with no other value")


def whole_max_age(parameters: Parameters, client: Client) -> None:
    """``max_age`` is a whole number of seconds."""
    del client
    max_age = parameters.one("max_age")
    if max_age is not None and not _SECONDS.fullmatch(max_age):
        raise AuthorizationError("invalid_request", "max_age is not a whole number of seconds")


def wellformed_claims(parameters: Parameters, client: Client) -> None:
    """``claims`` is what Core §5.5 describes, and an essential ``acr`` can be reached at this client (§5.5.1.1)."""
    try:
        asked = asked_claims(parameters.one("claims"))
    except BadClaims as error:
        raise AuthorizationError("invalid_request", str(error)) from error
    if not asked.reachable(client.floor):
        raise AuthorizationError(
            "unmet_authentication_requirements", "no essential value of acr can be reached"
        )


CHECKS: tuple[Callable[[Parameters, Client], None], ...] = (
    once_each,
    no_request_object,
    code_flow,
    openid_scope,
    proof_key,
    nonce_present,
    known_prompt,
    whole_max_age,
    wellformed_claims,
)
"""In order: the first that fails names the error."""
