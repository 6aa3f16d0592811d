"""Composes the presentation of slides: the order, place and time of each part, and what single receivers need instead.

Decides only; model.py writes. One `par` a slide, one layout for the whole message (OMA-TS-MMS_CONF section 8), and the
parts in the order of the slides, because many receivers ignore the SMIL and show parts as they come.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote

from mmscontent.message import Message, Part, Slide
from mmscontent.profiles.model import Profile, SmilRule
from mmscontent.smil.model import (
    IMAGE_REGION,
    TEXT_REGION,
    Medium,
    Presentation,
    Region,
    SlideView,
    TimeUnit,
    element_for,
    write,
)
from mmscontent.smil.text import text_of
from mmscontent.smil.timing import Length, slide_length

# senders in the wild use these two names, and no reader asks for others
PRESENTATION_ID = "smil"
PRESENTATION_LOCATION = "smil.xml"
PRESENTATION_NAMES = (PRESENTATION_ID, PRESENTATION_LOCATION)  # what no part of a composed message may be called

# Share of the screen the picture gets beside a caption, by the longest caption, percent. 70 is the iPhone's, 80 AOSP's;
# 50 is what Sony Ericsson, Openwave and the OMA test messages use. The steps between them are chosen.
_PICTURE_SHARES: tuple[tuple[int, int], ...] = ((60, 80), (200, 70))
_LONG_CAPTION_SHARE = 50
_MOST_SIDE_BY_SIDE = 60  # beside a picture, words need the width of a few of them (chosen)

_DEFAULT_RULE = SmilRule()
MOVING = {"image": "animation", "video": "clip", "audio": "sound"}


# Receivers that read a different form of SMIL better: one row each, matched on the profile's device and carrier keys.
# The form a handset writes itself is taken as one it reads; the default row is the form all receivers read.
@dataclass(frozen=True, slots=True)
class Quirk:
    """How one receiver wants its SMIL.

    Attributes:
        matches: Beginning of a device or carrier key; "" matches all.
        unit: Durations in milliseconds or whole seconds.
        image_region, text_region: What it calls its two regions.
        src: How media are named, where it differs from what the profile says.
        attachments: `ref` names cards and files in the last slide, `leave` does not mention them.
        source: Where it was seen.
    """

    matches: str
    unit: TimeUnit = "ms"
    image_region: str = IMAGE_REGION
    text_region: str = TEXT_REGION
    src: Literal["location", "cid"] | None = None
    attachments: Literal["ref", "leave"] = "ref"
    source: str = ""


DEFAULT = Quirk("", source="OMA-TS-MMS_CONF section 8; AOSP Messaging and iPhone both name attachments with ref")

QUIRKS: tuple[Quirk, ...] = (
    # iPhones write whole seconds (dur="10s") and play no slides; seconds for the relays that compare.
    Quirk("apple/", unit="s", source="an iPhone's own SMIL in the wild"),
    # Takes a ref to anything of type text/… for words, so a card's source would stand on the slide.
    Quirk("aosp/mms", attachments="leave", source="AOSP Mms, MediaModelFactory, ELEMENT_TAG_REF"),
    # Writes cid: and percent itself, in two documents of two messages.
    Quirk("openwave/", src="cid", source="an Openwave phone's own SMIL in the wild"),
)


def rule_for(profile: Profile) -> SmilRule:
    """The profile's rule, with the receiver's own way of naming media."""
    src = quirk_for(profile).src
    return profile.smil if src is None else replace(profile.smil, src=src)


def quirk_for(profile: Profile) -> Quirk:
    """The row for a receiver: the device's, else the carrier's, else the default."""
    # the device knows best what it reads; the carrier's row speaks for devices nobody named
    for key in (profile.device, profile.carrier):
        row = next((q for q in QUIRKS if key and key.startswith(q.matches)), None)
        if row is not None:
            return row
    return DEFAULT


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the screen is divided.

    Attributes:
        orientation: Portrait puts picture and text one over the other, landscape side by side.
        text_first: Text above (portrait) or to the left (landscape), and before the picture in the order of parts.
    """

    orientation: Literal["portrait", "landscape"] = "portrait"
    text_first: bool = False


