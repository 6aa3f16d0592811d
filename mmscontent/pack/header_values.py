"""What no header field of any wire form may hold: control characters, and dates after the year 9999."""

from __future__ import annotations

import unicodedata

# the last second of the year 9999: RFC 5322 section 3.3 writes four digits
MAX_DATE_S = 253_402_300_799


def printable(text: str) -> str:
    """The text with a space in place of each control character, for values that may not hold a line break."""
    # nearly every value; printable by Unicode, so that letters of any language stay
    if text.isprintable():
        return text
    # Cc control, Cs lone surrogate, Zl and Zp line and paragraph separator
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
