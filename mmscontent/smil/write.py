"""A presentation as MMS SMIL: the strict form every receiver reads.

Only the elements and attributes of OMA-TS-MMS_CONF section 8 are written: no declaration, no document type, no
namespace, no `meta`, `root-layout` empty as iPhones and Android send it. The same presentation gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from mmscontent.smil.model import Medium, Presentation, Region, SlideView

TimeUnit = Literal["ms", "s"]

# XML 1.0 sections 2.4 and 3.3.3: what an attribute value may not hold as it is; line ends would
# come back as spaces
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": " ", "\n": " ", "\r": " "})


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
    return "".join(c for c in value.translate(_ESCAPES) if _allowed(ord(c)))


def _allowed(code: int) -> bool:
    """XML 1.0 section 2.2: characters a document may hold at all."""
    return code >= 0x20 and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)  # noqa: PLR2004 - code points
