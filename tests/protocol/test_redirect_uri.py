"""OpenID Connect Core §3.1.2.1, RFC 9700 §2.1, RFC 8252 §7.3: answers go to registered addresses alone."""

from __future__ import annotations

import pytest

from idp.clients.model import Client
from idp.configuration.addresses import with_query
from idp.oidc.authorization.redirects import registered
from tests.protocol.answers import redirected_error
from tests.provider import Provider, Someone, authorization_request, redirect_uri

LOOKALIKES = [
    "https://open.test/Callback",
    "https://OPEN.test/callback",
    "HTTPS://open.test/callback",
    "https://open.test:443/callback",
    "https://open.test:8443/callback",
    "https://open.test/callback/",
    "https://open.test//callback",
    "https://open.test/callback?",
    "https://open.test/callback?a=1",
    "https://open.test/callback#",
    "https://open.test/callback#a",
    "https://open.test/callback;a",
    "https://open.test/callback ",
    " https://open.test/callback",
    "https://open.test/callback\n",
    "https://open.test/callback\x00",
    "https://open.test/call\tback",
    "https://open.test/%63allback",
    "https://open.test/callback%00",
    "https://open.test/callback/..",
    "https://open.test/callback/../evil",
    "https://open.test/x/%2e%2e/callback",
    "https://open.test/x/%2f../callback",
    "https://open.test/x%2f..%2fcallback",
    "https://open.test/x/..;/callback",
    "https://open.test/./callback",
    "https://open.test./callback",
    "https://open.test",
    "https://open.test/",
    "https://evil@open.test/callback",
    "https://open.test@evil.test/callback",
    "https://open.test\\@evil.test/callback",
    "https://open.test.evil.test/callback",
    "https://evil.test/https://open.test/callback",
    "https://evil.test/callback",
    "https://portal.test/callback",
    "https://open.tést/callback",
    "http://open.test/callback",
    "//open.test/callback",
    "/callback",
    "callback",
    "https:open.test/callback",
    "https:/open.test/callback",
    "https:///open.test/callback",
    "javascript:alert(1)//https://open.test/callback",
    "data:text/html,https://open.test/callback",
    "urn:ietf:wg:oauth:2.0:oob",
    "https://*.test/callback",
    "*",
    "null",
]


