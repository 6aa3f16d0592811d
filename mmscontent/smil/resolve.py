"""Resolves the sources of a presentation to parts: which part a slide shows, which is missing, which no slide names.

Sources are looked up as receivers do it: `cid:` by Content-ID, anything else by Content-Location, file name and
Content-ID, first exactly and then loosely (case, folder, ending). A loose match must be the only one. After parts were
renamed `rename_sources` points a sender's own document at the new names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote, unquote

from mmscontent.errors import SourceError
from mmscontent.message import Content, Message, Part, Slide
from mmscontent.profiles.model import SmilRule
from mmscontent.smil.model import Element, Medium, Presentation, SlideView, element_for
from mmscontent.smil.parsed_input import parse_input
from mmscontent.smil.read import is_medium, read

_SLOTS: dict[Element, str] = {"img": "picture", "video": "picture", "audio": "sound", "text": "words"}


@dataclass(frozen=True, slots=True)
class PartMatch:
    """The part that a source names: its index, and whether the name matched exactly."""

    index: int
    how: Literal["exact", "loose"]


@dataclass(frozen=True, slots=True)
class ResolvedMedia:
    """A medium of a slide and the index of its part; None when no part has that name."""

    medium: Medium
    index: int | None
    how: Literal["exact", "loose", "missing"]


@dataclass(frozen=True, slots=True)
class ResolvedSlide:
    """One slide with its parts found."""

    media: tuple[ResolvedMedia, ...]
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class ResolvedPresentation:
    """Every slide with its parts found.

    Attributes:
        orphans: Indices of the parts no slide names, in order.
    """

    slides: tuple[ResolvedSlide, ...]
    orphans: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Indices of the parts in the order they are first shown."""
        return tuple(dict.fromkeys(s.index for slide in self.slides for s in slide.media if s.index is not None))


def find_part(src: str, parts: Sequence[Part]) -> PartMatch | None:
    """The part a source names, or None."""
    # RFC 2392 section 2: a cid URL is the percent-encoded Content-ID
    wanted = unquote(src[4:] if src[:4].lower() == "cid:" else src)
    by_id = src[:4].lower() == "cid:"
    # AOSP looks a cid: up by Content-ID, anything else by Content-Type name, filename and
    # Content-Location; both orders end with the other names, for senders who mix them up
    for names in (_ids, _names) if by_id else (_names, _ids):
        for index, part in enumerate(parts):
            if wanted in names(part) or src in names(part):
                return PartMatch(index, "exact" if names is (_ids if by_id else _names) else "loose")
    plain = _plain(wanted)
    # a loose match must be the only one; two candidates are none
    near = [i for i, p in enumerate(parts) if plain and plain in {_plain(n) for n in (*_ids(p), *_names(p))}]
    return PartMatch(near[0], "loose") if len(near) == 1 else None


def resolve_presentation(presentation: Presentation, parts: Sequence[Part]) -> ResolvedPresentation:
    """Find the part of every medium; the element becomes that of the part's real kind."""
    slides = []
    for slide in presentation.slides:
        media = []
        for medium in slide.media:
            found = find_part(medium.src, parts)
            if found is None:
                media.append(ResolvedMedia(medium, None, "missing"))
            else:
                element = element_for(parts[found.index].kind)
                media.append(ResolvedMedia(replace(medium, element=element), found.index, found.how))
        slides.append(ResolvedSlide(tuple(media), slide.duration_ms))
    used = {s.index for slide in slides for s in slide.media}
    return ResolvedPresentation(tuple(slides), tuple(i for i in range(len(parts)) if i not in used))


def split_to_slots(slide: SlideView) -> tuple[SlideView, ...]:
    """The slide as slides that hold at most one text, one picture or clip, and one sound each, in its order."""
    groups: list[list[Medium]] = [[]]
    slots: set[str] = set()
    for medium in slide.media:
        slot = _SLOTS.get(medium.element, "")
        # CONF section 8: a slide holds at most one text, one image or video, and one sound
        if slot and slot in slots:
            groups.append([])
            slots = set()
        slots.add(slot)
        groups[-1].append(medium)
    return tuple(SlideView(tuple(g), slide.duration_ms) for g in groups if g)


