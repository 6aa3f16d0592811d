"""Animations: GIF, APNG, animated WebP and AVIF in, a GIF that still moves out, within a limit.

film (frames as patches) < palette < draw (which pixels change) and exact (all of them) < gif_file (the bytes) <
ladder (what is given up, in which order) < make (one place of the ladder) < search (which place) < source (the codec)
and verify (a second look).
"""

from __future__ import annotations

from mmscontent.codecs.animation.source import AnimationSource
from mmscontent.codecs.animation.verify import verify

__all__ = ["AnimationSource", "verify"]
