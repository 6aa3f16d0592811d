"""The codec of audio: encodes AMR-NB, AAC-LC or MP3, whichever the receiver plays, at sizes computed beforehand.

FFmpeg decodes the source once; level, channels and silence are changed on samples; a few encodes follow at most.
Measurements: docs/motion.md.
"""

from __future__ import annotations

from mmscontent.codecs.audio.source import AudioSource
from mmscontent.codecs.audio.verify import verify

__all__ = ["AudioSource", "verify"]
