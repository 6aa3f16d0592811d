"""Words of the device tables to the media rules of a profile."""

from __future__ import annotations

import re

__all__ = ["audio_formats", "image_types", "video_formats"]

Format = dict[str, object]

_IMAGES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "wbmp": "image/vnd.wap.wbmp",
    "webp": "image/webp",
    "tiff": "image/tiff",
}
_AUDIO: dict[str, Format] = {
    "amr-nb": {"media_type": "audio/amr", "codec": "amr-nb"},
    "aac": {"media_type": "audio/mp4", "codec": "aac"},
    "mp3": {"media_type": "audio/mpeg", "codec": "mp3"},
    "amr-wb": {"media_type": "audio/amr-wb", "codec": "amr-wb"},
    "3gpp-audio": {"media_type": "audio/3gpp", "codec": "amr-nb"},
    "qcelp": {"media_type": "audio/qcelp", "codec": "qcelp"},
    "ogg": {"media_type": "audio/ogg", "codec": "vorbis"},
    "wav": {"media_type": "audio/wav", "codec": "pcm"},
    "midi": {"media_type": "audio/midi", "codec": "midi"},
    "imelody": {"media_type": "audio/imelody", "codec": "imelody"},
}
_CONTAINERS = {"mp4": "video/mp4", "3gp": "video/3gpp", "3g2": "video/3gpp2", "mov": "video/quicktime"}
_CODECS = {"h263": "h263", "h264": "h264", "mpeg4-visual": "mpeg4"}
# Frame, rate and bit rate of a level: H.263 annex X, ISO 14496-2 annex N, H.264 annex A as far as phones name them.
_H263 = {
    "10": (176, 144, 15, 64_000),
    "20": (352, 288, 15, 128_000),
    "30": (352, 288, 30, 384_000),
    "40": (352, 288, 30, 2_048_000),
    "45": (176, 144, 15, 128_000),
    "70": (352, 288, 30, 4_096_000),
}
_H264 = {
    "1.0": (176, 144, 15, 64_000),
    "1b": (176, 144, 15, 128_000),
    "1.1": (176, 144, 30, 192_000),
    "1.2": (352, 288, 15, 384_000),
    "1.3": (352, 288, 30, 768_000),
    "2.0": (352, 288, 30, 2_000_000),
    "2.1": (480, 320, 30, 4_000_000),
    "3.0": (640, 480, 30, 10_000_000),
    "3.1": (1280, 720, 30, 14_000_000),
}
_MPEG4 = {
    "0": (176, 144, 15, 64_000),
    "0b": (176, 144, 15, 128_000),
    "9": (176, 144, 15, 128_000),
    "1": (176, 144, 15, 64_000),
    "2": (352, 288, 15, 128_000),
    "3": (352, 288, 30, 384_000),
    "4a": (640, 480, 30, 4_000_000),
}


def image_types(words: str) -> list[str]:
    """Still formats, best first: JPEG leads, then PNG and GIF."""
    named = [_IMAGES[w] for w in words.split("|") if w in _IMAGES]
    order = list(_IMAGES.values())
    return sorted(dict.fromkeys(named), key=order.index)


def audio_formats(words: str) -> list[Format]:
    """Sound formats in the order of the table: speech first, tunes last."""
    named = set(words.split("|"))
    return [row for word, row in _AUDIO.items() if word in named]


def video_formats(containers: str, codecs: str, levels: str, *, modern: bool) -> list[Format]:
    """Container and codec pairs, with the bounds of the level stated; without one the OMA minimum.

    A codec plays in MP4 and 3GP; H.263 only in 3GP and 3G2. On a modern phone H.264 comes first.
    """
    boxes = [b for b in ("mp4", "3gp", "mov", "3g2") if b in containers.split("|")]
    named = re.findall(r"h263|h264|mpeg4-visual", codecs)
    if boxes and not named:
        named = ["h264"] if modern else ["h263"]
    order = ("h264", "h263", "mpeg4-visual") if modern else ("h263", "h264", "mpeg4-visual")
    rows = []
    for codec in sorted(set(named), key=order.index):
        bounds = _bounds(codec, levels, modern=modern)
        for box in boxes if codec == "h264" and modern else sorted(boxes, key=lambda b: b != "3gp"):
            if codec == "h263" and box in ("mp4", "mov"):
                continue
            rows.append(
                {
                    "media_type": _CONTAINERS[box],
                    "codec": _CODECS[codec],
                    **bounds,
                    "audio_codec": _sound(codec, modern=modern),
                }
            )
    return rows


def _sound(codec: str, *, modern: bool) -> str:
    return "aac" if modern and codec == "h264" else "amr-nb"


def _bounds(codec: str, levels: str, *, modern: bool) -> Format:
    level, table = _stated_level(codec, levels)
    if level is None:
        if modern and codec == "h264":
            return {}
        level = {"h263": "10", "h264": "1b", "mpeg4-visual": "0"}[codec]
    profile = {"h263": "0", "h264": "constrained-baseline", "mpeg4-visual": "simple"}[codec]
    long_px, short_px, fps, rate = table[level]
    return {
        "profile": profile,
        "level": level,
        "max_long_px": long_px,
        "max_short_px": short_px,
        "max_fps": fps,
        "max_bit_rate_bps": rate,
    }


def _stated_level(codec: str, levels: str) -> tuple[str | None, dict[str, tuple[int, int, int, int]]]:
    """The highest level a document states for a codec; H.264 says it as the last byte of profile-level-id."""
    if codec == "h263":
        found = re.findall(r"H\.?263[^|]*?level[ =](\d+)", levels, re.IGNORECASE)
        return max((v for v in found if v in _H263), key=lambda v: _H263[v][3], default=None), _H263
    if codec == "mpeg4-visual":
        found = re.findall(r"MP4V-ES;profile[_-]level[_-]id=(\w+)", levels, re.IGNORECASE)
        return max((v.lower() for v in found if v.lower() in _MPEG4), key=lambda v: _MPEG4[v][3], default=None), _MPEG4
    numbers = [int(v[4:], 16) for v in re.findall(r"profile-level-id=([0-9A-Fa-f]{6})", levels)]
    found = [f"{n // 10}.{n % 10}" for n in numbers] + [
        "1b" for v in re.findall(r"H264[^|]*profile=0;level=(\d+)", levels) if v == "10"
    ]
    found = [
        "1b" if v == "1.1" else v for v in found
    ]  # QUIRK: 42F00B has constraint_set3, which makes level 11 level 1b
    return max((v for v in found if v in _H264), key=lambda v: _H264[v][3], default=None), _H264
