"""The plan of RP-Initiated Logout OP. Where it only looks at a picture of a page, the words are looked at here."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.certification.conftest import MakeExaminer
from tests.certification.examiner import NEEDS_A_PERSON, Examiner, Outcome, random_text, unsigned
from tests.certification.test_config_op import assert_https_endpoints
from tests.protocol.answers import body
from tests.protocol.forging import by_rsa, forged
from tests.provider import ISSUER, urlencoded


@pytest.fixture
def examiner(make_examiner: MakeExaminer) -> Examiner:
    """Give the plans' main client."""
    return make_examiner()


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(examiner: Examiner) -> None:
    told = examiner.discovered()
    assert_https_endpoints(told)
    assert told["end_session_endpoint"] == f"{ISSUER}/logout"


def test_oidcc_rp_initiated_logout(examiner: Examiner) -> None:
    request = _sign_out(examiner, examiner.flow())
    assert examiner.visit.left_for == f"{_goodbye(examiner)}?state={request['state']}"
    _assert_signed_out(examiner)


def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(examiner: Examiner) -> None:
    bad = _goodbye(examiner).replace("post_logout_redirect", "bad_post_logout_redirect_uri")
    _sign_out(examiner, examiner.flow(), post_logout_redirect_uri=bad)
    _assert_last_page(examiner)
    assert "une adresse qui n'est pas enregistrée" in examiner.visit.page.text
    _assert_signed_out(examiner)


def test_oidcc_rp_initiated_logout_modified_id_token_hint(examiner: Examiner) -> None:
    done = examiner.flow()
    _sign_out(examiner, done, id_token_hint=unsigned(done.claims))
    _assert_asked(examiner, done)


def test_oidcc_rp_initiated_logout_no_id_token_hint(examiner: Examiner) -> None:
    done = examiner.flow()
    _sign_out(examiner, done, id_token_hint=None)
    _assert_asked(examiner, done)


def test_oidcc_rp_initiated_logout_no_params(examiner: Examiner) -> None:
    done = examiner.flow()
    _sign_out(examiner, done, id_token_hint=None, post_logout_redirect_uri=None, state=None)
    _assert_asked(examiner, done)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(examiner: Examiner) -> None:
    _sign_out(examiner, examiner.flow(), post_logout_redirect_uri=None)
    _assert_last_page(examiner)
    _assert_signed_out(examiner)


def test_oidcc_rp_initiated_logout_no_state(examiner: Examiner) -> None:
    _sign_out(examiner, examiner.flow(), state=None)
    assert examiner.visit.left_for == _goodbye(examiner)
    _assert_signed_out(examiner)


def test_oidcc_rp_initiated_logout_only_state(examiner: Examiner) -> None:
    done = examiner.flow()
    _sign_out(examiner, done, id_token_hint=None, post_logout_redirect_uri=None)
    _assert_asked(examiner, done)


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(examiner: Examiner) -> None:
    _sign_out(examiner, examiner.flow(), post_logout_redirect_uri=f"{_goodbye(examiner)}?foo=bar")
    _assert_last_page(examiner)
    assert "une adresse qui n'est pas enregistrée" in examiner.visit.page.text
    _assert_signed_out(examiner)


def test_oidcc_rp_initiated_logout_bad_id_token_hint(examiner: Examiner) -> None:
    done = examiner.flow()
    foreign = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    hint = forged({"alg": "RS256", "kid": "of-the-plan"}, done.claims, by_rsa(foreign))
    _sign_out(examiner, done, id_token_hint=hint)
    _assert_asked(examiner, done)


def _goodbye(examiner: Examiner) -> str:
    return examiner.client.post_logout_redirect_uris[0]


def _sign_out(examiner: Examiner, done: Outcome, **changes: str | None) -> dict[str, str | None]:
    request: dict[str, str | None] = {
        "id_token_hint": done.tokens["id_token"],
        "post_logout_redirect_uri": _goodbye(examiner),
        "state": random_text(),
        **changes,
    }
    examiner.visit.get(f"/logout?{urlencoded(request)}")
    return request


def _assert_last_page(examiner: Examiner) -> None:
    assert (examiner.visit.left_for, examiner.visit.step, examiner.visit.page.status) == (None, "done", 200)
    assert "Vous êtes déconnecté" in examiner.visit.page.text


def _assert_signed_out(examiner: Examiner) -> None:
    assert examiner.error(examiner.ask(prompt="none")) in NEEDS_A_PERSON


def _assert_asked(examiner: Examiner, done: Outcome) -> None:
    """Assert that the person is asked, still signed in until they say yes, and then on the last page."""
    visit = examiner.visit
    assert (visit.left_for, visit.page.status, visit.step.partition("?")[0]) == (None, 200, "logout")
    assert body(examiner.provider.userinfo(done.tokens["access_token"])) == done.userinfo
    visit.submit()
    _assert_last_page(examiner)
    _assert_signed_out(examiner)
