"""Reads any sender's SMIL as slides: tolerant, and bounded.

SMIL 1.0 and 2.x, with or without namespaces, in any case, with `seq`, `switch`, `excl`, bare media and elements nobody
defined; nothing that can be played is lost. Faults of the document are reported by lint.py, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast, get_args

from mmscontent import media_types
from mmscontent.errors import OverLimits
from mmscontent.smil.model import (
    ELEMENTS,
    MAX_SLIDES,
    Element,
    Fit,
    Medium,
    Presentation,
    Region,
    SlideView,
    element_for,
)
from mmscontent.smil.parsed_input import parse_input

if TYPE_CHECKING:
    from lxml import etree

# Elements of SMIL 1.0, SMIL 2.x and the wild that show something, by what they are for us.
_MEDIA: dict[str, Element] = {
    **{name: name for name in ELEMENTS},
    "image": "img",
    "animation": "img",
    "brush": "img",
    "textstream": "text",
    "vcard": "ref",  # QUIRK: klinker's android-smsmms writes <vcard src="…">
}
# SMIL 2.0: par plays all at once, excl one of its children; on a phone both are a screen
_PARALLEL = ("par", "excl")
# elements that describe and show nothing, in SMIL 1.0 and 2.0
_DESCRIPTIVE = ("param", "meta", "metadata", "head", "layout", "region", "root-layout", "area", "anchor", "transition")
_MOST_MEDIA = 2000
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


def read(data: bytes, part: str = "") -> Presentation:
    """The presentation a document describes.

    Args:
        data: The body of an application/smil part.
        part: What to call it in an error.

    Raises:
        MalformedContent: There is no element in it at all.
        OverLimits: It is larger, deeper or has more slides than any presentation.
    """
    return read_tree(parse_input(data, part).root, part)


def read_tree(root: etree._Element, part: str = "") -> Presentation:
    """The presentation a parsed document describes, whatever the tag of its root.

    Raises:
        OverLimits: It has more slides or media than any presentation.
    """
    screen, background = _screen(root)
    # SMIL 1.0: body is a seq of what it holds; a document without body is read as one
    body = next((e for e in root.iter() if local_name(e) == "body"), root)
    # a slide without media is skipped by every player
    slides = tuple(s for s in _slides(body) if s.media)
    media = sum(len(s.media) for s in slides)
    if len(slides) > MAX_SLIDES or media > _MOST_MEDIA:
        raise OverLimits(
            f"{part or 'the SMIL'} has {len(slides):,} slides with {media:,} media, at most {MAX_SLIDES} are read",
            part=part,
        )
    return Presentation(slides, _regions(root, screen), screen, background)


def local_name(element: etree._Element) -> str:
    """The element's name without namespace, in lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def attribute(element: etree._Element, *names: str) -> str:
    """The first of the named attributes that is there, whatever its case and namespace; "" when none is."""
    # QUIRK: attributes in capitals or with a namespace of their own are looked for second
    for name in names:
        value = element.get(name)
        if value is not None:
            return str(value).strip()
    found = {str(k).rpartition("}")[2].lower(): str(v) for k, v in element.attrib.items()}
    return next((found[n].strip() for n in names if n in found), "")


def is_medium(element: etree._Element) -> bool:
    """Whether an element shows something: one of SMIL's, or any other that names a source."""
    name = local_name(element)
    # QUIRK: an element nobody defined that names a source is shown all the same
    return name in _MEDIA or (name not in _DESCRIPTIVE and bool(attribute(element, "src")))


def media_element(element: etree._Element) -> Element:
    """What an element is for us: its own name tells, else its type, else the ending of its source."""
    # SMIL 1.0: ref is a medium of any type; the type attribute or the ending says which
    by_name = _MEDIA.get(local_name(element), "ref")
    if by_name != "ref":
        return by_name
    stated = media_types.find(attribute(element, "type")) or media_types.type_for_name(attribute(element, "src"))
    return element_for(stated.kind) if stated is not None else "ref"


def _slides(container: etree._Element) -> Iterator[SlideView]:
    """The slides of a sequence, in order, whatever elements hold them."""
    for child in container:
        name = local_name(child)
        # QUIRK: media outside of any par are a slide each
        if is_medium(child):
            yield _slide(child, [child])
            yield from _slides(child)
        elif name in _PARALLEL:
            yield from _parallel(child)
        elif name not in _DESCRIPTIVE:
            yield from _slides(child)


def _parallel(par: etree._Element) -> Iterator[SlideView]:
    """A slide; a sequence inside it adds a slide for each further step."""
    together: list[etree._Element] = []
    steps: list[SlideView] = []
    _gather(par, together, steps)
    # QUIRK: a seq inside a par, as some editors write slides; its steps follow each other
    first = _slide(par, together)
    if steps and together:
        first = SlideView(first.media + steps[0].media, steps[0].duration_ms or first.duration_ms)
        steps = steps[1:]
    yield first
    yield from steps


def _gather(par: etree._Element, together: list[etree._Element], steps: list[SlideView]) -> None:
    for child in par:
        if is_medium(child):
            together.append(child)
        if local_name(child) == "seq":
            steps.extend(_slides(child))
        elif local_name(child) not in _DESCRIPTIVE:
            _gather(child, together, steps)


def _slide(timed: etree._Element, elements: list[etree._Element]) -> SlideView:
    media = tuple(_medium(e) for e in elements if attribute(e, "src"))
    return SlideView(media, _duration(timed) or max((m.end_ms or 0 for m in media), default=0) or None)


