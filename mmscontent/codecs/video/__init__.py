"""The codec of video: encodes H.264, MPEG-4 or H.263, whichever the receiver plays, to a size in bytes.

One low-resolution analysis pass measures what the picture costs. Frame size, frame rate, quantiser and the share of the
audio are chosen together from it; two encodes follow as a rule. Measurements: docs/motion.md.
"""

from __future__ import annotations

from mmscontent.codecs.video.source import VideoSource
from mmscontent.codecs.video.verify import verify

__all__ = ["VideoSource", "verify"]
