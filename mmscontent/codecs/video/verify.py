"""Verifies a video we encoded: our sniffer reads its headers, FFmpeg decodes every frame and sample."""

from __future__ import annotations

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.verify import sniff_result
from mmscontent.errors import EngineFailed
from mmscontent.ffmpeg import FfmpegSession, RunLimits
from mmscontent.message import MediaInfo

_TOLERANCE_MS = 300


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode a result to its end and compare it with the facts its codec claimed.

    Raises:
        EngineFailed: It is something else, or does not decode without errors.
    """
    found = sniff_result(data, info.media_type)
    same = ("codec", "width_px", "height_px", "audio_codec", "orientation")
    wrong = [f"{n} {getattr(found, n)}, not {getattr(info, n)}" for n in same if getattr(found, n) != getattr(info, n)]
    if wrong:
        raise EngineFailed(f"the encoded {info.media_type} has {'; '.join(wrong)}")
    positions_ms: list[int] = []
    with FfmpegSession(data, info.media_type) as session:
        node = session.source_node()
        nodes = [node["v:0"], *([node["a:0"]] if info.audio_codec else [])]
        out = ffmpeg.output(*nodes, "-", f="null", fps_mode="passthrough")
        said = session.run(out, limits=RunLimits(wall_s=120), progress=positions_ms.append)
    if said.strip():
        raise EngineFailed(f"the encoded {info.media_type} does not decode without errors: {said.strip()[:200]}")
    shown_ms = positions_ms[-1] if positions_ms else 0
    if info.duration_ms is not None and abs(shown_ms - info.duration_ms) > _TOLERANCE_MS + info.duration_ms // 50:
        raise EngineFailed(
            f"the encoded {info.media_type} plays for {shown_ms:,} ms instead of {info.duration_ms:,} ms"
        )
    return found
