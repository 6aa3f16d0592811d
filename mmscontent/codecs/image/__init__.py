"""The codec of still pictures: turns one picture into the best bytes a receiver takes within a limit.

A picture passes header (facts before pixels), decode (upright sRGB pixels), detect (photograph or graphic), probe
(sample encodes, scored by quality_metric), model (predicted size and quality), search (encodes that fill the limit),
renderer (chooses among encodings) and verify (decodes the result). formats has a row for each format that is opened;
passthrough says what may be sent as it is, strip_metadata writes it.
"""

from __future__ import annotations

from mmscontent.codecs.image.source import StillSource
from mmscontent.codecs.image.verify import verify

__all__ = ["StillSource", "verify"]
