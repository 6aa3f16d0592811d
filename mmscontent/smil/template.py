"""Fills a SMIL template: placeholders stand for the parts of the message.

    {{0}} {{1}} …              pictures, clips and sounds by number, in the order of the message
    {{text}} {{text.1}} …      texts by number, the first being {{text}}
    {{slide.media}}            in a par that is repeated for every slide of the message that is not named by number:
    {{slide.audio}}            its picture or clip, its sound, its words; an element whose slide has none is left out
    {{slide.text}}

Anything else in src is the name of a part. Parts that the template does not name are shown after it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.errors import MalformedContent
from mmscontent.message import Message, Part, Slide
from mmscontent.profiles.model import Profile
from mmscontent.smil.compose import (
    PresentedMessage,
    SlideTiming,
    in_unit,
    length_of,
    medium_of,
    presentation_part,
    quirk_for,
    rule_for,
)
from mmscontent.smil.model import Presentation, SlideView, write
from mmscontent.smil.parsed_input import parse_input
from mmscontent.smil.read import attribute, is_medium, local_name, read_tree
from mmscontent.smil.repair import arrange_regions
from mmscontent.smil.resolve import find_part, split_to_slots
from mmscontent.smil.text import text_of

if TYPE_CHECKING:
    from lxml import etree


# braces stand in no URL (RFC 3986), so that no real source is taken for a placeholder
_PLACE = re.compile(r"\{\{\s*(?:(\d{1,3})|text(?:\.(\d{1,3}))?|slide\.(media|audio|text))\s*\}\}")
_INDEX = "part-index:"  # how a filled place names its part until the sources are written


def is_template(smil: bytes) -> bool:
    """Whether a document has placeholders."""
    return _PLACE.search(smil.decode("utf-8", "replace")) is not None


def present_by_template(
    template: bytes, message: Message, durations_ms: Mapping[int, int], profile: Profile
) -> PresentedMessage:
    """Write the presentation of a message after a template.

    Args:
        template: A SMIL document with placeholders.
        message: Every part has a content_location and a content_id of its own.
        durations_ms: Length of what sounds or moves, by index of the part in `message.parts`.
        profile: The receiver.

    Raises:
        MalformedContent: The template is no SMIL, or names a part the message does not have.
        OverLimits: It is larger or deeper than any presentation.
    """
    author, drafts = _filled(template, message)
    rule, quirk = rule_for(profile), quirk_for(profile)
    parts = message.parts
    asked = (length_of([(parts[i], durations_ms.get(i, 0)) for i in indices], wished) for indices, wished in drafts)
    lengths = [in_unit(length, quirk.unit) for length in asked]
    views = [
        SlideView(tuple(medium_of(parts[i], rule) for i in indices), length.milliseconds)
        for (indices, _), length in zip(drafts, lengths, strict=True)
    ]
    # the parts go in the order of the slides; what no slide names follows
    order = tuple(dict.fromkeys(i for indices, _ in drafts for i in indices))
    left = [i for i in range(len(parts)) if i not in set(order)]
    # contacts and files are named in the last slide, where the receiver reads that
    if quirk.attachments == "ref" and views:
        refs = tuple(medium_of(parts[i], rule) for i in left)
        views[-1] = replace(views[-1], media=views[-1].media + refs)
    captions = [len(text_of(p)) for p in parts if p.kind == "text"]
    presentation = arrange_regions(views, author, max(captions, default=0))
    timings = (
        SlideTiming(tuple(parts[i].content_location for i in indices), length.milliseconds, length.why)
        for (indices, _), length in zip(drafts, lengths, strict=True)
    )
    data = write(presentation, unit=quirk.unit)
    return PresentedMessage(
        presentation_part(data), tuple(parts[i] for i in (*order, *left)), tuple(timings), presentation
    )


_Draft = tuple[tuple[int, ...], int | None]


def _filled(template: bytes, message: Message) -> tuple[Presentation, list[_Draft]]:
    """The author's layout, and every slide by the indices of its parts, with the length it states."""
    root = parse_input(template, "the template").root
    placeholders = _Placeholders(message)
    # placeholders with numbers first, since they decide which slides are left for the repeated par
    named = {i for e in root.iter() if is_medium(e) for i in [placeholders.fill(e)] if i is not None}
    _repeat(root, placeholders, [s for s in message.slides if not named & {placeholders.index_of(p) for p in s.parts}])
    author = read_tree(root, "the template")
    drafts = [d for slide in author.slides for view in split_to_slots(_by_kind(slide, message)) for d in [_draft(view)]]
    in_slides = {i for indices, _ in drafts for i in indices}
    # what the template does not name is shown after it, slide by slide
    for slide in message.slides:
        rest = tuple(i for p in slide.parts if (i := placeholders.index_of(p)) not in in_slides)
        if rest:
            drafts.append((rest, None))
    return author, drafts


