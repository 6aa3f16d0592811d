"""Turns and mirrors of a picture as EXIF orientation numbers, from whatever a container uses for them.

A turn is a 2×2 matrix (a, b, c, d) over coordinates with y downwards: x' = ax + by, y' = cx + dy.
"""

from __future__ import annotations

Turn = tuple[int, int, int, int]

IDENTITY: Turn = (1, 0, 0, 1)

# EXIF 2.32 table 6: what has to be done to the stored picture to see it upright
_EXIF_NUMBERS: dict[Turn, int] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, -1, 1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, 1, -1, 0): 8,
}
# 0, 90, 180 and 270 degrees against the clock
_QUARTERS: tuple[Turn, ...] = (IDENTITY, (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))


def compose(first: Turn, second: Turn) -> Turn:
    """The turn that does *first*, then *second*."""
    # The product second × first.
    a, b, c, d = second
    e, f, g, h = first
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


def rotate_ccw(quarters: int) -> Turn:
    """A turn by quarters against the clock (ISO/IEC 23008-12 6.5.10, `irot`)."""
    return _QUARTERS[quarters & 3]


def mirror(axis: int) -> Turn:
    """A mirror: 0 swaps top and bottom, 1 swaps left and right (23008-12 6.5.12 `imir`, as corrected in 2019)."""
    return (-1, 0, 0, 1) if axis & 1 else (1, 0, 0, -1)


def exif_number(turn: Turn) -> int | None:
    """The EXIF number, or None when the matrix does more than turn and mirror by quarters."""
    return _EXIF_NUMBERS.get(turn)
