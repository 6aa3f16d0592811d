"""Converts parts that browsers cannot show, with the codecs in the sandbox.

HEIC and WBMP become JPEG, AMR becomes AAC, H.263 becomes H.264. A part that cannot be decoded has no view; that is no
error, the page names the part instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmscontent.codecs.session import CodecSession
from mmscontent.errors import MMSContentError
from mmscontent.message import MediaInfo, Part
from mmscontent.profiles.model import AudioFormat, AudioRule, ImageRule, Rule, VideoFormat, VideoRule
from mmscontent.sniff import sniff

_BYTES_PER_PX = 0.12  # good JPEG at the size it is looked at; the page must stay light
_SOUND_BYTES_PER_S = 8_000
_CLIP_BYTES_PER_S = 60_000
_LEAST_BYTES = 30_000
_VIEW_PX = 1080
# Pictures, sounds and codecs of films that browsers of today show as they are.
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp")
_SOUNDS = ("audio/mpeg", "audio/mp4", "audio/aac", "audio/wav", "audio/ogg", "audio/flac")
_FILMS = ("h264", "vp8", "vp9", "av1")
_AAC = AudioRule((AudioFormat("audio/mp4", "aac"),))
_H264 = VideoRule(
    (
        VideoFormat(
            "video/mp4",
            "h264",
            profile="main",
            level="3.1",
            max_long_px=640,
            max_short_px=480,
            max_fps=30,
            audio_codec="aac",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class View:
    """Something a browser shows: image/jpeg, audio/mp4 or video/mp4."""

    data: bytes
    media_type: str


def needs_view(part: Part) -> bool:
    """Whether a browser needs help with a picture, sound or clip."""
    # a browser goes by the codec, not by the container
    if part.kind == "video":
        return sniff(part.data, name=part.name or None, declared=part.media_type).codec not in _FILMS
    known = {"image": _PICTURES, "audio": _SOUNDS}.get(part.kind)
    return known is not None and part.media_type not in known


def view_of(part: Part) -> View | None:
    """The part as a browser can show it; None when it cannot be decoded here."""
    if part.kind == "image":
        return picture_view(part, _VIEW_PX)
    return _rendered("audio", part, _AAC) if part.kind == "audio" else _rendered("video", part, _H264)


def picture_view(part: Part, long_px: int) -> View | None:
    """A picture as upright sRGB JPEG of at most *long_px* a side, an animation by its first frame."""
    rule = ImageRule(("image/jpeg",), max_long_px=long_px, max_short_px=long_px, animated=False, view_long_px=long_px)
    return _rendered("image", part, rule, max(_LEAST_BYTES, round(long_px * long_px * _BYTES_PER_PX)))


def poster_view(part: Part, long_px: int) -> View | None:
    """A frame of a clip as a picture."""
    from mmscontent.ffmpeg import FfmpegSession  # noqa: PLC0415 - an engine

    try:
        info = sniff(part.data, name=part.name or None, declared=part.media_type)
        with FfmpegSession(part.data, info.media_type, part=part.name) as session:
            node = session.source_node(ss=f"{(info.duration_ms or 0) / 4000:.3f}")
            session.run(node.video.output("poster.jpg", vframes=1, f="image2", vcodec="mjpeg", qscale=3))
            rendered = session.read("poster.jpg")
    except MMSContentError:
        return None
    return picture_view(replace(part, data=rendered, media_type="image/jpeg"), long_px) if rendered else None


def _rendered(codec: str, part: Part, rule: Rule, limit_bytes: int = 0) -> View | None:
    try:
        info = sniff(part.data, name=part.name or None, declared=part.media_type)
        # a part that is labelled as what it is not is not shown
        if info.kind != codec:
            return None
        # the codecs run with a rule of their own, not with the receiver's
        with CodecSession(codec, part.name) as session:
            session.open(part.data, info)
            session.survey(rule, "fast")
            rendered = session.render(limit_bytes or _default_budget(info))
    except MMSContentError:
        return None
    return View(rendered.data, rendered.info.media_type)


def _default_budget(info: MediaInfo) -> int:
    per_second = _SOUND_BYTES_PER_S if info.kind == "audio" else _CLIP_BYTES_PER_S
    return max(_LEAST_BYTES, (info.duration_ms or 0) * per_second // 1000)
