"""Fetches links and posts webhooks over HTTP, to customers' URLs, under the policy of url_policy.py.

Every address that a name resolves to is checked right before the connection, and the connection goes to the checked
address: no name is resolved twice, so DNS rebinding gains nothing. Host header and TLS name stay the URL's. Proxies,
cookies, credentials and decompression are off, redirects are checked like the URL, and one timeout bounds everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import httpcore
import httpx

from gateway_adapter.connectors.base import OperatorResponse
from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.transport.url_policy import ParsedUrl, UrlPolicy

# Media types of links that are accepted; the bytes decide later. A server may also name none.
MEDIA_TYPES = (
    *("image/", "audio/", "video/", "text/plain", "text/vcard", "text/x-vcard", "text/directory"),
    *("text/calendar", "text/x-vcalendar", "application/smil", "application/octet-stream", "binary/octet-stream"),
    *("application/pdf", "application/vnd.apple.pkpass", "application/ogg", "application/mp4"),
)
_MAX_ANSWER_BYTES = 64 * 1024  # of a webhook's response; the rest is not read
_RESOLVERS = 4
# RFC 9110 15.4: the redirects that name their target in Location.
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CLIENT_ERRORS = range(400, 500)
# RFC 9110 15.5.9 (408), RFC 8470 5.2 (425), RFC 6585 4 (429).
_TEMPORARY = frozenset({408, 425, 429})  # the client errors that may be gone later
# Resolves a host and port to every address, best first; OSError when there is none.
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
_FILE_NAME = re.compile(r"""filename\s*=\s*(?:"([^"\r\n]{1,200})"|([^;"\s]{1,200}))""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """The response to a link; its bytes arrive while the `open` block runs.

    Attributes:
        url: After all redirects.
        media_type: As the server declares it, without parameters; "" when it does not.
        file_name: From Content-Disposition, else the last segment of the path; only a hint.
        chunks: The bytes; after an error, discard those that have arrived.
    """

    url: str
    media_type: str
    file_name: str
    chunks: AsyncIterator[bytes] = field(repr=False)


