"""Lint of a SMIL document: every finding has a rule, a place and a sentence.

This module changes nothing; repair.py does. Each check is a small function over the document; CHECKS lists them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from mmscontent.errors import SourceError
from mmscontent.message import Content
from mmscontent.smil.lint_content import check_content
from mmscontent.smil.model import ELEMENTS, IMAGE_REGION, TEXT_REGION, Fit, Presentation, Region
from mmscontent.smil.parsed_input import ParsedInput, parse_input
from mmscontent.smil.read import attribute, has_unit, is_medium, local_name, media_element, parse_clock, read_tree
from mmscontent.smil.rules import LintFinding, finding, is_external, out_of_screen, overlap, too_small_for_text

if TYPE_CHECKING:
    from lxml import etree


_DEVICE_PX = (640, 480)  # the picture box of OMA's Image Rich to Video Rich classes, either way round
_MOST_OF_A_RULE = 20  # a hostile document must not fill the terminal

_ALLOWED: dict[str, tuple[str, ...]] = {  # MMS CONF, as read from AOSP isMMSConformance() and the OMA test messages
    "smil": (),
    "head": (),
    "layout": (),
    "root-layout": ("width", "height"),
    "region": ("id", "left", "top", "width", "height", "fit"),
    "body": (),
    "par": ("dur",),
    **dict.fromkeys(ELEMENTS, ("src", "region", "alt")),
}
_TIMING = ("begin", "end", "dur")
# SMIL 1.0 and 2.0 know them, MMS SMIL does not (CONF section 8)
_CONTAINERS = ("seq", "excl", "switch", "a")
_EXTRA = ("meta", "param")
_VISIBLE = ("img", "video", "text")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the checks see it: source, meaning, and each element with its place in words."""

    parsed: ParsedInput
    presentation: Presentation
    elements: tuple[tuple[etree._Element, str, str], ...]
    device_px: tuple[int, int]


def lint(
    subject: bytes | Content, *, device_px: tuple[int, int] = _DEVICE_PX, durations_ms: Mapping[int, int] | None = None
) -> tuple[LintFinding, ...]:
    """Find the faults of a SMIL document, or of a message's document and parts together.

    Args:
        subject: The bytes of a document, or a whole content.
        device_px: Screen of the receiver; a layout in pixels larger than it is a finding.
        durations_ms: Length of what sounds or moves, by index of the part in the content.
    """
    if isinstance(subject, Content):
        data = subject.presentation.data if subject.presentation is not None else None
        found = list(_document(data, device_px)) if data is not None else []
        found += check_content(subject, durations_ms or {})
    else:
        found = list(_document(subject, device_px))
    return tuple(sorted(_capped(found), key=lambda f: (f.line == 0, f.line)))


def _document(data: bytes, device_px: tuple[int, int]) -> Iterator[LintFinding]:
    try:
        parsed = parse_input(data)
        presentation = read_tree(parsed.root)
    except SourceError as exc:
        yield finding("unreadable", "the document", str(exc))
        return
    for note in parsed.notes:
        yield finding(note.rule, f"line {note.line}", note.sentence, note.line)
    document = Document(parsed, presentation, tuple(_places(parsed.root)), device_px)
    for check in CHECKS:
        yield from check(document)


def _places(root: etree._Element) -> Iterator[tuple[etree._Element, str, str]]:
    slide = 0
    for element in root.iter():
        name = local_name(element)
        slide += name == "par"
        where = f", slide {slide}" if slide and name not in ("region", "root-layout") else ""
        yield element, name, f"line {_line(element)}{where}, {name}"


def _check_frame(document: Document) -> Iterator[LintFinding]:
    names = {name for _, name, _ in document.elements}
    root = local_name(document.parsed.root)
    if root != "smil":
        yield finding("root-not-smil", "line 1", f"the first element is {root}, not smil", 1)
    if not document.presentation.slides:
        yield finding("no-slides", "body", "no slide has any media")
    if "layout" not in names:
        yield finding("no-layout", "head", "there is no layout")
    elif "root-layout" not in names:
        yield finding("no-root-layout", "layout", "there is no root-layout")


