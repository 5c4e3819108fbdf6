"""Single logout: wherever a person signs out, the session is over everywhere, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from tests.gateway.visiting import PORTAL
from tests.journeys.everywhere import Carried, Everywhere, everywhere
from tests.protocol.receiving import sign_out, tell
from tests.provider import ISSUER, Someone


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("everywhere")) as made:
        yield made


@pytest.fixture(scope="module")
def doctor(world: Everywhere) -> Someone:
    return world.provider.add("408461", "DURAND Hélène", mfa=True)


def at_the_provider(carried: Carried) -> None:
    sign_out(carried.browser.visit)


def at_a_service(carried: Carried) -> None:
    back = {
        "id_token_hint": carried.first["id_token"],
        "post_logout_redirect_uri": "https://first.test/goodbye",
    }
    carried.browser.visit.get(f"/logout?{urlencode(back)}")
    assert carried.browser.visit.left_for == "https://first.test/goodbye"


def at_a_service_in_another_browser(carried: Carried) -> None:
    """The provider's cookie is gone; the ID token says whose session it is."""
    hint = {"id_token_hint": carried.second["id_token"]}
    carried.provider.browser().get(f"/logout?{urlencode(hint)}")


def at_a_guarded_host(carried: Carried) -> None:
    sent = carried.browser.own(f"{PORTAL}/_gateway/logout", Sec_Fetch_Site="same-origin")
    carried.browser.visit.get(sent.headers["Location"].removeprefix(ISSUER))
    assert carried.browser.visit.left_for == f"{PORTAL}/_gateway/signed-out"


@pytest.mark.attack(31)
@pytest.mark.parametrize(
    "sign_out_somewhere",
    [at_the_provider, at_a_service, at_a_service_in_another_browser, at_a_guarded_host],
)
def test_signed_out_anywhere_is_signed_out_everywhere(
    world: Everywhere, doctor: Someone, sign_out_somewhere: Callable[[Carried], None]
) -> None:
    ending, staying = world.carried(doctor), world.carried(doctor)
    assert all(ending.lives().values()), ending.lives()
    tell(world.provider)  # of sessions before
    for receiver in world.told.values():
        receiver.bodies.clear()
    sign_out_somewhere(ending)
    assert [name for name, alive in ending.lives().items() if alive] == []
    tell(world.provider)
    for name, receiver in world.told.items():
        [claims] = map(world.provider.claims, receiver.tokens)
        assert (claims["sid"], claims["aud"]) == (ending.sid, name)
    assert [name for name, alive in staying.lives().items() if not alive] == []
    sign_out(staying.browser.visit)
