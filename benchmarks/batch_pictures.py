"""Pictures for benchmarks/batch.py: soft colours with grain, each different, each the same on every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def folder(place: Path, count: int, width_px: int, height_px: int) -> list[Path]:
    """So many JPEG files in a new folder."""
    place.mkdir(parents=True)
    files = []
    for seed in range(count):
        noise = np.random.default_rng(seed)
        coarse = Image.fromarray(noise.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        soft = np.asarray(coarse.resize((width_px, height_px), Image.Resampling.BICUBIC), dtype=np.float32)
        pixels = np.clip(soft + noise.normal(0, 6, (height_px, width_px, 1)), 0, 255).astype(np.uint8)
        files.append(place / f"{seed:04d}.jpg")
        Image.fromarray(pixels).save(files[-1], "JPEG", quality=90)
    return files
