"""The vocabulary of device documents: media types and codec levels as they spell them, and the formats they stand for.

Tables first: media types to short words, words to formats, codec levels to frames. Unknown words are ignored.
Sources: 3,121 UAProf documents; H.263 annex X, H.264 annex A and ISO 14496-2 annex N for the levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from mmscontent.profiles.model import AudioFormat, VideoFormat

# Media types as documents write them, by our word for the format. The order of the rows does not matter.
_TYPES: dict[str, tuple[str, ...]] = {
    "jpeg": ("image/jpeg", "image/jpg", "image/pjpeg"),
    "png": ("image/png", "image/x-png"),
    "gif": ("image/gif",),
    "bmp": ("image/bmp", "image/x-bmp", "image/x-ms-bmp"),
    "wbmp": ("image/vnd.wap.wbmp", "image/wbmp"),
    "webp": ("image/webp",),
    "tiff": ("image/tiff", "image/tif"),
    "svg": ("image/svg+xml", "image/svg", "image/svg-xml"),
    "jp2": ("image/jp2",),
    "amr-nb": ("audio/amr", "audio/x-amr", "audio/amr-nb"),
    "amr-wb": ("audio/amr-wb", "audio/awb"),
    "aac": ("audio/aac", "audio/mp4", "audio/x-aac", "audio/mp4a-latm", "audio/m4a", "audio/x-m4a"),
    "mp3": (
        "audio/mp3",
        "audio/mpeg",
        "audio/mpeg3",
        "audio/mpg",
        "audio/mpg3",
        "audio/x-mp3",
        "audio/x-mpeg",
        "audio/x-mpeg3",
        "audio/x-mpg",
    ),
    "3gpp-audio": ("audio/3gpp", "audio/3gp"),
    "3gpp2-audio": ("audio/3gpp2",),
    "ogg": ("audio/ogg", "application/ogg"),
    "wav": ("audio/wav", "audio/x-wav", "audio/wave"),
    "wma": ("audio/x-ms-wma", "audio/wma"),
    "midi": ("audio/midi", "audio/mid", "audio/x-mid", "audio/x-midi"),
    "sp-midi": ("audio/sp-midi",),
    "imelody": ("audio/imelody", "audio/x-imelody", "audio/imy", "text/x-imelody", "text/imelody"),
    "xmf": ("audio/xmf", "audio/mobile-xmf", "audio/x-xmf"),
    "smaf": ("application/vnd.smaf", "application/x-smaf", "audio/mmf", "audio/x-mmf", "audio/x-smaf"),
    "au": ("audio/basic",),
    "rmf": ("audio/rmf", "audio/x-rmf", "audio/x-beatnik-rmf"),
    "qcelp": ("audio/qcelp", "audio/vnd.qcelp"),
    "evrc": ("audio/evrc",),
    "3gp": ("video/3gpp", "video/3gp"),
    "mp4": ("video/mp4", "video/mpeg4", "video/x-mp4"),
    "3g2": ("video/3gpp2", "video/3g2"),
    "mov": ("video/quicktime",),
    "mpeg": ("video/mpeg", "video/mpg"),
    "wmv": ("video/x-ms-wmv", "video/wmv"),
    "asf": ("video/x-ms-asf", "video/asf"),
    "avi": ("video/x-msvideo", "video/avi"),
    "rv": ("video/vnd.rn-realvideo",),
    "h263": ("video/h263", "video/x-h263", "video/h263-2000", "video/h263-1998", "video/h.263"),
    "h264": ("video/h264", "video/x-h264", "video/avc", "video/h264-2000"),
    "mpeg4-visual": ("video/mp4v-es",),
    "vcard": ("text/x-vcard",),
    "vcal": ("text/x-vcalendar",),
    "smil": ("application/smil",),
}
_WORD: dict[str, str] = {media_type: word for word, types in _TYPES.items() for media_type in types}

# Words to the formats we write, best first. Words without a row are formats we can only carry.
_IMAGES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "wbmp": "image/vnd.wap.wbmp",
    "webp": "image/webp",
    "tiff": "image/tiff",
}
_AUDIO = {
    "amr-nb": AudioFormat("audio/amr", "amr-nb"),
    "aac": AudioFormat("audio/mp4", "aac"),
    "mp3": AudioFormat("audio/mpeg", "mp3"),
    "amr-wb": AudioFormat("audio/amr-wb", "amr-wb"),
    "3gpp-audio": AudioFormat("audio/3gpp", "amr-nb"),
    "qcelp": AudioFormat("audio/qcelp", "qcelp"),
    "ogg": AudioFormat("audio/ogg", "vorbis"),
    "wav": AudioFormat("audio/wav", "pcm"),
    "midi": AudioFormat("audio/midi", "midi"),
    "imelody": AudioFormat("audio/imelody", "imelody"),
}
_CONTAINERS = {"3gp": "video/3gpp", "mp4": "video/mp4", "3g2": "video/3gpp2", "mov": "video/quicktime"}


class Level(NamedTuple):
    """The bounds of a codec level."""

    max_long_px: int
    max_short_px: int
    max_fps: float
    max_bit_rate_bps: int


class _Codec(NamedTuple):
    name: str
    profile: str
    minimum_level: str  # the level of the OMA minimum, for phones that state none
    containers: tuple[str, ...]
    levels: dict[str, Level]


_CODECS: dict[str, _Codec] = {
    "h263": _Codec(
        "h263",
        "0",
        "10",
        ("3gp", "3g2"),
        {
            "10": Level(176, 144, 15, 64_000),
            "20": Level(352, 288, 15, 128_000),
            "30": Level(352, 288, 30, 384_000),
            "40": Level(352, 288, 30, 2_048_000),
            "45": Level(176, 144, 15, 128_000),
            "70": Level(352, 288, 30, 4_096_000),
        },
    ),
    "h264": _Codec(
        "h264",
        "constrained-baseline",
        "1b",
        ("3gp", "mp4", "3g2", "mov"),
        {
            "1.0": Level(176, 144, 15, 64_000),
            "1b": Level(176, 144, 15, 128_000),
            "1.1": Level(176, 144, 30, 192_000),
            "1.2": Level(352, 288, 15, 384_000),
            "1.3": Level(352, 288, 30, 768_000),
            "2.0": Level(352, 288, 30, 2_000_000),
            "2.1": Level(480, 320, 30, 4_000_000),
            "3.0": Level(640, 480, 30, 10_000_000),
            "3.1": Level(1280, 720, 30, 14_000_000),
        },
    ),
    "mpeg4-visual": _Codec(
        "mpeg4",
        "simple",
        "0",
        ("3gp", "mp4", "3g2"),
        {
            "0": Level(176, 144, 15, 64_000),
            "0b": Level(176, 144, 15, 128_000),
            "1": Level(176, 144, 15, 64_000),
            "2": Level(352, 288, 15, 128_000),
            "3": Level(352, 288, 30, 384_000),
            "4a": Level(640, 480, 30, 4_000_000),
        },
    ),
}


def words_for(media_types: Iterable[str]) -> tuple[str, ...]:
    """The words for a document's media types, in its order, each once; parameters are ignored."""
    names = (m.partition(";")[0].strip().lower() for m in media_types)
    return tuple(dict.fromkeys(_WORD[n] for n in names if n in _WORD))


