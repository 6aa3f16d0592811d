"""How single receivers want their SMIL: one row a fact, matched on the profile's device and carrier keys.

The default row is the form all of them read. A row exists only where a receiver reads something else better; what a
handset writes itself is taken as what it surely reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mmscontent.smil.model import IMAGE_REGION, TEXT_REGION

if TYPE_CHECKING:
    from mmscontent.profile import Profile
    from mmscontent.smil.write import TimeUnit

__all__ = ["DEFAULT", "QUIRKS", "Quirk", "quirk_for"]


@dataclass(frozen=True, slots=True)
class Quirk:
    """One receiver's wishes.

    Attributes:
        matches: Beginning of a device or carrier key; "" matches all.
        unit: Durations in milliseconds or whole seconds.
        image_region, text_region: What it calls its two regions.
        attachments: `ref` names cards and files in the last slide, `leave` does not mention them.
        source: Where it was seen.
    """

    matches: str
    unit: TimeUnit = "ms"
    image_region: str = IMAGE_REGION
    text_region: str = TEXT_REGION
    attachments: Literal["ref", "leave"] = "ref"
    source: str = ""


DEFAULT = Quirk("", source="OMA-TS-MMS_CONF section 8; AOSP Messaging and iPhone both name attachments with ref")

QUIRKS: tuple[Quirk, ...] = (
    # iPhones write whole seconds (dur="10s") and play no slides; kept in seconds for relays that compare.
    Quirk("apple/", unit="s", source="SMIL of iPhone OS 3 in the wild"),
    # AOSP Mms shows a ref to a text/x-vCard as words on the slide, and fails on other types (MediaModelFactory).
    Quirk("aosp/mms", attachments="leave", source="AOSP Mms MediaModelFactory.getGenericMediaModel"),
    # Feature phones of the first years fail on elements outside img, text, audio, video.
    Quirk("nokia/s40", attachments="leave", source="Nokia Series 40 2nd edition MMS guides name no ref"),
    Quirk("sonyericsson/", attachments="leave", source="Sony Ericsson T310 SMIL in the wild leaves cards out"),
)


def quirk_for(profile: Profile) -> Quirk:
    """The row for a receiver: the device's, else the carrier's, else the default."""
    for key in (profile.device, profile.carrier):
        row = next((q for q in QUIRKS if key and key.startswith(q.matches)), None)
        if row is not None:
            return row
    return DEFAULT
