"""The plan of Back-Channel Logout OP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.certification.conftest import MAIN, MakeExaminer
from tests.certification.examiner import NEEDS_A_PERSON, Examiner, random_text
from tests.certification.test_config_op import assert_https_endpoints
from tests.protocol.answers import header_of
from tests.protocol.receiving import Receiver, listening, receiving, tell
from tests.provider import ISSUER, Provider, urlencoded


@pytest.fixture
def receiver(provider: Provider) -> Iterator[Receiver]:
    """Give the main client's back channel, which listens on this machine."""
    with receiving() as listener:
        listening(provider, {MAIN: listener.address})
        yield listener


def test_oidcc_backchannel_logout_discovery_endpoint_verification(make_examiner: MakeExaminer) -> None:
    told = make_examiner().discovered()
    assert_https_endpoints(told)
    assert told["backchannel_logout_supported"] is told["backchannel_logout_session_supported"] is True
    assert told["end_session_endpoint"] == f"{ISSUER}/logout"


def test_oidcc_backchannel_rp_initiated_logout(receiver: Receiver, make_examiner: MakeExaminer) -> None:
    examiner = make_examiner()
    done, state = examiner.flow(), random_text()
    (goodbye,) = examiner.client.post_logout_redirect_uris
    request = {
        "id_token_hint": done.tokens["id_token"],
        "post_logout_redirect_uri": goodbye,
        "state": state,
    }
    examiner.visit.get(f"/logout?{urlencoded(request)}")
    assert examiner.visit.left_for == f"{goodbye}?state={state}"
    tell(examiner.provider)
    assert [set(sent) for sent in receiver.bodies] == [{"logout_token"}]
    assert receiver.mimetypes == ["application/x-www-form-urlencoded"]
    _assert_logout_token(examiner, receiver.tokens[0], done.claims["sub"], done.claims["sid"])
    assert examiner.error(examiner.ask(prompt="none")) in NEEDS_A_PERSON


def _assert_logout_token(examiner: Examiner, token: str, sub: str, sid: str) -> None:
    claims = examiner.provider.claims(token)
    assert header_of(token)["alg"] == examiner.client.id_token_signed_response_alg
    assert (claims["iss"], claims["aud"]) == (ISSUER, examiner.client.client_id)
    assert (claims["sub"], claims["sid"]) == (sub, sid)
    now = examiner.provider.clock.now().timestamp()
    assert claims["iat"] <= now < claims["exp"]
    assert claims["jti"]
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
