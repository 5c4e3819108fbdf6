"""The plan of Basic OP, and with ``response_mode=form_post`` that of Form Post OP."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from idp.rules.claims import STANDARD_SCOPES
from tests.certification.conftest import BY_FORM, SECOND, MakeExaminer
from tests.certification.examiner import (
    FORM_POST,
    NEEDS_A_PERSON,
    PERSON,
    Examiner,
    Outcome,
    entropy,
    unsigned,
)
from tests.protocol.answers import body, token_error
from tests.provider import ISSUER, VERIFIER, Provider, authorization_request, urlencoded

AUTHORIZE = "/oauth2/authorize"
USERINFO = "/oauth2/userinfo"
TEXTS = {*STANDARD_SCOPES["profile"], "email", "phone_number"} - {"updated_at"}


@pytest.fixture(params=[None, FORM_POST], ids=["default", FORM_POST])
def mode(request: pytest.FixtureRequest) -> str | None:
    """Give the response mode of the plan."""
    found: str | None = request.param
    return found


@pytest.fixture
def examiner(make_examiner: MakeExaminer, mode: str | None) -> Examiner:
    """Give the plans' main client."""
    return make_examiner(mode=mode)


def test_oidcc_server(examiner: Examiner) -> None:
    first = examiner.flow()
    assert set(first.userinfo) == {"sub"}


def test_oidcc_response_type_missing(examiner: Examiner) -> None:
    request = examiner.ask(response_type=None)
    assert examiner.error(request) == "invalid_request"


def test_oidcc_idtoken_signature(examiner: Examiner) -> None:
    assert examiner.client.id_token_signed_response_alg == "RS256"
    examiner.flow()  # which demands RS256, a kid, and a key of that kid


def test_oidcc_idtoken_unsigned(examiner: Examiner) -> None:
    """The plans leave it out where ``none`` is not offered: here no file of a client can ask for it."""
    assert "none" not in examiner.discovered()["id_token_signing_alg_values_supported"]


def test_oidcc_userinfo_get(examiner: Examiner) -> None:
    done = examiner.flow()
    answer = examiner.provider.http().get(USERINFO, headers=_bearer(done))
    assert body(answer) == done.userinfo


def test_oidcc_userinfo_post_header(examiner: Examiner) -> None:
    done = examiner.flow()
    answer = examiner.provider.http().post(USERINFO, headers=_bearer(done))
    assert body(answer) == done.userinfo


def test_oidcc_userinfo_post_body(examiner: Examiner) -> None:
    done = examiner.flow()
    answer = examiner.provider.http().post(USERINFO, data={"access_token": done.tokens["access_token"]})
    assert body(answer) == done.userinfo


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(examiner: Examiner) -> None:
    assert "nonce" not in examiner.flow(nonce=None).claims


def test_oidcc_scope_profile(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="openid profile"), STANDARD_SCOPES["profile"])


def test_oidcc_scope_email(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="openid email"), STANDARD_SCOPES["email"])


def test_oidcc_scope_address(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="openid address"), STANDARD_SCOPES["address"])


def test_oidcc_scope_phone(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="openid phone"), STANDARD_SCOPES["phone"])


def test_oidcc_scope_all(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="openid address email phone profile"), tuple(PERSON))


def test_oidcc_ensure_other_scope_order_succeeds(examiner: Examiner) -> None:
    _assert_told(examiner.flow(scope="email openid"), STANDARD_SCOPES["email"])


def test_oidcc_display_page(examiner: Examiner) -> None:
    examiner.flow(display="page")
    assert examiner.pages == ["identification"]


def test_oidcc_display_popup(examiner: Examiner) -> None:
    examiner.flow(display="popup")
    assert examiner.pages == ["identification"]


def test_oidcc_prompt_login(examiner: Examiner) -> None:
    first = examiner.flow()
    examiner.provider.clock.advance(seconds=1)
    second = examiner.flow(prompt="login")
    assert examiner.pages == ["identification"]
    assert second.claims["auth_time"] == first.claims["auth_time"] + 1
    assert second.claims["sub"] == first.claims["sub"]