def _duration(element: etree._Element) -> int | None:
    """`dur`, else from `begin` to `end`; None when neither says a positive length."""
    # QUIRK: python-messaging writes `duration`
    # SMIL 1.0: dur, else from begin to end
    stated = parse_clock(attribute(element, "dur", "duration"))
    if stated:
        return stated
    end = parse_clock(attribute(element, "end"))
    begin = parse_clock(attribute(element, "begin")) or 0
    return end - begin if end is not None and end > begin else None


def _medium(element: etree._Element) -> Medium:
    begin = parse_clock(attribute(element, "begin"))
    lasts = _duration(element)
    return Medium(
        media_element(element),
        attribute(element, "src"),
        region=attribute(element, "region"),
        alt=attribute(element, "alt"),
        begin_ms=begin,
        end_ms=(begin or 0) + lasts if lasts is not None else None,
    )


def _screen(root: etree._Element) -> tuple[tuple[int, int] | None, str]:
    # SMIL 2.0 calls the window topLayout when there are several; MMS has one
    found = next((e for e in root.iter() if local_name(e) in ("root-layout", "toplayout")), None)
    if found is None:
        return None, ""
    colour = attribute(found, "background-color", "backgroundcolor")
    # names of colours differ between receivers, so only the form with six digits is kept
    colour = colour if _COLOUR.fullmatch(colour) else ""
    width, height = (_pixels(attribute(found, n)) for n in ("width", "height"))
    return ((width, height) if width and height else None), colour


def _regions(root: etree._Element, screen: tuple[int, int] | None) -> tuple[Region, ...]:
    found = [e for e in root.iter() if local_name(e) == "region" and _region_id(e)]
    # QUIRK: regions in pixels and no root-layout to measure them by
    screen = screen or _extent(found)
    once: dict[str, Region] = {}
    for element in found[:MAX_SLIDES]:
        once.setdefault(_region_id(element), _region(element, screen))
    return tuple(once.values())


def _region(element: etree._Element, screen: tuple[int, int]) -> Region:
    left = _percent(attribute(element, "left"), screen[0], 0)
    top = _percent(attribute(element, "top"), screen[1], 0)
    # SMIL 1.0: fit = fill | hidden | meet | scroll | slice, and hidden by default
    fit = attribute(element, "fit").lower()
    return Region(
        _region_id(element),
        left,
        top,
        _percent(attribute(element, "width"), screen[0], 100 - left),
        _percent(attribute(element, "height"), screen[1], 100 - top),
        cast("Fit", fit) if fit in get_args(Fit) else "hidden",
    )


def _region_id(element: etree._Element) -> str:
    # SMIL 2.0: a region may be named by regionName, which several may share
    return attribute(element, "id", "regionname")


def _extent(regions: list[etree._Element]) -> tuple[int, int]:
    """The screen that regions in pixels seem to be made for, when no root-layout says it."""

    def reach(start: str, length: str) -> int:
        return max(
            ((_pixels(attribute(e, start)) or 0) + (_pixels(attribute(e, length)) or 0) for e in regions), default=0
        )

    return reach("left", "width") or 100, reach("top", "height") or 100


def _pixels(value: str) -> int | None:
    number = _number(value.lower().removesuffix("px"))
    return round(number) if number is not None and number >= 0 else None


def _percent(value: str, whole_px: int, default: float) -> float:
    # SMIL 1.0: lengths are pixels or percent of the root-layout
    if value.endswith("%"):
        number = _number(value[:-1])
    else:
        pixels = _number(value.lower().removesuffix("px"))
        number = None if pixels is None else round(pixels * 100 / whole_px, 2)
    return max(0.0, min(100.0, number if number is not None else max(0.0, default)))


def _number(value: str) -> float | None:
    value = value.strip()
    if not value or len(value) > 12 or value.strip("-+.0123456789"):  # noqa: PLR2004 - no side has more digits
        return None
    try:
        return float(value)
    except ValueError:
        return None


# Clock values of SMIL 1.0 section 4.2.4 and SMIL 2.1, and what handsets write instead: `5s`, `5000ms`, `1.5min`,
# `0.1h`, `00:05`, `0:00:05.5`, `npt=5s`, and numbers without a unit.
MAX_MS = 24 * 3600 * 1000  # a day; more is a mistake or a joke
_LARGEST_SECONDS = 600  # QUIRK: a number without a unit means seconds, but senders who write 5000 mean milliseconds

# SMIL 1.0 section 4.2.4: Timecount-val = Timecount ("." Fraction)? ("h" | "min" | "s" | "ms")?,
# without a unit seconds
_COUNT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|sec|s|min|h)?", re.IGNORECASE)
# SMIL 1.0 section 4.2.4: Full-clock-val = Hours ":" Minutes ":" Seconds; Partial-clock-val =
# Minutes ":" Seconds
_COLONS = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)")
_UNIT_MS: dict[str, int] = {"ms": 1, "s": 1000, "sec": 1000, "min": 60_000, "h": 3_600_000}


def parse_clock(value: str) -> int | None:
    """Milliseconds, at most a day; None for what is no length of time (`indefinite`, events, nonsense)."""
    # SMIL 1.0 writes npt= in clip-begin; some senders write it everywhere
    value = value.strip().removeprefix("npt=")
    count = _COUNT.fullmatch(value)
    if count is not None:
        number = float(count[1])
        unit = (count[2] or ("s" if number <= _LARGEST_SECONDS else "ms")).lower()
        return min(round(number * _UNIT_MS[unit]), MAX_MS)
    colons = _COLONS.fullmatch(value)
    if colons is not None:
        hours, minutes, seconds = int(colons[1] or 0), int(colons[2]), float(colons[3])
        return min(round(((hours * 60 + minutes) * 60 + seconds) * 1000), MAX_MS)
    return None


def has_unit(value: str) -> bool:
    """Whether a clock value says what it counts."""
    return not value.strip().removeprefix("npt=").replace(".", "").isdigit()
