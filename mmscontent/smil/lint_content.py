"""Lint of a message: findings about its parts, and about how the presentation names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mmscontent.errors import SourceError
from mmscontent.message import Content, Part
from mmscontent.part_names import is_unsafe_name, wrong_extension
from mmscontent.smil.model import Presentation
from mmscontent.smil.read import read
from mmscontent.smil.resolve import ResolvedMedia, ResolvedPresentation, ResolvedSlide, resolve_presentation
from mmscontent.smil.rules import LintFinding, finding, is_external
from mmscontent.smil.text import text_of
from mmscontent.smil.timing import PACE, reading_of

PLAYABLE = ("image", "video", "audio", "text")
_LEAST_SHARE = 0.5  # of the reading time; who is given half of it has read half of it


def check_content(content: Content, durations_ms: Mapping[int, int]) -> Iterator[LintFinding]:
    """Yield the findings about the parts, and about the document together with the parts."""
    yield from _check_names(content.parts)
    part = content.presentation
    if part is None:
        if any(p.kind in PLAYABLE for p in content.parts):
            yield finding("no-presentation", "the message", "the message has no presentation")
        return
    if part.media_type != "application/smil":
        yield finding("presentation-type", "the presentation", f"its type is {part.media_type}, not application/smil")
    try:
        presentation = read(part.data)
    except SourceError:
        presentation = Presentation(())
    resolved = resolve_presentation(presentation, content.parts)
    for number, (slide, stated) in enumerate(zip(resolved.slides, presentation.slides, strict=True), start=1):
        for media, medium in zip(slide.media, stated.media, strict=True):
            yield from _check_source(media, medium.element, f"slide {number}, {medium.element}")
        yield from _check_length(slide, content.parts, durations_ms, f"slide {number}")
    yield from _check_rest(resolved, content.parts)


def cuts_reading(duration_ms: int, text: str) -> bool:
    """Whether a slide ends before half of its text can be read."""
    return duration_ms < _LEAST_SHARE * min(reading_of(text).milliseconds, PACE.most_reading_ms)


def is_inline_text(element: str, src: str) -> bool:
    """Whether a source holds text instead of a name (QUIRK: python-messaging writes the text itself into src)."""
    return element == "text" and " " in src.strip() and not is_external(src)


def _check_source(media: ResolvedMedia, stated: str, place: str) -> Iterator[LintFinding]:
    src = media.medium.src
    if media.how == "missing" and is_inline_text(stated, src):
        yield finding("text-in-src", place, f"{src[:60]!r} is text, not the name of a part")
    elif media.how == "missing" and not is_external(src):
        yield finding("dangling-src", place, f"no part is called {src[:100]!r}")
    elif media.how == "loose":
        yield finding("loose-src", place, f"{src[:100]!r} names part {(media.index or 0) + 1} only loosely")
    if media.index is not None and media.medium.element != stated:
        yield finding("wrong-element", place, f"{src[:100]!r} is shown as {stated}, the part is {media.medium.element}")


def _check_length(
    slide: ResolvedSlide, parts: Sequence[Part], durations_ms: Mapping[int, int], place: str
) -> Iterator[LintFinding]:
    if slide.duration_ms is None:
        return
    indices = [s.index for s in slide.media if s.index is not None]
    # receivers stop a sound or clip when its slide ends
    longest = max((durations_ms.get(i, 0) for i in indices), default=0)
    if slide.duration_ms < longest:
        yield finding("dur-cuts-media", place, f"it lasts {slide.duration_ms} ms, its sound or clip {longest} ms")
    if any(cuts_reading(slide.duration_ms, text_of(parts[i])) for i in indices if parts[i].kind == "text"):
        yield finding("dur-cuts-reading", place, f"its text cannot be read in {slide.duration_ms} ms")


def _check_rest(resolved: ResolvedPresentation, parts: Sequence[Part]) -> Iterator[LintFinding]:
    for index in resolved.orphans:
        if parts[index].kind in PLAYABLE:
            yield finding("orphan-part", _place(index, parts[index]), "no slide shows it")
    # receivers that ignore SMIL show the parts in the order they come
    if list(resolved.order) != sorted(resolved.order):
        order = ", ".join(str(i + 1) for i in resolved.order[:20])
        yield finding("part-order", "the parts", f"the slides show them in the order {order}")


def _check_names(parts: Sequence[Part]) -> Iterator[LintFinding]:
    # a part whose id and location are the same text is counted once
    counts = Counter(n for p in parts for n in {p.content_location, p.content_id} if n)
    for index, part in enumerate(parts):
        place = _place(index, part)
        names = [n for n in (part.content_location, part.content_id) if n]
        if not names:
            yield finding("unnamed-part", place, "it has neither Content-Location nor Content-ID")
        if any(counts[n] > 1 for n in names):
            yield finding("duplicate-part-name", place, "another part has the same name")
        if any(wrong_extension(n.strip("<>"), part.kind) for n in names):
            yield finding(
                "misleading-part-name", place, f"the part is {part.media_type}, its name ends like another kind"
            )
        if any(is_unsafe_name(n.strip("<>")) for n in names):
            yield finding("awkward-part-name", place, f"gateways may change or lose {max(names, key=len)[:100]!r}")


def _place(index: int, part: Part) -> str:
    name = part.content_location or part.content_id or part.name
    return f"part {index + 1} ({name[:60]})" if name else f"part {index + 1}"