@dataclass(frozen=True, slots=True)
class SlideTiming:
    """One slide as it will be played.

    Attributes:
        parts: Content-Locations, in the order they are shown.
        why: Where the length comes from, in words.
    """

    parts: tuple[str, ...]
    duration_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class PresentedMessage:
    """The SMIL part, and all that follows from it.

    Attributes:
        part: `application/smil`, with Content-ID `smil` and Content-Location `smil.xml`.
        parts: Every part of the message in the order the SMIL names them, attachments last.
        slides: One row a slide, for the ledger.
        presentation: The same as values.
    """

    part: Part
    parts: tuple[Part, ...]
    slides: tuple[SlideTiming, ...]
    presentation: Presentation


def needs_presentation(message: Message, profile: Profile) -> bool:
    """Whether this receiver is sent SMIL at all: always, unless it takes none or there is no slide to play."""
    # AOSP shows a message without SMIL part by part, in the order they come
    return profile.smil.accepted and bool(message.slides)


def present(
    message: Message, durations_ms: Mapping[int, int], profile: Profile, *, arrangement: Arrangement | None = None
) -> PresentedMessage:
    """Write the presentation of a message whose parts already carry their wire names.

    Args:
        message: Every part has a content_location and a content_id of its own.
        durations_ms: Length of what sounds or moves, by index of the part in `message.parts`.
        profile: The receiver; its device may have a row of its own in `QUIRKS`.
        arrangement: How the screen is divided; portrait with the text below when not given.

    Raises:
        ValueError: A part has no Content-Location or Content-ID, or two parts share one.
    """
    _check_names(message.parts)
    arrangement = arrangement or Arrangement()
    quirk, rule = quirk_for(profile), rule_for(profile)
    order = tuple(_ordered(s, arrangement) for s in message.slides)
    lengths = tuple(in_unit(length, quirk.unit) for length in _lengths(message, durations_ms))
    views = [
        SlideView(tuple(medium_of(p, rule) for p in parts), length.milliseconds)
        for parts, length in zip(order, lengths, strict=True)
    ]
    if quirk.attachments == "ref" and views:
        refs = tuple(medium_of(p, rule) for p in message.attachments)
        views[-1] = replace(views[-1], media=views[-1].media + refs)
    longest = max((len(text_of(s.text)) for s in message.slides if s.text is not None), default=0)
    presentation = lay_out(views, rule=rule, quirk=quirk, arrangement=arrangement, longest_caption_chars=longest)
    timings = (
        SlideTiming(tuple(p.content_location for p in parts), length.milliseconds, length.why)
        for parts, length in zip(order, lengths, strict=True)
    )
    parts = tuple(p for parts in order for p in parts) + message.attachments
    return PresentedMessage(
        presentation_part(write(presentation, unit=quirk.unit)), parts, tuple(timings), presentation
    )


def lay_out(
    slides: Sequence[SlideView],
    *,
    rule: SmilRule,
    quirk: Quirk = DEFAULT,
    arrangement: Arrangement | None = None,
    longest_caption_chars: int = 0,
) -> Presentation:
    """Give every visible medium its region, and the regions their place on the screen.

    Args:
        slides: In order; the regions of their media are set here.
        rule: The receiver's; one that plays no slides gets a presentation without regions.
        quirk: Names of the regions.
        arrangement: How the screen is divided.
        longest_caption_chars: The longer the words, the more of the screen they get.
    """
    if not rule.accepted:
        return Presentation(tuple(slides))
    pictures = any(m.element in ("img", "video") for s in slides for m in s.media)
    words = any(m.element == "text" for s in slides for m in s.media)
    share = next((s for most, s in _PICTURE_SHARES if longest_caption_chars <= most), _LONG_CAPTION_SHARE)
    regions = _regions(arrangement or Arrangement(), quirk, pictures=pictures, words=words, share=share)
    named = {"img": quirk.image_region, "video": quirk.image_region, "text": quirk.text_region}
    placed = tuple(
        replace(s, media=tuple(replace(m, region=named.get(m.element, "")) for m in s.media)) for s in slides
    )
    return Presentation(placed, regions)


