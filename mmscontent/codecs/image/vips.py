"""The one door to libvips: loaded hardened, on one thread, without a cache between pictures."""

from __future__ import annotations

import os
from typing import Any

# Read by libvips when it is loaded. One thread is as fast as two at phone sizes and leaves none behind in a worker.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips  # after its setting

__all__ = ["BLOB", "Image", "VipsError", "image_from"]

pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)

Image: Any = pyvips.Image
VipsError: type[Exception] = pyvips.Error
BLOB: Any = pyvips.GValue.blob_type


def image_from(pixels: Any, interpretation: str = "srgb") -> Any:  # noqa: ANN401 - pyvips has no types
    """A libvips image over an array of rows, columns and bands."""
    return Image.new_from_array(pixels, interpretation=interpretation)
