"""Decodes text from any charset, encodes it in one the receiver reads, and splits long text into pages.

It runs without a sandbox: the standard library decodes text, and limits.py bounds its size.
MMS CONF 1.3 section 10.2 and practice: us-ascii or UTF-8 with an explicit charset; UTF-16 is never written.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass, replace

from mmscontent.errors import DamagedMedia, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.message import Part
from mmscontent.profiles.model import TextRule
from mmscontent.sniff.charset import read_charset

# Where a page may end, best first: after a paragraph, a sentence (no space follows those of East Asia), a word.
_PAGE_ENDS = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"(?<=[.!?…])(?P<kept>[\"'»”’)\]]*)\s+|(?<=[。！？])|\n"),
    re.compile(r"\s+"),
)
# An end that leaves less of the page filled is passed over for one of a lower rank.
_MIN_PAGE_SHARE = 0.4
# Zero width joiner and variation selectors: they continue the character before them.
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")


@dataclass(frozen=True, slots=True)
class FittedText:
    """A text part in a charset the receiver reads, and what was changed."""

    part: Part
    text: str
    reasons: tuple[str, ...] = ()


def decode_text(part: Part, *, limits: InputLimits = DEFAULT_INPUT_LIMITS) -> str:
    """Decode a text part.

    The order is: byte-order mark, stated charset, UTF-8, charset guessed from the bytes, Windows-1252.

    Raises:
        OverLimits: It has more bytes than a text may have.
        DamagedMedia: No charset of these decodes the bytes.
    """
    if len(part.data) > limits.max_text_bytes:
        raise OverLimits(
            f"text {part.name or part.content_location} has {len(part.data):,} bytes,"
            f" {limits.max_text_bytes:,} are allowed; send it as a file elsewhere",
            part=part.name,
        )
    for charset in _charsets(part):
        try:
            return part.data.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    raise DamagedMedia(
        f"text {part.name or part.content_location} is neither {part.charset or 'UTF-8'} nor Windows-1252;"
        " state its charset",
        part=part.name,
    )


def _charsets(part: Part) -> tuple[str, ...]:
    if part.data.startswith(codecs.BOM_UTF8):
        return ("utf-8-sig",)
    if part.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    stated = (part.charset,) if part.charset else ()
    guessed = read_charset(part.data, claimed=True)
    looks_like = (guessed.charset,) if guessed is not None and guessed.charset else ()
    return (*stated, "utf-8", *looks_like, "cp1252")


def fit_text(part: Part, rule: TextRule) -> FittedText:
    """Encode the part in us-ascii when that suffices, else in UTF-8."""
    text = decode_text(part)
    charset = "us-ascii" if text.isascii() and "us-ascii" in rule.charsets else "utf-8"
    data = text.encode(charset)
    reasons = () if data == part.data else (f"written as {charset}",)
    return FittedText(replace(part, data=data, charset=charset, media_type="text/plain"), text, reasons)


def split_pages(text: str, max_chars: int) -> tuple[str, ...]:
    """Split text into pages of at most *max_chars* characters, after paragraphs, sentences or words.

    Only white space between pages is lost. A word or emoji is cut only when it is longer than a page.
    """
    if max_chars < 1:
        raise ValueError(f"a page has at least one character, got {max_chars}")
    pages: list[str] = []
    rest = text.strip()
    while len(rest) > max_chars:
        end, following = _page_end(rest, max_chars)
        pages.append(rest[:end].rstrip())
        rest = rest[following:].lstrip()
    return (*pages, rest) if rest else tuple(pages)


def _page_end(text: str, most: int) -> tuple[int, int]:
    """Return where the page ends and where the next begins."""
    window = text[: most + 1]
    for pattern in _PAGE_ENDS:
        found = ((m.start() + len(m.groupdict().get("kept") or ""), m.end()) for m in pattern.finditer(window))
        ends = [(end, following) for end, following in found if _MIN_PAGE_SHARE * most <= end <= most]
        if ends:
            return ends[-1]
    end = most
    while end > 1 and _belongs_together(text, end):
        end -= 1
    return (end, end) if end > 1 else (most, most)


def _belongs_together(text: str, at: int) -> bool:
    """Whether the characters before and after a position form one grapheme."""
    after, before = text[at], text[at - 1]
    return (
        bool(unicodedata.combining(after))
        or after in _JOINERS
        or before == "\u200d"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
    )
