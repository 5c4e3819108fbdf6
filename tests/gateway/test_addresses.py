"""The real path and the real host of a request, or a refusal: nothing that two readers could read differently."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.clients.gateway import PathRules, folded
from idp.gateway.addresses import Unreadable, canonical_origin, canonical_path

RULES = PathRules({"/": object(), "/static": object(), "/compte/rib": object()})  # type: ignore[dict-item]


@pytest.mark.attack(42)
@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/compte/rib", "/compte/rib"),
        ("/compte?next=/static", "/compte"),
        ("/compte?/../static#".rstrip("#"), "/compte"),
        ("/compte?%00%2f..", "/compte"),
        ("/compte///rib//", "/compte/rib/"),
        ("/%63ompte", "/compte"),
        ("/dossier/%C3%A9t%C3%A9", "/dossier/été"),
        ("/a%20b", "/a b"),
        ("/100%25", "/100%"),
        ("/a;v=1", "/a;v=1"),
        ("/a..b/...c", "/a..b/...c"),
    ],
)
def test_the_path_is_what_stands_before_the_query_decoded_once(target: str, path: str) -> None:
    assert canonical_path(target) == path


@pytest.mark.attack(42)
@pytest.mark.attack(43)
@pytest.mark.parametrize(
    "target",
    [
        "", "*", "compte", "http://portail.test/static", "https:/portail.test", "/compte#/static",
        "/static/../compte", "/static/..", "/./compte", "/static/%2e%2e/compte", "/static/%2E./compte",
        "/static/..;/compte", "/static/..;a=b/compte", "/static/%2e%2e%3b/compte", "/static/.;/compte",
        "/static%2f..%2fcompte", "/static/%2Fcompte", "/static%5c..%5ccompte", "/static\\..\\compte",
        "/static/%252e%252e/compte", "/static%252fcompte", "/static/%25252e%25252e/compte", "/%255ccompte",
        "/compte%00", "/compte%2500", "/compte%0a", "/compte%7f", "/compte%C2%85", "/static/%E2%80%8Bx",
        "/%", "/%zz", "/%2", "/%c0%af", "/%c0%ae%c0%ae/compte", "/%ff", "/%ed%a0%80", "/été", "/a b", "/a\tb",
        "/a\r\nHost: x", "/%EF%BC%8Fcompte", "/static/%E2%80%A5/compte", "/%EF%BC%BCcompte",
        "/%EF%BC%852e%EF%BC%852e/x",
        "//compte", "//static/compte", "//x/compte", "///", "//", "//?a",
        f"/%{'25' * 9}2e",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_another_way_is_refused(target: str) -> None:
    with pytest.raises(Unreadable):
        RULES.rule_of(canonical_path(target))


@pytest.mark.attack(42)
@pytest.mark.parametrize(
    "target",
    ["/STATIC/x", "/Compte/rib", "/static;v=1/x", "/compte/rib.", "/compte/rib%20", "/;x/static",
     "/compte;a/rib;b", "/static%3fx", "/static%23x", "/compte/rib%3fx", "/%EF%BD%93tatic", "/stat%C4%B1c/../static",
     "/compte/rib.json", "/compte/rib.json/x", "/static.", "/Static.%6ason", "/static.json;x", "/compte;x/rib.pdf"],
)  # fmt: skip
def test_nor_does_a_path_pass_that_a_careless_service_would_put_under_another_rule(target: str) -> None:
    with pytest.raises(ValueError, match=r"rule|segments"):
        RULES.rule_of(canonical_path(target))


printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
pieces = st.lists(
    st.sampled_from(
        ["/", "//", "static", "compte", "rib", ".", "..", "%2e", "%2f", "%25", "2f", ";", "?", "A", "%c3%a9"]
    ),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=400)
@given(printable | pieces)
def test_whatever_is_sent_is_refused_or_has_one_path_and_one_rule(sent: str) -> None:
    try:
        path = canonical_path(f"/{sent}")
        rule = RULES.rule_of(path)
    except ValueError:
        return
    assert path.startswith("/")
    assert "//" not in path
    assert "\\" not in path
    assert not {".", ".."} & {segment.partition(";")[0] for segment in path.split("/")}
    assert rule is RULES.rule_of(folded(path))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_is_read_or_refused(sent: str) -> None:
    for read in (canonical_path, lambda text: canonical_origin("https", text)):
        try:
            read(sent)
        except Unreadable:
            continue


@pytest.mark.attack(43)
@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("https", "portail.test", "https://portail.test"),
        ("https", "PORTAIL.Test", "https://portail.test"),
        ("https", "portail.test:443", "https://portail.test"),
        ("https", "portail.test:0443", "https://portail.test"),
        ("http", "127.0.0.1:80", "http://127.0.0.1"),
        ("https", "portail.test:80", "https://portail.test:80"),
        ("https", "[::1]:8443", "https://[::1]:8443"),
        ("https", "[0:0::1]", "https://[::1]"),
    ],
)
def test_a_host_is_told_in_one_way(scheme: str, host: str, origin: str) -> None:
    assert canonical_origin(scheme, host) == origin


@pytest.mark.attack(43)
@pytest.mark.parametrize(
    ("scheme", "host"),
    [
        ("", "portail.test"), ("ftp", "portail.test"), ("HTTPS", "portail.test"), ("https,http", "portail.test"),
        ("https", ""), ("https", "portail.test."), ("https", ".portail.test"), ("https", "a..test"),
        ("https", "me@portail.test"), ("https", "portail.test:"), ("https", "portail.test:0"),
        ("https", "portail.test:65536"), ("https", "portail.test:443:443"), ("https", "portail.test, evil.test"),
        ("https", "portail.test/x"), ("https", "portail.test#"), ("https", "portail.test evil"),
        ("https", "pórtail.test"), ("https", "portail.test\r\nx"), ("https", "[::1"), ("https", "[::1]x"),
        ("https", "[:::]"), ("https", "%70ortail.test"),
    ],
)  # fmt: skip
def test_a_host_that_could_be_several_is_refused(scheme: str, host: str) -> None:
    with pytest.raises(Unreadable):
        canonical_origin(scheme, host)
