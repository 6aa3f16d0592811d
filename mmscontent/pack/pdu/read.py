"""Reads binary MMS messages: tolerant and bounded; every repair becomes a note.

Fields are read by their kind; a field that is not known, or whose value does not have the form of its kind, is kept as
octets. What cannot even be delimited ends the reading with MalformedContent.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

from mmscontent.errors import MalformedContent, OverLimits
from mmscontent.message import Content
from mmscontent.pack import wsp
from mmscontent.pack.assigned import COUNTED_FIELDS, FIELDS, MESSAGE_TYPES
from mmscontent.pack.header_values import printable
from mmscontent.pack.pdu.model import Pdu
from mmscontent.pack.pdu.multipart import read_body
from mmscontent.pack.pdu.values import FIELD_CODECS, Octets, Value

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
    """What was read.

    Attributes:
        pdu: The message.
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
