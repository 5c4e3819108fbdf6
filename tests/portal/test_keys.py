"""The provider's keys as the portal fetches and remembers them."""

from __future__ import annotations

import pytest
from flask import Flask
from joserfc.jwk import RSAKey

from tests.clock import MovableClock
from tests.portal.stand_in import ABSENT, StandIn
from tests.portal.test_backchannel_logout import refused, told


@pytest.mark.parametrize(
    "document",
    [{}, [], None, 1, {"keys": None}, {"keys": []}, {"keys": ["x"]}, {"keys": [{"kty": "RSA", "n": "!"}]}],
)
def test_what_is_no_jwk_set_is_no_fault_of_the_token(
    portal: Flask, provider: StandIn, document: object
) -> None:
    """400 would be final: a page of a proxy in the place of the keys passes."""
    token = provider.logout_token()
    provider.does.jwks = document
    answer = told(portal, token)
    assert (answer.status_code, answer.json) == (503, {"error": "provider_unavailable"})
    provider.does.jwks = ABSENT
    assert told(portal, token).status_code == 200


def test_a_withdrawn_key_is_believed_no_longer_than_the_provider_lets_keys_be_cached(
    portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "withdrawn", "use": "sig"}))
    assert told(portal, provider.logout_token(sid="s-2")).status_code == 200
    withdrawn = provider.keys.pop()
    clock.advance(seconds=299)
    provider.keys.append(withdrawn)
    token = provider.logout_token(sid="s-3"), provider.logout_token()
    provider.keys.pop()
    assert told(portal, token[0]).status_code == 200
    clock.advance(seconds=1)
    assert refused(told(portal, token[1])) == "signature"
