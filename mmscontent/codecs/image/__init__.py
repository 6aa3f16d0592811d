"""Stills: one picture from bytes to the best bytes a receiver takes within a limit.

exif, jpeg_file, chunk_files < header (facts before pixels) < decode (upright sRGB pixels) < detect (what it shows),
encode (ways of writing), eye (how it looks) < probe < model (predicted size and quality) < search, graphics < still
< source (the codec); keep (what passes as it is) and verify (the second look) stand beside.
"""

from __future__ import annotations

from mmscontent.codecs.image.source import StillSource
from mmscontent.codecs.image.verify import verify

__all__ = ["StillSource", "verify"]
