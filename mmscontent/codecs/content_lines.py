"""Reads and writes content lines, the lines that vCards and calendars of all versions consist of.

vobject parses the head of a line and folds lines on writing. It is not given whole files: it refuses lines that are
no property (Android skips them), loses base64 whose second line is not indented, and takes one charset per file where
vCard 2.1 states one per line. Sources: vCard 2.1 (versit 1996) 2.1; RFC 2425 5.8; RFC 6350 3.2; RFC 5545 3.1.
"""

from __future__ import annotations

import binascii
import io
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from vobject import base as vobject

from mmscontent.errors import MalformedContent

_ENCODINGS = {"QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"}
_MAX_LINES = 100_000
# RFC 6350 3.2, RFC 5545 3.1: the longest line, without its line break.
_FOLD_OCTETS = 75
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]+\s*$")
# QUIRK: exports that went through two editors end in CR CR LF.
_LINE_BREAK = re.compile(rb"\r*\n|\r")


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One property of a file; its name is in upper case.

    Attributes:
        params: Names in upper case with their values; a value without a name, as in vCard 2.1, is under TYPE.
        value: The text with its escapes; "" for binary.
        data: The bytes of base64; None for text.
        number: Number of its first line in the file.
        oddity: What is wrong with it, or "".
    """

    name: str
    value: str = ""
    group: str = ""
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    data: bytes | None = field(default=None, repr=False)
    number: int = 0
    oddity: str = ""

    def param(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter."""
        return tuple(v for key, values in self.params if key == name for v in values)

    @property
    def types(self) -> tuple[str, ...]:
        """The values of TYPE in upper case, each once."""
        return tuple(dict.fromkeys(v.upper() for v in self.param("TYPE")))

    def without(self, *names: str) -> ContentLine:
        """Return the line without some parameters."""
        return replace(self, params=tuple(p for p in self.params if p[0] not in names))


# --- reading ---------------------------------------------------------------------------------------------------


def read_lines(data: bytes, charset: str | None = None) -> tuple[tuple[ContentLine, ...], tuple[str, ...]]:
    """Read all properties of a file, and what was left out or repaired, as sentences.

    A line's own CHARSET is tried first, then *charset*, then UTF-8, then Windows-1252.

    Raises:
        MalformedContent: There are more lines than any contact or calendar has.
    """
    found: list[ContentLine] = []
    notes: list[str] = []
    for number, raw in _logical_lines(_physical_lines(data)):
        head, colon, value = _split(raw)
        line = _parsed_head(head, number) if colon else None
        if line is None:
            notes.append(f"line {number} is not a property and was left out")
            continue
        found.append(_decoded(line, value, charset))
        if found[-1].oddity:
            notes.append(f"line {number}, {line.name}: {found[-1].oddity}")
    return tuple(found), tuple(notes)


def _physical_lines(data: bytes) -> list[bytes]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("utf-8")
    lines = _LINE_BREAK.split(data.removeprefix(b"\xef\xbb\xbf"))
    if len(lines) > _MAX_LINES:
        raise MalformedContent(
            f"the contact or calendar has {len(lines):,} lines, {_MAX_LINES:,} are read; send fewer entries"
        )
    return lines


