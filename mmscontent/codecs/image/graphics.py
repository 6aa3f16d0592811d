"""Pictures that must stay sharp: written without loss or with a palette where that is the better use of the bytes.

Flat pages with text are three to five times smaller with a palette than as JPEG at the same quality; pictures with
gradients or photographs in them are not. So both are made and looked at, when the picture leaves it in doubt.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmscontent.codecs.image.encode import encode_gif, encode_palette_png, encode_png
from mmscontent.codecs.image.likeness import unlikeness

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sharp", "score_of", "sharp_ways"]

_PALETTES = (256, 64, 16)
_MAX_PALETTE_PX = 6_000_000  # the quantiser needs a second for so many


@dataclass(frozen=True, slots=True)
class Sharp:
    """One picture written sharp.

    Attributes:
        score: On the common scale, from the pixels themselves.
        label: How it was written, in the ledger's words.
    """

    data: bytes
    media_type: str
    score: float
    label: str


def sharp_ways(image: Any, media_types: Sequence[str], limit_bytes: int) -> list[Sharp]:  # noqa: ANN401
    """Write a picture without loss, then with smaller and smaller palettes, until one is within the limit.

    Returns:
        All that were written, the last of them the first that fits, if any does.
    """
    made: list[Sharp] = []
    if "image/png" in media_types:
        made.append(Sharp(encode_png(image), "image/png", 100.0, "PNG"))
    palette = encode_palette_png if "image/png" in media_types else encode_gif
    media_type = "image/png" if "image/png" in media_types else "image/gif"
    label = "PNG-8" if media_type == "image/png" else "GIF"
    for colours in _PALETTES:
        if made and len(made[-1].data) <= limit_bytes or image.width * image.height > _MAX_PALETTE_PX:
            break
        data = palette(image, colours)
        made.append(Sharp(data, media_type, score_of(data, image), f"{label} of {colours} colours"))
    return made


def score_of(data: bytes, image: Any) -> float:  # noqa: ANN401
    """What a written picture is worth against the pixels it was made from; a smaller one is brought to their sides."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF")) as opened:
        shown = opened.convert("RGB")
    if shown.size != (image.width, image.height):
        shown = shown.resize((image.width, image.height), Image.Resampling.LANCZOS)
    # Fitted on the pictures of benchmarks/pictures.py; docs/fitting.md has the scatter.
    return float(100 - 85 * unlikeness(image.numpy(), np.asarray(shown)) ** 0.7)
