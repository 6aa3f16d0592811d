"""A second look at a sound we made: our own sniff reads its headers, the program decodes it to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import EngineFailed, SourceError
from mmscontent.ffmpeg import FfmpegSession, RunLimits
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo

__all__ = ["verify"]

_TOLERANCE_MS = 250  # encoder delay and padding, of an AAC frame at 8 kHz twice


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode a result and compare it with what its codec said it is.

    Raises:
        EngineFailed: It is something else, or cannot be decoded to the end.
    """
    try:
        found = sniff(data)
    except SourceError as exc:
        raise EngineFailed(f"the {info.media_type} just made cannot be read: {exc}") from exc
    if (found.media_type, found.codec) != (info.media_type, info.codec):
        raise EngineFailed(
            f"the {info.media_type} ({info.codec}) just made reads as {found.media_type} ({found.codec})"
        )
    heard_ms = _heard_ms(data, info)
    if info.duration_ms is not None and abs(heard_ms - info.duration_ms) > _TOLERANCE_MS + info.duration_ms // 100:
        raise EngineFailed(
            f"the {info.media_type} just made plays {heard_ms:,} ms, {info.duration_ms:,} ms were meant; report this"
        )
    return found


def _heard_ms(data: bytes, info: MediaInfo) -> int:
    with FfmpegSession(data, info.media_type) as session:
        out = ffmpeg.output(session.source_node()["a:0"], "heard", f="s16le", ar=8000, ac=1)
        said = session.run(out, limits=RunLimits(wall_s=60))
        if said.strip():
            raise EngineFailed(f"the {info.media_type} just made does not decode cleanly: {said.strip()[:200]}")
        return session.size("heard") // 16
