"""What the service behind the gateway is told of whoever comes: headers that are always there, and an assertion."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from idp.gateway.identity import header_value
from tests.gateway.visiting import AUTH, FORWARD, HEADERS, WARDS, Browser
from tests.protocol.answers import body
from tests.provider import ISSUER, Provider, Someone


def test_a_practitioner(gate: Provider, browser: Browser, doctor: Someone) -> None:
    told = browser.sign_in(doctor).headers
    claims = gate.claims(told["Remote-Assertion"])
    assert {name: told[name] for name in HEADERS[:-1]} == {
        "Remote-User": claims["sub"],
        "Remote-Name": "DURAND H%C3%A9l%C3%A8ne",
        "Remote-Login": "h%C3%A9l%C3%A8ne%251",
        "Remote-Profile": "health_professional",
        "Remote-Acr": "mfa",
        "Remote-Actor": "",
        "Remote-Actor-Name": "",
    }
    assert (claims["name"], claims["preferred_username"]) == ("DURAND Hélène", "hélène%1")
    assert (claims["account_profile"], "profile" in claims) == ("health_professional", False)
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert not {"act", "delegation", "nonce", "at_hash", "client_id", "scope"} & claims.keys()
    assert claims["auth_time"] == int(gate.clock.now().timestamp())


@pytest.mark.attack(59)
def test_an_assistant_is_named_beside_the_practitioner(
    gate: Provider, browser: Browser, doctor: Someone, assistant: Someone
) -> None:
    told = browser.sign_in(assistant).headers
    claims = gate.claims(told["Remote-Assertion"])
    assert claims["act"] == {"sub": told["Remote-Actor"], "name": "NAUDIN Fernand"}
    assert told["Remote-Actor-Name"] == "NAUDIN Fernand"
    assert unquote(told["Remote-Name"]) == "DURAND Hélène"
    assert claims["delegation"]["valid_from"] == "2025-12-03"
    gate.clock.advance(seconds=30)
    in_person = Browser(gate).sign_in(doctor).headers
    assert told["Remote-User"] == in_person["Remote-User"] != told["Remote-Actor"]
    assert in_person["Remote-Actor"] == ""


def test_the_assertion_is_for_this_host_for_a_minute_and_unlike_any_other(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    first = browser.sign_in(doctor).headers["Remote-Assertion"]
    second = browser.ask("/", AUTH).headers["Remote-Assertion"]
    keys = KeySet.import_key_set(json.loads(gate.http().get("/oauth2/jwks").data))
    header = jws.deserialize_compact(first, keys, algorithms=["ES256"]).headers()
    assert (header["alg"], header["typ"]) == ("ES256", "gateway+jwt")
    one, other = gate.claims(first), gate.claims(second)
    assert (one["iss"], one["aud"]) == (ISSUER, "portail.test")
    assert one["exp"] - one["iat"] == 60
    assert one["jti"] != other["jti"]
    assert one["sid"] == other["sid"]
    ward = browser.open("/ward", WARDS).headers
    assert gate.claims(ward["Remote-Assertion"])["aud"] == "wards.test:8443"
    assert (ward["Remote-Name"], ward["Remote-Login"]) == ("", "")


@pytest.mark.attack(38)
def test_the_assertion_is_no_token_of_another_kind(gate: Provider, browser: Browser, doctor: Someone) -> None:
    assertion = browser.sign_in(doctor).headers["Remote-Assertion"]
    assert gate.userinfo(assertion).status_code == 401
    browser.visit.get(f"/logout?id_token_hint={assertion}")
    assert browser.visit.step == "logout"
    assert browser.ask("/").status_code == 204


@pytest.mark.attack(39)
def test_no_attribute_passes_for_what_the_protocol_says(gate: Provider, browser: Browser) -> None:
    attributes = {"acr": "gold", "act": {"sub": "x", "name": "y"}, "aud": "elsewhere", "name": "Someone else"}
    attributes |= {"account_profile": "employer"}
    who = gate.add("39-attributes", "MARTIN Paul", attributes=attributes)
    told = browser.sign_in(who).headers
    claims = gate.claims(told["Remote-Assertion"])
    assert (claims["acr"], claims["aud"], "act" in claims) == ("pwd", "portail.test", False)
    assert (told["Remote-Acr"], told["Remote-Actor"]) == ("pwd", "")
    assert told["Remote-Profile"] == claims["account_profile"] == "health_professional"


@pytest.mark.parametrize("path", ["/", "/static/x", "/in-person"])
@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_every_header_is_there_whoever_asks_for_what(
    browser: Browser, newcomer: Someone, path: str, endpoint: str
) -> None:
    browser.sign_in(newcomer)
    own = dict.fromkeys(HEADERS, "forged")
    answer = browser.ask(path, endpoint, headers=own)
    assert answer.status_code == 204
    assert [len(answer.headers.getlist(name)) for name in HEADERS] == [1] * len(HEADERS)
    assert "forged" not in str(answer.headers)
    known = answer.headers["Remote-User"] != ""
    assert known == (path != "/static/x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Claire Moretti", "Claire Moretti"),
        ("100%", "100%25"),
        ("é\r\nX: y", "%C3%A9%0D%0AX: y"),
        ("\x00\x7f", "%00%7F"),
        ("李", "%E6%9D%8E"),
        ("\ud800", "%ED%A0%80"),
        ("", ""),
        (" a  b ", "%20a  b%20"),
        ("   ", "%20%20%20"),
        ("é ", "%C3%A9%20"),
        (" \n", "%20%0A"),
    ],
)
def test_a_value_is_printable_ascii_whatever_it_holds(text: str, value: str) -> None:
    assert header_value(text) == value
    assert re.fullmatch(r"([!-~]([ -~]*[!-~])?)?", header_value(text))
    assert unquote(header_value(text), errors="surrogatepass") == text


def test_people_are_known_by_the_same_subject_as_in_tokens(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    told = browser.sign_in(doctor).headers
    browser.visit.authorize("open", scope="openid")
    code = browser.visit.answer["code"]
    assert told["Remote-User"] == gate.claims(body(gate.redeem(code))["id_token"])["sub"]
