"""A film's beginning, and a picture of it: what is made of the source itself before a codec sees it.

Both go through the one door to the program, so they need no jail of their own. The cut copies the coded tracks, which
costs no quality and hardly any time.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]
import numpy as np
from PIL import Image

from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.formats import FrameSize
from mmscontent.errors import DamagedMedia, EngineFailed, NotAllowed
from mmscontent.ffmpeg import FfmpegSession, probe

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo

__all__ = ["poster_frame", "trim"]

# The container a cut is written in, by the demuxer that read the source.
_MUXERS = {
    "mov": "mov",
    "matroska": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "ogg": "ogg",
    "flv": "flv",
    "amr": "amr",
    "mp3": "mp3",
    "aac": "adts",
    "flac": "flac",
    "wav": "wav",
    "aiff": "aiff",
    "caf": "caf",
    "au": "au",
}
# Where to look for a picture, as shares of the length: black beginnings and credits at the end are passed over.
_MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)
_LONG_PX = 1920
_MUCH_BETTER = 1.1  # a later moment must show this much more than the best before it


def trim(data: bytes, info: MediaInfo, duration_ms: int) -> bytes:
    """The first *duration_ms* of a film or sound, its tracks as they are.

    Raises:
        NotAllowed: Its container is read here and not written.
        DamagedMedia: Nothing could be copied.
    """
    with FfmpegSession(data, info.media_type) as session:
        muxer = _MUXERS.get(session.demuxer.name)
        if muxer is None:
            raise NotAllowed(f"{info.media_type} cannot be cut here; cut it before it is sent")
        seen = probe(session)
        tracks = [session.source_node()[str(t.index)] for t in (seen.video, seen.audio) if t is not None]
        try:
            session.run(ffmpeg.output(*tracks, "cut", f=muxer, c="copy", t=f"{duration_ms / 1000:.3f}"))
        except EngineFailed as exc:
            raise DamagedMedia(f"{info.media_type} cannot be cut: {exc.last_lines[-200:]}") from exc
        made = session.read("cut")
    if not made:
        raise DamagedMedia(f"the first {duration_ms:,} ms of {info.media_type} hold nothing that can be copied")
    return made


def poster_frame(data: bytes, info: MediaInfo) -> bytes:
    """The moment of a film with the most to see, of five, as PNG; upright and in the colours of ordinary screens.

    Raises:
        DamagedMedia: No picture could be decoded.
    """
    with FfmpegSession(data, info.media_type) as session:
        track = probe(session).video
        if track is None:
            raise DamagedMedia(f"{info.media_type} without a picture track that can be decoded")
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
                continue  # a moment that does not decode is no picture; another one may be
            made = session.read(name)
            seen = _edge_energy(made) if made else -1.0
            if seen > most * _MUCH_BETTER:
                best, most = made, seen
    if not best:
        raise DamagedMedia(f"no picture of this {info.media_type} could be decoded")
    return best


def _edge_energy(png: bytes) -> float:
    """How strong its edges are, at an eighth of its size."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:  # the program's own output
        small = opened.convert("L").reduce(max(1, max(opened.size) // 240))
    grey = np.asarray(small, np.float32)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) if grey.size > 1 else 0.0
