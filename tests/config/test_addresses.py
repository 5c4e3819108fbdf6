"""Which redirect addresses a client file may name."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.configuration.addresses import ApplicationType, origin_of, web_address


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://fse.example.org", "https://fse.example.org"),
        ("https://fse.example.org/", "https://fse.example.org"),
        ("https://x:443/", "https://x:443"),
        ("https://fse.example.org/a/b?c=d&e=%2F", "https://fse.example.org"),
        ("https://fse.example.org/a..b/...", "https://fse.example.org"),
        ("https://fse.example.org/@you", "https://fse.example.org"),
        ("https://[2001:db8::1]:8443/cb", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1/cb", "http://127.0.0.1"),
        ("http://127.0.0.1:8001/cb", "http://127.0.0.1:8001"),
        ("http://[::1]:8001/cb", "http://[::1]:8001"),
        ("http://localhost:8001/cb", "http://localhost:8001"),
    ],
)
def test_an_exact_address_is_kept_as_typed(address: str, origin: str) -> None:
    assert web_address(address) == address
    assert origin_of(address) == origin


@pytest.mark.attack(71)
@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "/callback",
        "//fse.example.org/cb",
        "fse.example.org/cb",
        "https:/fse.example.org/cb",
        "https:fse.example.org",
        "https://",
        "https:///cb",
        "https://*/cb",
        "https://*.example.org/cb",
        "https://fse.example.org/*",
        "https://fse.example.org/cb#",
        "https://fse.example.org/cb#x",
        "https://user@fse.example.org/cb",
        "https://user:password@fse.example.org/cb",
        "https://fse.example.org@evil.example/cb",
        "https://fse.example.org:443@evil.example/cb",
        "https://FSE.example.org/cb",
        "HTTPS://fse.example.org/cb",
        "https://fse.example.org:/cb",
        "https://fse.example.org:0/cb",
        "https://fse.example.org:065/cb",
        "https://fse.example.org:65536/cb",
        "https://fse.example.org:x/cb",
        "https://fse..example.org/cb",
        "https://fse.example.org./cb",
        "https://.fse.example.org/cb",
        "https://[::1/cb",
        "https://[::zz]/cb",
        "https://[:::]/cb",
        "https://fse.example.org/../cb",
        "https://fse.example.org/a/./cb",
        "https://fse.example.org/..",
        "https://fse.example.org/%2e%2E/cb",
        "https://fse.example.org/a%2f..%2fcb",
        "https://fse.example.org/a%5c..%5ccb",
        "https://fse.example.org/..;/cb",
        "https://fse.example.org\\@evil.example/cb",
        "https://fse.example.org/a b",
        "https://fse.example.org/cb ",
        " https://fse.example.org/cb",
        "https://fse.example.org/cb\n",
        "https://fse.example.org/c\tb",
        "https://fse.example.org/c\x00b",
        "https://fse.example.org/%zz",
        "https://fsé.example.org/cb",
        "http://fse.example.org/cb",
        "http://127.0.0.2/cb",
        "http://localhost.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://fse.example.org/cb",
        "myapp:/cb",
    ],
)
def test_any_other_address_is_refused(address: str, application_type: ApplicationType) -> None:
    with pytest.raises(ValueError, match=r"address|https"):
        web_address(address, application_type)


def test_a_private_use_scheme_is_for_native_applications_only() -> None:
    address = "org.example.fse:/callback"
    assert web_address(address, "native") == address
    assert origin_of(address) == "org.example.fse:"
    with pytest.raises(ValueError, match="absolute address"):
        web_address(address, "web")


@pytest.mark.parametrize("address", ["org.example.fse:/../x", "org.example.fse:x", "org.example.fse://u@h/x"])
def test_a_private_use_scheme_is_held_to_the_same_care(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        web_address(address, "native")


@given(st.text(), st.sampled_from(["web", "native"]))
def test_any_text_is_kept_or_refused(text: str, application_type: ApplicationType) -> None:
    with suppress(ValueError):
        assert web_address(text, application_type) == text
