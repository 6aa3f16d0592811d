"""Strangers' URLs over HTTP: links fetched, webhooks posted, both under the one policy of urls.py.

Every address a name resolves to is checked right before the connection, and the connection is made to the address that
was checked: no name is resolved twice. Host and TLS name stay the URL's. No proxy, cookie, credential or redirect is
followed on the quiet, nothing is decompressed, no HEAD is asked, and one clock bounds the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import httpcore
import httpx

from gateway_adapter.connectors.base import Response
from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.transport.url_policy import UrlPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Mapping

    from gateway_adapter.transport.url_policy import ParsedUrl

__all__ = ["MEDIA_TYPES", "Fetcher", "OpenedLink", "Resolve"]

# What a part of a message may say it is; the bytes decide later. "" is a server that says nothing.
MEDIA_TYPES = (
    *("image/", "audio/", "video/", "text/plain", "text/vcard", "text/x-vcard", "text/directory"),
    *("text/calendar", "text/x-vcalendar", "application/smil", "application/octet-stream", "binary/octet-stream"),
    *("application/pdf", "application/vnd.apple.pkpass", "application/ogg", "application/mp4"),
)
_ANSWER_BYTES = 64 * 1024  # of an answer to a webhook, more is not read
_RESOLVERS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = range(400, 500)  # but for these, which may be other tomorrow
_PASSING = frozenset({408, 425, 429})
_FILE_NAME = re.compile(r"""filename\s*=\s*(?:"([^"\r\n]{1,200})"|([^;"\s]{1,200}))""", re.IGNORECASE)


class Resolve(Protocol):
    """Names to addresses."""

    async def __call__(self, host: str, port: int) -> list[str]:
        """Every address of a host, best first; OSError when it has none."""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link whose answer is taken; its bytes come while the door is open.

    Attributes:
        url: Where it came from at last.
        media_type: As the server says, without parameters; "" when it says nothing.
        file_name: From Content-Disposition, else the last piece of the path; evidence only.
        chunks: The bytes; an error while they come says that what came is to be thrown away.
    """

    url: str
    media_type: str
    file_name: str
    chunks: AsyncIterator[bytes] = field(repr=False)


