"""Pictures that must stay sharp: written without loss or with a palette where that is the better use of the bytes.

Flat pages with text are three to five times smaller with a palette than as JPEG at the same quality, and stay legible
with four colours at half their size where a JPEG of as many bytes is a smear. What each rung weighs cannot be told
from a sample, so all are made when the picture is surveyed, and looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmscontent.codecs.image.encode import encode_gif, encode_palette_png, encode_png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["VARIANTS", "PaletteSettings", "PaletteVariant", "palette_variants"]


@dataclass(frozen=True, slots=True)
class PaletteSettings:
    """One way of writing sharp.

    Attributes:
        colours: Of the palette at most; 0 writes without loss.
        share: Of the long side.
        dithered: Shades are mixed from dots; with few colours the dots cost more bytes than the shades they show.
    """

    colours: int
    share: float
    dithered: bool


# The last is the smallest a receipt was still read in: four colours at half the size.
VARIANTS = (
    PaletteSettings(0, 1.0, dithered=False),
    PaletteSettings(256, 1.0, dithered=True),
    PaletteSettings(16, 1.0, dithered=False),
    PaletteSettings(16, 0.5, dithered=False),
    PaletteSettings(8, 0.5, dithered=False),
    PaletteSettings(4, 0.5, dithered=False),
)
_MAX_PALETTE_PX = 6_000_000  # the quantiser needs a second for so many
_LEAST_LONG_PX = 320  # a smaller picture is not halved


@dataclass(frozen=True, slots=True)
class PaletteVariant:
    """One picture written sharp; *label* is how, in the ledger's words."""

    data: bytes
    media_type: str
    label: str
    sides_px: tuple[int, int]


def palette_variants(at: Callable[[int], Any], long_px: int, media_types: Sequence[str]) -> Iterator[PaletteVariant]:
    """The picture on every rung its receiver shows, largest first.

    Args:
        at: Gives the picture with a long side.
        long_px: Long side of the whole.
        media_types: What the receiver shows; PNG, else GIF.
    """
    has_png = "image/png" in media_types
    for rung in VARIANTS:
        side = round(long_px * rung.share)
        if (rung.colours == 0 and not has_png) or (rung.share < 1 and side < _LEAST_LONG_PX):
            continue
        image = at(side)
        if rung.colours == 0 or image.width * image.height <= _MAX_PALETTE_PX:
            yield _written(image, rung, has_png=has_png)


def _written(image: Any, rung: PaletteSettings, *, has_png: bool) -> PaletteVariant:  # noqa: ANN401
    sides = image.width, image.height
    if rung.colours == 0:
        return PaletteVariant(encode_png(image), "image/png", "PNG", sides)
    if has_png:
        data = encode_palette_png(image, rung.colours, dithered=rung.dithered)
        return PaletteVariant(data, "image/png", f"{sides[0]}×{sides[1]} PNG-8 of {rung.colours} colours", sides)
    data = encode_gif(image, rung.colours, dithered=rung.dithered)
    return PaletteVariant(data, "image/gif", f"{sides[0]}×{sides[1]} GIF of {rung.colours} colours", sides)
