"""What input we agree to open at all, checked on headers before any decoder runs.

These are safety bounds against hostile input, not the receiver's limits (those are in profile.py).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_INPUT_LIMITS", "InputLimits"]


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Bounds on one input part and on one message."""

    max_part_bytes: int = 256_000_000
    max_image_px: int = 210_000_000  # a 200-megapixel phone picture (16320 × 12240) is opened, 50,000 × 50,000 is not
    max_side_px: int = 65_535
    max_frames: int = 5_000
    max_animation_px: int = 1_000_000_000  # frames × canvas, what a decoder would have to paint
    max_duration_ms: int = 4 * 3600 * 1000
    max_text_bytes: int = 1_000_000
    max_parts: int = 64
    max_nesting: int = 8  # multiparts in multiparts


DEFAULT_INPUT_LIMITS = InputLimits()
