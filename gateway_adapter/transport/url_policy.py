"""Which URLs of strangers this service follows: pure checks, no name is resolved here.

One policy for links in messages and for webhooks. A name is only as good as the addresses it leads to, so fetch.py asks
`Policy.allows` of every address right before it connects to it. Sources: WHATWG URL 4.5.6 (hosts that end in a number),
IANA's special-purpose registries as `ipaddress` has them, RFC 4291, 6052 and 3056 for IPv4 inside IPv6.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import httpx

from gateway_adapter.errors import Misconfigured, Refused

__all__ = ["ParsedUrl", "UrlPolicy", "parse_networks"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# In IANA's registries and not yet, or no longer, in ours: 6to4's anycast relays, documentation (RFC 9637).
_ALSO_SPECIAL = (ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("3fff::/20"))
_MAX_URL = 2048
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")  # a backslash is a slash to some readers and a letter to others
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL taken apart by one parser, so that what is checked is what is asked."""

    scheme: str
    host: str
    port: int
    path: bytes
    url: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: who may see what was meant for this target."""
        return (self.scheme, self.host, self.port)


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """What may be followed.

    Attributes:
        schemes: Of the URL and of every redirect.
        ports: On public addresses; on `networks` any.
        networks: Addresses that are taken though they are not public: a setting, empty by default.
        redirects: How many are followed for a link; webhooks follow none.
        connect_s: Until a connection stands, TLS included.
        read_s: Longest pause between two pieces of an answer.
        total_s: Everything together: names, connections, redirects, the last byte.
    """

    schemes: tuple[str, ...] = ("https", "http")
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    networks: tuple[_Network, ...] = ()
    redirects: int = 3
    connect_s: float = 10.0
    read_s: float = 10.0
    total_s: float = 60.0

    def target(self, url: str) -> ParsedUrl:
        """The URL taken apart.

        Raises:
            Refused: It is of no kind that is followed; its text says which rule it breaks.
        """
        if len(url) > _MAX_URL:
            raise _refused(url, f"has {len(url)} characters, {_MAX_URL} are taken")
        if _FORBIDDEN.search(url):
            raise _refused(url, "holds a space, a control character or a backslash")
        try:
            parsed = httpx.URL(url)
            port = parsed.port
        except (httpx.InvalidURL, ValueError) as exc:
            raise _refused(url, f"can not be read: {exc}") from exc
        if parsed.scheme not in self.schemes:
            raise _refused(url, f"begins with {parsed.scheme or 'nothing'}:, {' and '.join(self.schemes)} are taken")
        if parsed.userinfo or "@" in url.partition("://")[2].partition("/")[0]:
            raise _refused("the URL", "holds a user or password; serve the content without them")
        host = parsed.raw_host.decode("ascii").rstrip(".")
        if not _HOST.fullmatch(host) and _literal(host) is None:
            raise _refused(url, "has no host" if not host else f"has the host {host!r}, which is no name of the DNS")
        port = _DEFAULT_PORTS[parsed.scheme] if port is None else port
        if port not in range(1, 65536):
            raise _refused(url, f"has port {port}")
        target = ParsedUrl(parsed.scheme, host, port, parsed.raw_path, str(parsed))
        self._check_host(target)
        return target

    def _check_host(self, target: ParsedUrl) -> None:
        """Refuse numbers in disguise, and addresses that need no resolving to be told from public ones."""
        address = _literal(target.host)
        if address is None and _ENDS_IN_NUMBER.search(target.host):
            raise _refused(target.url, "has a number as host that is no plain address")
        if address is not None:
            self.check(target, str(address))

    def check(self, target: ParsedUrl, address: str) -> None:
        """Whether a connection to this address of the target's host may be made.

        Raises:
            Refused: The address is not public, or the port is none of those taken there.
        """
        try:
            found = _inner(ipaddress.ip_address(address))
        except ValueError as exc:
            raise _refused(target.url, f"leads to {address!r}, which is no address") from exc
        if any(found in network for network in self.networks):
            return
        if not _is_public(found):
            raise _refused(target.url, f"leads to {address}, which is not a public address")
        if target.port not in self.ports:
            ports = ", ".join(map(str, self.ports))
            raise _refused(target.url, f"leads to port {target.port}; {ports} are taken")

    def redirected(self, target: ParsedUrl, location: str) -> ParsedUrl:
        """Where a redirect leads, checked like the URL itself.

        Raises:
            Refused: It leads to what is not followed, or from https to http.
        """
        try:
            joined = str(httpx.URL(target.url).join(location))
        except (httpx.InvalidURL, ValueError) as exc:
            raise _refused(target.url, f"redirects to what can not be read: {exc}") from exc
        found = self.target(joined)
        if target.scheme == "https" and found.scheme != "https":
            raise _refused(target.url, f"redirects from https to {found.url}")
        return found


def parse_networks(text: str, setting: str) -> tuple[_Network, ...]:
    """The networks a setting lists, comma-separated.

    Raises:
        Misconfigured: One of them is none.
    """
    found: list[_Network] = []
    for row in filter(None, (row.strip() for row in text.split(","))):
        try:
            found.append(ipaddress.ip_network(row))
        except ValueError as exc:
            raise Misconfigured(
                f"{setting} holds {row!r}; write networks such as 10.0.0.0/8, comma-separated", file=setting, value=row
            ) from exc
    return tuple(found)


def _refused(what: str, why: str) -> Refused:
    shown = what if len(what) <= 200 else what[:200] + "…"  # noqa: PLR2004  # what a log line bears
    return Refused(f"{shown} {why}", field="url", error=15024)


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


def _is_public(address: _Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    listed = any(address in network for network in _ALSO_SPECIAL)
    return address.is_global and not (special or site_local or listed)
