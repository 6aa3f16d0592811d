"""Reads the bytes of any sender's SMIL into text and a tree, with a note for every correction.

Handsets and relays send Windows-1252 without saying so, UTF-16, document types, HTML entities, bare ampersands and half
documents. All of that is mended here, on the text and before the XML parser sees it; entities are never expanded
from a declaration and nothing is ever fetched. Line numbers stay those of the sender.
"""

from __future__ import annotations

import codecs
import html.entities
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent import xml_parser
from mmscontent.errors import MalformedContent, OverLimits

if TYPE_CHECKING:
    from lxml import etree

_MOST_NOTES = 200  # a document made to be slow has a fault a byte
MAX_SMIL_BYTES = 200_000  # the longest in the wild has 1.5 kB; 200 slides of long names need 60

# XML 1.0 appendix F.1: how the first octets tell the encoding, with and without a byte order mark
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# XML 1.0 section 2.8: XMLDecl; QUIRK: anywhere in the document, where a relay joined two
_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}\?>", re.IGNORECASE)
_DECLARED = re.compile(rb"""<\?xml\b[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""", re.IGNORECASE)
# XML 1.0 section 4.1: EntityRef and CharRef, and the ampersand that begins neither
_ENTITY = re.compile(r"&(?:(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9.]{0,31});)?")
# XML 1.0 section 4.6: the five entities that need no declaration
_OF_XML_ITSELF = ("amp", "lt", "gt", "quot", "apos")
_ELEMENT = re.compile(r"<[^\W\d]")
# XML 1.0 section 2.2: what is no Char; such octets come from messages damaged on their way
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class InputNote:
    """One correction: the lint rule it breaks, the line, and what was done."""

    rule: str
    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ParsedInput:
    """A document that could be read.

    Attributes:
        text: As the sender wrote it, decoded.
        root: The tree; its tags may carry namespaces and any case.
    """

    text: str
    root: etree._Element
    notes: tuple[InputNote, ...]


def parse_input(data: bytes, part: str = "") -> ParsedInput:
    """Decode, mend and parse a document.

    Args:
        data: The body of an application/smil part.
        part: What to call it in an error.

    Raises:
        MalformedContent: There is no element in it at all.
        OverLimits: It is larger, deeper or has more elements than any presentation.
    """
    if len(data) > MAX_SMIL_BYTES:
        raise OverLimits(
            f"{part or 'the SMIL'} has {len(data):,} bytes, at most {MAX_SMIL_BYTES:,} are read", part=part
        )
    notes: list[InputNote] = []
    text = _decode(data, notes)
    mended = text
    for step in (_drop_control, _drop_before, _drop_declaration, _drop_doctype, _mend_entities):
        mended = step(mended, notes)
    return ParsedInput(text, _parse(mended, part, notes), tuple(notes))


def _decode(data: bytes, notes: list[InputNote]) -> str:
    mark, name = next(((m, n) for m, n in _MARKS if data.startswith(m)), (b"", ""))
    if mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        notes.append(InputNote("byte-order-mark", 1, "the document begins with a byte order mark"))
        data = data[len(mark) :]
    # receivers read us-ascii and UTF-8; UTF-16 is legal XML, and is written anew as UTF-8
    if name.startswith("utf-16"):
        notes.append(InputNote("not-utf8", 1, "the document is UTF-16; MMS SMIL is UTF-8 or us-ascii"))
        return data.decode(name, "replace")
    declared = _DECLARED.search(data[:300])
    stated = declared[1].decode("ascii").lower() if declared else ""
    if stated and stated not in ("utf-8", "utf8", "us-ascii", "ascii"):
        notes.append(InputNote("not-utf8", 1, f"the document says it is {stated}; MMS SMIL is UTF-8 or us-ascii"))
        return _decode_as(data, stated)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        notes.append(
            InputNote("not-utf8", line, f"byte {exc.start} is not UTF-8; the document was read as Windows-1252")
        )
        return _decode_as(data, "cp1252")


def _decode_as(data: bytes, name: str) -> str:
    try:
        return data.decode(name, "replace")
    except (LookupError, UnicodeError, ValueError):
        # Windows-1252 is what PCs write without saying so; it has a letter for nearly every octet
        return data.decode("cp1252", "replace")


