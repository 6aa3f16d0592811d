"""Reads and writes the WSP primitives of the binary MMS form (WAP-230-WSP section 8.4.2).

This module knows nothing of messages. Readers take (data, at, end) and return (value, next_at); a value that does not
end before *end* raises MalformedContent with the offset. The grammar stands beside the function that reads it.
"""

from __future__ import annotations

from mmscontent.errors import MalformedContent
from mmscontent.pack.assigned import CHARSETS

# 8.4.2.1: Quote = <Octet 127>, before a text whose first octet is 128 or more; not part of the text
_QUOTE = 0x7F
# 8.4.2.1: Quoted-string = <Octet 34> *TEXT End-of-string
_QUOTATION_MARK = 0x22
# 8.4.2.2: Short-length = <Any octet 0-30>; Length-quote = <Octet 31>, before a Uintvar-integer
_LENGTH_QUOTE = 0x1F
_SHORT_LENGTH_MAX = 30
# 8.1.2: a uintvar holds 32 bits at most, which are five octets; a longer one is damage or an attack
_UINTVAR_MAX_OCTETS = 5
# TEXT has no control characters (RFC 2616 section 2.2), so an octet below 32 begins a length
_FIRST_PRINTABLE = 0x20
# 8.4.2.1: a Short-integer has its most significant bit set
SHORT_BIT = 0x80


def starts_text(first: int) -> bool:
    """Whether a value that begins with this octet is a text-string or quoted-string."""
    # 8.4.1.2: 32-127 is the first octet of a text, zero-terminated
    return _FIRST_PRINTABLE <= first < SHORT_BIT


def starts_integer(first: int) -> bool:
    """Whether a value that begins with this octet can be an integer-value."""
    # 8.4.2.3: Integer-Value = Short-integer | Long-integer; a Long-integer begins with its length,
    # 1 to 30
    return first >= SHORT_BIT or 1 <= first <= _SHORT_LENGTH_MAX


def starts_length(first: int) -> bool:
    """Whether this octet can begin a value-length."""
    # 8.4.1.2: 0-30 is the length itself, 31 announces a uintvar with the length
    return first <= _LENGTH_QUOTE


def _truncated(what: str, at: int) -> MalformedContent:
    return MalformedContent(f"{what} at octet {at:,} runs past the end of what holds it", offset=at)


# --- reading -------------------------------------------------------------------------------------------------------