class _Placeholders:
    """What each place of a template stands for in one message."""

    def __init__(self, message: Message) -> None:
        self._parts = message.parts
        self._index = {id(p): i for i, p in enumerate(message.parts)}
        slide_parts = [p for s in message.slides for p in s.parts]
        self._media = [p for p in slide_parts if p.kind != "text"]
        self._texts = [p for p in slide_parts if p.kind == "text"]

    def index_of(self, part: Part) -> int:
        return self._index[id(part)]

    def fill(self, element: etree._Element) -> int | None:
        """Name the part of an element outside repeated slides; None for one inside, or without a source."""
        src = attribute(element, "src")
        match = _PLACE.fullmatch(src)
        if not src or (match and match[3]):
            return None
        found = self._numbered(match) if match else find_part(src, self._parts)
        index = found if isinstance(found, int) else found.index if found is not None else None
        if index is None:
            raise MalformedContent(
                f"the template names {src[:60]!r}, the message has {len(self._media)} media"
                f" and {len(self._texts)} texts",
                part="the template",
            )
        _set_src(element, f"{_INDEX}{index}")
        return index

    def _numbered(self, match: re.Match[str]) -> int | None:
        among, number = (self._media, match[1]) if match[1] is not None else (self._texts, match[2] or "0")
        return self.index_of(among[int(number)]) if int(number) < len(among) else None

    def of_slide(self, slide: Slide, name: str) -> int | None:
        part = slide.image or slide.video if name == "media" else getattr(slide, name)
        return self.index_of(part) if part is not None else None


def _repeat(root: etree._Element, placeholders: _Placeholders, slides: Sequence[Slide]) -> None:
    """Each par with places of a slide becomes one par a slide."""
    for par in [e for e in root.iter() if local_name(e) == "par" and any(_slide_place(m) for m in e.iter())]:
        parent = par.getparent()
        if parent is None:
            continue
        at = parent.index(par)
        parent.remove(par)
        for number, slide in enumerate(slides):
            # a copy of the author's par for each slide, with whatever else stands in it
            repeated = copy.deepcopy(par)
            for element in list(repeated.iter()):
                name = _slide_place(element)
                index = placeholders.of_slide(slide, name) if name else None
                if index is not None:
                    _set_src(element, f"{_INDEX}{index}")
                # a slide without that medium has no element for it
                elif name:
                    _set_src(element, "")
            parent.insert(at + number, repeated)


def _slide_place(element: etree._Element) -> str:
    match = _PLACE.fullmatch(attribute(element, "src"))
    return match[3] or "" if match else ""


def _set_src(element: etree._Element, value: str) -> None:
    for key in list(element.attrib):
        if str(key).rpartition("}")[2].lower() == "src":
            del element.attrib[key]
    element.set("src", value)


def _by_kind(slide: SlideView, message: Message) -> SlideView:
    """The slide with each medium named after what its part really is, and shown once."""
    media = {m.src: m for m in slide.media}
    parts = message.parts
    return replace(
        slide, media=tuple(replace(m, element=medium_of(parts[_index_in(m.src)]).element) for m in media.values())
    )


def _draft(view: SlideView) -> _Draft:
    return tuple(_index_in(m.src) for m in view.media), view.duration_ms


def _index_in(src: str) -> int:
    return int(src.removeprefix(_INDEX))