def _regions(arrangement: Arrangement, quirk: Quirk, *, pictures: bool, words: bool, share: int) -> tuple[Region, ...]:
    if not (pictures and words):
        alone = ((pictures, Region(quirk.image_region)), (words, Region(quirk.text_region, fit="scroll")))
        return tuple(region for wanted, region in alone if wanted)
    share = min(share, _MOST_SIDE_BY_SIDE) if arrangement.orientation == "landscape" else share
    picture_at, text_at = (100 - share, 0) if arrangement.text_first else (0, share)
    if arrangement.orientation == "portrait":
        picture = Region(quirk.image_region, top=picture_at, height=share)
        return (picture, Region(quirk.text_region, top=text_at, height=100 - share, fit="scroll"))
    picture = Region(quirk.image_region, left=picture_at, width=share)
    return (picture, Region(quirk.text_region, left=text_at, width=100 - share, fit="scroll"))


def _ordered(slide: Slide, arrangement: Arrangement) -> tuple[Part, ...]:
    if not arrangement.text_first or slide.text is None:
        return slide.parts
    return (slide.text, *(p for p in slide.parts if p is not slide.text))


def in_unit(length: Length, unit: TimeUnit) -> Length:
    """The length as it will be written: whole seconds, rounded up, for receivers that count in seconds."""
    return replace(length, milliseconds=-(-length.milliseconds // 1000) * 1000) if unit == "s" else length


def medium_of(part: Part, rule: SmilRule = _DEFAULT_RULE) -> Medium:
    """The element that shows a part, named as the receiver wants it."""
    src = part.content_location if rule.src == "location" else f"cid:{quote(part.content_id, safe='@!$*+._~-')}"
    return Medium(element_for(part.kind), src, alt=part.alt)


def _lengths(message: Message, durations_ms: Mapping[int, int]) -> tuple[Length, ...]:
    """One length a slide; the indices of *durations_ms* count all parts, slides first."""
    starts = itertools.accumulate((len(s.parts) for s in message.slides), initial=0)
    return tuple(
        length_of([(p, durations_ms.get(start + i, 0)) for i, p in enumerate(slide.parts)], slide.duration_ms)
        for slide, start in zip(message.slides, starts, strict=False)
    )


def length_of(parts: Sequence[tuple[Part, int]], wished_ms: int | None) -> Length:
    """How long a slide stays that shows these parts, each with its own length in ms or 0."""
    return slide_length(
        [text_of(p) for p, _ in parts if p.kind == "text"],
        [(MOVING[p.kind], ms) for p, ms in parts if p.kind in MOVING and ms > 0],
        picture=any(p.kind == "image" or (p.kind == "video" and not ms) for p, ms in parts),
        wished_ms=wished_ms,
    )


def presentation_part(data: bytes) -> Part:
    """The part that carries a presentation, with all its names."""
    return Part(
        data,
        "application/smil",
        name=PRESENTATION_LOCATION,
        content_id=PRESENTATION_ID,
        content_location=PRESENTATION_LOCATION,
        charset="utf-8",
    )


def _check_names(parts: Sequence[Part]) -> None:
    for label in ("content_location", "content_id"):
        names = [getattr(p, label) for p in parts]
        twice = next((n for i, n in enumerate(names) if not n or n in names[:i]), None)
        if twice is not None:
            raise ValueError(f"every part needs a {label} of its own before it is presented, {twice!r} is not")
