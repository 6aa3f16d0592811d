"""What every endpoint goes through: who asks, how a body is taken in, and how an answer or a refusal goes out."""

from __future__ import annotations

import asyncio
import hashlib
import math
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic_core import to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import mmscontent as mms
from gateway_adapter.api.common_fields import Clock
from gateway_adapter.api.errors import HttpRefusal, InvalidRequest, Violation, error_body, error_texts_of
from gateway_adapter.api.fields import read_text_values
from gateway_adapter.api.webhook_bodies import JSON, XML
from gateway_adapter.api.xml_codec import to_xml
from gateway_adapter.errors import Refused, Throttled
from gateway_adapter.schedule import TokenBuckets, now_ms
from gateway_adapter.statuses import fault_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from pydantic import BaseModel

    from gateway_adapter.messages.service import Service
    from gateway_adapter.model import Account, Submission

__all__ = [
    "RateLimit",
    "RequestContext",
    "RequestGate",
    "error_response",
    "json_response",
    "media_type_of",
    "run_in_thread_if_large",
    "wants_xml",
]

_T = TypeVar("_T")
_Model = TypeVar("_Model", bound="BaseModel")
_TOO_LARGE = 15022  # of statuses.py: what a refusal for size carries
_HELD_BYTES = 64_000_000  # bodies that are taken into memory (JSON, XML), all requests together
_UNANNOUNCED_BYTES = 4_000_000  # the most of a body in memory whose length nobody said beforehand
_SMALL_BYTES = 64_000  # a body up to this is not counted: as many as there may be requests do no harm
_QUICK_BYTES = 200_000  # a longer body is read in a thread: the loop has others to serve meanwhile
_PAUSE_S = 20.0  # between two chunks of a body
_BODY_S = 300.0  # for the whole of it


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests a second of one account to one kind of path, *burst* of them at once."""

    name: str
    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request of somebody who may ask."""

    request: Request
    account: Account
    clock: Clock

    def query(self, model: type[_Model], lists: frozenset[str] = frozenset()) -> _Model:
        """The query string as a model; *lists* come as repeated keys or with commas.

        Raises:
            InvalidRequest: A value is not what the model says.
        """
        given: dict[str, object] = {}
        for name in self.request.query_params:
            values = self.request.query_params.getlist(name)
            if any("\0" in value for value in values):
                raise InvalidRequest((Violation(name, "holds a NUL character"),))
            many = [one.strip() for value in values for one in value.split(",") if one.strip()]
            given[name] = many if name in lists else values[-1]
        return read_text_values(model, given)


class RequestGate:
    """The way in to a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._held = _BodyMemory(_HELD_BYTES)
        self._rates = TokenBuckets()

    def guard(
        self, endpoint: Callable[[RequestContext], Awaitable[Response]], rate: RateLimit | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for somebody known, whose errors become the answers of its path."""

        async def guarded(request: Request) -> Response:
            try:
                account = self.service.authenticate(request.headers.get("authorization"))
                if account is None:
                    raise HttpRefusal(401, "Invalid login details", headers={"WWW-Authenticate": "App, Basic, Bearer"})
                if rate is not None:
                    self._take(account, rate)
                return await endpoint(RequestContext(request, account, Clock(now_ms())))
            except mms.MMSContentError as exc:
                return error_response(request, exc)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it

        return guarded

    def _take(self, account: Account, rate: RateLimit) -> None:
        wait = self._rates.take((account.id, rate.name), 1, rate.per_s, rate.burst)
        if wait:
            raise Throttled(f"at most {rate.per_s * 60:g} requests a minute here; try again in {wait:.1f} s",
                            after_s=wait)  # fmt: skip

    # --- bodies -------------------------------------------------------------------------------------------------

    def stream(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """A body as it arrives, for as long as it does arrive.

        Raises:
            HttpRefusal: It is longer than *most*, or than any may be (413), or comes too slowly (408).
        """
        _refuse_encoded(request)
        most = min(self.service.settings.max_body_bytes, most or sys.maxsize)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise _over(most)
        return _watched(request.stream(), most)

    @asynccontextmanager
    async def held(self, request: Request) -> AsyncIterator[bytes]:
        """A whole body, in memory for as long as the block runs; all long bodies together have a bound.

        Raises:
            HttpRefusal: As `stream`.
        """
        announced = request.headers.get("content-length", "")
        weight = int(announced) if announced.isdecimal() else _UNANNOUNCED_BYTES
        if weight <= _SMALL_BYTES:
            yield await _small(request)
            return
        stream = self.stream(request, None if announced else _UNANNOUNCED_BYTES)
        async with self._held.room(weight):
            yield b"".join([chunk async for chunk in stream])

    async def keep(self, chunks: AsyncIterator[bytes], media_type: str) -> str:
        """Bytes into the media store; gives their SHA-256.

        Raises:
            HttpRefusal: There are too many of them (413).
        """
        return await self.service.put_media(chunks, media_type, self.service.settings.max_media_bytes)

    def with_key(self, request: Request, submission: Submission) -> Submission:
        """The submission with the request's `Idempotency-Key` and what it stands for.

        Raises:
            InvalidRequest: The key is longer than 255 characters, or none at all.
        """
        key = request.headers.get("idempotency-key")
        if key is None:
            return submission
        if not 0 < len(key) <= 255 or not key.isprintable():  # noqa: PLR2004  # what the documentation says
            raise InvalidRequest((Violation("Idempotency-Key", "1 to 255 printable characters"),))
        digest = hashlib.sha256(repr(submission).encode("utf-8", "surrogatepass")).hexdigest()
        return replace(submission, idempotency_key=key, request_digest=digest)

    def base_url(self, request: Request) -> str:
        """How the customer reaches this service."""
        return self.service.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


class _BodyMemory:
    """A bound on bytes held at once; who does not fit waits for its turn."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def room(self, weight: int) -> AsyncIterator[None]:
        wanted = min(weight, self._total)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            async with self._changed:
                self._free += wanted
                self._changed.notify_all()


def _refuse_encoded(request: Request) -> None:
    """A compressed body is not taken: how long it is could only be known by unpacking it."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise HttpRefusal(415, f"Content-Encoding {encoding[:40]!r} is not taken; send the body as it is")


async def _small(request: Request) -> bytes:
    """A body that is announced as small; the server cuts off what goes beyond that."""
    _refuse_encoded(request)
    try:
        async with asyncio.timeout(_PAUSE_S):
            return await request.body()
    except TimeoutError as exc:
        raise HttpRefusal(408, "the body did not arrive in time") from exc


async def _watched(stream: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    taken, endpoints = 0, time.monotonic() + _BODY_S
    while True:
        try:
            async with asyncio.timeout(min(_PAUSE_S, endpoints - time.monotonic())):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise HttpRefusal(408, "the body did not arrive in time") from exc
        if chunk is None:
            return
        taken += len(chunk)
        if taken > most:
            raise _over(most)
        if chunk:
            yield chunk


def _over(most: int) -> HttpRefusal:
    return HttpRefusal(413, f"the body has more than {most:,} bytes; upload the content first, or send links")


async def run_in_thread_if_large(size: int, read: Callable[[], _T]) -> _T:
    """What *read* gives, read in a thread when the body of *size* bytes would keep the loop from others."""
    return read() if size <= _QUICK_BYTES else await asyncio.to_thread(read)


# --- answers ---------------------------------------------------------------------------------------------------


def media_type_of(request: Request) -> str:
    """The body's declared type without parameters, lower case; "" when none is declared."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def wants_xml(request: Request) -> bool:
    """Whether the answer is to be XML: asked for, or sent and nothing else asked for."""
    accept = request.headers.get("accept", "*/*").lower()
    if "json" in accept:
        return False
    return "xml" in accept or (media_type_of(request) in {XML, "text/xml"} and "*/*" in accept)


def json_response(members: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(to_json(members), status, headers, JSON)


def error_response(request: Request, error: mms.MMSContentError) -> Response:
    """The answer to a request that is refused, in the form of its path."""
    http, headers = _status_of(error)
    violations = error.violations if isinstance(error, InvalidRequest) else ()
    # what went wrong inside is for our log, not for the customer
    text = str(error) if http < 500 else error_texts_of(http).description  # noqa: PLR2004  # server errors begin there
    path = request.url.path
    if path.startswith("/mms/1/advanced") and wants_xml(request):  # names of fields are no names of elements
        ((root, members),) = error_body(path, http, text).items()
        return Response(to_xml(root, cast("dict[str, object]", members)), http, headers, XML)
    return json_response(error_body(path, http, text, violations), http, headers)


def _status_of(error: mms.MMSContentError) -> tuple[int, dict[str, str]]:
    if isinstance(error, HttpRefusal):
        return error.http, error.headers
    if isinstance(error, Throttled):
        return 429, {"Retry-After": str(max(1, math.ceil(error.after_s)))}
    if isinstance(error, Refused) and error.field == "Idempotency-Key" and not isinstance(error, InvalidRequest):
        return 409, {}
    if isinstance(error, Refused) and error.error == _TOO_LARGE:
        return 413, {}
    return fault_of(error).http, {}