class Fetcher:
    """The HTTP client for customers' URLs; belongs to one event loop.

    Args:
        policy: Which URLs and addresses are allowed.
        resolve: Resolves names; the system's resolver when not given.
        ssl_context: The trusted authorities; certifi's when not given.
    """

    def __init__(
        self, policy: UrlPolicy | None = None, resolve: Resolve | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.policy = policy or UrlPolicy()
        self._backend = _CheckingBackend(self.policy, resolve or _SystemResolver())
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or _authorities(),
            # More than one process needs: 48 webhooks and the links of two messages that are fitted.
            max_connections=256,
            max_keepalive_connections=64,
            keepalive_expiry=15.0,
            network_backend=self._backend,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._backend.close()

    @contextlib.asynccontextmanager
    async def open(
        self,
        url: str,
        *,
        max_bytes: int,
        types: tuple[str, ...] = MEDIA_TYPES,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[OpenedLink]:
        """Fetch a link; *types* are prefixes of the accepted media types, *headers* go to the link's own origin only.

        Content of more than *max_bytes* is refused, unread if the server announces its length.

        Raises:
            Refused: Forbidden by the policy, the size, the type or the server's status; error 15022 or 15024.
            Unreachable: No connection, no response in time, or a temporary error status.
        """
        async with self._bounded(url):
            target, left = self.policy.parse(url), self.policy.redirects
            origin = target.origin
            while True:
                # Further fields may hold credentials: they are not sent to the origin that a redirect leads to.
                own = dict(headers or {}) if target.origin == origin else {}
                async with self._request("GET", target, {**own, "Accept": "*/*"}) as response:
                    if response.status not in _REDIRECTS:
                        yield _check_response(target, response, max_bytes, types)
                        return
                    location = _field(response, "location")
                if left == 0 or not location:
                    why = f"redirects more than {self.policy.redirects} times" if location else "redirects nowhere"
                    raise Refused(f"{url[:200]} {why}", field="url", error=15024)
                target, left = self.policy.parse_redirect(target, location), left - 1

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float | None = None
    ) -> OperatorResponse:
        """Post to a webhook; a redirect is not followed, and at most 64 KB of the response are read.

        Raises:
            Refused: The policy forbids it.
            Unreachable: No connection, or no response in time.
        """
        async with self._bounded(url, timeout_s):
            target = self.policy.parse(url)
            async with self._request("POST", target, headers, body) as response:
                received = bytearray()
                async for chunk in response.aiter_stream():
                    received += chunk
                    if len(received) >= _MAX_ANSWER_BYTES:
                        break
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return OperatorResponse(response.status, found, bytes(received[:_MAX_ANSWER_BYTES]))

    @contextlib.asynccontextmanager
    async def _bounded(self, url: str, timeout_s: float | None = None) -> AsyncIterator[None]:
        """One timeout for the whole exchange, and one exception for every network error."""
        seconds = min(timeout_s or self.policy.total_s, self.policy.total_s)
        short = url[:200]
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as exc:
            raise Unreachable(f"{short} took longer than {seconds:g} seconds") from exc
        except httpcore.TimeoutException as exc:
            raise Unreachable(f"{short} did not answer in time: {type(exc).__name__}") from exc
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
            raise Unreachable(f"{short} could not be reached: {exc or type(exc).__name__}") from exc

    @contextlib.asynccontextmanager
    async def _request(
        self, method: str, target: ParsedUrl, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        """Send one request; the response's head is read."""
        policy = self.policy
        fields = {
            # RFC 9110 7.2: the name as in the URL, whatever address the connection goes to.
            "Host": _host_field(target),
            "User-Agent": "mms-gateway",
            # Without compression a small response cannot grow to a large body.
            "Accept-Encoding": "identity",
            **({} if body is None else {"Content-Length": str(len(body))}),
            **headers,
        }
        waits = {"connect": policy.connect_s, "read": policy.read_s, "write": policy.read_s, "pool": policy.total_s}
        host = f"[{target.host}]" if ":" in target.host else target.host
        url = httpcore.URL(scheme=target.scheme, host=host, port=target.port, target=target.path)
        async with self._pool.stream(
            method, url, headers=_encoded(fields), content=body, extensions={"timeout": waits}
        ) as response:
            yield response


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Certifi's authorities, whatever the environment says; loading them costs as much as a hundred requests."""
    return httpx.create_ssl_context(trust_env=False)


def _encoded(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in fields.items()]


def _host_field(target: ParsedUrl) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == {"http": 80, "https": 443}[target.scheme] else f"{host}:{target.port}"


def _check_response(
    target: ParsedUrl, response: httpcore.Response, max_bytes: int, types: tuple[str, ...]
) -> OpenedLink:
    """The response to a link, if its head is acceptable."""
    media_type = _check_head(target, response, types)
    # Refuse before reading. The number is cut: int() of a very long one would take long.
    announced = _field(response, "content-length")
    if announced.isascii() and announced.isdecimal() and int(announced[:18]) > max_bytes:
        raise _too_large(target, f"{int(announced[:18]):,}", max_bytes)
    return OpenedLink(target.url, media_type, _file_name(target, response), _body(target, response, max_bytes))


async def _body(target: ParsedUrl, response: httpcore.Response, max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of a body, up to *max_bytes*."""
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(target, "more", max_bytes)
        yield chunk
    if not size:
        raise _unacceptable(target, "is empty")


def _check_head(target: ParsedUrl, response: httpcore.Response, types: tuple[str, ...]) -> str:
    """The media type, if status, encoding and type are acceptable."""
    status = response.status
    if status in _TEMPORARY or status not in range(200, 500):
        raise Unreachable(f"{target.url[:200]} answered {status}")
    if status in _CLIENT_ERRORS or status != 200:  # noqa: PLR2004  # 204 and 206 do not hold the whole content either
        raise _unacceptable(target, f"answered {status}")
    encoding = _field(response, "content-encoding").strip().lower()
    if encoding not in ("", "identity"):
        raise _unacceptable(target, f"was sent with Content-Encoding {encoding} although none was accepted")
    media_type = _field(response, "content-type").partition(";")[0].strip().lower()
    if media_type and not media_type.startswith(types):
        raise _unacceptable(target, f"is {media_type}, which is not accepted in a message")
    return media_type


def _field(response: httpcore.Response, name: str) -> str:
    wanted = name.encode("ascii")
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == wanted), "")


def _file_name(target: ParsedUrl, response: httpcore.Response) -> str:
    # RFC 6266: only the plain `filename` is read. A path in it is cut to its last segment.
    found = _FILE_NAME.search(_field(response, "content-disposition"))
    name = (found[1] or found[2]) if found else target.path.decode("latin-1").partition("?")[0]
    return name.replace("\\", "/").rpartition("/")[2][:100]


def _too_large(target: ParsedUrl, actual: str, max_bytes: int) -> Refused:
    text = f"{target.url[:200]} has {actual} bytes, at most {max_bytes:,} are accepted; serve a smaller file"
    return Refused(text, field="url", error=15022)


def _unacceptable(target: ParsedUrl, why: str) -> Refused:
    return Refused(f"{target.url[:200]} {why}", field="url", error=15024)


# --- connections ---------------------------------------------------------------------------------------------------


class _SystemResolver:
    """getaddrinfo in its own threads, so that a dead name server stalls no other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, host: str, port: int) -> list[str]:
        # SOCK_STREAM, or every address would be listed once per socket type.
        look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        rows = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return list(dict.fromkeys(str(row[4][0]) for row in rows))


class _CheckingBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that the policy allows, each checked right before it is used."""

    def __init__(self, policy: UrlPolicy, resolve: Resolve) -> None:
        self._policy, self._resolve = policy, resolve
        self._inner = httpcore.AnyIOBackend()

    def close(self) -> None:
        """Shut down the resolver threads."""
        if isinstance(self._resolve, _SystemResolver):
            self._resolve.close()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers; none at all if one of the addresses is forbidden."""
        name = host.strip("[]")
        literal = f"[{name}]" if ":" in name else name
        target = self._policy.parse(f"{self._policy.schemes[0]}://{literal}:{port}/")
        try:
            addresses = await self._resolve(name, port)
        except (OSError, UnicodeError) as exc:
            raise Unreachable(f"the name {name} could not be resolved: {exc}") from exc
        # Check all before connecting: a name with one forbidden address is refused, not tried at another one.
        for address in addresses:
            self._policy.check(target, address)
        failure: Exception = Unreachable(f"the name {name} has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure
