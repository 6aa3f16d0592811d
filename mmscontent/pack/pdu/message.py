"""Reads and writes one binary MMS message, and holds its value.

Reading is tolerant and bounded, every repair becomes a note; a field whose number or form is not known is kept as
octets, and what cannot be delimited ends the reading with MalformedContent. Writing is strict and in one order; sizes
are counted without building the message.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmscontent.errors import MalformedContent, OverLimits
from mmscontent.message import Content
from mmscontent.pack import wsp
from mmscontent.pack.assigned import COUNTED_FIELDS, FIELD_BY_NAME, FIELDS, MESSAGE_TYPE_CODES, MESSAGE_TYPES
from mmscontent.pack.common import printable
from mmscontent.pack.pdu.multipart import body_budget, body_size, read_body, write_body
from mmscontent.pack.pdu.values import FIELD_CODECS, Octets, Value

# section 7: "the order of the fields is not significant, except that X-Mms-Message-Type,
# X-Mms-Transaction-ID (when present) and X-Mms-MMS-Version MUST be at the beginning of the message
# headers, in that order"
_FIRST = ("X-Mms-Transaction-ID", "X-Mms-MMS-Version")
# written from `message_type` and `content`, never from the list of headers
_NOT_HEADERS = frozenset(row.name.lower() for row in FIELDS.values() if row.kind in ("body", "message-type"))


@dataclass(frozen=True, slots=True)
class Pdu:
    """One MMS PDU.

    Attributes:
        message_type: As MMS-ENC names it, lower case: `m-send-req`, `m-notification-ind`, …
        headers: (name, value), all but the message type and the content type; transaction id and version are moved
            to the front, the others keep their order. Names are those of MMS-ENC (`X-Mms-Transaction-ID`, `To`, …);
            others go as application headers with text values.
        content: Presentation and parts, for the types that carry a body.
    """

    message_type: str
    headers: tuple[tuple[str, Value], ...] = ()
    content: Content | None = None

    def __post_init__(self) -> None:
        if self.message_type not in MESSAGE_TYPE_CODES:
            raise ValueError(f"{self.message_type!r} is no MMS message type")
        # the two fields that have a place move to the front, the others keep their order
        first: list[tuple[str, Value]] = []
        rest: list[tuple[str, Value]] = []
        for row in self.headers:
            (first if row[0] in _FIRST else rest).append(row)
            if row[0].lower() in _NOT_HEADERS:
                raise ValueError(f"{row[0]} is written from the message itself, not from its headers")
        first.sort(key=lambda row: _FIRST.index(row[0]))
        object.__setattr__(self, "headers", (*first, *rest))

    def get(self, name: str) -> Value | None:
        """The first value of a field, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def get_all(self, name: str) -> tuple[Value, ...]:
        """Every value of a field, in wire order."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


# 7.4: the number of X-Mms-Message-Type (0x0C) as Short-integer; section 7: it MUST be the first
# field
_MESSAGE_TYPE = 0x8C
# 7.2: MMS-field-name = Short-integer
_FIELD_BIT = 0x80
# 20 recipients are legal; a list server's message had 130
MAX_HEADERS = 512
# RFC 2616 section 2.2: what a token may hold
_NAME_CHARS = frozenset(string.ascii_letters + string.digits + "-_.!#$%&'*+^`|~")


@dataclass(frozen=True, slots=True)
class PduReading:
    """A message that was read.

    Attributes:
        notes: Each repair or oddity, as a sentence; empty for a clean message.
        part_headers: Headers of parts that a part has no place for, as (Part-number-name, text).
    """

    pdu: Pdu
    notes: tuple[str, ...] = ()
    part_headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _State:
    message_type: str
    headers: list[tuple[str, Value]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    part_headers: list[tuple[str, str]] = field(default_factory=list)
    content: Content | None = None


def is_pdu(data: bytes) -> bool:
    """Whether the first two octets are those of a binary MMS message."""
    # 7.3.30: Message-type-value = <Octet 128..151>
    return len(data) > 1 and data[0] == _MESSAGE_TYPE and data[1] in MESSAGE_TYPES


def read_pdu(data: bytes) -> PduReading:
    """Read one binary MMS message of any type.

    Raises:
        MalformedContent: It does not begin with a message type, or a field cannot be delimited; offset says where.
        OverLimits: More fields, parts or nesting than we agree to open.
    """
    if not is_pdu(data):
        raise MalformedContent("the octets do not begin with an MMS message type (8C 80 to 8C 97)", offset=0)
    state = _State(MESSAGE_TYPES[data[1]])
    # the message type and its value are the first two octets
    at = 2
    while at < len(data):
        at = _read_field(data, at, state)
        # each field costs memory many times its octets
        if len(state.headers) > MAX_HEADERS:
            raise OverLimits(f"the message has more than {MAX_HEADERS} header fields")
    pdu = Pdu(state.message_type, tuple(state.headers), state.content)
    return PduReading(pdu, tuple(state.notes), tuple(state.part_headers))


def _read_field(data: bytes, at: int, state: _State) -> int:
    """One field; a body ends the message."""
    octet = data[at]
    # 7.2: Header-field = MMS-header | Application-header; a number has the high bit, a name does
    # not
    if octet < _FIELD_BIT:
        return _read_application_header(data, at, state)
    row = FIELDS.get(octet & 0x7F)
    at += 1
    # section 7: the Content-Type MUST be the last header field, followed by the message body
    if row is not None and row.kind == "body":
        state.content, body = read_body(data, at, len(data))
        state.notes += body.notes
        state.part_headers += body.headers
        return len(data)
    kind = row.kind if row is not None else "octets"
    # 7.3.10, 7.3.49: in M-Mbox-Delete.conf the same field has another form
    kind = COUNTED_FIELDS.get(state.message_type, {}).get(octet & 0x7F, kind)
    name = row.name if row is not None else f"X-Unknown-{octet & 0x7F:02X}"
    # 8.4.1.2: the first octet of the value alone tells where it ends
    stop = _value_end(data, at, kind)
    _keep(state, name, kind, data[at:stop], at)
    return stop


def _value_end(data: bytes, at: int, kind: str) -> int:
    # QUIRK: raw UTF-8 without a charset begins with an octet that looks like a short-integer; MMS text never is one
    if kind in ("text", "encoded") and at < len(data) and data[at] >= _FIELD_BIT:
        return wsp.read_text(data, at, len(data))[1]
    return wsp.value_end(data, at, len(data))


def _keep(state: _State, name: str, kind: str, octets: bytes, at: int) -> None:
    # there is one message type, the first; a second one would change what was read so far
    if kind == "message-type":
        state.notes.append(f"a second message type at octet {at:,} is passed over")
        return
    try:
        # a field with a damaged value is kept as it came, so that nothing is lost and the rest can
        # be read
        value: Value = FIELD_CODECS[kind].read(octets)
    except (MalformedContent, IndexError):
        state.notes.append(f"{name} at octet {at:,} has not the form of its kind and is kept as octets")
        value = Octets(octets)
    else:
        if name.startswith("X-Unknown-"):
            state.notes.append(f"{name} at octet {at:,} is no known field and is kept as octets")
    state.headers.append((name, value))


def _read_application_header(data: bytes, at: int, state: _State) -> int:
    """A header by its text name, value a text-string (MMS-ENC 7.2: Application-header)."""
    octets, after = wsp.read_text(data, at, len(data))
    # 7.2, WSP 8.4.2.6: Application-header = Token-text Application-specific-value; the value is a
    # Text-string
    name = octets.decode("latin-1")
    if not name or not _NAME_CHARS.issuperset(name):
        raise MalformedContent(f"octet {at:,} is neither a field number nor the name of a header", offset=at)
    value, stop = wsp.read_text(data, after, len(data))
    state.headers.append((name, printable(wsp.decode_text(value))))
    return stop


_UNKNOWN = "x-unknown-"


def write_pdu(pdu: Pdu, *, parameters: str = "old") -> bytes:
    """The octets of a message.

    Args:
        pdu: Its bodies are copied once, into the result.
        parameters: Which numbers name and start get: `old`, which every phone reads, or `modern` (WSP 1.4).

    Raises:
        ValueError: A value is not of its field's kind.
    """
    pieces = [_headers(pdu)]
    if pdu.content is not None:
        pieces += (_body_code(pdu), *write_body(pdu.content, parameters))
    return b"".join(pieces)


def pdu_size(pdu: Pdu, *, parameters: str = "old") -> int:
    """How many octets `write_pdu` gives."""
    body = 0 if pdu.content is None else 1 + body_size(pdu.content, parameters)
    return len(_headers(pdu)) + body


def pdu_body_budget(limit_bytes: int, pdu: Pdu, *, parameters: str = "old") -> int:
    """What the bodies of the parts may have together so that `write_pdu` never passes *limit_bytes*."""
    if pdu.content is None:
        return 0
    return body_budget(pdu.content, limit_bytes - len(_headers(pdu)) - 1, parameters)


def _body_code(pdu: Pdu) -> bytes:
    # section 7: Content-Type is the last field; M-Mbox-Descr has its body under Content, 0x2E
    row = FIELD_BY_NAME["content" if pdu.message_type == "m-mbox-descr" else "content-type"]
    return wsp.short_integer(row.code)


def _headers(pdu: Pdu) -> bytes:
    # section 7: X-Mms-Message-Type is first, then transaction id and version, which `Pdu` put in front
    pieces = [bytes((0x8C, MESSAGE_TYPE_CODES[pdu.message_type]))]
    counted = COUNTED_FIELDS.get(pdu.message_type, {})
    for name, value in pdu.headers:
        code, write = _WRITERS.get(name) or _writer(name)
        # a field that could not be read goes back as it came
        if isinstance(value, Octets):
            pieces.append(code + value.data)
            continue
        # 7.3.10, 7.3.49: M-Mbox-Delete.conf answers for several messages, each value with its
        # number
        if counted and code[0] & 0x7F in counted:
            write = FIELD_CODECS[counted[code[0] & 0x7F]].write
        try:
            pieces.append(code + write(value))
        except (AttributeError, TypeError, ValueError) as exc:
            raise ValueError(f"{name} cannot be {value!r}: {exc}") from exc
    return b"".join(pieces)


# Field -> its number as an octet, and what writes its value.
_WRITERS = {
    row.name: (wsp.short_integer(row.code), FIELD_CODECS[row.kind].write)
    for row in FIELDS.values()
    if row.kind in FIELD_CODECS
}


def _writer(name: str) -> tuple[bytes, Callable[[Any], bytes]]:
    """The row of a field in another spelling, of a number without a name, or of an application header."""
    row = FIELD_BY_NAME.get(name.lower())
    if row is not None:
        return _WRITERS[row.name]
    # `_read_field` names a number without a row X-Unknown-xx; it is written under that number again
    if name.lower().startswith(_UNKNOWN):
        return wsp.short_integer(int(name[len(_UNKNOWN) :], 16)), FIELD_CODECS["octets"].write
    if not name.isascii() or not name.replace("-", "").isalnum():
        raise ValueError(f"an application header has a name of letters, digits and dashes, got {name!r}")
    # WSP 8.4.2.6: Application-header = Token-text Application-specific-value
    return wsp.text_string(name), FIELD_CODECS["text"].write
