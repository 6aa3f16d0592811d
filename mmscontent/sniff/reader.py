"""Holds what every family reader is given, and the small conversions they share.

A reader is a function `read(source) -> MediaInfo | None`: None means "not mine", DamagedMedia means "mine, and broken".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.media_types import kind_of
from mmscontent.message import MediaInfo

_LONGEST_MS = 10**15  # a header may say "for ever" (a rate of next to nothing); any limit is below this


@dataclass(frozen=True, slots=True)
class SniffInput:
    """The bytes, and what is claimed about them; "" for what is not claimed."""

    data: bytes = field(repr=False)
    name_type: str = ""  # media type of the file name's ending
    declared_type: str = ""  # canonical
    declared_charset: str = ""  # a parameter of the declared type
    limits: InputLimits = DEFAULT_INPUT_LIMITS

    def info(self, media_type: str) -> MediaInfo:
        """The least that can be said about the bytes; readers add to it with `dataclasses.replace`."""
        return MediaInfo(media_type, kind_of(media_type), len(self.data))

    def is_claimed(self, media_type: str) -> bool:
        """The name or the declaration says it is this type: evidence for formats with weak magic."""
        return media_type in (self.name_type, self.declared_type)


def milliseconds(ticks: float, per_second: float) -> int | None:
    """A length in milliseconds, or None when the header does not say (zero ticks or zero rate)."""
    if ticks <= 0 or per_second <= 0:
        return None
    return round(min(ticks * 1000 / per_second, _LONGEST_MS))


def bit_rate(size_bytes: int, duration_ms: int | None) -> int | None:
    """Bits a second on average, or None when the length is not known."""
    return size_bytes * 8000 // duration_ms if duration_ms else None


def frame_rate(frames: int, duration_ms: float | None) -> float | None:
    """Frames a second to three digits, or None when the length is not known or makes no rate."""
    return round(frames * 1000 / duration_ms, 3) or None if duration_ms else None


def printable(fourcc: bytes) -> str:
    """A four-character code for people."""
    return "".join(chr(c) if 32 <= c < 127 else "?" for c in fourcc).strip()  # the printable ASCII range


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """The words once each, in the order first seen."""
    return tuple(dict.fromkeys(words))
