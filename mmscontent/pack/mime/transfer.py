"""Content transfer encodings (RFC 2045 section 6): chosen, written, sized without writing, and read back tolerantly."""

from __future__ import annotations

import binascii
import re

from mmscontent.message import Part
from mmscontent.pack.common import printable

# RFC 2045 section 6.8
_LINE = 76
# what 76 characters of base64 hold
_LINE_BYTES = 57
# characters for three octets or fewer
_GROUP = 4
# types whose bytes are mostly lines of text, so that they may go as they are
_TEXT_TYPES = ("text/", "application/smil", "application/xml")
# RFC 2045 section 2.7: 7bit data has no octet over 127 and no NUL, CR and LF only as a pair, and
# lines of at most 998 octets (RFC 5322 section 2.1.1). Blanks at a line's end get lost on their way
# (RFC 2045 section 6.7)
_NOT_7BIT = re.compile(rb"[^\t\r\n\x20-\x7e]|\r(?!\n)|(?<!\r)\n|[ \t]\r?$|[ \t]\r\n|[^\r\n]{999}")


def choose(part: Part, *, binary: bool) -> tuple[str, bytes | None]:
    """The encoding of a part's body, and the encoded body when finding out made it.

    Args:
        part: Text is looked at, everything else goes as base64.
        binary: The transport is 8-bit clean; bodies go as they are.
    """
    if binary:
        return "binary", part.data
    # pictures and sound are base64 in all but a few bytes; asking would mean to read them
    if not part.media_type.startswith(_TEXT_TYPES):
        return "base64", None
    if not _NOT_7BIT.search(part.data):
        return "7bit", part.data
    quoted = _quoted_printable(part.data)
    # whichever is shorter on the wire, the longer name of the encoding included
    if len(quoted) + len("quoted-printable") < base64_size(len(part.data)) + len("base64"):
        return "quoted-printable", quoted
    return "base64", None


def encode(part: Part, *, binary: bool) -> tuple[str, bytes]:
    """The encoding chosen for a part, and its body in it."""
    name, body = choose(part, binary=binary)
    return name, _base64(part.data) if body is None else body


def _base64(data: bytes) -> bytes:
    # RFC 2045 section 6.8: four characters for three octets, padded with `=`, in lines of 76
    text = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join([text[i : i + _LINE] for i in range(0, len(text), _LINE)])


def base64_size(size: int) -> int:
    """Length of *size* octets in base64 with CRLF between its lines."""
    # every group of three octets or less is four characters; two for each line end but the last
    characters = (size + 2) // 3 * 4
    return characters + max(0, (characters - 1) // _LINE) * 2


def base64_budget(wire_bytes: int, parts: int) -> int:
    """How many octets *parts* bodies may have together so that in base64 they never pass *wire_bytes*.

    The dearest way to split n octets is one octet, a group of four characters, in every part but the largest; or in
    every part but the largest and an empty one, where that octet costs the largest a line more.
    """
    if parts == 0 or wire_bytes < _GROUP:
        return 0
    # not even one octet for every part
    if wire_bytes < _GROUP * parts:
        return wire_bytes // _GROUP
    singles = (parts - 1, max(0, parts - 2))
    return min(_one_body(wire_bytes - _GROUP * count) + count for count in singles)


def _one_body(wire_bytes: int) -> int:
    """How many octets one body of base64 may have."""
    # whole lines hold 57 octets each in 78 bytes, what is left three for every four characters
    lines, rest = divmod(wire_bytes, _LINE + 2)
    return lines * _LINE_BYTES + rest // _GROUP * 3


def _quoted_printable(data: bytes) -> bytes:
    # RFC 2045 section 6.7 rule 4: a line end of text stays one; here every octet must come back, so
    # all are escaped
    text = binascii.b2a_qp(data, istext=False)
    # with istext false every line end of the data is escaped, so each one here is a soft break
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def decode(body: bytes, encoding: str) -> tuple[bytes, str]:
    """A body out of its transfer encoding, and a note when it had to be repaired."""
    name = encoding.strip().lower()
    # RFC 2045 section 6.2: these three say only what the octets may be; section 6.1: 7bit when the
    # field is missing
    if name in ("", "7bit", "8bit", "binary"):
        return body, ""
    if name == "quoted-printable":
        # RFC 2045 section 6.7: reading is lenient by itself; what is no escape stays as it is
        return binascii.a2b_qp(body), ""
    if name == "base64":
        return _from_base64(body)
    # RFC 2045 section 6.4: an unknown encoding makes the body application/octet-stream; it is kept
    # and named
    return body, f"the transfer encoding {printable(encoding)!r} is not known, the body is kept as it is"


def _from_base64(body: bytes) -> tuple[bytes, str]:
    try:
        return binascii.a2b_base64(body), ""
    except binascii.Error:
        pass
    # RFC 2045 section 6.8: "all line breaks or other characters not found in [the table] must be
    # ignored"
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    # one character alone holds six bits, which is no octet
    kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4)), "its base64 is cut off or broken and was mended"