class Fetcher:
    """The one door to strangers' servers; belongs to one event loop.

    Args:
        policy: What may be followed.
        resolve: Names to addresses; the system's resolver when not given.
        ssl_context: Whom TLS believes; certifi's authorities when not given.
    """

    def __init__(
        self, policy: UrlPolicy | None = None, resolve: Resolve | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.policy = policy or UrlPolicy()
        self._guard = _Guard(self.policy, resolve or _SystemResolver())
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or _authorities(),
            max_connections=256,
            max_keepalive_connections=64,
            keepalive_expiry=15.0,
            network_backend=self._guard,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._guard.close()

    @contextlib.asynccontextmanager
    async def open(
        self,
        url: str,
        *,
        max_bytes: int,
        types: tuple[str, ...] = MEDIA_TYPES,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[OpenedLink]:
        """Fetch a link.

        Args:
            url: The link.
            max_bytes: More is refused, without reading it when the server says so beforehand.
            types: Beginnings of the media types taken.
            headers: Further fields, for the link's own origin alone.

        Raises:
            Refused: The policy, the size, the type or the server's answer forbids it; error 15022 or 15024.
            Unreachable: No connection, no answer in time, or one that says: later.
        """
        async with self._bounded(url):
            target, left = self.policy.target(url), self.policy.redirects
            origin = target.origin
            while True:
                own = dict(headers or {}) if target.origin == origin else {}
                async with self._asked("GET", target, {**own, "Accept": "*/*"}) as response:
                    if response.status not in _REDIRECTS:
                        yield _opened(target, response, max_bytes, types)
                        return
                    location = _field(response, "location")
                if left == 0 or not location:
                    why = f"redirects more than {self.policy.redirects} times" if location else "redirects nowhere"
                    raise Refused(f"{url[:200]} {why}", field="url", error=15024)
                target, left = self.policy.redirected(target, location), left - 1

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float | None = None
    ) -> Response:
        """Post to a webhook; redirects are answers like others, and no more than 64 KB of an answer are read.

        Raises:
            Refused: The policy forbids it.
            Unreachable: No connection, or no answer in time.
        """
        async with self._bounded(url, timeout_s):
            target = self.policy.target(url)
            async with self._asked("POST", target, headers, body) as response:
                said = bytearray()
                async for piece in response.aiter_stream():
                    said += piece
                    if len(said) >= _ANSWER_BYTES:
                        break
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Response(response.status, found, bytes(said[:_ANSWER_BYTES]))

    @contextlib.asynccontextmanager
    async def _bounded(self, url: str, timeout_s: float | None = None) -> AsyncIterator[None]:
        """One clock over everything, and one error for whatever goes wrong below."""
        seconds = min(timeout_s or self.policy.total_s, self.policy.total_s)
        shown = url[:200]
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as exc:
            raise Unreachable(f"{shown} took longer than {seconds:g} seconds") from exc
        except httpcore.TimeoutException as exc:
            raise Unreachable(f"{shown} let us wait too long: {type(exc).__name__}") from exc
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
            raise Unreachable(f"{shown} could not be reached: {exc or type(exc).__name__}") from exc

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, target: ParsedUrl, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        """One request, its answer's head read."""
        policy = self.policy
        fields = {
            "Host": _host_field(target),
            "User-Agent": "mms-gateway",
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
    """certifi's, whatever the environment says; reading them costs as much as a hundred requests."""
    return httpx.create_ssl_context(trust_env=False)


def _encoded(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in fields.items()]


def _host_field(target: ParsedUrl) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == {"http": 80, "https": 443}[target.scheme] else f"{host}:{target.port}"


def _opened(target: ParsedUrl, response: httpcore.Response, max_bytes: int, types: tuple[str, ...]) -> OpenedLink:
    """A final answer, when its head allows it."""
    media_type = _acceptable(target, response, types)
    announced = _field(response, "content-length")
    if announced.isascii() and announced.isdecimal() and int(announced[:18]) > max_bytes:
        raise _too_large(target, f"{int(announced[:18]):,}", max_bytes)
    return OpenedLink(target.url, media_type, _file_name(target, response), _body(target, response, max_bytes))


async def _body(target: ParsedUrl, response: httpcore.Response, max_bytes: int) -> AsyncIterator[bytes]:
    """The pieces of a body, none of them beyond the cap."""
    size = 0
    async for piece in response.aiter_stream():
        size += len(piece)
        if size > max_bytes:
            raise _too_large(target, "more", max_bytes)
        yield piece
    if not size:
        raise _unfit(target, "is empty")


def _acceptable(target: ParsedUrl, response: httpcore.Response, types: tuple[str, ...]) -> str:
    """The media type, when status, encoding and type are such as are taken."""
    status = response.status
    if status in _PASSING or status not in range(200, 500):
        raise Unreachable(f"{target.url[:200]} answered {status}")
    if status in _GONE or status != 200:  # noqa: PLR2004  # 204 and 206 hold no whole content either
        raise _unfit(target, f"answered {status}")
    encoding = _field(response, "content-encoding").strip().lower()
    if encoding not in ("", "identity"):
        raise _unfit(target, f"came as {encoding} though it was asked for as it is")
    media_type = _field(response, "content-type").partition(";")[0].strip().lower()
    if media_type and not media_type.startswith(types):
        raise _unfit(target, f"is {media_type}, which no message carries")
    return media_type


def _field(response: httpcore.Response, name: str) -> str:
    wanted = name.encode("ascii")
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == wanted), "")


def _file_name(target: ParsedUrl, response: httpcore.Response) -> str:
    found = _FILE_NAME.search(_field(response, "content-disposition"))
    name = (found[1] or found[2]) if found else target.path.decode("latin-1").partition("?")[0]
    return name.replace("\\", "/").rpartition("/")[2][:100]


def _too_large(target: ParsedUrl, actual: str, max_bytes: int) -> Refused:
    text = f"{target.url[:200]} has {actual} bytes, {max_bytes:,} are taken; serve a smaller file"
    return Refused(text, field="url", error=15022)


def _unfit(target: ParsedUrl, why: str) -> Refused:
    return Refused(f"{target.url[:200]} {why}", field="url", error=15024)


# --- connections ---------------------------------------------------------------------------------------------------


class _SystemResolver:
    """getaddrinfo in threads of its own, so that a dead name server stalls no other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(row[4][0]) for row in rows))


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects to addresses the policy allows, each checked in the moment it is used."""

    def __init__(self, policy: UrlPolicy, resolve: Resolve) -> None:
        self._policy, self._resolve = policy, resolve
        self._inner = httpcore.AnyIOBackend()

    def close(self) -> None:
        """Wait for no name any more."""
        if isinstance(self._resolve, _SystemResolver):
            self._resolve.close()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the shape is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers; none is made when any of them is forbidden."""
        bare = host.strip("[]")
        shown = f"[{bare}]" if ":" in bare else bare
        target = self._policy.target(f"{self._policy.schemes[0]}://{shown}:{port}/")
        try:
            addresses = await self._resolve(bare, port)
        except (OSError, UnicodeError) as exc:
            raise Unreachable(f"the name {bare} could not be resolved: {exc}") from exc
        for address in addresses:
            self._policy.check(target, address)
        failure: Exception = Unreachable(f"the name {bare} has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure
