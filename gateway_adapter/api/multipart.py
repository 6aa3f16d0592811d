"""Reads a multipart request body part by part as it arrives; holds nothing but the last chunk.

Reads `multipart/form-data`, and `multipart/related` and `multipart/mixed`, whose parts are identified by Content-ID and
type. Decodes the transfer encoding of a part. Every limit is checked before more is read.
"""

from __future__ import annotations

import binascii
import quopri
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from gateway_adapter.api.errors import HttpRefusal, invalid_field

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


_MAX_PREAMBLE = 8192
FORMS = ("multipart/form-data", "multipart/related", "multipart/mixed")


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """The limits of a multipart request.

    Attributes:
        body_bytes: The whole body.
        fields_bytes: Text, JSON and SMIL parts together; media go to the disk and are capped by the body alone.
    """

    body_bytes: int = 24_000_000
    fields_bytes: int = 1_000_000
    parts: int = 64
    headers: int = 16
    header_bytes: int = 4096


def _parsed(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    return message


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart content type we take; None when it is of another type.

    Raises:
        InvalidRequest: It is multipart and names no usable boundary.
    """
    parsed = _parsed(content_type)
    if parsed.get_content_type() not in FORMS:
        return None
    boundary = parsed.get_boundary("")
    # RFC 2046 section 5.1.1: 1 to 70 characters
    if not boundary or len(boundary) > 70 or not boundary.isascii():  # noqa: PLR2004  # RFC 2046 5.1.1
        raise invalid_field("Content-Type", "multipart needs a boundary of 1 to 70 characters")
    return boundary.encode("ascii")


def charset_of(content_type: str) -> str:
    """The charset a text part names; UTF-8 when it names none."""
    return str(_parsed(content_type).get_content_charset("utf-8"))


@dataclass(slots=True)
class BodyPart:
    """One part: what its headers say, then its bytes, to be read once and before the next part is asked for."""

    headers: dict[str, str]
    _chunks: AsyncIterator[bytes] = field(repr=False)

    @property
    def media_type(self) -> str:
        """The declared type without its parameters, "" when none is declared."""
        declared = self.headers.get("content-type", "")
        return _parsed(declared).get_content_type() if "/" in declared else ""

    @property
    def name(self) -> str:
        """The form's name of the part, in lower case."""
        return self._disposition("name").lower()

    @property
    def file_name(self) -> str:
        """The file name the sender gave."""
        return self._disposition("filename").replace("\\", "/").rpartition("/")[2]

    @property
    def content_id(self) -> str:
        """Content-Id without its angle brackets."""
        return self.headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")

    def _disposition(self, key: str) -> str:
        message = Message()
        message["Content-Disposition"] = self.headers.get("content-disposition", "")
        value = message.get_param(key, "", header="content-disposition")
        # RFC 7578 section 4.2: a form's part has its name in Content-Disposition
        # RFC 2231 values come as (charset, language, text)
        return value[2] if isinstance(value, tuple) else str(value or "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, transfer encoding undone.

        Raises:
            InvalidRequest: They do not match the transfer encoding.
        """
        # RFC 2045 section 6; RFC 7578 section 4.7 deprecates it in forms, Infobip's clients send it
        decode = _decoder(self.headers.get("content-transfer-encoding", ""))
        async for chunk in self._chunks:
            if out := decode(chunk):
                yield out
        if out := decode(b""):
            yield out

    async def read(self, most_bytes: int) -> bytes:
        """All bytes of a small part.

        Raises:
            HttpRefusal: There are more than *most_bytes*.
        """
        kept = bytearray()
        async for chunk in self.chunks():
            kept += chunk
            if len(kept) > most_bytes:
                raise HttpRefusal(
                    413, f"part {self.name or self.content_id!r} has more than {most_bytes:,} bytes of text"
                )
        return bytes(kept)


async def iter_parts(stream: AsyncIterator[bytes], boundary: bytes, limits: MultipartLimits) -> AsyncIterator[BodyPart]:
    """The parts in the order of the body.

    Raises:
        HttpRefusal: One of *caps* is passed (413).
        InvalidRequest: The body is not multipart with this boundary, or is incomplete.
    """
    source = _Source(stream, boundary, limits)
    count = 0
    while (headers := await source.next_part()) is not None:
        count += 1
        # Checked before the part is read
        if count > limits.parts:
            raise HttpRefusal(413, f"more than {limits.parts} parts in one request")
        yield BodyPart(headers, source.part_chunks())


class _Source:
    """The parser's events, and what they mean: headers of a part, bytes of a part, the end of either."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes, limits: MultipartLimits) -> None:
        self._stream = stream
        self._caps = limits
        self._taken = 0
        self._events: deque[tuple[str, bytes]] = deque()
        self._start = b"--" + boundary
        self._before: bytes | None = b""
        self._parser = MultipartParser(
            boundary,
            self._callbacks(),
            limits.body_bytes,
            max_header_count=limits.headers,
            max_header_size=limits.header_bytes,
        )

    def _callbacks(self) -> MultipartCallbacks:
        def noting(name: str) -> Callable[[bytes, int, int], None]:
            def note(data: bytes, start: int, end: int) -> None:
                self._events.append((name, data[start:end]))

            return note

        def marking(name: str) -> Callable[[], None]:
            return lambda: self._events.append((name, b""))

        return {
            "on_part_begin": marking("begin"),
            "on_header_field": noting("field"),
            "on_header_value": noting("value"),
            "on_header_end": marking("line"),
            "on_headers_finished": marking("headers"),
            "on_part_data": noting("data"),
            "on_part_end": marking("part end"),
            "on_end": marking("end"),
        }

    async def _next(self) -> tuple[str, bytes]:
        while not self._events:
            chunk = await anext(self._stream, None)
            if chunk is None:
                raise invalid_field("", "the multipart body ends before its last boundary")
            self._taken += len(chunk)
            if self._taken > self._caps.body_bytes:
                raise HttpRefusal(413, f"the body has more than {self._caps.body_bytes:,} bytes")
            self._write(chunk)
        return self._events.popleft()

    def _write(self, chunk: bytes) -> None:
        if self._before is not None:
            chunk = self._after_preamble(chunk)
        try:
            self._parser.write(chunk)
        except MultipartParseError as exc:
            raise invalid_field("", f"the multipart body is malformed: {exc}") from exc

    def _after_preamble(self, chunk: bytes) -> bytes:
        """What stands from the first boundary on (RFC 2046 5.1.1: anything before it is to be ignored)."""
        received = (self._before or b"") + chunk
        at = received.find(self._start)
        # RFC 2046 section 5.1.1: a preamble may precede the first boundary
        if at < 0:
            if len(received) > _MAX_PREAMBLE:
                raise invalid_field("", f"no boundary within the first {_MAX_PREAMBLE:,} bytes")
            self._before = received
            return b""
        self._before = None
        return received[at:]

    async def next_part(self) -> dict[str, str] | None:
        """Headers of the next part; None after the last one. What was not read of the part before is passed over."""
        headers: dict[str, str] = {}
        name, value = b"", b""
        while True:
            what, data = await self._next()
            if what == "end":
                return None
            if what == "headers":
                return headers
            if what == "field":
                name += data
            elif what == "value":
                value += data
            elif what == "line":
                headers[name.decode("latin-1").lower()] = _header_text(value)
                name, value = b"", b""

    async def part_chunks(self) -> AsyncIterator[bytes]:
        """Bytes of the part whose headers were read last."""
        while True:
            what, data = await self._next()
            if what == "part end":
                return
            if what == "data":
                yield data


def _header_text(value: bytes) -> str:
    """Header bytes as text; clients put raw UTF-8 into file names."""
    try:
        # RFC 7578 section 5.1: UTF-8; older clients send Latin-1
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoder(encoding: str) -> Callable[[bytes], bytes]:
    """What undoes a transfer encoding chunk by chunk; called with b"" at the end. Absent means binary."""
    word = encoding.strip().lower()
    if word in {"", "binary", "8bit", "7bit"}:
        return lambda chunk: chunk
    if word == "base64":
        return _Base64()
    if word == "quoted-printable":
        return _Quoted()
    raise invalid_field("Content-Transfer-Encoding", f"{encoding[:40]!r} is not supported; use BASE64 or BINARY")


class _Base64:
    """Base64 with line breaks, cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, chunk: bytes) -> bytes:
        text = self._rest + b"".join(chunk.split())
        # Base64 decodes in groups of four characters; the rest waits for the next chunk
        whole = len(text) - len(text) % 4 if chunk else len(text)
        self._rest = text[whole:]
        try:
            return binascii.a2b_base64(text[:whole], strict_mode=True) if whole else b""
        except binascii.Error as exc:
            raise invalid_field("Content-Transfer-Encoding", f"the part is not base64: {exc}") from exc


class _Quoted:
    """Quoted-printable, decoded line by line."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, chunk: bytes) -> bytes:
        text = self._rest + chunk
        # RFC 2045 section 6.7: a soft line break may be cut in two, so only whole lines are decoded
        cut = text.rfind(b"\n") + 1 if chunk else len(text)
        self._rest = text[cut:]
        return quopri.decodestring(text[:cut])
