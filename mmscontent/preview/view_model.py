"""The view model of a preview: parts as a browser can show them, slides as a phone plays them.

Pure values, made from a Content and a ledger; page.py and filmstrip_image.py draw them. Any string here may be hostile.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmscontent import media_types
from mmscontent.errors import SourceError
from mmscontent.ledger import Ledger
from mmscontent.media_types import Kind
from mmscontent.message import Content, Part
from mmscontent.profiles.model import SmilRule
from mmscontent.smil.compose import lay_out
from mmscontent.smil.model import Element, Presentation, Region
from mmscontent.smil.read import read
from mmscontent.smil.resolve import resolve_presentation
from mmscontent.smil.text import decode, text_of

DEFAULT_SLIDE_MS = 5000  # AOSP Messaging's DEFAULT_DURATION, for slides that state none
_MOST_CHARACTERS = 20_000  # of a text; more is cut off in the preview only
Play = Literal["img", "video", "audio", "text", ""]

# How a kind is shown; what a browser does not know of it gets a view in its stead (views.py), or is only named.
_PLAYED: dict[Kind, Play] = {"image": "img", "video": "video", "audio": "audio"}
_SLOT = {"img": "picture", "video": "picture", "audio": "sound", "text": "words"}
# RFC 6350 section 6.2.1 FN, RFC 5545 section 3.8.1.12 SUMMARY: one line that says what it is, with its parameters
_TITLES = {
    kind: re.compile(rf"^{name}([;][^:\n]{{0,80}})?:([^\n]{{1,240}})", re.IGNORECASE | re.MULTILINE)
    for kind, name in (("contact", "FN"), ("calendar", "SUMMARY"))
}
_CHARSET = re.compile(r"CHARSET=([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PartView:
    """One part.

    Attributes:
        label: What to call it: its name, or what it is.
        detail: A line about it in words: type, sides, length.
        play: How a browser shows it; "" when it cannot.
        data, media_type: What the browser is given: the part itself, or a view of it.
        text: Words of a text part, or what a card is about.
    """

    index: int
    part: Part
    kind: Kind
    label: str
    detail: str
    play: Play = ""
    data: bytes = b""
    media_type: str = ""
    text: str = ""

    def with_media(self, data: bytes, media_type: str) -> PartView:
        """The same, with what a browser is given; its type must be of our table."""
        return replace(self, play=_PLAYED.get(self.kind, ""), data=data, media_type=media_types.canonical(media_type))


@dataclass(frozen=True, slots=True)
class SlideItem:
    """One medium on a slide; `part` is None when no part has its name."""

    element: Element
    src: str
    region: str
    alt: str
    part: int | None


@dataclass(frozen=True, slots=True)
class PreviewSlide:
    """One slide."""

    items: tuple[SlideItem, ...]
    duration_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class PreviewModel:
    """A whole message.

    Attributes:
        trouble: Why there are no slides, or "".
    """

    parts: tuple[PartView, ...]
    slides: tuple[PreviewSlide, ...]
    regions: tuple[Region, ...]
    background: str
    trouble: str


def as_mapping(ledger: Ledger | Mapping[str, object] | None) -> Mapping[str, object]:
    """A ledger in its JSON form, whichever way it is given; empty when there is none."""
    if ledger is None:
        return {}
    return ledger.as_json() if isinstance(ledger, Ledger) else ledger


def build_preview_model(content: Content, ledger: Mapping[str, object]) -> PreviewModel:
    """Build the view model of a message."""
    # by Content-ID, since parts may be reordered between ledger and message
    results = _results(ledger)
    parts = tuple(_part_view(i, p, results.get(p.content_id, {})) for i, p in enumerate(content.parts))
    presentation, trouble = _presentation(content)
    whys = _whys(ledger)
    resolved = resolve_presentation(presentation, content.parts)
    slides = []
    for number, (slide, view) in enumerate(zip(resolved.slides, presentation.slides, strict=True)):
        items = [SlideItem(s.medium.element, s.medium.src, s.medium.region, s.medium.alt, s.index) for s in slide.media]
        # a slide without dur: AOSP plays five seconds
        stated = view.duration_ms
        why = whys[number] if len(whys) == len(resolved.slides) else "as the SMIL states"
        slides.append(
            PreviewSlide(
                _first_of_each(items),
                stated or DEFAULT_SLIDE_MS,
                why if stated else "no length stated; Android takes 5 s",
            )
        )
    return PreviewModel(parts, tuple(slides), presentation.regions, presentation.background, trouble)


def _presentation(content: Content) -> tuple[Presentation, str]:
    if content.presentation is None:
        return Presentation(()), "The message has no slides; it is shown as a conversation."
    try:
        presentation = read(content.presentation.data)
    except SourceError as error:
        return Presentation(()), f"The slides cannot be played: {error}"
    if not presentation.slides:
        return presentation, "The presentation shows nothing."
    # a medium without a region that exists would not be shown at all
    visible = [m for m in presentation.media if m.element in ("img", "video", "text")]
    if all(presentation.region(m.region) is not None for m in visible):
        return presentation, ""
    # as a receiver does when the document names no place
    return replace(lay_out(presentation.slides, rule=SmilRule()), background=presentation.background), ""


def _first_of_each(items: Sequence[SlideItem]) -> tuple[SlideItem, ...]:
    """What receivers show of a crowded slide: the first picture or clip, the first text, the first sound."""
    taken: set[str] = set()
    kept = []
    for item in items:
        slot = _SLOT.get(item.element, "")
        # AOSP and iPhone show the first of each; what follows is not lost, it stands below
        if not slot or slot not in taken:
            kept.append(item)
        taken.add(slot)
    return tuple(kept)


def _results(ledger: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """What became of each part, by its Content-ID."""
    parts = ledger.get("parts")
    if not isinstance(parts, list):
        return {}
    return {str(p["content_id"]): p.get("result") or {} for p in parts if isinstance(p, dict) and p.get("content_id")}


def _whys(ledger: Mapping[str, object]) -> list[str]:
    slides = ledger.get("slides")
    return [str(s.get("why", "")) for s in slides if isinstance(s, dict)] if isinstance(slides, list) else []


def _part_view(index: int, part: Part, result: Mapping[str, object]) -> PartView:
    # by the stated type, as a receiver sees it
    kind = part.kind
    text = text_of(part)[:_MOST_CHARACTERS] if kind in ("text", "contact", "calendar") else ""
    if kind in _TITLES:
        text = _title(kind, text)
    # the name the SMIL uses, since the page also shows the SMIL
    name = part.content_location or part.name or part.content_id
    return PartView(
        index,
        part,
        kind,
        name[:120] or f"{kind} {index + 1}",
        ", ".join(_details(part, result)),
        play="text" if kind == "text" else "",
        text=text,
    )


def _title(kind: Kind, text: str) -> str:
    """The name in a contact, or the summary of a calendar entry; "" when it has none."""
    found = _TITLES[kind].search(text)
    if found is None:
        return ""
    parameters, value = found[1] or "", found[2]
    # vCard 2.1 section 2.1.3 and vCalendar 1.0: a value that is not ASCII goes as quoted-printable
    if "QUOTED-PRINTABLE" in parameters.upper():
        charset = _CHARSET.search(parameters)
        value = decode(binascii.a2b_qp(value.encode("utf-8", "replace")), charset[1] if charset else "")
    return value[:80].strip()


def _details(part: Part, result: Mapping[str, object]) -> list[str]:
    # facts come from the ledger; a page without one sniffs nothing
    words = [part.media_type]
    if result.get("width_px") and result.get("height_px"):
        words.append(f"{result['width_px']} × {result['height_px']} px")
    duration = result.get("duration_ms")
    if isinstance(duration, int) and duration:
        words.append(f"{duration / 1000:.1f} s")
    frames = result.get("frames")
    if isinstance(frames, int) and frames > 1:
        words.append(f"{frames} frames")
    return words
