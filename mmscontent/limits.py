"""The limits of input that is opened at all, checked on headers before any decoder runs.

They protect against hostile input. The receiver's limits are in profiles/model.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Bounds on one input part and on one message."""

    max_part_bytes: int = 256_000_000
    # A 200-megapixel phone picture (16320 × 12240) is opened, 50,000 × 50,000 is not.
    max_image_px: int = 210_000_000
    max_side_px: int = 65_535
    max_frames: int = 5_000
    # Frames × canvas, which is what a decoder has to paint.
    max_animation_px: int = 1_000_000_000
    max_duration_ms: int = 4 * 3600 * 1000
    max_text_bytes: int = 1_000_000
    max_parts: int = 64
    # Multiparts in multiparts.
    max_nesting: int = 8


DEFAULT_INPUT_LIMITS = InputLimits()