def _check_elements(document: Document) -> Iterator[LintFinding]:
    for element, name, place in document.elements:
        if name in _EXTRA:
            yield _at(element, name, place, f"{name} {attribute(element, 'name')!r} is not part of MMS SMIL")
        elif name in _CONTAINERS:
            yield _at(element, "time-container", place, f"{name} is not part of MMS SMIL")
        elif name not in _ALLOWED:
            # a root that is not smil is a finding of its own
            if not (element is document.parsed.root and name != "smil"):
                yield _at(element, "unknown-element", place, f"{name} is not part of MMS SMIL")
        # XML is case-sensitive; readers of HTML are not, and forgive it
        elif str(element.tag).rpartition("}")[2] != name:
            yield _at(element, "unknown-element", place, "element names are written in small letters")


def _check_attributes(document: Document) -> Iterator[LintFinding]:
    for element, name, place in document.elements:
        for key in element.attrib:
            short = str(key).rpartition("}")[2]
            timing = short in _TIMING and name in ELEMENTS
            if name in _ALLOWED and short not in _ALLOWED[name] and not timing:
                yield _at(element, "unknown-attribute", place, f"{short} is not an attribute of {name} in MMS SMIL")
            elif timing:
                yield _at(element, "media-timing", place, f"{short} is set on a medium, not on its slide")


def _check_slides(document: Document) -> Iterator[LintFinding]:
    for element, name, place in document.elements:
        parents = [local_name(p) for p in element.iterancestors()]
        # CONF section 8: slides are not nested
        if name == "par" and "par" in parents:
            yield _at(element, "nested-par", place, "a slide stands inside a slide")
        if name == "par" and not any(is_medium(e) for e in element.iterdescendants()):
            yield _at(element, "empty-slide", place, "the slide has no media")
        if is_medium(element) and not {"par", "excl"} & set(parents):
            yield _at(element, "media-outside-par", place, f"{attribute(element, 'src')!r} stands outside any slide")


def _check_media(document: Document) -> Iterator[LintFinding]:
    for element, _, place in document.elements:
        if not is_medium(element):
            continue
        src = attribute(element, "src")
        if not src:
            yield _at(element, "missing-src", place, "it has no src")
        elif is_external(src):
            yield _at(element, "external-src", place, f"{src[:60]!r} points outside the message")


def _check_slots(document: Document) -> Iterator[LintFinding]:
    """At most one picture or clip, one text and one sound a slide."""
    for par, name, place in document.elements:
        if name != "par":
            continue
        # CONF section 8: one text, one image or video, one sound
        held = Counter(media_element(e) for e in par.iterdescendants() if is_medium(e) and attribute(e, "src"))
        if held["img"] and held["video"]:
            yield _at(par, "picture-and-video", place, "the slide has a picture and a clip")
        for rule, count in (
            ("several-pictures", max(held["img"], held["video"])),
            ("several-texts", held["text"]),
            ("several-sounds", held["audio"]),
        ):
            if count > 1:
                yield _at(par, rule, place, f"the slide has {count} of them")


def _check_times(document: Document) -> Iterator[LintFinding]:
    for element, name, place in document.elements:
        stated = [(k, v) for k in _TIMING if (v := attribute(element, k))]
        # without dur receivers choose: AOSP 5 s, others 8 s or for ever
        if name == "par" and not any(k == "dur" for k, _ in stated):
            yield _at(element, "missing-dur", place, "the slide has no dur")
        for key, value in stated:
            milliseconds = parse_clock(value)
            if milliseconds is None:
                yield _at(element, "bad-time", place, f"{key}={value[:40]!r} is not a length of time")
            elif not milliseconds and key == "dur":
                yield _at(element, "zero-dur", place, f"dur={value!r} is zero")
            elif not has_unit(value):
                yield _at(element, "time-without-unit", place, f"{key}={value!r} has no unit")


def _check_region_use(document: Document) -> Iterator[LintFinding]:
    defined = {r.id for r in document.presentation.regions}
    for element, _, place in document.elements:
        if not is_medium(element):
            continue
        kind, region = media_element(element), attribute(element, "region")
        # CONF section 8: audio has no region
        if kind == "audio" and region:
            yield _at(element, "sound-region", place, f"a sound names the region {region!r}")
        elif kind in _VISIBLE and not region:
            yield _at(element, "missing-region", place, "it names no region")
        elif kind in _VISIBLE and region not in defined:
            yield _at(element, "undefined-region", place, f"there is no region {region!r}")


def _check_region_names(document: Document) -> Iterator[LintFinding]:
    seen: set[str] = set()
    for element, name, place in document.elements:
        own = attribute(element, "id")
        if own and own in seen:
            yield _at(element, "duplicate-id", place, f"the id {own!r} is used twice")
        seen.add(own)
        if name == "region" and own not in (IMAGE_REGION, TEXT_REGION):
            yield _at(element, "unknown-region-name", place, f"the region is called {own!r}, not Image or Text")
        fit = attribute(element, "fit")
        if name == "region" and fit and fit not in get_args(Fit):
            yield _at(element, "unknown-fit", place, f"fit={fit[:40]!r} is not known")


def _check_units(document: Document) -> Iterator[LintFinding]:
    for element, name, place in document.elements:
        if name not in ("region", "root-layout"):
            continue
        sides = [v for k in ("left", "top", "width", "height") if (v := attribute(element, k))]
        if any(not v.endswith("%") and v != "0" for v in sides):
            yield _at(element, "pixel-layout", place, f"its size is in pixels ({', '.join(sides)[:60]})")
        # AOSP parses the number before the % as an integer
        if any(v.endswith("%") and not v[:-1].strip().isdigit() for v in sides):
            yield _at(element, "fractional-percent", place, "a side is not a whole percent")


def _check_screen(document: Document) -> Iterator[LintFinding]:
    screen = document.presentation.screen_px
    if screen and (max(screen) > max(document.device_px) or min(screen) > min(document.device_px)):
        made, has = ("×".join(map(str, s)) for s in (screen, document.device_px))
        yield finding("layout-larger-than-device", "root-layout", f"made for {made} pixels, the screen has {has}")


def _check_regions(document: Document) -> Iterator[LintFinding]:
    """Geometry, by what is really shown where."""
    regions = document.presentation.regions
    for region in regions:
        yield from _check_region(region, document)
    # every pair is compared, so the number of regions is bounded
    for one, other in itertools.combinations(regions[:50], 2):
        if overlap(one, other):
            yield finding("regions-overlap", f"region {other.id!r}", f"it covers part of region {one.id!r}")


def _check_region(region: Region, document: Document) -> Iterator[LintFinding]:
    place = f"region {region.id!r}"
    if region.width <= 0 or region.height <= 0:
        yield finding("empty-region", place, "it has no width or no height")
    elif out_of_screen(region):
        yield finding("region-outside-screen", place, f"it ends at {region.right:g}% and {region.bottom:g}%")
    if region.fit == "hidden" and any(m.region == region.id for m in document.presentation.media):
        yield finding("fit-hidden", place, "larger content is cut off")
    holds_text = any(m.element == "text" and m.region == region.id for m in document.presentation.media)
    if holds_text and too_small_for_text(region):
        yield finding("small-text-region", place, f"{region.width:g}% × {region.height:g}% is too small for text")


CHECKS: tuple[Callable[[Document], Iterator[LintFinding]], ...] = (
    _check_frame,
    _check_elements,
    _check_attributes,
    _check_slides,
    _check_media,
    _check_slots,
    _check_times,
    _check_region_use,
    _check_region_names,
    _check_units,
    _check_screen,
    _check_regions,
)


def _capped(findings: list[LintFinding]) -> Iterator[LintFinding]:
    totals = Counter(f.rule for f in findings)
    yielded: Counter[str] = Counter()
    for found in findings:
        yielded[found.rule] += 1
        if yielded[found.rule] <= _MOST_OF_A_RULE:
            yield found
        elif yielded[found.rule] == _MOST_OF_A_RULE + 1:
            more = totals[found.rule] - _MOST_OF_A_RULE
            yield finding(found.rule, found.place, f"and {more:,} more of the same", found.line)


def _at(element: etree._Element, rule: str, place: str, sentence: str) -> LintFinding:
    return finding(rule, place, sentence, _line(element))


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0
