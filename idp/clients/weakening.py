"""What a change of a client file lets through that it did not: a judge for each key that has something to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from idp.clients.gateway import PathRule, PathRules
from idp.clients.model import Client
from idp.configuration.addresses import origin_of
from idp.rules.assurance import Policy, strictest

Judge = Callable[[str, Client, Client], str | None]
"""Takes the entry that differs (of a list; origin and path of a rule), the service before and after. Returns what is
let through that was not, or ``None``."""


def weaker(key: str, entry: str, before: Client, after: Client) -> str | None:
    """Return what the change of ``key`` (its ``entry``) lets through that was not, or ``None``."""
    judge = JUDGES.get(key)
    return None if judge is None else judge(entry, before, after)


def nothing(of: Client) -> Client:
    """Return what stands in the place of a service that comes: the same name, nothing let through, all of it strict."""
    return Client.model_construct(
        client_id=of.client_id,
        name=of.name,
        token_endpoint_auth_method="private_key_jwt",  # noqa: S106
        grant_types=frozenset(),
        nonce="required",
        scope=frozenset(),
        subject_type="pairwise",
        consent="required",
        profiles=frozenset(),
        floor="mfa",
        mfa=Policy.required(),
    )


def _ranked(key: str, strictest_first: Sequence[str], meaning: str) -> Judge:
    order = list(strictest_first)
    return lambda _entry, before, after: (
        meaning if order.index(getattr(before, key)) < order.index(getattr(after, key)) else None
    )


def _lost(key: str, meaning: str) -> Judge:
    return lambda _entry, _before, after: meaning if getattr(after, key) is None else None


def _more(key: str, meaning: str) -> Judge:
    return lambda entry, _before, after: meaning if entry in getattr(after, key) else None


def _new_host(key: str, meaning: str, lost: str | None = None) -> Judge:
    """Return the judge of one address: its host is to be the service's already. ``lost``: what it means without."""

    def judge(_entry: str, before: Client, after: Client) -> str | None:
        address = getattr(after, key)
        if address is None:
            return lost
        known = {*_where_people_are_sent(before), *map(origin_of, filter(None, [getattr(before, key)]))}
        return None if origin_of(address) in known else f"{meaning} {origin_of(address)}, which is new"

    return judge


def _where_people_are_sent(client: Client) -> set[str]:
    pages = (*client.redirect_uris, *client.post_logout_redirect_uris, client.initiate_login_uri)
    return set(map(origin_of, filter(None, pages)))


def _page_after(entry: str, before: Client, after: Client) -> str | None:
    origin = origin_of(entry)
    new = entry in after.post_logout_redirect_uris and origin not in _where_people_are_sent(before)
    return f"people are sent to {origin}, which is new" if new else None


def _callback(entry: str, before: Client, after: Client) -> str | None:
    if entry not in after.redirect_uris:
        return None
    origin = origin_of(entry)
    if origin in map(origin_of, before.redirect_uris):
        return "one more page takes its answers"
    return f"people are sent to {origin}, which is new"


def _secret(entry: str, before: Client, after: Client) -> str | None:
    # The first proof of a service that had none is judged by its method.
    proved = before.client_secret_sha256 or before.jwks or before.jwks_uri
    new = proved and entry in after.client_secret_sha256
    return "whoever has this secret is taken for it" if new else None


def _key(entry: str, before: Client, after: Client) -> str | None:
    kids = {jwk["kid"] for jwk in (after.jwks or {"keys": []})["keys"]}
    new = (before.jwks or before.jwks_uri) and entry in kids
    return "whoever has this key is taken for it" if new else None


def _keys_from(_entry: str, before: Client, after: Client) -> str | None:
    if after.jwks_uri is None:
        return None
    origin = origin_of(after.jwks_uri)
    known = before.jwks_uri is not None and origin == origin_of(before.jwks_uri)
    return None if known else f"whoever publishes keys at {origin} is taken for it"


def _own_api(_entry: str, _before: Client, after: Client) -> str | None:
    named = after.resource_identifier
    return named and f"it may look into tokens made for {named}"