def test_oidcc_prompt_none_not_logged_in(examiner: Examiner) -> None:
    assert examiner.error(examiner.ask(prompt="none")) in NEEDS_A_PERSON


def test_oidcc_prompt_none_logged_in(examiner: Examiner) -> None:
    _assert_same(examiner, examiner.flow(), {"prompt": "none"})


def test_oidcc_max_age_1(examiner: Examiner) -> None:
    first = examiner.flow()
    examiner.provider.clock.advance(seconds=2)
    second = examiner.flow(max_age="1")
    assert examiner.pages == ["identification"]
    assert second.claims["auth_time"] == first.claims["auth_time"] + 2 == second.claims["iat"]


def test_oidcc_max_age_10000(examiner: Examiner) -> None:
    _assert_same(examiner, examiner.flow(max_age="15000"), {"max_age": "10000"})


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(examiner: Examiner) -> None:
    examiner.flow(extra="foobar")


def test_oidcc_id_token_hint(examiner: Examiner) -> None:
    first = examiner.flow()
    _assert_same(examiner, first, {"prompt": "none", "id_token_hint": first.tokens["id_token"]})


def test_oidcc_login_hint(examiner: Examiner) -> None:
    examiner.flow(login_hint="buffy@idp.test")
    assert examiner.pages == ["identification"]


def test_oidcc_ui_locales(examiner: Examiner) -> None:
    examiner.flow(ui_locales="se")


def test_oidcc_claims_locales(examiner: Examiner) -> None:
    examiner.flow(claims_locales="se")


def test_oidcc_ensure_request_with_acr_values_succeeds(examiner: Examiner) -> None:
    offered = examiner.discovered()["acr_values_supported"]
    assert examiner.flow(acr_values=" ".join(offered)).claims["acr"] in offered


def test_oidcc_codereuse(examiner: Examiner) -> None:
    done = examiner.flow()
    assert token_error(examiner.redeem(done.code)) == "invalid_grant"


def test_oidcc_codereuse_30seconds(examiner: Examiner) -> None:
    done = examiner.flow()
    examiner.provider.clock.advance(seconds=30)
    assert token_error(examiner.redeem(done.code)) == "invalid_grant"
    # The plan only warns when this token still works.
    assert examiner.provider.userinfo(done.tokens["access_token"]).status_code == 401


def test_oidcc_ensure_registered_redirect_uri(examiner: Examiner) -> None:
    examiner.ask(redirect_uri=f"{examiner.address}{'x' * 10}")
    _assert_error_page(examiner)


def test_oidcc_ensure_post_request_succeeds(examiner: Examiner) -> None:
    request = examiner.request()
    posted = {name: value for name, value in request.items() if value is not None}
    crossing = examiner.visit.client.post(AUTHORIZE, data=posted, base_url=ISSUER)
    examiner.visit.get(crossing.headers["Location"])
    examiner.sign_in()
    examiner.finish(request)


def test_oidcc_server_client_secret_post(make_examiner: MakeExaminer, mode: str | None) -> None:
    examiner = make_examiner(BY_FORM, mode)
    assert examiner.client.token_endpoint_auth_method == "client_secret_post"
    examiner.flow()


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    examiner: Examiner,
) -> None:
    request = _outside(
        examiner, {"request_uri": "https://www.certification.openid.net/test/a/idp/requesturi"}
    )
    assert examiner.received(None)["error"] == "request_uri_not_supported", request


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    examiner: Examiner,
) -> None:
    """What the object holds was not read: ``state`` is not there, and the answer travels in the query."""
    _outside(examiner, {"request": unsigned(examiner.request())})
    answer = examiner.received(None)
    assert (answer["error"], "state" in answer) == ("request_not_supported", False)


