"""Trims a clip to its beginning, and takes a poster frame from a video, before a codec reads the source.

FFmpeg does both in its own sandbox. Trimming copies the coded tracks, which costs no quality and hardly any time.
"""

from __future__ import annotations

import io

import ffmpeg  # type: ignore[import-untyped,unused-ignore]
import numpy as np
from PIL import Image

from mmscontent.codecs.image.probe import edge_energy
from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.formats import FrameSize
from mmscontent.errors import DamagedMedia, EngineFailed, NotAllowed
from mmscontent.ffmpeg import FfmpegSession, probe
from mmscontent.message import MediaInfo

# The container that a trimmed clip is written in, by the demuxer that read the source.
_MUXERS = {
    "aac": "adts",
    **{name: name for name in ("mov", "matroska", "avi", "mpegts", "mpeg", "ogg", "flv")},
    **{name: name for name in ("amr", "mp3", "flac", "wav", "aiff", "caf", "au")},
}
# Where poster frames are taken, as shares of the length: not from a black beginning or the credits.
_MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)
_LONG_PX = 1920
# A later frame must have this much more edge energy than the best before it.
_MUCH_BETTER = 1.1


def trim(data: bytes, info: MediaInfo, duration_ms: int) -> bytes:
    """Return the first *duration_ms* of a video or audio clip, its coded tracks unchanged.

    Raises:
        NotAllowed: Its container can be read but not written.
        DamagedMedia: Nothing could be copied.
    """
    with FfmpegSession(data, info.media_type) as session:
        muxer = _MUXERS.get(session.demuxer)
        if muxer is None:
            raise NotAllowed(f"{info.media_type} cannot be trimmed; trim it before it is sent")
        seen = probe(session)
        tracks = [session.source_node()[str(t.index)] for t in (seen.video, seen.audio) if t is not None]
        try:
            session.run(ffmpeg.output(*tracks, "trimmed", f=muxer, c="copy", t=f"{duration_ms / 1000:.3f}"))
        except EngineFailed as exc:
            raise DamagedMedia(f"{info.media_type} cannot be trimmed: {exc.last_lines[-200:]}") from exc
        trimmed = session.read("trimmed")
    if not trimmed:
        raise DamagedMedia(f"the first {duration_ms:,} ms of {info.media_type} contain nothing that can be copied")
    return trimmed


def poster_frame(data: bytes, info: MediaInfo) -> bytes:
    """Return the frame with the strongest edges among five of a video, as PNG: upright, in SDR colours.

    Raises:
        DamagedMedia: No picture could be decoded.
    """
    with FfmpegSession(data, info.media_type) as session:
        track = probe(session).video
        if track is None:
            raise DamagedMedia(f"the {info.media_type} has no video track that can be decoded")
        scale = min(1.0, _LONG_PX / max(track.width_px, track.height_px))
        width, height = (max(2, round(side * scale / 2) * 2) for side in (track.width_px, track.height_px))
        best, most = b"", -1.0
        for number, share in enumerate(_MOMENTS):
            node = session.source_node(ss=f"{(info.duration_ms or 0) * share / 1000:.3f}")[str(track.index)]
            shown = filter_graph(node, track, FrameSize(width, height, (width, height)))
            name = f"picture-{number}"
            try:
                session.run(ffmpeg.output(shown, name, vframes=1, f="image2", vcodec="png", update=1))
            except EngineFailed:
                continue  # another frame may decode
            png = session.read(name)
            energy = _edge_energy(png) if png else -1.0
            if energy > most * _MUCH_BETTER:
                best, most = png, energy
    if not best:
        raise DamagedMedia(f"no frame of this {info.media_type} could be decoded")
    return best


def _edge_energy(png: bytes) -> float:
    with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:  # our own FFmpeg's output
        small = opened.convert("L").reduce(max(1, max(opened.size) // 240))
    return edge_energy(np.asarray(small, np.float32))
