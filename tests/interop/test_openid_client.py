"""The npm package openid-client 6: it checks `iss`, `nonce`, `at_hash`, `auth_time` and the signature by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.demo.browser import Browser
from tests.interop.running import DIGEST, SECRET, node_program, running_provider, sign_in
from tests.provider import Provider, Someone

pytestmark = pytest.mark.server

BACK = "http://127.0.0.1:9"
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
KEYS: dict[str, RSAKey | ECKey | OKPKey] = {
    "RS256": RSAKey.generate_key(2048),
    "PS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
IMPORTED = {
    "RS256": {"name": "RSASSA-PKCS1-v1_5", "hash": "SHA-256"},
    "PS256": {"name": "RSA-PSS", "hash": "SHA-256"},
    "ES256": {"name": "ECDSA", "namedCurve": "P-256"},
    "EdDSA": {"name": "Ed25519"},
}
API = "https://api.example.org/"


def client_file(client_id: str, method: str, **more: Any) -> dict[str, Any]:
    secret = {"client_secret_sha256": DIGEST} if method.startswith("client_secret") else {}
    return {
        "client_id": client_id,
        "name": "Service en Node",
        "redirect_uris": [f"{BACK}/{client_id}"],
        "token_endpoint_auth_method": method,
        **secret,
        "scope": ["openid", "profile", "email", "offline_access"],
        "profiles": ["health_professional", "insured"],
        "mfa": "optional",
        "assistants": "allowed",
        **more,
    }


def key_file(alg: str) -> dict[str, Any]:
    public = {**KEYS[alg].as_dict(private=False), "kid": f"of-{alg}", "alg": alg, "use": "sig"}
    return client_file(
        f"key-{alg}",
        "private_key_jwt",
        jwks={"keys": [public]},
        id_token_signed_response_alg=alg,
        grant_types=["authorization_code", "client_credentials"],
        scope=["openid", "profile", "email", "offline_access", "read"],
        resources=[API],
    )


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    clients = [
        *(client_file(f"by-{method}", method) for method in METHODS if method != "private_key_jwt"),
        *map(key_file, ALGORITHMS),
        client_file("pairwise", "client_secret_basic", subject_type="pairwise"),
        client_file("signed-userinfo", "client_secret_basic", userinfo_signed_response_alg="ES256"),
        client_file("api", "client_secret_basic", resource_identifier=API, resource_scopes=["read"]),
    ]
    with running_provider(tmp_path_factory.mktemp("node"), clients) as running:
        yield running


@pytest.fixture
def insured(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "MARTIN Camille", "insured")


def run(
    provider: Provider,
    client_id: str,
    who: Someone,
    asked: Mapping[str, object] | None = None,
    **wants: object,
) -> dict[str, Any]:
    """Let the program sign ``who`` in, and return what it got."""
    alg = client_id.removeprefix("key-")
    if alg in KEYS:
        private = {**KEYS[alg].as_dict(private=True), "kid": f"of-{alg}", "alg": alg}
        wants |= {"private_key": private, "algorithm": IMPORTED[alg], "resource": API}
    public = client_id == "by-none" or alg in KEYS
    variables = {
        "ISSUER": provider.settings.issuer,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": "" if public else SECRET,
        "REDIRECT_URI": f"{BACK}/{client_id}",
        "ASKED": json.dumps(dict(asked or {})),
        "WANTS": json.dumps(
            {"metadata": {"id_token_signed_response_alg": _alg(provider, client_id)}, **wants}
        ),
    }
    browser = Browser(stop_at=(BACK,))
    with node_program("openid_client.mjs", **variables) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        first = json.loads(program.stdout.readline())
        assert "go" in first, first
        browser.get(first["go"])
        sign_in(browser, provider, who)
        if browser.path.endswith("/consent"):
            browser.submit({})
        assert browser.page.url.startswith(BACK), browser.page.text[:300]
        program.stdin.write(f"{browser.page.url}\n")
        program.stdin.flush()
        told: dict[str, Any] = json.loads(program.stdout.readline())
        assert "failed" not in told, told
        return told


def _alg(provider: Provider, client_id: str) -> str:
    client = provider.parts.clients.get(client_id)
    assert client is not None
    return client.id_token_signed_response_alg


@pytest.mark.parametrize("method", [method for method in METHODS if method != "private_key_jwt"])
@pytest.mark.parametrize("discovery", ["oidc", "oauth2"])
def test_each_way_to_authenticate_gives_tokens_renews_them_and_gives_them_back(
    provider: Provider, insured: Someone, method: str, discovery: str
) -> None:
    post = method == "client_secret_post"
    told = run(provider, f"by-{method}", insured, post=post, discovery=discovery)
    same = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert [told["claims"][name] for name in same] == [told["refreshed"][name] for name in same]
    assert told["userinfo"]["name"] == insured.name
    assert told["dead"] == "invalid_grant"
    assert method == "none" or told["live"]["active"]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_client_with_a_key_of_its_own_and_tokens_of_that_algorithm(
    provider: Provider, insured: Someone, alg: str
) -> None:
    told = run(provider, f"key-{alg}", insured)
    assert told["claims"]["aud"] == f"key-{alg}"
    assert told["live"]["active"]
    assert told["own"] == "read"


def test_an_assistant_is_named_and_an_asked_max_age_is_checked(
    provider: Provider, identifiers: Iterator[str]
) -> None:
    doctor = provider.add(next(identifiers), "ROCHE Anne", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    told = run(provider, "by-client_secret_basic", assistant, {"max_age": 60, "prompt": "login"})
    assert (told["claims"]["acr"], told["claims"]["act"]["name"]) == ("mfa", assistant.name)
    assert told["userinfo"]["act"] == told["refreshed"]["act"] == told["live"]["act"] == told["claims"]["act"]


def test_claims_asked_for_one_by_one_and_consent(provider: Provider, insured: Someone) -> None:
    asked = {"claims": json.dumps({"id_token": {"name": {"essential": True}}}), "prompt": "consent"}
    told = run(provider, "by-client_secret_basic", insured, asked)
    assert told["claims"]["name"] == insured.name


def test_a_client_of_pairwise_subjects_knows_another_sub(provider: Provider, insured: Someone) -> None:
    told = run(provider, "pairwise", insured)
    assert told["claims"]["sub"] == told["userinfo"]["sub"]
    assert told["claims"]["sub"] != run(provider, "by-none", insured)["claims"]["sub"]


def test_a_signed_userinfo_answer_is_verified(provider: Provider, insured: Someone) -> None:
    metadata = {"id_token_signed_response_alg": "RS256", "userinfo_signed_response_alg": "ES256"}
    assert run(provider, "signed-userinfo", insured, metadata=metadata)["userinfo"]["name"] == insured.name