def _logical_lines(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Unfold the lines; each is returned with the number of its first."""
    at = 0
    while at < len(lines):
        start, pieces = at, [lines[at]]
        head = _split(lines[at])[0].upper()
        at += 1
        quoted, coded = b"QUOTED-PRINTABLE" in head, bool(re.search(rb"BASE64|ENCODING=B(;|$)", head))
        while at < len(lines):
            following = lines[at]
            if quoted and pieces[-1].endswith(b"="):
                # RFC 2045 6.7 (5): a soft line break; vCard 2.1 folds quoted-printable only so.
                pieces[-1] = pieces[-1][:-1]
                pieces.append(following)
            elif following[:1] in (b" ", b"\t") and following.strip():
                # RFC 6350 3.2, RFC 5545 3.1: a line break and one white space are removed.
                pieces.append(following.strip() if coded else following[1:])
            elif coded and _BASE64_LINE.match(following) and _split(following)[1] == b"":
                pieces.append(following.strip())  # QUIRK: some exporters do not indent base64
            else:
                break
            at += 1
        whole = b"".join(pieces)
        if whole.strip():
            yield start + 1, whole


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Split into head, colon and value; a colon inside quotes belongs to the head (RFC 6350 3.3)."""
    quoted = False
    for at, octet in enumerate(raw):
        if octet == 0x22:  # noqa: PLR2004 - a quotation mark
            quoted = not quoted
        elif octet == 0x3A and not quoted:  # noqa: PLR2004 - a colon
            return raw[:at], b":", raw[at + 1 :]
    head, colon, value = raw.partition(b":")  # a quotation that never ends
    return head, colon, value


def _parsed_head(head: bytes, number: int) -> ContentLine | None:
    text = head.decode("utf-8", "replace").strip()
    try:
        name, params, _, group = vobject.parseLine(text + ":", number)
    except vobject.ParseError:
        return None
    return ContentLine(name.upper(), group=group or "", params=tuple(_param(p) for p in params), number=number)


def _param(found: list[str]) -> tuple[str, tuple[str, ...]]:
    name = found[0].upper()
    if len(found) > 1:
        return name, tuple(found[1:])
    return ("ENCODING", (name,)) if name in _ENCODINGS else ("TYPE", (found[0],))


def _decoded(line: ContentLine, value: bytes, charset: str | None) -> ContentLine:
    encodings = {e.upper() for e in line.param("ENCODING")}
    stated = next(iter(line.param("CHARSET")), charset)
    line = line.without("ENCODING", "CHARSET")
    if encodings & {"BASE64", "B"}:
        try:
            return replace(line, data=binascii.a2b_base64(re.sub(rb"\s", b"", value), strict_mode=False))
        except binascii.Error:
            return replace(line, data=b"", oddity="its base64 is broken and was left out")
    if "QUOTED-PRINTABLE" in encodings:
        value = quopri.decodestring(value)
    text, oddity = _text(value, stated)
    return replace(line, value=text, oddity=oddity)


def _text(value: bytes, stated: str | None) -> tuple[str, str]:
    for charset in (stated, "utf-8", "cp1252"):
        try:
            return value.decode(charset or "utf-8"), "" if charset in (stated, "utf-8") else "read as Windows-1252"
        except (UnicodeDecodeError, LookupError):
            continue
    return value.decode("latin-1"), "read as Latin-1"


# --- values and writing ----------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def unescaped(value: str) -> str:
    """Remove the backslashes of RFC 6350 3.4; backslash n is a line break."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)


def escaped(text: str) -> str:
    """Escape text as vCard 3.0, vCard 4.0 and iCalendar do."""
    result: str = vobject.backslashEscape(text)
    return result


def split_fields(value: str, separator: str = ";") -> tuple[str, ...]:
    """Split at separators without a backslash before them; escapes inside the fields stay."""
    fields = [""]
    at = 0
    while at < len(value):
        step = 2 if value[at] == "\\" else 1
        if value[at] == separator:
            fields.append("")
        else:
            fields[-1] += value[at : at + step]
        at += step
    return tuple(fields)


def folded(lines: Iterable[str]) -> bytes:
    """Encode lines as UTF-8, folded after 75 octets and never inside a character."""
    target = io.StringIO(newline="")
    for line in lines:
        vobject.foldOneLine(target, line, _FOLD_OCTETS)
    return target.getvalue().encode("utf-8")


def quoted_printable(text: str, before: int) -> str:
    """Encode text as UTF-8 in quoted-printable with soft breaks; the first line already has *before* octets."""
    lines, available = [""], max(_FOLD_OCTETS - before, 8)
    for octet in text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8"):
        plain = 0x21 <= octet <= 0x7E and octet != 0x3D  # noqa: PLR2004 - printable, but for the equals sign
        piece = chr(octet) if plain or octet == 0x20 else f"={octet:02X}"  # noqa: PLR2004 - a space
        if len(lines[-1]) + len(piece) > available:
            lines.append("")
            available = _FOLD_OCTETS
        lines[-1] += piece
    # RFC 2045 6.7 (3): white space at the end of a line may be removed in transport.
    lines = [line[:-1] + "=20" if line.endswith(" ") else line for line in lines]
    return "=\r\n".join(lines)
