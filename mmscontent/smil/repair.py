"""Repair of a presentation: what the author meant, written as MMS SMIL, with a diff.

The document is read tolerantly and written strictly, so that lint.py finds nothing in the result; durations and layout
of the author are kept where they are sound. With its parts at hand no playable part is left out, and names, order and
document agree. A document without findings comes back byte for byte.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from mmscontent.errors import SourceError
from mmscontent.message import Content, Message, Part
from mmscontent.part_names import assign_part_names, wrong_extension
from mmscontent.profiles.model import SmilRule
from mmscontent.smil.compose import PRESENTATION_ID, PRESENTATION_LOCATION, lay_out, length_of
from mmscontent.smil.lint import lint
from mmscontent.smil.lint_content import PLAYABLE, cuts_reading, is_inline_text
from mmscontent.smil.model import (
    IMAGE_REGION,
    TEXT_REGION,
    Element,
    Fit,
    Medium,
    Presentation,
    Region,
    SlideView,
    element_for,
    write,
)
from mmscontent.smil.parsed_input import parse_input
from mmscontent.smil.read import read
from mmscontent.smil.resolve import ResolvedPresentation, resolve_presentation, split_to_slots
from mmscontent.smil.rules import LintFinding, is_external, out_of_screen, overlap, too_small_for_text
from mmscontent.smil.text import text_of
from mmscontent.smil.timing import slide_length

_PICTURES: tuple[Element, ...] = ("img", "video")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A mended presentation.

    Attributes:
        data: The document.
        content: The whole message, when a content was given.
        diff: Unified, one element a line; "" when nothing was wrong.
        findings: What was wrong before.
        remaining: What still is: only that there is nothing to show at all.
    """

    data: bytes
    content: Content | None
    diff: str
    findings: tuple[LintFinding, ...]
    remaining: tuple[LintFinding, ...]


@dataclass(frozen=True, slots=True)
class _SlideDraft:
    """A slide by the indices of its parts, with what the document says in words of each."""

    parts: tuple[tuple[int, str], ...]
    duration_ms: int | None


def repair(subject: bytes | Content, *, durations_ms: Mapping[int, int] | None = None) -> Repaired:
    """Mend a SMIL document, or the document and parts of a message.

    Args:
        subject: The bytes of a document, or a whole content.
        durations_ms: Length of what sounds or moves, by index of the part in the content.

    Raises:
        MalformedContent: Bytes alone in which there is no element; a content is given a new document instead.
        OverLimits: Bytes alone that are larger or deeper than any presentation.
    """
    findings = lint(subject, durations_ms=durations_ms)
    if isinstance(subject, Content):
        return _repair_content(subject, durations_ms or {}, findings)
    if not findings:
        return Repaired(subject, None, "", (), ())
    presentation = read(subject)
    # what lies outside of the message is fetched by no receiver, so the medium goes
    inside = (replace(s, media=tuple(m for m in s.media if not is_external(m.src))) for s in presentation.slides)
    slides = [_timed(s) for whole in inside for s in split_to_slots(whole)]
    data = write(arrange_regions(slides, presentation, 0))
    return Repaired(data, None, _diff(subject, data), findings, lint(data))


def _repair_content(content: Content, durations_ms: Mapping[int, int], findings: tuple[LintFinding, ...]) -> Repaired:
    before = content.presentation.data if content.presentation is not None else b""
    if not findings:
        return Repaired(before, content, "", (), ())
    presentation = _read_or_nothing(before)
    parts = content.parts + _inline_texts(presentation, content.parts)
    drafts = _drafts(resolve_presentation(presentation, parts), parts)
    own = _presentation_part(content.presentation)
    # lint finds fault with an id that ends like another kind; nothing else looks at the ending of an id
    parts = tuple(replace(p, content_id="") if wrong_extension(p.content_id, p.kind) else p for p in parts)
    parts = assign_part_names(parts, (own.content_location, own.content_id))
    # the author's way of naming stays: all cid:, or Content-Locations
    by_id = bool(presentation.media) and all(m.src[:4].lower() == "cid:" for m in presentation.media)
    slides = [s for d in drafts for s in _slides(d, parts, durations_ms, by_id=by_id)]
    captions = [len(text_of(parts[i])) for d in drafts for i, _ in d.parts if parts[i].kind == "text"]
    data = write(arrange_regions(slides, presentation, max(captions, default=0)))
    # receivers that ignore SMIL show the parts as they come, so they come as the slides show them
    order = tuple(dict.fromkeys((*(i for d in drafts for i, _ in d.parts), *range(len(parts)))))
    repaired = replace(
        content, parts=tuple(parts[i] for i in order), presentation=replace(own, data=data) if drafts else None
    )
    moved = {new: durations_ms[old] for new, old in enumerate(order) if old in durations_ms}
    return Repaired(data, repaired, _diff(before, data), findings, lint(repaired, durations_ms=moved))


def _read_or_nothing(data: bytes) -> Presentation:
    try:
        return read(data)
    except SourceError:
        return Presentation(())


