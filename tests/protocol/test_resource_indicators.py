"""RFC 8707: a token for the APIs that were asked for, with the words that mean something there, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clock import MovableClock
from tests.protocol.answers import body, redirected_error, token_error, tokens
from tests.protocol.apis import api, with_apis
from tests.provider import ISSUER, Provider, Someone, Visit, authorization_request

SCOPE = "openid profile offline_access orders.read files.read common"
ORDERS, FILES = api("orders"), api("files")


@pytest.fixture(scope="module")
def shared_provider(shared_provider: Provider) -> Provider:
    return with_apis(shared_provider)


def asked(visit: Visit, *resources: str, scope: str = SCOPE, **more: str) -> Visit:
    """Ask for authorization with several ``resource`` parameters."""
    parameters = {**authorization_request("front"), "scope": scope, **more}
    pairs = [*parameters.items(), *(("resource", one) for one in resources)]
    visit.get("/oauth2/authorize?" + urlencode(pairs))
    return visit


def code_of(visit: Visit, who: Someone) -> str:
    visit.identify(who)
    if visit.left_for is None and who.secret is not None:
        visit.enter_code(who)
    return visit.answer["code"]


def signed_in(provider: Provider, who: Someone, *resources: str, **more: Any) -> dict[str, Any]:
    """Return the token answer of a sign-in for these resources, all of them in one token."""
    provider.clock.advance(seconds=30)  # a code of the phone is good once
    return body(provider.redeem(code_of(asked(provider.browser(), *resources, **more), who), "front"))


def test_a_token_is_for_the_resource_and_good_for_its_scopes_alone(
    provider: Provider, secured: Someone
) -> None:
    given = signed_in(provider, secured, ORDERS)
    claims = provider.claims(given["access_token"])
    assert claims["aud"] == ORDERS
    assert claims["client_id"] == "front"
    assert claims["scope"] == given["scope"] == "orders.read common"
    assert provider.claims(given["id_token"])["aud"] == "front"
    assert provider.userinfo(given["access_token"]).status_code == 401


def test_several_resources_in_one_token(provider: Provider, secured: Someone) -> None:
    claims = provider.claims(signed_in(provider, secured, ORDERS, FILES, ORDERS)["access_token"])
    assert claims["aud"] == [ORDERS, FILES]
    assert claims["scope"] == "orders.read files.read common"


def test_without_a_resource_the_token_is_for_userinfo_and_has_no_scope_of_an_api(
    provider: Provider, secured: Someone
) -> None:
    given = tokens(provider, secured, "front", scope=SCOPE)
    assert provider.claims(given["access_token"])["aud"] == ISSUER
    assert given["scope"] == "openid profile offline_access"
    assert body(provider.userinfo(given["access_token"]))["name"] == "Claire Moretti"


def test_the_provider_itself_is_named_by_its_issuer_and_gets_a_token_of_its_own(
    provider: Provider, secured: Someone
) -> None:
    visit = asked(provider.browser(), ISSUER, ORDERS)
    code = code_of(visit, secured)
    assert token_error(provider.redeem(code, "front")) == "invalid_target"
    given = body(provider.redeem(code, "front", resource=ISSUER))
    assert provider.userinfo(given["access_token"]).status_code == 200
    other = body(provider.refresh(given["refresh_token"], "front", resource=ORDERS))
    assert provider.claims(other["access_token"])["aud"] == ORDERS
    assert provider.claims(other["id_token"])["sub"] == provider.claims(given["id_token"])["sub"]


@pytest.mark.parametrize(
    "resource",
    ["orders", f"{ORDERS}#top", f"{ORDERS}/", "https://nobody.test/api", ORDERS.upper(), "/api", "é"],
    ids=["relative", "fragment", "longer", "unknown", "other_case", "path", "no_ascii"],
)
def test_what_the_clients_file_does_not_list_is_an_invalid_target(
    provider: Provider, secured: Someone, resource: str
) -> None:
    assert redirected_error(asked(provider.browser(), ORDERS, resource), "front") == "invalid_target"
    code = code_of(asked(provider.browser(), ORDERS), secured)
    assert token_error(provider.redeem(code, "front", resource=resource)) == "invalid_target"
    assert provider.redeem(code, "front").status_code == 200


def test_an_empty_resource_is_an_absent_one(provider: Provider, secured: Someone) -> None:
    code = code_of(asked(provider.browser(), ""), secured)
    assert provider.claims(body(provider.redeem(code, "front", resource=""))["access_token"])["aud"] == ISSUER


def test_the_code_may_be_redeemed_for_one_of_them(provider: Provider, secured: Someone) -> None:
    code = code_of(asked(provider.browser(), ORDERS, FILES), secured)
    given = body(provider.redeem(code, "front", resource=FILES))
    assert provider.claims(given["access_token"])["aud"] == FILES
    assert given["scope"] == "files.read common"
    other = body(provider.refresh(given["refresh_token"], "front"))
    assert provider.claims(other["access_token"])["aud"] == [ORDERS, FILES]


@pytest.mark.attack(22)
@pytest.mark.parametrize("named", [ORDERS, None], ids=["another", "none"])
def test_neither_code_nor_refresh_gives_a_resource_that_the_authorization_did_not_name(
    provider: Provider, secured: Someone, named: str | None
) -> None:
    code = code_of(asked(provider.browser(), *([named] if named else [])), secured)
    assert token_error(provider.redeem(code, "front", resource=FILES)) == "invalid_target"
    given = body(provider.redeem(code, "front"))
    refused = provider.refresh(given["refresh_token"], "front", resource=FILES)
    assert token_error(refused) == "invalid_target"
    again = body(provider.refresh(given["refresh_token"], "front"))
    assert provider.claims(again["access_token"])["aud"] == (named or ISSUER)


@pytest.mark.attack(22)
def test_a_refresh_narrows_to_one_resource_and_never_widens_the_scope(
    provider: Provider, secured: Someone
) -> None:
    given = signed_in(provider, secured, ORDERS, FILES, scope="openid offline_access orders.read common")
    one = body(provider.refresh(given["refresh_token"], "front", resource=ORDERS, scope="orders.read"))
    assert provider.claims(one["access_token"])["aud"] == ORDERS
    assert one["scope"] == "orders.read"
    for scope in ("files.read", "orders.read orders.write"):
        refused = provider.refresh(one["refresh_token"], "front", resource=ORDERS, scope=scope)
        assert token_error(refused) == "invalid_scope"
    assert body(provider.refresh(one["refresh_token"], "front"))["scope"] == "orders.read common"


def test_an_api_knows_people_by_its_own_subjects(provider: Provider, assistant: Someone) -> None:
    given = signed_in(provider, assistant, api("apart"), scope="openid x.read")
    at_front, there = provider.claims(given["id_token"]), provider.claims(given["access_token"])
    assert there["sub"] != at_front["sub"]
    assert there["act"]["sub"] not in (at_front["act"]["sub"], there["sub"])
    assert there["act"]["name"] == at_front["act"]["name"] == "NAUDIN Fernand"
    assert there["delegation"] == {**at_front["delegation"], "id": there["delegation"]["id"]}
    beside = provider.claims(
        signed_in(provider, assistant, api("beside"), scope="openid x.read")["access_token"]
    )
    assert (beside["sub"], beside["act"]) == (there["sub"], there["act"])


def test_apis_that_know_people_by_different_subjects_need_a_token_each(
    provider: Provider, secured: Someone
) -> None:
    code = code_of(asked(provider.browser(), api("apart"), api("beside"), ORDERS), secured)
    assert token_error(provider.redeem(code, "front")) == "invalid_target"
    given = body(provider.redeem(code, "front", resource=ORDERS))
    both: dict[str, Any] = {
        "grant_type": "refresh_token",
        "refresh_token": given["refresh_token"],
        "resource": [api("apart"), api("beside")],
    }
    claims = provider.claims(body(provider.token(both, "front"))["access_token"])
    assert claims["aud"] == both["resource"]


@pytest.mark.attack(63)
def test_an_assistant_is_refused_where_the_api_does_not_admit_assistants(
    provider: Provider, assistant: Someone, secured: Someone
) -> None:
    visit = asked(provider.browser(), ORDERS, api("closed"))
    visit.identify(assistant)
    visit.enter_code(assistant)
    assert (visit.left_for, visit.step) == (None, "refused")
    given = signed_in(provider, secured, api("closed"), scope="openid x.read")
    assert provider.claims(given["access_token"])["aud"] == api("closed")


@pytest.mark.attack(63)
def test_single_sign_on_brings_no_assistant_there_either(provider: Provider, assistant: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(assistant, "front")
    assert redirected_error(asked(visit, api("closed"), prompt="none"), "front") == "access_denied"
    assert "code" in asked(visit, ORDERS, prompt="none").answer


def test_the_floor_of_the_api_is_asked_for_at_the_sign_in(provider: Provider, doctor: Someone) -> None:
    visit = asked(provider.browser(), api("strong"), scope="openid x.read")
    visit.identify(doctor)
    assert (visit.left_for, visit.step) == (None, "activation")


def test_the_date_of_the_api_is_asked_for_at_each_token(provider: Provider, doctor: Someone) -> None:
    provider.clock.set(datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC))
    code = code_of(asked(provider.browser(), ORDERS, api("dated"), scope=f"{SCOPE} x.read"), doctor)
    given = body(provider.redeem(code, "front"))
    provider.clock.advance(seconds=1)
    refused = provider.refresh(given["refresh_token"], "front")
    assert token_error(refused) == "invalid_target"
    left = body(provider.refresh(given["refresh_token"], "front", resource=ORDERS))
    assert provider.claims(left["access_token"])["aud"] == ORDERS


def test_an_api_that_admits_other_people_is_refused(provider: Provider, secured: Someone) -> None:
    visit = asked(provider.browser(), api("payroll"), scope="openid x.read")
    visit.identify(secured)
    assert (visit.left_for, visit.step) == (None, "refused")


def test_what_the_file_no_longer_lists_is_no_longer_given(tmp_path: Path, clock: MovableClock) -> None:
    provider = with_apis(Provider(tmp_path, clock))
    someone = provider.add("408461", "Claire Moretti")
    both = signed_in(provider, someone, ORDERS, FILES)
    one = signed_in(provider, someone, ORDERS)
    with_apis(provider, front={"resources": [FILES]})
    left = body(provider.refresh(both["refresh_token"], "front"))
    assert provider.claims(left["access_token"])["aud"] == FILES
    assert token_error(provider.refresh(one["refresh_token"], "front")) == "invalid_target"
    provider.parts.database.dispose()
