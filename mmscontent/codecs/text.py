"""Text: any charset in, one the receiver reads out.

Small enough to need no jail: decoding text is the standard library's, bounded by limits.py.
MMS CONF 1.3 section 10.2 and practice: us-ascii or UTF-8 with an explicit charset, never UTF-16 out.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits

if TYPE_CHECKING:
    from mmscontent.message import Part
    from mmscontent.profile import TextRule

__all__ = ["FittedText", "fit_text", "text_of"]


@dataclass(frozen=True, slots=True)
class FittedText:
    """A text part in a charset the receiver reads, and what was done to it."""

    part: Part
    text: str
    reasons: tuple[str, ...] = ()


def text_of(part: Part, *, limits: InputLimits = DEFAULT_INPUT_LIMITS) -> str:
    """The characters of a text part.

    Tried in order: the byte-order mark, the stated charset, UTF-8, Windows-1252.

    Raises:
        OverLimits: More bytes than a text may have.
        DamagedMedia: The stated charset is unknown and the bytes are no UTF-8.
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
    return (*stated, "utf-8", "cp1252")


def fit_text(part: Part, rule: TextRule) -> FittedText:
    """The part in us-ascii when it needs no more, else in UTF-8."""
    text = text_of(part)
    charset = "us-ascii" if text.isascii() and "us-ascii" in rule.charsets else "utf-8"
    data = text.encode(charset)
    reasons = () if data == part.data else (f"written as {charset}",)
    return FittedText(replace(part, data=data, charset=charset, media_type="text/plain"), text, reasons)
