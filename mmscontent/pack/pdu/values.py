"""Reads and writes the values of MMS header fields (MMS-ENC 1.3 section 7.3), by one row per kind.

A reader is given the octets of one value and must use them all; what it cannot read is kept as `Octets` by message.py.
Kinds are named in pack/assigned.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from mmscontent.errors import MalformedContent
from mmscontent.pack import wsp
from mmscontent.pack.assigned import FIELD_BY_NAME, FIELDS, MESSAGE_TYPE_CODES, MESSAGE_TYPES, TOKENS, charset_code


@dataclass(frozen=True, slots=True)
class Octets:
    """A value kept as it stands on the wire, because its field or its form is not known."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Time:
    """An expiry, delivery time or deadline: seconds since 1970, or from now when relative."""

    seconds: int
    relative: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """A value with a number before it: of the forwarding it belongs to, or of the message it answers."""

    count: int
    value: str | int


@dataclass(frozen=True, slots=True)
class Flag:
    """A keyword to add to, remove from or filter by: operation is `add`, `remove` or `filter`."""

    operation: str
    keyword: str


@dataclass(frozen=True, slots=True)
class Total:
    """A size or quota of a mailbox: unit is `messages` or `bytes`."""

    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class Element:
    """A reference to one element of a message, and what is known of it, as octets."""

    reference: str
    parameters: bytes = field(default=b"", repr=False)


Value = str | int | bool | Octets | Time | Counted | Flag | Total | Element


