"""The values of a presentation (slides, media, regions of the screen), and the strict SMIL written from them.

A presentation here is what MMS SMIL can say (OMA-TS-MMS_CONF section 8) and no more: slides one after the other,
one screen layout for all of them. read.py turns anybody's SMIL into it; `write` gives the form every receiver reads:
no declaration, no document type, no namespace, no `meta`. The same presentation gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mmscontent.media_types import Kind

Element = Literal["img", "video", "audio", "text", "ref"]
Fit = Literal["hidden", "meet", "scroll", "slice", "fill"]

ELEMENTS: tuple[Element, ...] = ("img", "video", "audio", "text", "ref")
IMAGE_REGION = "Image"  # the only two names CONF 1.2 section 8 knows; AOSP's isMMSConformance() insists on them
TEXT_REGION = "Text"
MAX_SLIDES = 200  # more than any phone plays (handsets stop at 10 to 20); a document with more is refused

_ELEMENT_OF_KIND: dict[Kind, Element] = {"image": "img", "video": "video", "audio": "audio", "text": "text"}


def element_for(kind: Kind) -> Element:
    """The media element a kind of part is shown with; `ref` for cards, dates and files."""
    return _ELEMENT_OF_KIND.get(kind, "ref")


@dataclass(frozen=True, slots=True)
class Medium:
    """One media element of a slide.

    Attributes:
        src: As it stands in the document: a Content-Location, or `cid:` and a Content-ID.
        region: Id of the region it is shown in; "" for what is not seen, or where the document does not say.
        alt: What it shows, in words.
        begin_ms, end_ms: When it starts and stops within its slide; None for the whole slide.
    """

    element: Element
    src: str
    region: str = ""
    alt: str = ""
    begin_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SlideView:
    """One screen as the document states it; a foreign one may hold more than a phone can show at once."""

    media: tuple[Medium, ...]
    duration_ms: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "media", tuple(self.media))

    def of(self, element: Element) -> tuple[Medium, ...]:
        """Its media of one element, in order."""
        return tuple(m for m in self.media if m.element == element)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the screen, in percent of it."""

    id: str
    left: float = 0
    top: float = 0
    width: float = 100
    height: float = 100
    fit: Fit = "meet"

    @property
    def right(self) -> float:
        """Right edge, percent."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge, percent."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Presentation:
    """Slides in order, and one layout for all of them.

    Attributes:
        screen_px: Width and height the author had in mind, when stated in pixels.
        background: Colour of the screen as `#rrggbb`, or "".
    """

    slides: tuple[SlideView, ...]
    regions: tuple[Region, ...] = ()
    screen_px: tuple[int, int] | None = None
    background: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "slides", tuple(self.slides))
        object.__setattr__(self, "regions", tuple(self.regions))

    @property
    def media(self) -> tuple[Medium, ...]:
        """Every medium in the order it is shown."""
        return tuple(m for s in self.slides for m in s.media)

    def region(self, region_id: str) -> Region | None:
        """The region of that id, or None."""
        return next((r for r in self.regions if r.id == region_id), None)


TimeUnit = Literal["ms", "s"]

# XML 1.0 sections 2.4 and 3.3.3: what an attribute value may not hold as it is; line ends would
# come back as spaces
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": " ", "\n": " ", "\r": " "})
# XML 1.0 section 2.2: characters that no document may hold
_NO_CHARACTER = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def write(presentation: Presentation, *, unit: TimeUnit = "ms") -> bytes:
    """The document as UTF-8 bytes, without a byte order mark.

    Args:
        presentation: Laid out; regions and sources are written as they stand.
        unit: How durations are written; with `s` they are rounded up, so that nothing is cut.
    """
    regions = "".join(_region(r) for r in presentation.regions)
    slides = "".join(_par(s, unit) for s in presentation.slides)
    # CONF section 8: head holds layout alone; an empty root-layout is what iPhones and AOSP write
    head = f"<head><layout><root-layout/>{regions}</layout></head>"
    return f"<smil>{head}<body>{slides}</body></smil>".encode()


def clock(milliseconds: int, unit: TimeUnit) -> str:
    """A time value: `7000ms`, or `7s` rounded up."""
    # both forms are read everywhere; without a unit receivers differ
    return f"{milliseconds}ms" if unit == "ms" else f"{-(-milliseconds // 1000)}s"


def _region(region: Region) -> str:
    sides = (("left", region.left), ("top", region.top), ("width", region.width), ("height", region.height))
    return _tag("region", [("id", region.id), *((n, f"{v:g}%") for n, v in sides), ("fit", region.fit)])


def _par(slide: SlideView, unit: TimeUnit) -> str:
    dur = f' dur="{clock(slide.duration_ms, unit)}"' if slide.duration_ms is not None else ""
    return f"<par{dur}>{''.join(_medium(m) for m in slide.media)}</par>"


def _medium(medium: Medium) -> str:
    pairs = [("src", medium.src)]
    # CONF section 8: src, region and alt are all a medium has; its time is that of the slide
    if medium.region:
        pairs.append(("region", medium.region))
    if medium.alt:
        pairs.append(("alt", medium.alt))
    return _tag(medium.element, pairs)


def _tag(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    attributes = "".join(f' {n}="{_escape(v)}"' for n, v in pairs)
    return f"<{name}{attributes}/>"


def _escape(value: str) -> str:
    return _NO_CHARACTER.sub("", value.translate(_ESCAPES))
