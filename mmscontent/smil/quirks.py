"""Receivers that read a different form of SMIL better: one row each, matched on the profile's device and carrier keys.

The default row is the form all receivers read. The form a handset writes itself is taken as one it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mmscontent.profiles.model import Profile, SmilRule
from mmscontent.smil.model import IMAGE_REGION, TEXT_REGION

if TYPE_CHECKING:
    from mmscontent.smil.write import TimeUnit


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
