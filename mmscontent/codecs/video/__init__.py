"""The codec of films: H.264, MPEG-4 or H.263 by what the receiver plays, fitted to the byte.

One low-resolution analysis pass says what the picture costs; frame size, frame rate, quantiser and the sound's share
are chosen together from it; at most two encodes follow. Facts: docs/motion.md.
"""

from __future__ import annotations

from mmscontent.codecs.video.source import VideoSource
from mmscontent.codecs.video.verify import verify

__all__ = ["VideoSource", "verify"]
