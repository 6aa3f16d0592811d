"""Small pictures made at run time, each different and each the same on every run."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


@cache
def jpeg(seed: int, width_px: int = 320, height_px: int = 240, quality: int = 90) -> bytes:
    """Soft colours with some grain, as a photograph has."""
    noise = np.random.default_rng(seed)
    coarse = noise.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)
    grain = noise.normal(0, 6, (height_px, width_px, 1))
    pixels = np.clip(np.asarray(picture, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def folder_of(place: Path, count: int, **shape: int) -> Path:
    """A folder of pictures named by number."""
    place.mkdir(parents=True)
    for number in range(count):
        (place / f"{number:04d}.jpg").write_bytes(jpeg(number, **shape))
    return place