def _inline_texts(presentation: Presentation, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Words that stand where a name belongs become parts of that very name, and so are found."""
    missing = [
        s.medium
        for slide in resolve_presentation(presentation, parts).slides
        for s in slide.media
        if s.how == "missing"
    ]
    words = dict.fromkeys(m.src for m in missing if is_inline_text(m.element, m.src))
    return tuple(Part.of_text(text, name=text) for text in words)


def _drafts(resolved: ResolvedPresentation, parts: Sequence[Part]) -> list[_SlideDraft]:
    """Every slide by its parts; a source that leads nowhere takes the first left-over part of its kind."""
    orphans = [i for i in resolved.orphans if parts[i].kind in PLAYABLE]
    drafts = []
    for slide in resolved.slides:
        indices: list[tuple[int, str]] = []
        for s in slide.media:
            # a source that leads nowhere meant something; most likely the part of that kind nobody
            # names
            adopted = next((i for i in orphans if element_for(parts[i].kind) == s.medium.element), None)
            index = s.index if s.index is not None else adopted
            if index is None or (s.index is None and is_external(s.medium.src)):
                continue
            # a part that was adopted is not free for a second source
            if index in orphans:
                orphans.remove(index)
            indices.append((index, s.medium.alt))
        drafts.append(_SlideDraft(tuple(indices), slide.duration_ms))
    by_identity = {id(parts[i]): i for i in orphans}
    rest = Message.of(parts[i] for i in orphans)
    drafts.extend(_SlideDraft(tuple((by_identity[id(p)], "") for p in s.parts), None) for s in rest.slides)
    return [d for d in drafts if d.parts]


def _slides(
    draft: _SlideDraft, parts: Sequence[Part], durations_ms: Mapping[int, int], *, by_id: bool
) -> Iterable[SlideView]:
    """The slide as slides a phone can show, each long enough."""
    index_of: dict[str, int] = {}
    media = []
    for index, alt in draft.parts:
        part = parts[index]
        src = f"cid:{quote(part.content_id, safe='@!$*+._~-')}" if by_id else part.content_location
        index_of[src] = index
        media.append(Medium(element_for(part.kind), src, alt=alt or part.alt))
    for view in split_to_slots(SlideView(tuple(media), draft.duration_ms)):
        lengths = [(parts[i], durations_ms.get(i, 0)) for m in view.media for i in [index_of[m.src]]]
        wished = draft.duration_ms
        # a length that cuts off the reading is a mistake; any other is the author's wish
        if wished is not None and any(cuts_reading(wished, text_of(p)) for p, _ in lengths if p.kind == "text"):
            wished = None
        yield replace(view, duration_ms=length_of(lengths, wished).milliseconds)


def _timed(slide: SlideView) -> SlideView:
    """A slide whose parts are not at hand: the length it states, else the usual one."""
    picture = any(m.element in _PICTURES for m in slide.media)
    return replace(slide, duration_ms=slide_length(picture=picture, wished_ms=slide.duration_ms).milliseconds)


def _presentation_part(part: Part | None) -> Part:
    """The presentation's own part, rightly labelled; its document follows."""
    repaired = part or Part(b"", "application/smil", name=PRESENTATION_LOCATION)
    return replace(
        repaired,
        media_type="application/smil",
        charset="utf-8",
        content_id=repaired.content_id or PRESENTATION_ID,
        content_location=repaired.content_location or PRESENTATION_LOCATION,
    )


def _diff(before: bytes, after: bytes) -> str:
    lines = difflib.unified_diff(_lines(before), _lines(after), "before.smil", "after.smil", lineterm="")
    return "\n".join(lines)


def _lines(data: bytes) -> list[str]:
    """One element a line, however the document was written, so that a difference is a line."""
    try:
        text = parse_input(data).text
    except SourceError:
        text = data.decode("utf-8", "replace")
    return [line for raw in re.sub(r">\s*<", ">\n<", text).splitlines() if (line := raw.strip())]


# --- layout: the author's regions where nothing is lost by them, else ours ------------------------------------------


def arrange_regions(
    slides: Sequence[SlideView], presentation: Presentation, longest_caption_chars: int
) -> Presentation:
    """The slides as a presentation with the regions Image and Text: the author's where they are sound, else ours.

    Args:
        slides: What is to be shown; the regions of their media are set here.
        presentation: The author's.
        longest_caption_chars: The longer the words, the more of the screen our own layout gives them.
    """
    ours = lay_out(slides, rule=SmilRule(), longest_caption_chars=longest_caption_chars)
    # CONF knows the regions Image and Text, and no others
    wanted = {r.id for r in ours.regions}
    found = {
        IMAGE_REGION: _region_used(presentation, _PICTURES, IMAGE_REGION),
        TEXT_REGION: _region_used(presentation, ("text",), TEXT_REGION),
    }
    authors = tuple(found[name] for name in (IMAGE_REGION, TEXT_REGION) if name in wanted)
    kept = tuple(r for r in authors if r is not None)
    sound = len(kept) == len(authors) and all(_is_sound(r) for r in kept)
    if not sound or (len(kept) > 1 and overlap(kept[0], kept[1])):
        return ours
    return replace(ours, regions=kept)


def _region_used(presentation: Presentation, elements: Sequence[str], name: str) -> Region | None:
    """The region most media of these elements are shown in, in whole percents and under the name it should have."""
    uses = Counter(m.region for m in presentation.media if m.element in elements and m.region)
    region = presentation.region(uses.most_common(1)[0][0] if uses else name)
    if region is None:
        return None
    # AOSP reads whole percents only, and gives up the layout for a fraction
    left, top, right, bottom = (round(v) for v in (region.left, region.top, region.right, region.bottom))
    # hidden, the default of SMIL, cuts what is larger than its region
    uncut: Fit = "scroll" if name == TEXT_REGION else "meet"
    return Region(name, left, top, right - left, bottom - top, uncut if region.fit == "hidden" else region.fit)


def _is_sound(region: Region) -> bool:
    if region.width <= 0 or region.height <= 0 or out_of_screen(region) or region.right > 100 or region.bottom > 100:  # noqa: PLR2004 - percent
        return False
    return region.id != TEXT_REGION or not too_small_for_text(region)
