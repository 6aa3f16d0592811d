"""Which URLs are followed: every way of writing an address that is not public, and garbage."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.errors import Misconfigured, Refused
from gateway_adapter.transport.url_policy import UrlPolicy, parse_networks

if TYPE_CHECKING:
    import ipaddress

POLICY = UrlPolicy()
NOT_FOLLOWED = {
    "http://127.0.0.1/": "127.0.0.1, which is not a public address",
    "http://127.0.0.1./": "not a public address",
    "http://0.0.0.0/": "not a public address",
    "http://[::1]/": "not a public address",
    "http://[::]/": "not a public address",
    "http://[::ffff:127.0.0.1]/": "not a public address",
    "http://[::ffff:7f00:1]/": "not a public address",
    "http://[::127.0.0.1]/": "not a public address",
    "http://[64:ff9b::127.0.0.1]/": "not a public address",
    "http://[64:ff9b::10.0.0.1]/": "not a public address",
    "http://[2002:7f00:1::]/": "not a public address",
    "http://[2001:0:1::1]/": "not a public address",
    "http://[fe80::1]/": "not a public address",
    "http://[fec0::1]/": "not a public address",
    "http://[fd00:ec2::254]/": "not a public address",
    "http://[ff02::1]/": "not a public address",
    "http://[2001:db8::1]/": "not a public address",
    "http://[3fff::1]/": "not a public address",
    "http://10.0.0.1/": "not a public address",
    "http://172.16.0.1/": "not a public address",
    "http://192.168.1.1/": "not a public address",
    "http://169.254.169.254/latest/meta-data/": "not a public address",
    "http://100.64.0.1/": "not a public address",
    "http://192.0.2.1/": "not a public address",
    "http://192.88.99.1/": "not a public address",
    "http://198.18.0.1/": "not a public address",
    "http://224.0.0.1/": "not a public address",
    "http://240.0.0.1/": "not a public address",
    "http://255.255.255.255/": "not a public address",
    "http://127。0。0。1/": "not a public address",
    "http://2130706433/": "not a plain IP address",
    "http://0x7f000001/": "not a plain IP address",
    "http://0x7f.1/": "not a plain IP address",
    "http://127.1/": "not a plain IP address",
    "http://017700000001/": "not a plain IP address",
    "http://1.2.3.4.5/": "not a plain IP address",
    "http://a.b.0x/": "not a plain IP address",
    "http://0177.0.0.1/": "cannot be parsed",
    "http://①②⑦.⓪.⓪.①/": "cannot be parsed",
    "http://[fe80::1%25eth0]/": "",
    "http://[::1": "",
    "ftp://example.org/": "begins with ftp:, only https and http are accepted",
    "file:///etc/passwd": "begins with file:",
    "gopher://example.org/": "begins with gopher:",
    "data:text/plain,x": "begins with data:",
    "//example.org/": "begins with nothing:",
    "example.org": "begins with nothing:",
    "": "begins with nothing:",
    "http://user:pass@example.org/": "user or password",
    "http://@example.org/": "user or password",
    "http://example.org\\@127.0.0.1/": "backslash",
    "http://example.org/\r\nHost: x": "control character",
    "http://exa mple.org/": "a space",
    "http:///x": "has no host",
    "http://ex%61mple.org/": "not a DNS name",
    "http://localhost%00.example.org/": "not a DNS name",
    "http://exa_mple..org/": "",
    "http://example.org:0/": "has port 0",
    "http://example.org:65536/": "has port 65536",
    "http://8.8.8.8:22/": "leads to port 22; only 80, 443, 8080, 8443 are accepted",
    "https://example.org/" + 2100 * "x": "characters, at most 2048 are accepted",
}


@pytest.mark.parametrize(("url", "why"), NOT_FOLLOWED.items(), ids=[repr(url)[:60] for url in NOT_FOLLOWED])
def test_what_is_not_followed_is_refused_by_name(url: str, why: str) -> None:
    with pytest.raises(Refused) as caught:
        POLICY.parse(url)

    assert why in str(caught.value)
    assert (caught.value.field, caught.value.error) == ("url", 15024)
    assert "pass@" not in str(caught.value)


FOLLOWED = {
    "https://example.org/a.jpg?x=1#y": ("https", "example.org", 443, b"/a.jpg?x=1"),
    "HTTP://EXAMPLE.org:8080": ("http", "example.org", 8080, b"/"),
    "http://ünï.example./ä": ("http", "xn--n-nga1b.example", 80, b"/%C3%A4"),
    "http://8.8.8.8/": ("http", "8.8.8.8", 80, b"/"),
    "https://[2001:4860:4860::8888]/": ("https", "2001:4860:4860::8888", 443, b"/"),
    "http://[::ffff:8.8.8.8]/": ("http", "::ffff:8.8.8.8", 80, b"/"),
    "http://under_score.example/": ("http", "under_score.example", 80, b"/"),
    "http://localhost/": ("http", "localhost", 80, b"/"),  # a name: its addresses are checked when it is resolved
}


@pytest.mark.parametrize(("url", "parts"), FOLLOWED.items())
def test_what_is_followed_is_taken_apart_once(url: str, parts: tuple[str, str, int, bytes]) -> None:
    target = POLICY.parse(url)

    assert (target.scheme, target.host, target.port, target.path) == parts


def test_a_setting_opens_networks_by_name_on_any_port() -> None:
    policy = UrlPolicy(networks=parse_networks("127.0.0.0/8, fd00::/8", "ALLOW"))

    assert policy.parse("http://127.0.0.1:2525/").port == 2525
    assert policy.parse("http://[::ffff:127.0.0.1]:1/").port == 1
    assert policy.parse("http://[fd00::1]/")
    with pytest.raises(Refused):
        policy.parse("http://10.0.0.1/")


def test_a_network_that_is_none_is_a_named_error() -> None:
    with pytest.raises(Misconfigured, match=r"ALLOW holds '10\.0\.0\.0/99'"):
        parse_networks("10.0.0.0/99", "ALLOW")


REDIRECTS = {
    "/b": "https://example.org/b",
    "b?c": "https://example.org/a/b?c",
    "//other.example/x": "https://other.example/x",
    "https://other.example": "https://other.example/",
}


@pytest.mark.parametrize(("location", "url"), REDIRECTS.items())
def test_a_redirect_is_resolved_and_checked(location: str, url: str) -> None:
    assert POLICY.parse_redirect(POLICY.parse("https://example.org/a/x"), location).url.rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize(
    "location",
    ["http://example.org/", "https://127.0.0.1/", "file:///etc/passwd", "//[::1]/", "https://u:p@x/", "http://["],
)
def test_a_redirect_to_what_is_not_followed_is_refused(location: str) -> None:
    with pytest.raises(Refused):
        POLICY.parse_redirect(POLICY.parse("https://example.org/a/x"), location)


@given(st.ip_addresses(v=4))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_writing_of_an_address_hides_it(address: ipaddress.IPv4Address) -> None:
    """As plain IPv4, inside IPv6 in three ways, and as a number: all are refused, or all are the public address."""
    number = int(address)
    public = True
    try:
        POLICY.parse(f"http://{address}/")
    except Refused:
        public = False

    forms = (f"[::ffff:{address}]", f"[64:ff9b::{address}]", f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]")
    for form in forms:
        with contextlib.nullcontext() if public else pytest.raises(Refused):
            POLICY.parse(f"http://{form}/")
    for form in (str(number), hex(number), f"0{number:o}"):
        with pytest.raises(Refused):
            POLICY.parse(f"http://{form}/")


@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map(lambda tail: "http://" + tail)))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_no_text_raises_anything_but_refused(url: str) -> None:
    with contextlib.suppress(Refused):
        target = POLICY.parse(url)
        assert target.scheme in POLICY.schemes
        assert target.host