@pytest.mark.attack(15)
@pytest.mark.parametrize("address", LOOKALIKES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_is_not_the_registered_one_gets_a_page_and_no_redirect(
    provider: Provider, doctor: Someone, method: str, address: str
) -> None:
    visit = provider.browser()
    request = {**authorization_request("open"), "redirect_uri": address}
    page = (
        visit.authorize(redirect_uri=address) if method == "GET" else visit.post("/oauth2/authorize", request)
    )
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


@pytest.mark.attack(15)
def test_the_registered_address_itself_is_accepted(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    assert visit.left_for is not None
    assert visit.left_for.startswith("https://open.test/callback?code=")


@pytest.mark.attack(16)
@pytest.mark.parametrize(
    "also_wrong",
    [
        {"response_type": "token"},
        {"response_type": None},
        {"scope": "profile"},
        {"scope": "openid practitioner"},
        {"prompt": "none"},
        {"prompt": "banana"},
        {"request_uri": "https://evil.test/request"},
        {"response_mode": "fragment"},
        {"state": "s" * 3000},
        {"code_challenge": None, "code_challenge_method": None},
    ],
)
def test_whatever_else_is_wrong_a_wrong_address_is_never_redirected_to(
    provider: Provider, also_wrong: dict[str, str | None]
) -> None:
    visit = provider.browser()
    page = visit.authorize("open", **{"redirect_uri": "https://evil.test/callback", **also_wrong})
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


@pytest.mark.attack(16)
def test_the_same_mistakes_with_the_right_address_are_told_to_the_client(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize(response_type="token", scope="profile")
    assert redirected_error(visit) == "unsupported_response_type"


@pytest.mark.attack(17)
@pytest.mark.parametrize("changes", [{"redirect_uri": None}, {"redirect_uri": ""}])
def test_without_an_address_even_a_client_with_a_single_one_gets_a_page(
    provider: Provider, changes: dict[str, str | None]
) -> None:
    visit = provider.browser()
    page = visit.authorize("open", **changes)
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


@pytest.mark.parametrize("client_id", [None, "", "unheard_of", "OPEN", "open ", "../open", "é\x00"])
def test_an_unknown_client_gets_a_page(provider: Provider, client_id: str | None) -> None:
    visit = provider.browser()
    page = visit.authorize(**{"client_id": client_id})  # type: ignore[arg-type]
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


def test_the_page_repeats_nothing_of_the_request(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize(redirect_uri="https://evil.test/<b>", state="<script>")
    assert visit.response is not None
    assert "evil.test" not in visit.response.text
    assert "<script>" not in visit.response.text


@pytest.mark.attack(15)
@pytest.mark.parametrize("port", ["", ":1", ":8080", ":51004", ":65535"])
def test_a_native_client_chooses_the_loopback_port(provider: Provider, doctor: Someone, port: str) -> None:
    address = f"http://127.0.0.1{port}/cb"
    visit = provider.browser()
    code = visit.sign_in(doctor, "native", redirect_uri=address)
    assert visit.left_for is not None
    assert visit.left_for.startswith(f"{address}?code=")
    assert provider.redeem(code, "native", redirect_uri=address).status_code == 200


def test_the_page_may_lead_back_to_the_port_that_was_chosen(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize("native", redirect_uri="http://127.0.0.1:51004/cb")
    assert visit.response is not None
    policy = visit.response.headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1 http://127.0.0.1:51004;" in policy


@pytest.mark.attack(15)
def test_the_port_of_the_request_and_of_the_exchange_are_one(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor, "native", redirect_uri="http://127.0.0.1:51004/cb")
    other = provider.redeem(code, "native", redirect_uri="http://127.0.0.1:51005/cb")
    assert other.get_json()["error"] == "invalid_grant"


@pytest.mark.attack(15)
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080/",
        "http://127.0.0.1:8080/CB",
        "http://127.0.0.1:8080/cb/",
        "http://127.0.0.1:8080/cb?a=1",
        "http://127.0.0.1:8080/cb#a",
        "http://127.0.0.1:8080/cb\n",
        "http://127.0.0.1:8080/x/../cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:٨٠/cb",
        "http://127.0.0.1:-1/cb",
        "http://127.0.0.1:80:80/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://127.0.0.1.evil.test:80/cb",
        "http://localhost:8080/cb",
        "http://[::1]:8080/cb",
        "http://127.0.0.2:8080/cb",
        "http://127.1:8080/cb",
        "http://2130706433:8080/cb",
        "https://127.0.0.1:8080/cb",
        "HTTP://127.0.0.1:8080/cb",
    ],
)
def test_a_native_client_chooses_nothing_but_the_port(provider: Provider, address: str) -> None:
    visit = provider.browser()
    page = visit.authorize("native", redirect_uri=address)
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


@pytest.mark.attack(15)
def test_a_web_client_on_loopback_chooses_no_port() -> None:
    client = Client(
        client_id="local",
        name="Local",
        redirect_uris=("http://127.0.0.1:8080/cb",),
        token_endpoint_auth_method="client_secret_basic",
        client_secret_sha256=("ab" * 32,),
        scope=frozenset({"openid"}),
        profiles=frozenset({"insured"}),
    )
    assert registered(client, "http://127.0.0.1:8080/cb")
    assert not registered(client, "http://127.0.0.1:8081/cb")
    assert not registered(client, "http://127.0.0.1/cb")


def test_the_query_of_a_registered_address_is_kept() -> None:
    sent = with_query("https://rp.test/cb?tenant=a%20b", {"code": "c&d"})
    assert sent == "https://rp.test/cb?tenant=a%20b&code=c%26d"


def test_one_client_cannot_use_the_address_of_another(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.authorize("portal", redirect_uri=redirect_uri("open"))
    _assert_refused_on_a_page(visit.left_for, page.status, page.error)


def _assert_refused_on_a_page(left_for: str | None, status: int, error: str | None) -> None:
    assert left_for is None
    assert (status, error) == (400, "invalid_request")