def _sector(_entry: str, before: Client, after: Client) -> str | None:
    other = before.subjects_of is not None and after.subjects_of not in (None, before.subjects_of)
    return f"it knows people by the same sub as services of {after.sector}" if other else None


def _policy(_entry: str, before: Client, after: Client) -> str | None:
    milder = strictest((before.mfa, after.mfa)) != after.mfa
    return "two factors are obligatory later, or never" if milder else None


def _proof(_entry: str, before: Client, after: Client) -> str | None:
    best_first = {"private_key_jwt": 0, "client_secret_basic": 1, "client_secret_post": 1, "none": 2}
    # Without a method it stands behind the gateway, which proves by the proxy's secret.
    old, new = (best_first.get(one.token_endpoint_auth_method or "", 0) for one in (before, after))
    return "it proves less well who it is" if old < new else None


def _path(entry: str, before: Client, after: Client) -> str | None:
    origin = origin_of(entry)
    path = entry.removeprefix(origin)
    old, new = (_deciding(client.path_rules.get(origin), path) for client in (before, after))
    return None if new is None else next(_opened(old, new, before, after), None)


def _opened(old: PathRule | None, new: PathRule, before: Client, after: Client) -> Iterator[str]:
    if old is None:
        yield "public now, it was refused" if new.is_public else "opened, it was refused"
        return
    if new.is_public and not old.is_public:
        yield "public now: nobody is looked up"
    if old.is_public or new.is_public:
        return
    if old.acr == "mfa" and new.acr is None:
        yield "two factors are no longer demanded here"
    if not (new.profiles or after.profiles) <= (old.profiles or before.profiles):
        yield "more people are let in here"
    if "refused" in (old.assistants, before.assistants) and "refused" not in (
        new.assistants,
        after.assistants,
    ):
        yield "assistants are let in here"


def _deciding(rules: PathRules | None, path: str) -> PathRule | None:
    try:
        return None if rules is None else rules.rule_of(path)
    except ValueError:
        return None  # two readers would read it differently: the gateway refuses it


JUDGES: Mapping[str, Judge] = {
    "application_type": _ranked("application_type", ("web", "native"), "any loopback port takes its answers"),
    "gateway": _path,
    "token_endpoint_auth_method": _proof,
    "grant_types": _more("grant_types", "it gets tokens in one more way"),
    "redirect_uris": _callback,
    "post_logout_redirect_uris": _page_after,
    "initiate_login_uri": _new_host("initiate_login_uri", "people are sent to"),
    "client_secret_sha256": _secret,
    "jwks": _key,
    "jwks_uri": _keys_from,
    "token_endpoint_auth_signing_alg": _lost(
        "token_endpoint_auth_signing_alg", "any signature that the provider knows is taken"
    ),
    "client_assertion_audience": _ranked(
        "client_assertion_audience",
        ("issuer", "token_endpoint"),
        "an assertion made for another endpoint is taken",
    ),
    "pkce": _ranked("pkce", ("required", "optional"), "a request without PKCE is taken"),
    "nonce": _ranked("nonce", ("required", "optional"), "a request without nonce is taken"),
    "userinfo_signed_response_alg": _lost("userinfo_signed_response_alg", "userinfo is no longer signed"),
    "scope": _more("scope", "it is told more, or may do more"),
    "resource_identifier": _own_api,
    "resources": _more("resources", "it gets tokens for one more API"),
    "sector_identifier": _sector,
    "subject_type": _ranked(
        "subject_type", ("pairwise", "public"), "services can tell each other whom they know"
    ),
    "consent": _ranked("consent", ("required", "implicit"), "nobody is asked any more"),
    "backchannel_logout_uri": _new_host(
        "backchannel_logout_uri",
        "ends of sessions are told to",
        lost="it is no longer told that a session ended",
    ),
    "profiles": _more("profiles", "more people are let in"),
    "floor": _ranked("floor", ("mfa", "pwd"), "a password alone may do"),
    "mfa": _policy,
    "assistants": _ranked("assistants", ("refused", "allowed"), "assistants are let in"),
}
"""By key. What is left out lets nothing through by itself: a name, the provider's signature of ID tokens, and scopes of
the service's own API, which are judged where another file asks for them."""
