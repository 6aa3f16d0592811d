"""Wire names of parts: Content-ID and Content-Location that every reader resolves.

Rules (OMA MMS CONF 1.3 section 10.2.2, JSR-205 limits, and what receivers really do): ASCII, unique, one stem
for both, no spaces, at most 40 characters, the ending that fits the media type.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmscontent import media_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mmscontent.message import Message, Part, Slide, SlideRole

__all__ = ["name_parts", "only", "places", "with_parts"]

_STEM_CHARS = 30  # with a number and an ending it stays within the 40 of MMS CONF


def name_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same parts, each with a Content-ID and a Content-Location of one stem, none twice.

    A stem comes from the Content-ID it has, its Content-Location, its file name, or its kind, in this order.
    """
    taken: set[str] = {"smil"}
    return tuple(_named(part, taken) for part in parts)


def _named(part: Part, taken: set[str]) -> Part:
    wanted = part.content_id or _stem_of(part.content_location) or _stem_of(part.name)
    stem = _ascii(wanted) or _ascii(part.kind)
    free, number = stem, 2
    while free.lower() in taken:
        free, number = f"{stem}-{number}", number + 1
    taken.add(free.lower())
    return replace(part, content_id=free, content_location=free + media_types.suffix_for(part.media_type))


def _stem_of(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, _ = base.rpartition(".")
    return stem if dot and stem else base


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:_STEM_CHARS].strip("-")


def places(slide: Slide) -> tuple[SlideRole, ...]:
    """What each part of a slide is there for, in the order of `Slide.parts`."""
    roles: tuple[SlideRole, ...] = ("image", "video", "audio", "text")
    return tuple(role for role in roles if getattr(slide, role) is not None)


def with_parts(message: Message, parts: Sequence[Part]) -> Message:
    """The same message with its parts replaced, one for one in the order of `Message.parts`."""
    fresh = iter(parts)
    slides = tuple(_refilled(slide, fresh) for slide in message.slides)
    return replace(message, slides=slides, attachments=tuple(fresh))


def _refilled(slide: Slide, fresh: Iterator[Part]) -> Slide:
    changes: dict[str, Any] = {role: next(fresh) for role in places(slide)}
    return replace(slide, **changes)


def only(message: Message, chosen: Mapping[int, Part]) -> Message:
    """The message with some of its parts alone, by their place in `Message.parts`; a film may have become a picture.

    Slides left without a part go; what is left of a slide stays together.
    """
    numbers = itertools.count()
    slides = []
    for slide in message.slides:
        kept: dict[str, Part | None] = {role: chosen.get(next(numbers)) for role in places(slide)}
        film = kept.get("video")
        if film is not None and film.kind == "image":
            kept |= {"image": film, "video": None}
        changes: dict[str, Any] = {"image": None, "video": None, "audio": None, "text": None, **kept}
        if any(changes.values()):
            slides.append(replace(slide, **changes))
    attachments = (chosen.get(next(numbers)) for _ in message.attachments)
    return replace(message, slides=tuple(slides), attachments=tuple(p for p in attachments if p is not None))
