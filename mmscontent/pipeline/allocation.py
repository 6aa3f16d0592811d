"""Allocates the bytes of a message to its parts: the next byte goes to the part whose quality gains most by it.

Pure arithmetic over concave curves: walking their segments in order of slope is the optimum (Fox 1966, marginal
allocation). Bytes are allocated here and nowhere else.

What a point of quality counts, and how little of it is too little, stands in one table: QUALITY_POLICIES. Below its
minimum quality a part no longer does what it was sent for; the message is then refused with options (one of them is
`accept_quality`). docs/budget.md prints the table, and a test holds the two together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmscontent.errors import DoesNotFit
from mmscontent.media_types import Kind
from mmscontent.rate_quality import Curve


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
}
DEFAULT_POLICY = QualityPolicy()


def policy_for(kind: Kind, traits: Iterable[str]) -> QualityPolicy:
    """The row of a part: by what its codec recognised it as, else by its kind."""
    named = set(traits)
    return next((row for name, row in QUALITY_POLICIES.items() if name in named or name == kind), DEFAULT_POLICY)


@dataclass(frozen=True, slots=True)
class PartDemand:
    """What one part asks of the budget."""

    name: str
    # The fewest bytes worth sending (`plan.minimum_bytes`).
    least_bytes: int
    # Quality against bytes; what lies below *least_bytes* is never allocated.
    curve: Curve
    # More is of no use (the source's own size).
    cap_bytes: int
    # How much a point of quality of this part counts against one of another.
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Slice:
    """One segment of a part's curve; *demand* is its index."""

    gain_per_byte: float
    demand: int
    length_bytes: int


def allocate_bytes(available_bytes: int, demands: Sequence[PartDemand]) -> tuple[int, ...]:
    """Divide the bytes that are available for media among the parts.

    Args:
        available_bytes: What the profile leaves after headers, SMIL and text; may be 0 or less.
        demands: One per part, in slide order.

    Returns:
        One limit per demand, in the same order; they sum to at most *available_bytes*.

    Raises:
        DoesNotFit: The minimums alone are more than that; `smallest_bytes` is their sum.
    """
    least = sum(w.least_bytes for w in demands)
    if least > available_bytes:
        names = ", ".join(f"{w.name} {w.least_bytes:,}" for w in demands)
        raise DoesNotFit(
            f"the parts need at least {least:,} bytes ({names}), {max(available_bytes, 0):,} are available for them;"
            " drop a part or allow a larger message",
            limit_bytes=max(available_bytes, 0),
            smallest_bytes=least,
        )
    shares = [w.least_bytes for w in demands]
    left = available_bytes - least
    # Curves are concave, so taking segments by falling slope never takes one before the segment under it.
    steepest_first = sorted(_slices(demands), key=lambda s: (-s.gain_per_byte, s.demand))
    for _, alike in itertools.groupby(steepest_first, key=lambda s: s.gain_per_byte):
        # Equal parts get equal shares; without this the first of two equal photographs would get more.
        pieces = list(alike)
        for piece, take in zip(pieces, _in_proportion(left, [p.length_bytes for p in pieces]), strict=True):
            shares[piece.demand] += take
            left -= take
    return _spread(left, shares, demands)


def total_quality(shares: Sequence[int], demands: Sequence[PartDemand]) -> float:
    """The weighted sum of the qualities that shares buy."""
    return sum(w.weight * w.curve.quality_at(s) for s, w in zip(shares, demands, strict=True))


def _in_proportion(left: int, lengths: Sequence[int]) -> list[int]:
    """Divide bytes among segments of equal gain: each gets the same share of its length, to the byte."""
    total = sum(lengths)
    given = min(total, left)
    takes = [length * given // total for length in lengths]
    # The bytes lost by rounding down, one each to the first ones.
    for index in range(given - sum(takes)):
        takes[index] += 1
    return takes


def _slices(demands: Sequence[PartDemand]) -> list[_Slice]:
    """The segments of all curves between *least_bytes* and *cap_bytes*."""
    pieces: list[_Slice] = []
    for index, demand in enumerate(demands):
        knots = _knots_between(demand)
        for (size_a, quality_a), (size_b, quality_b) in itertools.pairwise(knots):
            slope = (quality_b - quality_a) / (size_b - size_a)
            pieces.append(_Slice(slope * demand.weight, index, size_b - size_a))
    return pieces


def _knots_between(demand: PartDemand) -> list[tuple[int, float]]:
    low, high = demand.least_bytes, max(demand.least_bytes, demand.cap_bytes)
    inner = [s for s in demand.curve.sizes_bytes if low < s < high]
    ends = [low, *inner, min(high, max(demand.curve.most_bytes, low))]
    return [(s, demand.curve.quality_at(s)) for s in dict.fromkeys(ends)]


def _spread(left: int, shares: list[int], demands: Sequence[PartDemand]) -> tuple[int, ...]:
    """Raise the limits by the bytes that no curve asks for, in proportion, up to each cap."""
    # A curve is a prediction: a part that turns out to need a little more than predicted then has it.
    total = sum(shares)
    if left <= 0 or total <= 0:
        return tuple(shares)
    return tuple(
        min(max(demand.cap_bytes, share), share + left * share // total)
        for share, demand in zip(shares, demands, strict=True)
    )
