"""RFC 6750 §2: where an access token may stand in a request; one place at a time, never the address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.protocol.answers import body, refused, tokens
from tests.provider import ISSUER, Provider

PATH = "/oauth2/userinfo"
FORM = "application/x-www-form-urlencoded"
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Asker:
    """Somebody with a good access token."""

    provider: Provider
    token: str

    def ask(
        self,
        method: str = "POST",
        form: str | bytes | None = None,
        *,
        header: str | None = None,
        address: str = PATH,
        content_type: str | None = FORM,
    ) -> TestResponse:
        """Send ``form`` as the body, ``header`` as the Authorization header."""
        headers = {} if header is None else {"Authorization": header}
        return self.provider.http().open(
            address, method=method, data=form, headers=headers, content_type=content_type, base_url=ISSUER
        )

    @property
    def form(self) -> str:
        """The token as a form."""
        return urlencode({"access_token": self.token})


@pytest.fixture(scope="module")
def asker(shared_provider: Provider) -> Asker:
    someone = shared_provider.add("408461", "Claire Moretti")
    return Asker(shared_provider, tokens(shared_provider, someone)["access_token"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_the_header(asker: Asker, method: str) -> None:
    assert body(asker.ask(method, header=f"Bearer {asker.token}"))["name"] == "Claire Moretti"


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8"])
def test_in_a_form(asker: Asker, content_type: str) -> None:
    told = body(asker.ask(form=f"{asker.form}&more=a", content_type=content_type))
    assert told["name"] == "Claire Moretti"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic b3Blbjph"])
def test_in_a_form_beside_a_header_without_one(asker: Asker, header: str) -> None:
    assert asker.ask(form=asker.form, header=header).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("beside", [False, True])
def test_never_in_the_address(asker: Asker, method: str, beside: bool) -> None:
    header = f"Bearer {asker.token}" if beside else None
    answer = asker.ask(method, header=header, address=f"{PATH}?{asker.form}")
    assert refused(answer, 400) == "invalid_request"


@pytest.mark.attack(33)
def test_never_in_two_places(asker: Asker) -> None:
    for form in (asker.form, "access_token=another", f"{asker.form}&{asker.form}"):
        answer = asker.ask(form=form, header=f"Bearer {asker.token}")
        assert refused(answer, 400) == "invalid_request"


@pytest.mark.attack(33)
def test_never_twice(asker: Asker) -> None:
    for form in (f"{asker.form}&{asker.form}", f"{asker.form}&access_token=", f"{asker.form}&a=1&a=2"):
        assert refused(asker.ask(form=form), 400) == "invalid_request"


@pytest.mark.parametrize(
    ("method", "content_type"),
    [("GET", FORM), ("POST", "text/plain"), ("POST", "application/json"), ("POST", None)],
)
def test_a_body_that_is_no_form_of_a_post_holds_none(
    asker: Asker, method: str, content_type: str | None
) -> None:
    assert refused(asker.ask(method, asker.form, content_type=content_type)) == ""


def test_a_form_in_parts_holds_none(asker: Asker) -> None:
    answer = asker.provider.http().post(
        PATH, data={"access_token": asker.token}, content_type="multipart/form-data"
    )
    assert refused(answer) == ""


def test_an_empty_one_is_none(asker: Asker) -> None:
    assert refused(asker.ask(form="access_token=")) == ""


@pytest.mark.parametrize("token", ["a", "é", "a.b.c", "\0"])
def test_a_wrong_one_in_a_form_is_refused_like_one_in_the_header(asker: Asker, token: str) -> None:
    assert refused(asker.ask(form=urlencode({"access_token": token}))) == "invalid_token"


@pytest.mark.attack(37)
def test_a_form_beyond_every_size_is_refused(asker: Asker) -> None:
    assert refused(asker.ask(form=f"{asker.form}&a={'a' * 2_000_000}"), 413) == "invalid_request"


@quick
@given(
    raw=st.binary(max_size=120) | st.text(max_size=60).map(lambda text: urlencode({"access_token": text})),
    header=st.none() | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60),
    content_type=st.sampled_from([FORM, f"{FORM}; charset=utf-16", "a/b", ""]),
)
def test_anything_else_is_refused(
    asker: Asker, raw: str | bytes, header: str | None, content_type: str
) -> None:
    answer = asker.ask(form=raw, header=header, content_type=content_type)
    assert refused(answer, answer.status_code) in {"", "invalid_token", "invalid_request"}
    assert answer.status_code in {400, 401}
