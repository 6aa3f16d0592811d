"""The quality policy of each kind of part: how much a point of quality counts, and how little is too little.

A weight says how much a point of this kind counts against one of another when bytes are allocated (allocation.py).
Below its minimum quality a part no longer does what it was sent for; the message is then refused with options (one of
them is `accept_quality`). Pure data: docs/budget.md prints the table, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmscontent.media_types import Kind


@dataclass(frozen=True, slots=True)
class QualityPolicy:
    """One row of the table."""

    # What it is called in docs and ledgers.
    name: str = "part"
    # What one point of its quality counts.
    weight: float = 1.0
    # On its own scale; 0 leaves it to the minimum of the codec.
    least_quality: float = 0.0
    # Why these two numbers.
    reason: str = ""


# The first row that is named like one of a part's traits, or else like its kind, is the part's.
# A kind without a row has DEFAULT_POLICY. Qualities are SSIMULACRA2 at the phone's view, VMAF for video.
QUALITY_POLICIES: dict[str, QualityPolicy] = {
    "qr code": QualityPolicy(
        "QR code", 1.0, 15.0, "the smallest rendition, half its pixels in four colours, can still be scanned"
    ),
    "screenshot": QualityPolicy(
        "screenshot, receipt",
        1.0,
        15.0,
        "half its pixels in four colours (15 to 65 points) could be read, a JPEG below this could not",
    ),
    "line art": QualityPolicy("drawing, text", 1.0, 15.0, "as a screenshot"),
    "animation": QualityPolicy(
        "animation",
        1.0,
        15.0,
        "its quality ladder goes down to 34 pixels, which show nothing; a still is an option (poster)",
    ),
    "photograph": QualityPolicy(
        "photograph", 1.0, 20.0, "people and places can still be recognised; below this only blocks were visible"
    ),
    "speech": QualityPolicy(
        "voice", 1.0, 0.0, "AMR at its lowest rate can be understood; more bytes gain little, and the curve shows that"
    ),
    "image": QualityPolicy("picture", 1.0, 20.0, "as a photograph"),
    "video": QualityPolicy(
        "video", 1.0, 25.0, "below this VMAF nothing can be recognised; a cut (trim) or a still (poster) is an option"
    ),
    "audio": QualityPolicy("audio", 1.0, 0.0, "as voice"),
    "contact": QualityPolicy("contact", 0.5, 0.0, "only its photo gains by bytes, and it is shown as a thumbnail"),
    "calendar": QualityPolicy("calendar", 1.0, 0.0, "it has one size only"),
}
DEFAULT_POLICY = QualityPolicy()


def policy_for(kind: Kind, traits: Iterable[str]) -> QualityPolicy:
    """The row of a part: by what its codec recognised it as, else by its kind."""
    named = set(traits)
    return next((row for name, row in QUALITY_POLICIES.items() if name in named or name == kind), DEFAULT_POLICY)
