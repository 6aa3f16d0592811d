"""How the room is shared: the next byte goes where it buys the most quality, over all parts.

Pure arithmetic over concave curves: walking their segments in order of slope is the optimum
(Fox 1966, marginal allocation). The sharing exists here and nowhere else.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.errors import DoesNotFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.rate_quality import Curve

__all__ = ["PartDemand", "allocate_bytes", "total_quality"]


@dataclass(frozen=True, slots=True)
class PartDemand:
    """What one part could do with bytes.

    Attributes:
        least_bytes: The codec's floor; under this the part is not worth sending.
        curve: Quality against bytes; what lies under the floor is never bought.
        cap_bytes: More than this is of no use (the source's own size).
        weight: How much a point of quality of this part counts against one of another.
    """

    name: str
    least_bytes: int
    curve: Curve
    cap_bytes: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Slice:
    """A stretch of one want's curve."""

    gain_per_byte: float
    want: int
    length_bytes: int


def allocate_bytes(available_bytes: int, wants: Sequence[PartDemand]) -> tuple[int, ...]:
    """Share the room left for media among the parts, in bytes.

    Args:
        available_bytes: What the profile leaves after headers, SMIL and text; may be 0 or less.
        wants: One per part, in slide order.

    Returns:
        One limit per want, in the same order; they sum to at most *available_bytes*.

    Raises:
        DoesNotFit: The floors alone pass the room; `smallest_bytes` is their sum.
    """
    least = sum(w.least_bytes for w in wants)
    if least > available_bytes:
        names = ", ".join(f"{w.name} {w.least_bytes:,}" for w in wants)
        raise DoesNotFit(
            f"the parts need at least {least:,} bytes ({names}), {max(available_bytes, 0):,} are left for them;"
            " drop a part or allow a larger message",
            limit_bytes=max(available_bytes, 0),
            smallest_bytes=least,
        )
    shares = [w.least_bytes for w in wants]
    left = available_bytes - least
    steepest_first = sorted(_slices(wants), key=lambda s: (-s.gain_per_byte, s.want))
    for _, alike in itertools.groupby(steepest_first, key=lambda s: s.gain_per_byte):
        pieces = list(alike)
        for piece, take in zip(pieces, _in_proportion(left, [p.length_bytes for p in pieces]), strict=True):
            shares[piece.want] += take
            left -= take
    return _spread(left, shares, wants)


def total_quality(shares: Sequence[int], wants: Sequence[PartDemand]) -> float:
    """What a sharing is worth: the weighted sum of the qualities it buys."""
    return sum(w.weight * w.curve.quality_at(s) for s, w in zip(shares, wants, strict=True))


def _in_proportion(left: int, lengths: Sequence[int]) -> list[int]:
    """Stretches of equal gain each get the same part of what they ask for, to the byte."""
    total = sum(lengths)
    room = min(total, left)
    takes = [length * room // total for length in lengths]
    for index in range(room - sum(takes)):
        takes[index] += 1
    return takes


def _slices(wants: Sequence[PartDemand]) -> list[_Slice]:
    """The stretches of all curves that lie between floor and cap."""
    pieces: list[_Slice] = []
    for index, want in enumerate(wants):
        knots = _knots_between(want)
        for (size_a, quality_a), (size_b, quality_b) in itertools.pairwise(knots):
            slope = (quality_b - quality_a) / (size_b - size_a)
            pieces.append(_Slice(slope * want.weight, index, size_b - size_a))
    return pieces


def _knots_between(want: PartDemand) -> list[tuple[int, float]]:
    low, high = want.least_bytes, max(want.least_bytes, want.cap_bytes)
    inner = [s for s in want.curve.sizes_bytes if low < s < high]
    ends = [low, *inner, min(high, max(want.curve.most_bytes, low))]
    return [(s, want.curve.quality_at(s)) for s in dict.fromkeys(ends)]


def _spread(left: int, shares: list[int], wants: Sequence[PartDemand]) -> tuple[int, ...]:
    """Room that no curve asks for still raises the limits, in proportion, up to each cap.

    A curve is a prediction: a part that turns out to need a little more than it said then has it.
    """
    total = sum(shares)
    if left <= 0 or total <= 0:
        return tuple(shares)
    return tuple(
        min(max(want.cap_bytes, share), share + left * share // total)
        for share, want in zip(shares, wants, strict=True)
    )
