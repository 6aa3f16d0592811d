"""A content before it is written and after it is read, the same for every wire form: names, digest, presentation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from mmscontent.errors import SourceError
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack.header_values import printable
from mmscontent.part_names import assign_part_names
from mmscontent.smil.resolve import rename_sources

_SAMPLE = 256
_SAMPLES = 16


def with_wire_names(content: Content) -> Content:
    """The content with all three names on every part: Content-ID, Content-Location and the `name` of Content-Type.

    A presentation follows the parts whose names had to change. A content whose names are sound is the same object.
    """
    before = _entries(content)
    # CONF 1.3 section 10.2.2: a part's name goes as `name`; readers try it, then filename, then Content-Location, so
    # that one text in all of them leaves no choice. A file name alone becomes the Content-Location if it is safe.
    given = tuple(p if p.content_location or not p.name else replace(p, content_location=p.name) for p in before)
    after = tuple(
        p if p.name == p.content_location else replace(p, name=p.content_location) for p in assign_part_names(given)
    )
    subject = printable(content.subject).strip()
    if subject == content.subject and all(new is old for new, old in zip(after, before, strict=True)):
        return content
    if content.presentation is None:
        return Content(after, None, subject)
    presentation, *parts = after
    # a presentation whose sources still lead to their parts stays byte for byte
    if any(_renamed(old, new) for old, new in zip(content.parts, parts, strict=True)):
        try:
            data = rename_sources(presentation.data, content.parts, parts)
        except SourceError:
            # it cannot be read, so it names nothing
            data = presentation.data
        presentation = replace(presentation, data=data)
    return Content(tuple(parts), presentation, subject)


def _renamed(old: Part, new: Part) -> bool:
    wire_names = (old.content_location, old.content_id)
    return any(wire_names) and wire_names != (new.content_location, new.content_id)


def _entries(content: Content) -> tuple[Part, ...]:
    return content.parts if content.presentation is None else (content.presentation, *content.parts)


def split_presentation(parts: tuple[Part, ...], start: str) -> tuple[Part | None, tuple[Part, ...], list[str]]:
    """Split the presentation from the other parts: the one *start* names, else the first SMIL.

    Returns:
        The presentation or None, the rest in their order, and a note where the start was wrong.
    """
    # RFC 2387 section 3.2: start is a Content-ID with its angle brackets; iPhones leave them out, so both are taken.
    wanted = start.strip().strip("<>")
    # QUIRK: the SMIL is not always the first part; Sony Ericsson writes it last
    at = next((i for i, p in enumerate(parts) if p.kind == "presentation"), None)
    if at is None:
        return None, parts, []
    named = next((i for i, p in enumerate(parts) if wanted and p.content_id == wanted), None)
    notes = []
    if wanted and named is None:
        notes.append(f"start names {start!r}, but no part has that Content-ID; the first SMIL part is used")
    # a start that names another part than the SMIL is passed over: AOSP looks for the type, too
    elif named is not None and parts[named].kind == "presentation":
        at = named
    return parts[at], (*parts[:at], *parts[at + 1 :]), notes


def content_digest(content: Content, envelope: Envelope, *, salt: int = 0) -> str:
    """20 characters that stand for this content and envelope: equal input, equal digest.

    Bodies are sampled, not read whole: an id need not withstand an attack, and a message may have megabytes.
    """
    # no clock and no random number: equal input gives equal ids and boundaries
    state = hashlib.blake2b(digest_size=10)
    state.update(repr((salt, envelope, content.subject)).encode("utf-8", "surrogatepass"))
    for part in _entries(content):
        state.update(f"{part.media_type};{part.content_id};{len(part.data)}".encode("utf-8", "surrogatepass"))
        for piece in _samples(part.data):
            state.update(piece)
    return state.hexdigest()


def _samples(data: bytes) -> Iterable[bytes]:
    if len(data) <= _SAMPLE * _SAMPLES:
        return (data,)
    # the first, the last and evenly spaced pieces between them
    step = (len(data) - _SAMPLE) // (_SAMPLES - 1)
    return (data[i * step : i * step + _SAMPLE] for i in range(_SAMPLES))
