"""Quality ladders as data: what is given up first, and what next, when an animation must become smaller.

Animations differ in what they can spare: one that hardly moves can leave small changes undrawn, grain needs few
colours, lettering needs its size. So there are several ladders; a sample of the animation, rendered at each step, tells
which ladder scores best at the wanted size. Along a step, distance and scale go from one value to the other, so one
number is a place on a ladder (2.4 is four tenths along the third step) and the search looks for the place that meets a
limit. Rows may be edited; the measurements behind them are in docs/animation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

# Of 256 palette entries; one is for transparent pixels.
_ALL = 255


@dataclass(frozen=True, slots=True)
class QualityStep:
    """One step of a ladder.

    Attributes:
        gives_up: What is given up, as the ledger names it.
        colours: Largest number of colours.
        distance: Weighted colour distance (of 255) up to which a change is not drawn, at the start and the end.
        scale: Scale of the sides, at the start and the end.
        every: Only every n-th frame is kept, shown n times as long.
    """

    gives_up: str
    colours: int
    distance: tuple[float, float]
    scale: tuple[float, float] = (1.0, 1.0)
    every: int = 1


@dataclass(frozen=True, slots=True)
class LadderSetting:
    """A place on a ladder, as the settings of a rendition."""

    step: QualityStep
    scale: float
    distance: float

    @property
    def gives_nothing_up(self) -> bool:
        """Whether all pixels of all frames keep their colours."""
        return self.distance == 0 and self.scale == 1 and self.step.every == 1 and self.step.colours == _ALL

    def describe(self, width: int, height: int) -> str:
        """Describe the setting for the ledger's list of tries."""
        if self.gives_nothing_up:
            return "delta frames rewritten without loss"
        every = f", one frame of {self.step.every}" if self.step.every > 1 else ""
        return (
            f"{self.step.gives_up}: {width}×{height}, {self.step.colours} colours,"
            f" changes under {self.distance:.1f} not drawn{every}"
        )


LADDERS: dict[str, tuple[QualityStep, ...]] = {
    # Much of it stands still: old pixels may stay, colours and size matter more.
    "standing": (
        QualityStep("changes hard to see", 255, (0, 5)),
        QualityStep("changes one looks for", 255, (5, 12)),
        QualityStep("smaller", 255, (12, 13), (1.0, 0.5)),
        QualityStep("much smaller", 255, (13, 15), (0.5, 0.24)),
        QualityStep("every second frame", 255, (15, 18), (0.32, 0.2), 2),
        QualityStep("every fourth frame, fewer colours", 48, (18, 28), (0.26, 0.13), 4),
    ),
    # It hardly moves and is full of dither: scaling down removes dither, undrawn changes would keep it.
    "dithered": (
        QualityStep("smaller", 255, (0, 0), (1.0, 0.5)),
        QualityStep("much smaller", 255, (0, 3), (0.5, 0.24)),
        QualityStep("every second frame, fewer colours", 127, (8, 12), (0.34, 0.2), 2),
        QualityStep("every fourth frame, fewer colours", 48, (12, 28), (0.26, 0.13), 4),
    ),
    # All of it moves: old pixels show as dirt, so nearly all changes are drawn.
    "moving": (
        QualityStep("changes hard to see", 255, (0, 5)),
        QualityStep("smaller", 255, (5, 6), (1.0, 0.5)),
        QualityStep("much smaller", 255, (6, 8), (0.5, 0.24)),
        QualityStep("every second frame, fewer colours", 127, (8, 12), (0.34, 0.2), 2),
        QualityStep("every fourth frame, fewer colours", 48, (12, 28), (0.26, 0.13), 4),
    ),
    # It moves, with grain or dither that hides a lack of colours.
    "grainy": (
        QualityStep("fewer colours", 127, (0, 5)),
        QualityStep("smaller", 127, (5, 6), (1.0, 0.5)),
        QualityStep("much smaller", 127, (6, 8), (0.5, 0.24)),
        QualityStep("every second frame", 127, (8, 12), (0.34, 0.2), 2),
        QualityStep("every fourth frame, fewer colours", 48, (12, 28), (0.26, 0.13), 4),
    ),
    # The grain is so strong that few colours are enough.
    "coarse": (
        QualityStep("few colours", 48, (0, 6)),
        QualityStep("smaller", 48, (6, 7), (1.0, 0.5)),
        QualityStep("much smaller", 48, (7, 10), (0.5, 0.24)),
        QualityStep("every second frame", 48, (10, 14), (0.34, 0.2), 2),
        QualityStep("every fourth frame", 24, (14, 28), (0.26, 0.13), 4),
    ),
    # Tried where no other ladder keeps letters legible: frames are dropped before size.
    "stepwise": (
        QualityStep("few colours", 48, (0, 5)),
        QualityStep("every second frame", 48, (5, 6), (1.0, 0.6), 2),
        QualityStep("every fourth frame", 24, (6, 10), (0.8, 0.3), 4),
    ),
    # Screens, charts, lettering: few flat colours, sharp edges; size is given up late.
    "drawn": (
        QualityStep("fewer colours", 48, (0, 5)),
        QualityStep("few colours", 24, (5, 8)),
        QualityStep("very few colours", 12, (8, 16)),
        QualityStep("smaller", 24, (8, 10), (0.85, 0.5)),
        QualityStep("much smaller", 24, (10, 14), (0.5, 0.26)),
        QualityStep("every second frame", 24, (12, 16), (0.36, 0.24), 2),
        QualityStep("every fourth frame", 24, (16, 28), (0.3, 0.15), 4),
    ),
}


def setting_at(ladder: tuple[QualityStep, ...], place: float) -> LadderSetting:
    """Return the setting at a place from 0 to the number of steps."""
    number = min(int(place), len(ladder) - 1)
    along = min(place - number, 1.0)
    step = ladder[number]
    (scale_0, scale_1), (distance_0, distance_1) = step.scale, step.distance
    scale = scale_0 * (scale_1 / scale_0) ** along
    return LadderSetting(step, scale, distance_0 + (distance_1 - distance_0) * along)
