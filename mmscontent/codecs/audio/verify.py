"""Verifies audio we encoded: our sniffer reads its headers, FFmpeg decodes it to the end."""

from __future__ import annotations

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import EngineFailed, SourceError
from mmscontent.ffmpeg import FfmpegSession, RunLimits
from mmscontent.message import MediaInfo
from mmscontent.sniff import sniff

# Encoder delay and padding: two AAC frames at 8 kHz.
_TOLERANCE_MS = 250


def sniff_result(data: bytes, media_type: str) -> MediaInfo:
    """Read the facts of a file we encoded with our own sniffer.

    Raises:
        EngineFailed: It is no such file.
    """
    try:
        found = sniff(data)
    except SourceError as exc:
        raise EngineFailed(f"the encoded {media_type} cannot be read: {exc}") from exc
    if found.media_type != media_type:
        raise EngineFailed(f"the encoded {media_type} is recognised as {found.media_type}")
    return found


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode a result and compare it with the facts its codec claimed.

    Raises:
        EngineFailed: It is something else, or cannot be decoded to the end.
    """
    found = sniff_result(data, info.media_type)
    if found.codec != info.codec:
        raise EngineFailed(f"the encoded {info.media_type} has codec {found.codec}, not {info.codec}")
    played_ms = _played_ms(data, info)
    if info.duration_ms is not None and abs(played_ms - info.duration_ms) > _TOLERANCE_MS + info.duration_ms // 100:
        raise EngineFailed(
            f"the encoded {info.media_type} plays for {played_ms:,} ms instead of {info.duration_ms:,} ms; report this"
        )
    return found


def _played_ms(data: bytes, info: MediaInfo) -> int:
    with FfmpegSession(data, info.media_type) as session:
        out = ffmpeg.output(session.source_node()["a:0"], "played", f="s16le", ar=8000, ac=1)
        said = session.run(out, limits=RunLimits(wall_s=60))
        if said.strip():
            raise EngineFailed(f"the encoded {info.media_type} does not decode without errors: {said.strip()[:200]}")
        return session.size("played") // 16
