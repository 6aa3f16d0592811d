"""What a point of quality is worth, and how little is too little, kind by kind: one table, read from top to bottom.

A weight says how much a point of this kind counts against one of another when the room is shared (budget.py). A least
quality says under which point the part no longer does what it was sent for; the message is then refused with options
rather than sent (`accept_quality` among them). Pure data; docs/budget.md prints it, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mmscontent.media_types import Kind

__all__ = ["DEFAULT_POLICY", "QUALITY_POLICIES", "QualityPolicy", "policy_for"]


@dataclass(frozen=True, slots=True)
class QualityPolicy:
    """One row of the table.

    Attributes:
        name: What it is called in docs and ledgers.
        weight: What one point of its quality counts.
        least_quality: On its own scale; 0 leaves it to the codec's floor.
        reason: Why these two numbers.
    """

    name: str = "part"
    weight: float = 1.0
    least_quality: float = 0.0
    reason: str = ""


# A part is the first of these that one of its traits, or else its kind, names.
QUALITY_POLICIES: dict[str, QualityPolicy] = {
    "qr code": QualityPolicy(
        "QR code", 1.0, 15.0, "its codec's floor keeps half its pixels in four colours, where its modules stand apart"
    ),
    "screenshot": QualityPolicy(
        "screenshot, receipt",
        1.0,
        15.0,
        "it is sent to be read: half its pixels in four colours (15 to 65 points) were, a JPEG under this was not",
    ),
    "line art": QualityPolicy("drawing, text", 1.0, 15.0, "as a screenshot"),
    "animation": QualityPolicy(
        "animation",
        1.0,
        15.0,
        "its ladder goes on to 34 pixels that move and show nothing; a still is an option (poster)",
    ),
    "photograph": QualityPolicy(
        "photograph", 1.0, 20.0, "who and where can still be told; under this it was a thumbnail of blocks to us"
    ),
    "speech": QualityPolicy(
        "voice", 1.0, 0.0, "AMR at its lowest rate is understood; more bytes buy little, its curve says so itself"
    ),
    "image": QualityPolicy("picture", 1.0, 20.0, "as a photograph"),
    "video": QualityPolicy(
        "film", 1.0, 25.0, "VMAF under this is coloured fog; cut it shorter (trim) or send a picture of it (poster)"
    ),
    "audio": QualityPolicy("sound", 1.0, 0.0, "as voice"),
    "contact": QualityPolicy("card", 0.5, 0.0, "only its photo grows with bytes, and it is shown as a thumbnail"),
    "calendar": QualityPolicy("calendar", 1.0, 0.0, "it has one size"),
}
DEFAULT_POLICY = QualityPolicy()


def policy_for(kind: Kind, traits: Iterable[str]) -> QualityPolicy:
    """The row of a part: by what its codec took it for, else by its kind."""
    named = set(traits)
    return next((row for name, row in QUALITY_POLICIES.items() if name in named or name == kind), DEFAULT_POLICY)