def message_of(content: Content) -> Message:
    """A received message as slides, by its SMIL where that can be read, else by the order of its parts.

    Every part is in it once: what no slide names becomes a slide or an attachment after the others.
    """
    try:
        presentation = read(content.presentation.data) if content.presentation is not None else Presentation(())
    except SourceError:
        presentation = Presentation(())
    resolved = resolve_presentation(presentation, content.parts)
    slides: list[Slide] = []
    attachments: list[int] = []
    seen: set[int] = set()
    for slide in resolved.slides:
        # a part that two slides show is sent once, with the first of them
        fresh = list(
            {s.index: s for s in reversed(slide.media) if s.index is not None and s.index not in seen}.values()
        )[::-1]
        seen.update(s.index for s in fresh if s.index is not None)
        attachments.extend(s.index for s in fresh if s.medium.element == "ref" and s.index is not None)
        slides.extend(_as_slides(fresh, slide.duration_ms, content.parts))
    # what no slide names must not be lost: it follows as slides and attachments of its own
    rest = Message.of(content.parts[i] for i in resolved.orphans)
    named = tuple(content.parts[i] for i in attachments)
    return Message((*slides, *rest.slides), named + rest.attachments, content.subject)


def _as_slides(media: Iterable[ResolvedMedia], duration_ms: int | None, parts: Sequence[Part]) -> Iterable[Slide]:
    indices = {id(s.medium): s.index for s in media}
    playable = SlideView(tuple(s.medium for s in media if s.medium.element != "ref"), duration_ms)
    for view in split_to_slots(playable):
        roles: dict[str, Part] = {}
        for medium in view.media:
            index = indices[id(medium)]
            assert index is not None
            part = parts[index]
            role = "image" if medium.element == "img" else medium.element
            roles[role] = replace(part, alt=medium.alt) if medium.alt and not part.alt else part
        yield Slide(**roles, duration_ms=view.duration_ms)


def _ids(part: Part) -> tuple[str, ...]:
    content_id = part.content_id.strip().strip("<>")
    return (content_id,) if content_id else ()


def _names(part: Part) -> tuple[str, ...]:
    return tuple(n for n in (part.content_location, part.name) if n)


def _plain(name: str) -> str:
    """A name without what senders get wrong: folder, ending, case, brackets."""
    name = unquote(name).strip().strip("<>").replace("\\", "/").rpartition("/")[2].lower()
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def rename_sources(data: bytes, before: Sequence[Part], after: Sequence[Part], rule: SmilRule | None = None) -> bytes:
    """Return the document with every source pointed at the new name of its part.

    Args:
        data: A SMIL document, of any handset's making.
        before: The parts as the document knows them.
        after: The same parts in the same order under their new names.
        rule: Whether the receiver follows Content-Locations or Content-IDs; None keeps the way of each source.

    Raises:
        MalformedContent, OverLimits: It cannot be read at all.
    """
    from lxml import etree  # noqa: PLC0415 - an engine

    root = parse_input(data).root
    for element in root.iter(etree.Element):
        if not is_medium(element):
            continue
        # the attribute keeps its namespace and case; only its value is written
        key = next((k for k in element.attrib if str(k).rpartition("}")[2].lower() == "src"), None)
        if key is None:
            continue
        source = str(element.attrib[key]).strip()
        found = find_part(source, before)
        if found is not None:
            by_id = rule.src == "cid" if rule is not None else source[:4].lower() == "cid:"
            element.attrib[key] = _source(after[found.index], by_id=by_id)
    return etree.tostring(root, encoding="utf-8", xml_declaration=False)


def _source(part: Part, *, by_id: bool) -> str:
    # RFC 2392 section 2: a cid URL is the Content-ID without its brackets, percent-encoded
    return f"cid:{quote(part.content_id, safe='@!$*+._~-')}" if by_id else part.content_location
