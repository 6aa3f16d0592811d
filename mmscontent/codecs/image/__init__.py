"""Stills: one picture from bytes to the best bytes a receiver takes within a limit.

header (facts before pixels) < decode (upright sRGB pixels) < detect (what it shows) < encode (one way of writing)
< model (predicted size and quality) < search (which way to write) < source (the codec) and verify (a second look).
"""

from __future__ import annotations

from mmscontent.codecs.image.source import StillSource
from mmscontent.codecs.image.verify import verify

__all__ = ["StillSource", "verify"]
