"""The words of a text part, whatever charset it states.

Only for reading time and preview: nothing here is sent, so a wrong charset is guessed at and never refused.
"""

from __future__ import annotations

import codecs

from mmscontent.message import Part

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_of(part: Part) -> str:
    """The words of a text part, without NULs and with plain line ends."""
    text = decode(part.data, part.charset)
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes, charset: str = "") -> str:
    """Bytes to text: a byte order mark first, then the stated charset, UTF-8, and Windows-1252 which takes anything."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    for name in (marked, charset, "utf-8"):
        try:
            if name:
                return data.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("cp1252", "replace")