def types_for(words: Iterable[str]) -> tuple[str, ...]:
    """One media type per word; the inverse of `words_for`."""
    return tuple(_TYPES[word][0] for word in words if word in _TYPES)


def image_types(words: Iterable[str]) -> tuple[str, ...]:
    """Media types of still images, best first."""
    named = set(words)
    return tuple(media_type for word, media_type in _IMAGES.items() if word in named)


def audio_formats(words: Iterable[str]) -> tuple[AudioFormat, ...]:
    """Audio formats, speech codecs first, ringtones last."""
    named = set(words)
    return tuple(row for word, row in _AUDIO.items() if word in named)


def video_formats(
    words: Iterable[str], levels: Iterable[str] = (), *, smartphone: bool = False
) -> tuple[VideoFormat, ...]:
    """Pairs of container and codec, within the stated level, or within the OMA minimum when none is stated.

    H.263 comes first: the MMS classes themselves promise it, while the other codecs come from the streaming section.
    A smartphone plays H.264 whatever its document says (Android CDD 5.1), so there H.264 comes first.
    """
    named, stated = list(words), [*levels]
    containers = [container for container in _CONTAINERS if container in named]
    codecs = [word for word in _CODECS if word in named] or ["h263"]
    if smartphone:
        codecs = ["h264", *(word for word in codecs if word != "h264")]
        stated.append("H264;profile-level-id=42E00D")
    return tuple(
        _video_format(container, _CODECS[word], _stated_level(word, stated), "aac" if smartphone else "amr-nb")
        for word in codecs
        for container in containers
        if container in _CODECS[word].containers
    )


def _video_format(container: str, codec: _Codec, level: str | None, audio_codec: str) -> VideoFormat:
    name = level or codec.minimum_level
    bounds = codec.levels[name]
    audio_codec = "amr-nb" if codec.name == "h263" else audio_codec
    return VideoFormat(
        _CONTAINERS[container], codec.name, codec.profile, name, **bounds._asdict(), audio_codec=audio_codec
    )


def _stated_level(word: str, levels: list[str]) -> str | None:
    """The highest level that a document states for a codec, or None."""
    known = _CODECS[word].levels
    found = [level for text in levels for level in _LEVEL_READERS[word](text) if level in known]
    return max(found, key=lambda level: (known[level].max_bit_rate_bps, level), default=None)


def _h263_levels(text: str) -> list[str]:
    return re.findall(r"h\.?263.*level\s*=?\s*(\d+)", text, re.IGNORECASE)


def _mpeg4_levels(text: str) -> list[str]:
    found = re.findall(r"mp4v-es;\s*profile[_-]level[_-]id=(\w+)", text, re.IGNORECASE)
    # ISO 14496-2 table G.1: 8 is simple profile level 0, 9 is level 0b.
    return [{"8": "0", "9": "0b"}.get(level.lower(), level.lower()) for level in found]


def _h264_levels(text: str) -> list[str]:
    """`profile-level-id` is profile, constraint flags and ten times the level, in hex (RFC 6184 section 8.1)."""
    levels = []
    for flags, tenfold in re.findall(r"profile-level-id=[0-9a-f]{2}([0-9a-f]{2})([0-9a-f]{2})", text, re.IGNORECASE):
        level = f"{int(tenfold, 16) // 10}.{int(tenfold, 16) % 10}"
        # Level 1.1 with constraint_set3 is level 1b (H.264 A.3.4).
        levels.append("1b" if level == "1.1" and int(flags, 16) & 0x10 else level)
    if re.search(r"h264.*profile=0;\s*level=10", text, re.IGNORECASE):
        levels.append("1b")  # QUIRK: Nokia's way of writing baseline level 1b, beside 42F00B in the same documents
    return levels


_LEVEL_READERS = {"h263": _h263_levels, "h264": _h264_levels, "mpeg4-visual": _mpeg4_levels}