def read_uintvar(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned integer of variable length, at most 32 bits."""
    value = 0
    # bounded, since every octet with its high bit set asks for another one
    for here in range(at, min(end, at + _UINTVAR_MAX_OCTETS)):
        octet = data[here]
        # 8.1.2: seven bits an octet, the most significant first; 0x80 is set on all but the last
        value = value << 7 | octet & 0x7F
        if octet < SHORT_BIT:
            return value, here + 1
    if end - at >= _UINTVAR_MAX_OCTETS:
        raise MalformedContent(f"the uintvar at octet {at:,} is longer than 5 octets", offset=at)
    raise _truncated("the uintvar", at)


def read_long_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A long-integer: a length of 1 to 30, then that many octets."""
    if at >= end:
        raise _truncated("the long-integer", at)
    size = data[at]
    # 8.4.2.1: Long-integer = Short-length Multi-octet-integer; Multi-octet-integer = 1*30 OCTET,
    # big-endian
    if not 1 <= size <= _SHORT_LENGTH_MAX:
        raise MalformedContent(f"the long-integer at octet {at:,} has length {size}, 1 to 30 are legal", offset=at)
    if at + 1 + size > end:
        raise _truncated("the long-integer", at)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An integer-value: short or long."""
    # 8.4.2.3: Integer-Value = Short-integer | Long-integer, told apart by the most significant bit
    if at < end and data[at] >= SHORT_BIT:
        return data[at] & 0x7F, at + 1
    return read_long_integer(data, at, end)


def read_value_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A value-length; what it announces is within *end*."""
    if at >= end:
        raise _truncated("the value-length", at)
    # 8.4.2.2: Value-length = Short-length | (Length-quote Length)
    size, after = data[at], at + 1
    if size == _LENGTH_QUOTE:
        size, after = read_uintvar(data, after, end)
    elif size > _LENGTH_QUOTE:
        raise MalformedContent(f"octet {at:,} is 0x{size:02X}, a value-length was expected", offset=at)
    # a length that leads past its container would make the next field begin inside of another
    if after + size > end:
        raise MalformedContent(
            f"the value-length at octet {at:,} announces {size:,} octets, {end - after:,} are left", offset=at
        )
    return size, after


def read_text(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """A text-string or quoted-string, without its quotes; octets, since the charset is said elsewhere."""
    # 8.4.2.1: Text-string = [Quote] *TEXT End-of-string; End-of-string = <Octet 0>
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise _truncated("the text-string", at)
    # QUIRK: ids and start come with either mark, whatever the field asks for, so both are dropped
    if at < stop and data[at] in (_QUOTE, _QUOTATION_MARK):
        at += 1
    return data[at:stop], stop + 1


def value_end(data: bytes, at: int, end: int) -> int:
    """Where any field value ends, told by its first octet alone (8.4.1.2), known or not."""
    if at >= end:
        raise _truncated("the field value", at)
    # 8.4.1.2: the first octet tells how a value ends even where its field is not known, so that it
    # can be skipped
    first = data[at]
    if first >= SHORT_BIT:
        return at + 1
    if first >= _FIRST_PRINTABLE:
        return read_text(data, at, end)[1]
    size, after = read_value_length(data, at, end)
    return after + size


def decode_text(octets: bytes, mib: int | None = None) -> str:
    """Text of a string in the charset of that MIBenum; without one, or when it does not fit, UTF-8, else Latin-1."""
    # CONF 1.3 10.2.1: without a charset a text is us-ascii, of which UTF-8 is a superset; phones
    # send UTF-8 unlabelled
    name = CHARSETS.get(mib or 0, "utf-8")
    # RFC 2781 section 4.3: UTF-16 without a byte order mark is big-endian; UCS-2 of phones is read
    # in the same way
    if name in ("iso-10646-ucs-2", "utf-16"):
        name = "utf-16" if octets[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-be"
    # a label is believed first; phones that label wrongly write UTF-8
    for charset in (name, "utf-8"):
        try:
            return octets.decode(charset).removeprefix("\ufeff")
        except (UnicodeError, LookupError):
            continue
    # every octet is a letter of Latin-1, so that reading a text never fails
    return octets.decode("iso-8859-1")


# --- writing -------------------------------------------------------------------------------------------------------


def uintvar(value: int) -> bytes:
    """An unsigned integer of variable length."""
    if value < SHORT_BIT:
        return bytes((value,))
    # the two lengths that nearly every part has, without a loop
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
    # 8.1.2: seven bits an octet, and zero takes one octet
    return max(1, (value.bit_length() + 6) // 7)


def short_integer(value: int) -> bytes:
    """0 to 127 in one octet."""
    # 8.4.2.1: "Integers in range 0-127 shall be encoded as a one octet value with the most
    # significant bit set to one"
    if not 0 <= value < SHORT_BIT:
        raise ValueError(f"a short-integer is 0 to 127, got {value}")
    return bytes((value | SHORT_BIT,))


def long_integer(value: int) -> bytes:
    """Zero or more in a length octet and as few octets as hold it."""
    # 8.4.2.1: Multi-octet-integer = 1*30 OCTET; zero takes one octet
    size = max(1, (value.bit_length() + 7) // 8)
    if value < 0 or size > _SHORT_LENGTH_MAX:
        raise ValueError(f"a long-integer has at most 30 octets and no sign, got {value}")
    # 8.4.2.1: "the minimum number of octets must be used to encode the value"
    return bytes((size,)) + value.to_bytes(size, "big")


def integer(value: int) -> bytes:
    """An integer-value in its shorter form."""
    # 8.4.2.3: Integer-Value = Short-integer | Long-integer
    return short_integer(value) if 0 <= value < SHORT_BIT else long_integer(value)


def value_length(size: int) -> bytes:
    """A value-length in its shorter form."""
    # 8.4.2.2: up to 30 the octet is the length, beyond it a Length-quote and a uintvar
    return bytes((size,)) if size <= _SHORT_LENGTH_MAX else b"\x1f" + uintvar(size)


def with_length(octets: bytes) -> bytes:
    """The octets with their value-length before them."""
    return value_length(len(octets)) + octets


def text_string(text: str) -> bytes:
    """A text-string: ASCII as it is, anything else as UTF-8, quoted where its first octet asks for it."""
    octets = text.encode("utf-8")
    # nearly every one
    if octets[:1].isalnum() and b"\0" not in octets:
        return octets + b"\0"
    if b"\0" in octets:
        raise ValueError(f"a text-string cannot hold NUL: {text!r}")
    # 8.4.2.1: "If the first character in the TEXT is in the range of 128-255, a Quote character
    # must precede it."
    # 8.4.2.1 asks for the quote from 0x80 on. The quote itself and a quotation mark would be taken for one, and a
    # control character for a value-length, so they get it too.
    plain = not octets or (starts_text(octets[0]) and octets[0] not in (_QUOTE, _QUOTATION_MARK))
    return (b"" if plain else b"\x7f") + octets + b"\0"
