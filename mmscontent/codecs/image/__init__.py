"""The codec of still pictures: turns one picture into the best bytes a receiver takes within a limit.

A picture passes header (facts before pixels, and whether it may be sent as it is), decode (upright sRGB pixels), probe
(photograph or graphic; sample encodes, scored by quality_metric), jpeg_fit (predicts sizes and encodes to a limit),
renderer (chooses among encodings) and verify (decodes the result). formats has a row for each format that is opened;
strip_metadata writes what is sent as it is.
"""

from __future__ import annotations

from mmscontent.codecs.image.source import StillSource
from mmscontent.codecs.image.verify import verify

__all__ = ["StillSource", "verify"]
