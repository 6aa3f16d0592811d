"""The codec of sound: AMR-NB, AAC-LC and MP3 by what the receiver plays, sized by arithmetic.

Decoded once, by the one door to ffmpeg; worked on as samples; encoded at most twice. Facts: docs/motion.md.
"""

from __future__ import annotations

from mmscontent.codecs.audio.source import AudioSource
from mmscontent.codecs.audio.verify import verify

__all__ = ["AudioSource", "verify"]
