"""Decides which customers' URLs the gateway may request; pure checks, no name is resolved here.

One policy holds for links in messages and for webhooks. http_fetcher.py calls `UrlPolicy.check` with every address of a
name right before it connects. Sources: WHATWG URL 4.5.6 (hosts that end in a number), IANA's special-purpose registries
as `ipaddress` has them, RFC 4291, 6052 and 3056 for IPv4 inside IPv6.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import httpx

from gateway_adapter.errors import Misconfigured, Refused

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# RFC 6052 2.1: the well-known prefix; the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# In IANA's registries, but not in every version of `ipaddress`: 6to4 anycast relays, documentation (RFC 9637).
_ALSO_SPECIAL = (ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("3fff::/20"))
_MAX_URL = 2048
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")  # parsers disagree on whether a backslash is a slash
# WHATWG URL 4.5.6: such a host is an IPv4 address to browsers, whatever the DNS says.
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL parsed once, so that what is checked is what is requested."""

    scheme: str
    host: str
    port: int
    path: bytes
    url: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return (self.scheme, self.host, self.port)


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Which URLs and addresses are allowed, and how long an exchange may take.

    Attributes:
        schemes: Of the URL and of every redirect.
        ports: On public addresses; `networks` allow any.
        networks: Private networks that are allowed (setting NETWORKS).
        redirects: How many are followed for a link; webhooks follow none.
        connect_s: For a connection, TLS included.
        read_s: Longest pause between two chunks.
        total_s: From the first name lookup to the last byte.
    """

    schemes: tuple[str, ...] = ("https", "http")
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    networks: tuple[_Network, ...] = ()
    redirects: int = 3
    connect_s: float = 10.0
    read_s: float = 10.0
    total_s: float = 60.0

    def parse(self, url: str) -> ParsedUrl:
        """Parse and check a URL.

        Raises:
            Refused: The URL breaks a rule, which the text names.
        """
        if len(url) > _MAX_URL:
            raise _refused(url, f"has {len(url)} characters, at most {_MAX_URL} are accepted")
        if _FORBIDDEN.search(url):
            raise _refused(url, "holds a space, a control character or a backslash")
        try:
            parsed = httpx.URL(url)
            port = parsed.port
        except (httpx.InvalidURL, ValueError) as exc:
            raise _refused(url, f"cannot be parsed: {exc}") from exc
        if parsed.scheme not in self.schemes:
            raise _refused(
                url, f"begins with {parsed.scheme or 'nothing'}:, only {' and '.join(self.schemes)} are accepted"
            )
        # Some parsers see a user in what others see as part of the host, so any "@" before the path is refused.
        if parsed.userinfo or "@" in url.partition("://")[2].partition("/")[0]:
            raise _refused("the URL", "holds a user or password; serve the content without them")
        # The trailing dot of a fully qualified name does not change the name.
        host = parsed.raw_host.decode("ascii").rstrip(".")
        if not _HOST.fullmatch(host) and _literal(host) is None:
            raise _refused(url, "has no host" if not host else f"has the host {host!r}, which is not a DNS name")
        port = _DEFAULT_PORTS[parsed.scheme] if port is None else port
        if port not in range(1, 65536):
            raise _refused(url, f"has port {port}")
        target = ParsedUrl(parsed.scheme, host, port, parsed.raw_path, str(parsed))
        self._check_host(target)
        return target

    def _check_host(self, target: ParsedUrl) -> None:
        """Refuse disguised numbers, and literal addresses that are not public."""
        address = _literal(target.host)
        if address is None and _ENDS_IN_NUMBER.search(target.host):
            raise _refused(target.url, "has a number as host that is not a plain IP address")
        if address is not None:
            self.check(target, str(address))

    def check(self, target: ParsedUrl, address: str) -> None:
        """Check an address of the target's host.

        Raises:
            Refused: The address is not public, or the port is not allowed there.
        """
        try:
            found = _inner(ipaddress.ip_address(address))
        except ValueError as exc:
            raise _refused(target.url, f"leads to {address!r}, which is not an IP address") from exc
        # A configured network may use any port: it was allowed by whoever runs the gateway.
        if any(found in network for network in self.networks):
            return
        if not _is_public(found):
            raise _refused(target.url, f"leads to {address}, which is not a public address")
        if target.port not in self.ports:
            ports = ", ".join(map(str, self.ports))
            raise _refused(target.url, f"leads to port {target.port}; only {ports} are accepted")

    def parse_redirect(self, target: ParsedUrl, location: str) -> ParsedUrl:
        """The target of a redirect, checked like the URL itself.

        Raises:
            Refused: The target is not allowed, or leads from https to http.
        """
        try:
            joined = str(httpx.URL(target.url).join(location))
        except (httpx.InvalidURL, ValueError) as exc:
            raise _refused(target.url, f"redirects to a URL that cannot be parsed: {exc}") from exc
        found = self.parse(joined)
        # What was requested with TLS must not be sent without it.
        if target.scheme == "https" and found.scheme != "https":
            raise _refused(target.url, f"redirects from https to {found.url}")
        return found


def parse_networks(text: str, setting: str) -> tuple[_Network, ...]:
    """The networks of a comma-separated setting.

    Raises:
        Misconfigured: One of them is not a network.
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
    short = what if len(what) <= 200 else what[:200] + "…"  # noqa: PLR2004  # enough for a log line
    return Refused(f"{short} {why}", field="url", error=15024)


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _inner(address: _Address) -> _Address:
    """The IPv4 address inside an IPv6 one, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # RFC 4291 2.5.5.2: ::ffff:0:0/96.
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    # RFC 6052 2.2: in a /96 prefix the address is in the last 32 bits.
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    # RFC 3056: 2002::/16, the address is in the 32 bits after it.
    return address.sixtofour or address


def _is_public(address: _Address) -> bool:
    # `is_global` alone is not enough: multicast addresses may be global too.
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    # fec0::/10, deprecated by RFC 3879, but still private where it is in use.
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    listed = any(address in network for network in _ALSO_SPECIAL)
    return address.is_global and not (special or site_local or listed)