def _drop_control(text: str, notes: list[InputNote]) -> str:
    first = _CONTROL.search(text.rstrip("\0"))
    if first is not None:
        _note(notes, "control-character", text, first.start(), f"character U+{ord(first[0]):04X} is not allowed in XML")
    return _CONTROL.sub("", text)


def _drop_before(text: str, notes: list[InputNote]) -> str:
    start = text.find("<")
    if start > 0 and text[:start].strip():
        notes.append(InputNote("not-well-formed", 1, "there is text before the first element"))
    # line ends stay, so that findings name the sender's own lines
    return _blank(text[:start]) + text[start:] if start > 0 else text


def _drop_declaration(text: str, notes: list[InputNote]) -> str:
    match = _DECLARATION.search(text)
    if match is None:
        return text
    _note(notes, "xml-declaration", text, match.start(), "an XML declaration is legal, and some handsets stop at it")
    return _DECLARATION.sub(lambda m: _blank(m[0]), text)


def _drop_doctype(text: str, notes: list[InputNote]) -> str:
    start = text.upper().find("<!DOCTYPE")
    if start < 0:
        return text
    end = _end_of_doctype(text, start)
    inside = text[start:end]
    _note(notes, "doctype", text, start, "a document type is not part of MMS SMIL, and is never loaded")
    # an entity that is expanded is the way to attack a parser (billion laughs, XXE)
    if "<!ENTITY" in inside.upper():
        _note(notes, "entity", text, start, "entities are declared; they are never expanded")
    return text[:start] + _blank(inside) + text[end:]


def _end_of_doctype(text: str, start: int) -> int:
    """Past the `>` that ends it, brackets and quotes counted (XML 1.0 production 28)."""
    inside = quote = ""
    for at in range(start, len(text)):
        c = text[at]
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "[]":
            inside = "[" if c == "[" else ""
        elif c == ">" and not inside:
            return at + 1
    return len(text)


def _mend_entities(text: str, notes: list[InputNote]) -> str:
    def mend(match: re.Match[str]) -> str:
        name = match[1] or ""
        # left for the parser
        if name in _OF_XML_ITSELF:
            return match[0]
        if name.startswith("#"):
            return _mend_reference(match, text, notes)
        if not name:
            _note(notes, "not-well-formed", text, match.start(), "an ampersand stands alone; it is written &amp;")
            return "&amp;"
        _note(notes, "entity", text, match.start(), f"&{name}; is not an entity of XML itself")
        # QUIRK: senders write &nbsp; and the other names of HTML
        return html.entities.html5.get(f"{name};", f"&amp;{name};").replace("<", "&lt;")

    return _ENTITY.sub(mend, text)


def _mend_reference(match: re.Match[str], text: str, notes: list[InputNote]) -> str:
    digits = match[1][1:]
    code = int(digits[1:], 16) if digits[:1] in "xX" else int(digits)
    if code <= 0x10FFFF and not _CONTROL.match(chr(code)):  # noqa: PLR2004 - the last code point
        return match[0]
    _note(notes, "control-character", text, match.start(), f"{match[0]} is not a character of XML")
    return ""


def _parse(text: str, part: str, notes: list[InputNote]) -> etree._Element:
    if _ELEMENT.search(text) is None:
        raise MalformedContent(f"{part or 'the SMIL'} holds no element", part=part, offset=0)
    try:
        return xml_parser.parse(text.encode("utf-8"), part=part)
    except MalformedContent as exc:
        line = text.encode("utf-8").count(b"\n", 0, exc.offset or 0) + 1
        reason = str(exc.__cause__ or exc).partition(", line ")[0]
        notes.append(InputNote("not-well-formed", line, f"the document is not well-formed: {reason}"))
    # a fragment without its root is taken for the content of a body
    if "<smil" not in text.lower():
        text = f"<smil><body>{text}</body></smil>"
    return xml_parser.parse(text.encode("utf-8"), recover=True, part=part)


def _blank(text: str) -> str:
    return "\n" * text.count("\n")


def _note(notes: list[InputNote], rule: str, text: str, at: int, sentence: str) -> None:
    if len(notes) < _MOST_NOTES:
        notes.append(InputNote(rule, text.count("\n", 0, at) + 1, sentence))
