"""The codec of animations: reads GIF, APNG, animated WebP and AVIF, writes an animated GIF within a limit.

An animation passes frames (decoded to changed rectangles), quality_ladder and search (what to give up for a limit),
renderer (frame_diff or lossless frames with a palette, gif_file), and verify (decodes the result).
"""

from __future__ import annotations

from mmscontent.codecs.animation.source import AnimationSource
from mmscontent.codecs.animation.verify import verify

__all__ = ["AnimationSource", "verify"]
