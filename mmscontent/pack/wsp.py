"""WSP primitives of the binary MMS form (WAP-230-WSP section 8.4.2): bytes to values and back.

Knows nothing of messages. Readers take (data, at, end) and return (value, next_at); whatever does not fit into what is
left before *end* raises MalformedContent with the offset.

    uintvar       = 7 bits an octet, most significant first, 0x80 set on all but the last          (8.1.2)
    short-integer = 0x80 | value                             long-integer = length(1..30) octets   (8.4.2.1)
    value-length  = octet 0..30 | 0x1F uintvar                                                     (8.4.2.2)
    text-string   = [0x7F] octets 0x00, the quote when the first octet is 0x80 or more             (8.4.2.1)
    quoted-string = 0x22 octets 0x00, without a closing quotation mark                             (8.4.2.1)
"""

from __future__ import annotations

from mmscontent.errors import MalformedContent
from mmscontent.pack.assigned import CHARSETS

__all__ = [
    "SHORT_BIT",
    "decode_text",
    "integer",
    "long_integer",
    "read_integer",
    "read_long_integer",
    "read_text",
    "read_uintvar",
    "read_value_length",
    "short_integer",
    "starts_integer",
    "starts_length",
    "starts_text",
    "text_string",
    "uintvar",
    "uintvar_size",
    "value_end",
    "value_length",
    "with_length",
]

_QUOTE = 0x7F
_QUOTATION_MARK = 0x22
_LENGTH_QUOTE = 0x1F
_SHORT_LENGTH_MAX = 30
_UINTVAR_MAX_OCTETS = 5  # 32 bits; a longer one is an attack or damage
_FIRST_PRINTABLE = 0x20
SHORT_BIT = 0x80


def starts_text(first: int) -> bool:
    """Whether a value that begins with this octet is a text-string or quoted-string."""
    return _FIRST_PRINTABLE <= first < SHORT_BIT


def starts_integer(first: int) -> bool:
    """Whether a value that begins with this octet can be an integer-value."""
    return first >= SHORT_BIT or 1 <= first <= _SHORT_LENGTH_MAX


def starts_length(first: int) -> bool:
    """Whether this octet can begin a value-length."""
    return first <= _LENGTH_QUOTE


def _cut(what: str, at: int) -> MalformedContent:
    return MalformedContent(f"{what} at octet {at:,} runs past the end of what holds it", offset=at)


# --- reading -------------------------------------------------------------------------------------------------------


