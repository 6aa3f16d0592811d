"""The order of sacrifice, as data: what is given up first, what next, when an animation has to become smaller.

A rung is a stretch: along it distance and scale go from one value
to the other, so a limit is met by where on the ladder one stops, and one number says it (2.4 is on the third
rung, four tenths along). Measurements behind the order: docs/animation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DRAWN", "FILMED", "Rung", "Setting", "setting_at"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One way of giving something up.

    Attributes:
        gives_up: In words, for the ledger.
        distance: Of colours, up to which a change is not drawn, from – to; weighted, of 255 steps.
        scale: Of the sides, from – to.
        colours: At most so many.
        every: Only every n-th frame, shown n times as long.
    """

    gives_up: str
    distance: tuple[float, float]
    scale: tuple[float, float] = (1.0, 1.0)
    colours: int = 255
    every: int = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """A point on a ladder."""

    rung: Rung
    scale: float
    distance: float

    def describe(self, width: int, height: int) -> str:
        """For the ledger's list of tries."""
        if self.distance == 0:
            return "differences between frames written anew"
        every = f", one frame of {self.rung.every}" if self.rung.every > 1 else ""
        return (
            f"{self.rung.gives_up}: {width}×{height}, {self.rung.colours} colours,"
            f" changes under {self.distance:.1f} not drawn{every}"
        )


# What was filmed, or drawn with many shades: colours are worth more than pixels, and pixels more than moments.
FILMED = (
    Rung("changes hard to see", (0, 10)),
    Rung("smaller", (10, 12.5), (1.0, 0.6)),
    Rung("much smaller", (12.5, 14), (0.6, 0.26)),
    Rung("every second frame", (14, 18), (0.34, 0.22), every=2),
    Rung("every fourth frame, fewer colours", (18, 28), (0.28, 0.14), 63, 4),
)

# Screens, cartoons, lettering: flat colours cost little and sharp edges are the content, so size goes late.
DRAWN = (
    Rung("changes hard to see", (0, 8)),
    Rung("fewer colours", (8, 11), colours=127),
    Rung("few colours", (11, 14), colours=63),
    Rung("smaller", (11, 13), (0.9, 0.6), 127),
    Rung("much smaller", (13, 16), (0.6, 0.3), 63),
    Rung("every second frame", (14, 18), (0.38, 0.25), 63, 2),
    Rung("every fourth frame", (18, 28), (0.3, 0.15), 31, 4),
)


def setting_at(ladder: tuple[Rung, ...], place: float) -> Setting:
    """The setting at a place from 0 to the number of rungs."""
    step = min(int(place), len(ladder) - 1)
    along = min(place - step, 1.0)
    rung = ladder[step]
    (scale_0, scale_1), (distance_0, distance_1) = rung.scale, rung.distance
    scale = scale_0 * (scale_1 / scale_0) ** along
    return Setting(rung, scale, distance_0 + (distance_1 - distance_0) * along)
