"""Rate-quality curves: the quality of a part against its bytes, on one scale of 0 to 100.

The scale is SSIMULACRA2 of the picture on the receiving phone for stills and animations, VMAF for video, and a table
for audio; see docs/fitting.md. Curves are concave, so that the next byte is best spent where the slope is steepest
(pipeline/allocation.py).
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """Quality against size: knots joined by straight lines, rising and concave.

    Attributes:
        sizes_bytes: Strictly rising.
        qualities: Rising with falling slope; the last one is the best this part can reach.
    """

    sizes_bytes: tuple[int, ...]
    qualities: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.sizes_bytes or len(self.sizes_bytes) != len(self.qualities):
            raise ValueError("a curve needs as many qualities as sizes, at least one")
        slopes = _slopes(self.sizes_bytes, self.qualities)
        if any(s < 0 for s in slopes) or any(b > a + 1e-12 for a, b in itertools.pairwise(slopes)):
            raise ValueError(
                f"the knots are not rising and concave: {self.sizes_bytes} {self.qualities}; use Curve.through"
            )

    @classmethod
    def through(cls, points: Iterable[tuple[int, float]]) -> Curve:
        """The concave hull over measured or predicted points, in any order; at least one point."""
        hull: list[tuple[int, float]] = []
        for size, quality in sorted(_best_per_size(points).items()):
            # More bytes for no more quality: never worth allocating.
            if hull and quality <= hull[-1][1]:
                continue
            # Remove knots that lie under the new line, as in Andrew's monotone chain.
            while len(hull) >= 2 and _cross(hull[-2], hull[-1], (size, quality)) >= 0:  # noqa: PLR2004 - a turn takes three
                hull.pop()
            hull.append((size, quality))
        return cls(tuple(s for s, _ in hull), tuple(q for _, q in hull))

    @property
    def least_bytes(self) -> int:
        """Size of the first knot."""
        return self.sizes_bytes[0]

    @property
    def most_bytes(self) -> int:
        """Size of the last knot; more bytes buy nothing."""
        return self.sizes_bytes[-1]

    def quality_at(self, size_bytes: float) -> float:
        """Quality at a size; below the first knot it falls in proportion to zero, above the last it stays."""
        sizes, qualities = self.sizes_bytes, self.qualities
        if size_bytes <= sizes[0]:
            return qualities[0] * max(size_bytes, 0) / max(sizes[0], 1)
        at = bisect.bisect_left(sizes, size_bytes)
        if at >= len(sizes):
            return qualities[-1]
        share = (size_bytes - sizes[at - 1]) / (sizes[at] - sizes[at - 1])
        return qualities[at - 1] + share * (qualities[at] - qualities[at - 1])

    def size_for(self, quality: float) -> int:
        """Smallest size that reaches a quality, bytes; the last knot's when none does."""
        qualities, sizes = self.qualities, self.sizes_bytes
        if quality <= qualities[0]:
            return sizes[0]
        at = bisect.bisect_left(qualities, quality)
        if at >= len(qualities):
            return sizes[-1]
        share = (quality - qualities[at - 1]) / (qualities[at] - qualities[at - 1])
        return round(sizes[at - 1] + share * (sizes[at] - sizes[at - 1]))


def _best_per_size(points: Iterable[tuple[int, float]]) -> dict[int, float]:
    best: dict[int, float] = {}
    for size, quality in points:
        best[size] = max(quality, best.get(size, quality))
    return best


def _slopes(sizes: tuple[int, ...], qualities: tuple[float, ...]) -> list[float]:
    knots = list(zip(sizes, qualities, strict=True))
    return [(b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else -1.0 for a, b in itertools.pairwise(knots)]


def _cross(a: tuple[int, float], b: tuple[int, float], c: tuple[int, float]) -> float:
    """Positive or zero when b lies on or under the line from a to c."""
    return (c[1] - a[1]) * (b[0] - a[0]) - (b[1] - a[1]) * (c[0] - a[0])
