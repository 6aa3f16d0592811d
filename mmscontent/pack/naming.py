"""Names and ids of parts: made safe for every wire form, and derived from content where none are given.

Each part leaves with three names of one stem: Content-Type `name`, Content-ID and Content-Location, ASCII and unique.
Sources: OMA-TS-MMS_CONF 1.3 section 10.2 (names, 40 and 100 characters), RFC 2387 (start), RFC 2392 (cid).
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mmscontent.media_types import suffix_for
from mmscontent.message import Content, Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mmscontent.message import Envelope

__all__ = ["MAX_SECONDS", "clean", "digest", "laid_out", "presentation_first"]

MAX_SECONDS = 253_402_300_799  # the last second of the year 9999, beyond which no date can be written
MAX_NAME = 100  # CONF 1.3: Content-ID and Content-Location
_SAMPLE = 256
_SAMPLES = 16


def clean(text: str) -> str:
    """The text without control characters, for values that may not hold a line break."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


def presentation_first(parts: tuple[Part, ...], start: str) -> tuple[Part | None, tuple[Part, ...], list[str]]:
    """Split the presentation from the other parts: the one *start* names, else the first SMIL.

    Returns:
        The presentation or None, the rest in their order, and a note where the start was wrong.
    """
    wanted = start.strip().strip("<>")
    at = next((i for i, p in enumerate(parts) if p.kind == "presentation"), None)
    if at is None:
        return None, parts, []
    named = next((i for i, p in enumerate(parts) if wanted and p.content_id == wanted), None)
    notes = []
    if wanted and named is None:
        notes.append(f"start names {start!r}, which is no part; the first SMIL is taken")
    elif named is not None and parts[named].kind == "presentation":
        at = named
    return parts[at], (*parts[:at], *parts[at + 1 :]), notes


def laid_out(content: Content) -> Content:
    """The content with all three names on every part; what is given and safe is kept."""
    if _is_laid_out(content):
        return content
    taken: set[str] = set()
    places: set[str] = set()
    presentation = content.presentation
    if presentation is not None:
        presentation = _named(presentation, "smil", taken, places)
    parts = tuple(_named(p, f"part{i}", taken, places) for i, p in enumerate(content.parts, 1))
    return Content(parts, presentation, clean(content.subject).strip())


def _is_laid_out(content: Content) -> bool:
    """Whether nothing is left to do, as for every message that composing made."""
    parts = content.parts if content.presentation is None else (content.presentation, *content.parts)
    for part in parts:
        name = part.name
        if not name or name != part.content_location or not part.content_id:
            return False
        if _safe(name) != name or _safe_id(part.content_id) != part.content_id:
            return False
    names = {part.name for part in parts}
    ids = {part.content_id for part in parts}
    subject = content.subject
    return len(names) == len(ids) == len(parts) and subject.isprintable() and subject == subject.strip()


def _named(part: Part, stem: str, taken: set[str], places: set[str]) -> Part:
    location = _safe(part.content_location) or _safe(part.name)
    if not location:
        location = f"{_safe_id(part.content_id) or stem}{suffix_for(part.media_type)}"
    location = _unique(location, places)
    content_id = _safe_id(part.content_id) or _safe_id(location.rpartition(".")[0] or location) or stem
    content_id = _unique(content_id, taken)
    if (part.name, part.content_id, part.content_location) == (location, content_id, location):
        return part
    return replace(part, name=location, content_id=content_id, content_location=location)


@lru_cache(maxsize=1024)
def _safe(name: str) -> str:
    """ASCII that stands in a quoted string as it is; "" when nothing but an ending is left of it."""
    if not name.isascii():
        name = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode("ascii")
    name = "".join(c for c in name if c.isprintable() and c not in '"\\<>')[-MAX_NAME:].strip()
    return "" if name.startswith(".") else name


@lru_cache(maxsize=1024)
def _safe_id(name: str) -> str:
    return "".join(c for c in _safe(name) if c not in " ()[],;:")


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        taken.add(name)
        return name
    stem, dot, suffix = name.rpartition(".") if "." in name.strip(".") else (name, "", "")
    found, number = name, 2
    while found in taken:
        found, number = f"{stem}-{number}{dot}{suffix}", number + 1
    taken.add(found)
    return found


def digest(content: Content, envelope: Envelope, *, salt: int = 0) -> str:
    """20 characters that stand for this content and envelope: equal input, equal digest.

    Bodies are sampled, not read whole: an id need not withstand an attack, and a message may have megabytes.
    """
    state = hashlib.blake2b(digest_size=10)
    state.update(repr((salt, envelope, content.subject)).encode("utf-8", "surrogatepass"))
    parts = content.parts if content.presentation is None else (content.presentation, *content.parts)
    for part in parts:
        state.update(f"{part.media_type};{part.content_id};{len(part.data)}".encode("utf-8", "surrogatepass"))
        for piece in _samples(part.data):
            state.update(piece)
    return state.hexdigest()


def _samples(data: bytes) -> Iterable[bytes]:
    if len(data) <= _SAMPLE * _SAMPLES:
        return (data,)
    step = (len(data) - _SAMPLE) // (_SAMPLES - 1)
    return (data[i * step : i * step + _SAMPLE] for i in range(_SAMPLES))
