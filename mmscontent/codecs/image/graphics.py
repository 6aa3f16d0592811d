"""Pictures that must stay sharp: written without loss or with a palette where that is the better use of the bytes.

Flat pages with text are three to five times smaller with a palette than as JPEG at the same quality; pictures with
gradients or photographs in them are not. So both are made and looked at, when the picture leaves it in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmscontent.codecs.image.encode import encode_gif, encode_palette_png, encode_png

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sharp", "sharp_ways"]

# Colours of the second palette, by how far the first of 256 was over; more than that and no palette helps.
_FEWER_COLOURS = ((1.4, 64), (3.5, 16))
_MAX_PALETTE_PX = 6_000_000  # the quantiser needs a second for so many


@dataclass(frozen=True, slots=True)
class Sharp:
    """One picture written sharp; *label* is how, in the ledger's words."""

    data: bytes
    media_type: str
    label: str
    sides_px: tuple[int, int]


def sharp_ways(image: Any, media_types: Sequence[str], limit_bytes: int) -> list[Sharp]:  # noqa: ANN401
    """Write a picture without loss, then with a palette, then with a smaller one, until it is within the limit.

    Returns:
        All that were written; the last of them is the first that fits, if any does.
    """
    has_png = "image/png" in media_types
    made = [Sharp(encode_png(image), "image/png", "PNG", (image.width, image.height))] if has_png else []
    if _is_done(made, limit_bytes) or image.width * image.height > _MAX_PALETTE_PX:
        return made
    made.append(_with_palette(image, 256, has_png=has_png))
    over = len(made[-1].data) / limit_bytes
    fewer = next((colours for most, colours in _FEWER_COLOURS if 1 < over <= most), None)
    if fewer is not None:
        made.append(_with_palette(image, fewer, has_png=has_png))
    return made


def _with_palette(image: Any, colours: int, *, has_png: bool) -> Sharp:  # noqa: ANN401
    sides = image.width, image.height
    if has_png:
        return Sharp(encode_palette_png(image, colours), "image/png", f"PNG-8 of {colours} colours", sides)
    return Sharp(encode_gif(image, colours), "image/gif", f"GIF of {colours} colours", sides)


def _is_done(made: list[Sharp], limit_bytes: int) -> bool:
    return bool(made) and len(made[-1].data) <= limit_bytes