def read_uintvar(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned integer of variable length, at most 32 bits."""
    value = 0
    for here in range(at, min(end, at + _UINTVAR_MAX_OCTETS)):
        octet = data[here]
        value = value << 7 | octet & 0x7F
        if octet < SHORT_BIT:
            return value, here + 1
    if end - at >= _UINTVAR_MAX_OCTETS:
        raise MalformedContent(f"the uintvar at octet {at:,} is longer than 5 octets", offset=at)
    raise _cut("the uintvar", at)


def read_long_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A long-integer: a length of 1 to 30, then that many octets."""
    if at >= end:
        raise _cut("the long-integer", at)
    size = data[at]
    if not 1 <= size <= _SHORT_LENGTH_MAX:
        raise MalformedContent(f"the long-integer at octet {at:,} has length {size}, 1 to 30 are legal", offset=at)
    if at + 1 + size > end:
        raise _cut("the long-integer", at)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An integer-value: short or long."""
    if at < end and data[at] >= SHORT_BIT:
        return data[at] & 0x7F, at + 1
    return read_long_integer(data, at, end)


def read_value_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A value-length; what it announces is within *end*."""
    if at >= end:
        raise _cut("the value-length", at)
    size, after = data[at], at + 1
    if size == _LENGTH_QUOTE:
        size, after = read_uintvar(data, after, end)
    elif size > _LENGTH_QUOTE:
        raise MalformedContent(f"octet {at:,} is 0x{size:02X}, a value-length was expected", offset=at)
    if after + size > end:
        raise MalformedContent(
            f"the value-length at octet {at:,} announces {size:,} octets, {end - after:,} are left", offset=at
        )
    return size, after


def read_text(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """A text-string or quoted-string, without its quotes; octets, since the charset is said elsewhere."""
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise _cut("the text-string", at)
    if at < stop and data[at] in (_QUOTE, _QUOTATION_MARK):
        at += 1
    return data[at:stop], stop + 1


def value_end(data: bytes, at: int, end: int) -> int:
    """Where any field value ends, told by its first octet alone (8.4.1.2), known or not."""
    if at >= end:
        raise _cut("the field value", at)
    first = data[at]
    if first >= SHORT_BIT:
        return at + 1
    if first >= _FIRST_PRINTABLE:
        return read_text(data, at, end)[1]
    size, after = read_value_length(data, at, end)
    return after + size


def decode_text(octets: bytes, mib: int | None = None) -> str:
    """Text of a string in the charset of that MIBenum; without one, or when it does not fit, UTF-8, else Latin-1."""
    name = CHARSETS.get(mib or 0, "utf-8")
    if name in ("iso-10646-ucs-2", "utf-16"):
        name = "utf-16" if octets[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-be"
    for charset in (name, "utf-8"):
        try:
            return octets.decode(charset).removeprefix("\ufeff")
        except (UnicodeError, LookupError):
            continue
    return octets.decode("iso-8859-1")


# --- writing -------------------------------------------------------------------------------------------------------


def uintvar(value: int) -> bytes:
    """An unsigned integer of variable length."""
    if value < SHORT_BIT:
        return bytes((value,))
    if value < 1 << 14:
        return bytes((value >> 7 | SHORT_BIT, value & 0x7F))
    octets = [value & 0x7F]
    value >>= 7
    while value:
        octets.append(value & 0x7F | SHORT_BIT)
        value >>= 7
    return bytes(reversed(octets))


def uintvar_size(value: int) -> int:
    """How many octets `uintvar` writes."""
    return max(1, (value.bit_length() + 6) // 7)


def short_integer(value: int) -> bytes:
    """0 to 127 in one octet."""
    if not 0 <= value < SHORT_BIT:
        raise ValueError(f"a short-integer is 0 to 127, got {value}")
    return bytes((value | SHORT_BIT,))


def long_integer(value: int) -> bytes:
    """Zero or more in a length octet and as few octets as hold it."""
    size = max(1, (value.bit_length() + 7) // 8)
    if value < 0 or size > _SHORT_LENGTH_MAX:
        raise ValueError(f"a long-integer has at most 30 octets and no sign, got {value}")
    return bytes((size,)) + value.to_bytes(size, "big")


def integer(value: int) -> bytes:
    """An integer-value in its shorter form."""
    return short_integer(value) if 0 <= value < SHORT_BIT else long_integer(value)


def value_length(size: int) -> bytes:
    """A value-length in its shorter form."""
    return bytes((size,)) if size <= _SHORT_LENGTH_MAX else b"\x1f" + uintvar(size)


def with_length(octets: bytes) -> bytes:
    """The octets with their value-length before them."""
    return value_length(len(octets)) + octets


def text_string(text: str) -> bytes:
    """A text-string: ASCII as it is, anything else as UTF-8, quoted where its first octet asks for it."""
    octets = text.encode("utf-8")
    if octets[:1].isalnum() and b"\0" not in octets:  # nearly every one
        return octets + b"\0"
    if b"\0" in octets:
        raise ValueError(f"a text-string cannot hold NUL: {text!r}")
    # 8.4.2.1 asks for the quote from 0x80 on. The quote itself and a quotation mark would be taken for one, and a
    # control character for a value-length, so they get it too.
    plain = not octets or (starts_text(octets[0]) and octets[0] not in (_QUOTE, _QUOTATION_MARK))
    return (b"" if plain else b"\x7f") + octets + b"\0"