@dataclass(frozen=True, slots=True)
class FieldCodec:
    """How one kind of value is read from exactly its octets, and written."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


def encoded_string(text: str) -> bytes:
    """An encoded-string: us-ascii as it is, else length, MIBenum 106 and UTF-8 (CONF 1.3 section 10.2.1)."""
    # 7.3.19: Encoded-string-value = Text-string | Value-length Char-set Text-string. CONF 1.3
    # 10.2.1: us-ascii is the charset of the short form, anything it cannot hold SHALL be utf-8
    # (MIBenum 106)
    if text.isascii():
        octets = text.encode("ascii")
        # nearly every address and subject; what begins oddly or holds NUL takes the way that quotes and checks
        if octets[:1].isalnum() and b"\0" not in octets:
            return octets + b"\0"
        # a text that begins with a control character would be read as a length, so it goes with its
        # charset
        if not text or " " <= text[0] < "\x7f":
            return wsp.text_string(text)
    return wsp.with_length(wsp.integer(_UTF_8) + wsp.text_string(text))


_UTF_8 = charset_code("utf-8") or 0
# the two tokens of From (present, insert), of times (absolute, relative) and of yes and no
_FIRST, _SECOND = 0x80, 0x81


def _used_up(after: int, data: bytes) -> None:
    # a value that leaves octets over is not of the form that its field has
    if after != len(data):
        raise MalformedContent(f"{len(data) - after} octets are left over after the value", offset=after)


def _read_text(data: bytes) -> str:
    octets, after = wsp.read_text(data, 0, len(data))
    _used_up(after, data)
    return wsp.decode_text(octets)


def _read_encoded(data: bytes) -> str:
    # an empty Text-string is a single zero, which is no length
    if data[:1] == b"\0" or not wsp.starts_length(data[0]):
        return _read_text(data)
    size, at = wsp.read_value_length(data, 0, len(data))
    # 7.3.19: the Char-set is a MIBenum as Integer-value; QUIRK: some phones leave it out and keep
    # the length
    if size and wsp.starts_integer(data[at]):
        mib, at = wsp.read_integer(data, at, len(data))
    else:
        mib = 0
    # The end is told by the length; a charset of two-octet units may hold single NULs, and ends in two.
    octets = data[at:]
    wide = mib in _WIDE
    stop = b"\0\0" if wide and len(octets) % 2 == 0 else b"\0"
    # 8.4.2.1: End-of-string; some writers of UTF-16 end with one zero octet, others with two
    octets = octets.removesuffix(stop)
    # 8.4.2.1: the Quote, which UTF-8 needs as soon as the first letter is not ASCII
    if octets[:1] == b"\x7f":
        octets = octets[1:]
    return wsp.decode_text(octets, mib)


# 8.4.2.3: Version-value = Short-integer | Text-string; three bits major (1-7), four bits minor
# (0-14), 15 for none
_NO_MINOR = 15
# what fits into a short-integer, written one way
_SHORT_VERSION = re.compile(r"[1-7](?:\.(?:[0-9]|1[0-4]))?")
# MIBenum of the charsets with two-octet units: UCS-2, UTF-16BE, UTF-16LE, UTF-16
_WIDE = frozenset({1000, 1013, 1014, 1015})


def _read_long(data: bytes) -> int:
    # 8.4.2.3: Date-value = Long-integer, seconds from 1970-01-01 00:00:00 GMT; a short form is read
    # as well
    value, after = wsp.read_integer(data, 0, len(data))
    _used_up(after, data)
    return value


def _read_from(data: bytes) -> str:
    size, at = wsp.read_value_length(data, 0, len(data))
    # 7.3.21: From-value = Value-length (Address-present-token Address | Insert-address-token)
    if size and data[at] == _SECOND:
        _used_up(at + 1, data)
        return ""
    if not size or data[at] != _FIRST:
        raise MalformedContent("the From field has neither an address nor the insert-address token", offset=at)
    # 7.3.21: Address = Encoded-string-value, the form of To, Cc and Bcc
    return _read_encoded(data[at + 1 :])


def _write_from(address: str) -> bytes:
    # 7.3.21: without an address the Insert-address-token <Octet 129> asks the MMSC for the sender's
    return wsp.with_length(b"\x80" + encoded_string(address)) if address else b"\x01\x81"


def _read_time(data: bytes) -> Time:
    size, at = wsp.read_value_length(data, 0, len(data))
    # 7.3.20: Expiry-value = Value-length (Absolute-token Date-value | Relative-token
    # Delta-seconds-value)
    if not size or data[at] not in (_FIRST, _SECOND):
        raise MalformedContent("the time is neither absolute nor relative", offset=at)
    return Time(_read_long(data[at + 1 :]), relative=data[at] == _SECOND)


def _write_time(time: Time) -> bytes:
    # 7.3.20: Absolute-token = <Octet 128>, Relative-token = <Octet 129>; the seconds go as
    # Long-integer, which is a Date-value and one form of a Delta-seconds-value
    return wsp.with_length((b"\x81" if time.relative else b"\x80") + wsp.long_integer(time.seconds))


def _read_yes_no(data: bytes) -> bool:
    # Yes = <Octet 128>, No = <Octet 129>, in every field of this kind
    if data not in (b"\x80", b"\x81"):
        raise MalformedContent(f"{data.hex()} is neither yes nor no", offset=0)
    return data == b"\x80"


def _read_version(data: bytes) -> str:
    # 8.4.2.3: a version that does not fit into the seven bits is a Text-string
    if wsp.starts_text(data[0]):
        return _read_text(data)
    major, minor = data[0] >> 4 & 7, data[0] & 0x0F
    # WSP 8.4.2.3: a minor number of 15 stands for none
    _used_up(1, data)
    return f"{major}.{minor}" if minor != _NO_MINOR else str(major)


@lru_cache(maxsize=16)
def _write_version(version: str) -> bytes:
    if _SHORT_VERSION.fullmatch(version) is None:
        return wsp.text_string(version)
    major, _, minor = version.partition(".")
    # 8.4.2.3: the minor number 15 stands for a version without one
    return wsp.short_integer(int(major) << 4 | (int(minor) if minor else _NO_MINOR))


def _tokens(names: Mapping[int, str], *, or_text: bool = False) -> FieldCodec:
    """Octets of an enumeration; where the grammar says so, a token of another name may stand as text."""
    codes = {name: bytes((code,)) for code, name in names.items()}

    def read(data: bytes) -> str:
        # 7.3.27: Message-class-value = Class-identifier | Token-text; no other enumeration allows
        # text
        if or_text and wsp.starts_text(data[0]):
            return _read_text(data)
        # reserved octets are not guessed at: the field is kept as octets and written back as it was
        if len(data) != 1 or data[0] not in names:
            raise MalformedContent(f"{data.hex()} is no value of this field", offset=0)
        return names[data[0]]

    def write(name: str) -> bytes:
        if name not in codes and not or_text:
            raise ValueError(f"{name!r} is none of {', '.join(codes)}")
        return codes[name] if name in codes else wsp.text_string(name)

    return FieldCodec(read, write)


def _counted(inner: FieldCodec) -> FieldCodec:
    def read(data: bytes) -> Counted:
        _, at = wsp.read_value_length(data, 0, len(data))
        # 7.3.23: Previously-sent-by-value = Value-length Forwarded-count-value Address; 7.3.24 has
        # a Date-value there; 7.3.10: Content-location-Del-value = Value-length Status-count-value
        # Content-location-value
        count, at = wsp.read_integer(data, at, len(data))
        return Counted(count, inner.read(data[at:]))

    def write(counted: Counted) -> bytes:
        return wsp.with_length(wsp.integer(counted.count) + inner.write(counted.value))

    return FieldCodec(read, write)


def _with_token(tokens: tuple[str, ...], inner: FieldCodec, make: Callable[[str, Any], Flag | Total]) -> FieldCodec:
    """Value-length, a token numbered from 0x80, and a value."""

    def read(data: bytes) -> Flag | Total:
        size, at = wsp.read_value_length(data, 0, len(data))
        # 7.3.32: MM-flags-value = Value-length (Add-token | Remove-token | Filter-token)
        # Encoded-string-value
        if not size or not 0 <= data[at] - _FIRST < len(tokens):
            raise MalformedContent(f"the value does not begin with one of {', '.join(tokens)}", offset=at)
        return make(tokens[data[at] - 0x80], inner.read(data[at + 1 :]))

    def write(value: Flag | Total) -> bytes:
        word, rest = (value.operation, value.keyword) if isinstance(value, Flag) else (value.unit, value.amount)
        return wsp.with_length(bytes((0x80 + tokens.index(word),)) + inner.write(rest))

    return FieldCodec(read, write)


def _read_element(data: bytes) -> Element:
    _, at = wsp.read_value_length(data, 0, len(data))
    # 7.3.18: Element-Descriptor-value = Value-length Content-Reference-value *(Parameter);
    # Content-Reference-value = Text-string. Its parameters have numbers of their own (table 27), so
    # they stay octets
    reference, at = wsp.read_text(data, at, len(data))
    return Element(wsp.decode_text(reference), data[at:])


def _write_element(element: Element) -> bytes:
    return wsp.with_length(wsp.text_string(element.reference) + element.parameters)


def _read_field_name(data: bytes) -> str:
    if wsp.starts_text(data[0]):
        return _read_text(data)
    # 8.4.2.6: Field-name = Token-text | Well-known-field-name; Well-known-field-name =
    # Short-integer, here of MMS-ENC 7.4
    row = FIELDS.get(data[0] & 0x7F)
    if row is None:
        raise MalformedContent(f"0x{data[0]:02X} is the number of no field", offset=0)
    _used_up(1, data)
    return row.name


def _write_field_name(name: str) -> bytes:
    row = FIELD_BY_NAME.get(name.lower())
    return wsp.short_integer(row.code) if row else wsp.text_string(name)


# one row a kind; the names are those of pack/assigned.py
_TEXT = FieldCodec(_read_text, wsp.text_string)
_ENCODED = FieldCodec(_read_encoded, encoded_string)
_DATE = FieldCodec(_read_long, wsp.long_integer)
_INTEGER = FieldCodec(_read_long, wsp.integer)
_FLAG_OPERATIONS = ("add", "remove", "filter")
_UNITS = ("messages", "bytes")

FIELD_CODECS: Mapping[str, FieldCodec] = MappingProxyType(
    {
        "text": _TEXT,
        "encoded": _ENCODED,
        "date": _DATE,
        "long": _DATE,
        "integer": _INTEGER,
        "from": FieldCodec(_read_from, _write_from),
        "time": FieldCodec(_read_time, _write_time),
        "yes-no": FieldCodec(_read_yes_no, lambda yes: b"\x80" if yes else b"\x81"),
        "version": FieldCodec(_read_version, _write_version),
        "field-name": FieldCodec(_read_field_name, _write_field_name),
        "flags": _with_token(_FLAG_OPERATIONS, _ENCODED, Flag),
        "total": _with_token(_UNITS, _INTEGER, Total),
        "element": FieldCodec(_read_element, _write_element),
        "octets": FieldCodec(Octets, lambda octets: bytes(octets.data)),
        "counted-encoded": _counted(_ENCODED),
        "counted-text": _counted(_TEXT),
        "counted-date": _counted(_DATE),
        "counted-response-status": _counted(_tokens(TOKENS["response-status"])),
        "message-type": _tokens(MESSAGE_TYPES),
        **{name: _tokens(names, or_text=name == "message-class") for name, names in TOKENS.items()},
    }
)
assert all(code == MESSAGE_TYPE_CODES[name] for code, name in MESSAGE_TYPES.items())