def test_oidcc_claims_essential(examiner: Examiner) -> None:
    done = examiner.flow(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    assert set(done.userinfo) == {"sub", "name"}
    assert "name" not in done.claims


def test_oidcc_ensure_request_object_with_redirect_uri(examiner: Examiner) -> None:
    """Request objects are off, so that the wrong address outside is the only one, and is shown as wrong."""
    _outside(
        examiner, {"request": unsigned(examiner.request()), "redirect_uri": f"{examiner.address}/invalid"}
    )
    _assert_error_page(examiner)


def test_oidcc_refresh_token(make_examiner: MakeExaminer, provider: Provider, mode: str | None) -> None:
    first, second = make_examiner(mode=mode), make_examiner(SECOND, mode)
    assert "refresh_token" in first.discovered()["grant_types_supported"]
    _refreshed(first, scope="openid offline_access")
    stolen = _refreshed(second)
    assert token_error(first.refresh(stolen)) == "invalid_grant"
    # The other client's attempt took nothing from the one whose token it is.
    assert second.refresh(stolen).status_code == 200


def test_oidcc_ensure_request_with_valid_pkce_succeeds(examiner: Examiner) -> None:
    right = authorization_request("open")
    challenge = {name: right[name] for name in ("code_challenge", "code_challenge_method")}
    examiner.flow(redeemed_with={"code_verifier": VERIFIER}, **challenge)
    request = examiner.ask(prompt="none", **challenge)
    assert token_error(examiner.redeem(examiner.callback(request)["code"])) == "invalid_grant"


def _bearer(done: Outcome) -> dict[str, str]:
    return {"Authorization": f"Bearer {done.tokens['access_token']}"}


def _assert_told(done: Outcome, names: tuple[str, ...]) -> None:
    """Assert that userinfo has each claim of ``names``, by its value and its type (Core §5.1), and no other."""
    told = {name: value for name, value in done.userinfo.items() if name != "sub"}
    assert told == {name: PERSON[name] for name in names}
    assert all(isinstance(told[name], str) for name in TEXTS & set(told))
    assert all(type(told[name]) is bool for name in told if name.endswith("_verified"))
    assert type(told.get("updated_at", 0)) is int
    assert all(isinstance(part, str) for part in told.get("address", {}).values())


def _assert_same(examiner: Examiner, first: Outcome, changes: Mapping[str, str]) -> None:
    """Assert that a second request is answered without a page, and tells the same person and the same sign-in."""
    examiner.provider.clock.advance(seconds=5)
    second = examiner.finish(examiner.ask(**changes))
    for name in ("sub", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name]


def _outside(examiner: Examiner, parameters: Mapping[str, str | None]) -> dict[str, str | None]:
    """Send a request whose parameters are in an object but for those that stand outside as well (Core §6.1)."""
    request = examiner.request(state=None, nonce=None, response_mode=None, **parameters)
    examiner.visit.get(f"{AUTHORIZE}?{urlencoded(request)}")
    return request


def _assert_error_page(examiner: Examiner) -> None:
    assert examiner.visit.left_for is None
    assert (examiner.visit.page.status, examiner.visit.page.error) == (400, "invalid_request")
    assert "adresse de retour n'est pas enregistrée" in examiner.visit.page.text


def _refreshed(examiner: Examiner, **asked: str) -> str:
    """Refresh once, and return the refresh token that counts now."""
    done = examiner.flow(scope="openid offline_access", prompt="consent")
    examiner.provider.clock.advance(seconds=1)
    given = examiner.checked(examiner.refresh(done.tokens["refresh_token"], **asked))
    again = examiner.id_token(given["id_token"], None)
    kept = ("iss", "sub", "aud", "azp", "auth_time", "acr", "amr", "sid")
    assert {name: again.get(name) for name in kept} == {name: done.claims.get(name) for name in kept}
    assert again["iat"] == done.claims["iat"] + 1
    assert given["access_token"] != done.tokens["access_token"]
    assert body(examiner.provider.userinfo(given["access_token"]))["sub"] == again["sub"]
    token = str(given["refresh_token"])
    assert entropy(token) >= 128
    return token
