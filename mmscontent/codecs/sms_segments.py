"""Counts the SMS messages a text would take, and names the alphabet it needs.

Source: 3GPP TS 23.038 section 6.2.1 (the 7 bit default alphabet and its extension table), TS 23.040 section 9.2.3.24.1
(a header of concatenation takes 7 septets or 6 octets of each message).
"""

from __future__ import annotations

from typing import Literal

SmsEncoding = Literal["gsm-7", "ucs-2"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# An escape and a character: two septets that stay together.
_EXTENDED = frozenset("\f^{}\\[~]|€")
_SINGLE = {"gsm-7": 160, "ucs-2": 70}
_JOINED = {"gsm-7": 153, "ucs-2": 67}


def sms_segments(text: str) -> tuple[SmsEncoding, int]:
    """Return the alphabet and the number of messages that a text takes; an empty text takes one."""
    encoding: SmsEncoding = "gsm-7" if all(c in _BASIC or c in _EXTENDED for c in text) else "ucs-2"
    widths = [_width(c, encoding) for c in text]
    if sum(widths) <= _SINGLE[encoding]:
        return encoding, 1
    messages, used = 1, 0
    for width in widths:  # an escape or a surrogate stays with the character that follows it
        if used + width > _JOINED[encoding]:
            messages, used = messages + 1, 0
        used += width
    return encoding, messages


def _width(character: str, encoding: SmsEncoding) -> int:
    if encoding == "gsm-7":
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - a pair of surrogates
