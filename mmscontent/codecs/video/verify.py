"""A second look at a film we made: our own sniff reads its headers, the program decodes every picture and sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import EngineFailed, SourceError
from mmscontent.ffmpeg import FfmpegSession, RunLimits
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo

__all__ = ["facts_of", "verify"]

_TOLERANCE_MS = 300


def facts_of(data: bytes, media_type: str) -> MediaInfo:
    """What our own sniff reads in a film just made.

    Raises:
        EngineFailed: It is no such film.
    """
    try:
        found = sniff(data)
    except SourceError as exc:
        raise EngineFailed(f"the {media_type} just made cannot be read: {exc}") from exc
    if found.media_type != media_type:
        raise EngineFailed(f"the {media_type} just made reads as {found.media_type}")
    return found


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode a result to its end and compare it with what its codec said it is.

    Raises:
        EngineFailed: It is something else, or does not decode cleanly.
    """
    found = facts_of(data, info.media_type)
    same = ("codec", "width_px", "height_px", "audio_codec", "orientation")
    wrong = [f"{n} {getattr(found, n)}, not {getattr(info, n)}" for n in same if getattr(found, n) != getattr(info, n)]
    if wrong:
        raise EngineFailed(f"the {info.media_type} just made has {'; '.join(wrong)}")
    told: list[int] = []
    with FfmpegSession(data, info.media_type) as session:
        node = session.source_node()
        nodes = [node["v:0"], *([node["a:0"]] if info.audio_codec else [])]
        out = ffmpeg.output(*nodes, "-", f="null", fps_mode="passthrough")
        said = session.run(out, limits=RunLimits(wall_s=120), progress=told.append)
    if said.strip():
        raise EngineFailed(f"the {info.media_type} just made does not decode cleanly: {said.strip()[:200]}")
    shown_ms = told[-1] if told else 0
    if info.duration_ms is not None and abs(shown_ms - info.duration_ms) > _TOLERANCE_MS + info.duration_ms // 50:
        raise EngineFailed(f"the {info.media_type} just made plays {shown_ms:,} ms, {info.duration_ms:,} ms were meant")
    return found
