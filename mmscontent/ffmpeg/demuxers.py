"""Which demuxer opens which media type, and which decoders may be used at all.

A demuxer is never guessed by the program: a playlist that calls itself a film is then not followed (the HLS and
concat class of leaks). What no row names is not opened.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmscontent.errors import UnknownMedia

__all__ = ["DECODERS", "DEMUXERS", "Demuxer", "demuxer_for"]


@dataclass(frozen=True, slots=True)
class Demuxer:
    """A demuxer by its short name, and by the whole name its whitelist wants."""

    name: str
    listed: str = ""

    @property
    def whitelist(self) -> str:
        """What `format_whitelist` must hold for it."""
        return self.listed or self.name


_MOV = Demuxer("mov", "mov,mp4,m4a,3gp,3g2,mj2")
_MATROSKA = Demuxer("matroska", "matroska,webm")

DEMUXERS: dict[str, Demuxer] = {
    "video/mp4": _MOV,
    "video/quicktime": _MOV,
    "video/3gpp": _MOV,
    "video/3gpp2": _MOV,
    "video/webm": _MATROSKA,
    "video/x-matroska": _MATROSKA,
    "video/x-msvideo": Demuxer("avi"),
    "video/mp2t": Demuxer("mpegts"),
    "video/mpeg": Demuxer("mpeg"),
    "video/ogg": Demuxer("ogg"),
    "video/x-flv": Demuxer("flv"),
    "image/gif": Demuxer("gif"),
    "audio/mp4": _MOV,
    "audio/3gpp": _MOV,
    "audio/3gpp2": _MOV,
    "audio/webm": _MATROSKA,
    "audio/x-matroska": _MATROSKA,
    "audio/amr": Demuxer("amr"),
    "audio/amr-wb": Demuxer("amr"),
    "audio/mpeg": Demuxer("mp3"),
    "audio/aac": Demuxer("aac"),
    "audio/ogg": Demuxer("ogg"),
    "audio/flac": Demuxer("flac"),
    "audio/wav": Demuxer("wav"),
    "audio/aiff": Demuxer("aiff"),
    "audio/x-caf": Demuxer("caf"),
    "audio/basic": Demuxer("au"),
    "audio/qcelp": Demuxer("qcp"),
}

# By the program's names. Left out on purpose: subtitles, APNG and everything no phone or editor writes.
DECODERS: tuple[str, ...] = (
    "h264", "hevc", "mpeg4", "h263", "mpeg1video", "mpeg2video", "vp8", "vp9", "libdav1d", "av1", "mjpeg", "gif",
    "msmpeg4", "msmpeg4v2", "theora", "flv", "vp6", "vp6f", "svq1", "svq3", "prores", "rawvideo", "qtrle",
    "aac", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "mp3float", "mp3", "mp2float", "mp2", "ac3",
    "eac3",
    "alac", "flac", "vorbis", "opus", "libopus", "qcelp", "evrc", "gsm", "gsm_ms", "libspeex", "speex",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_u8", "pcm_s8", "pcm_f32le",
    "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms",
    "adpcm_g726",
)  # fmt: skip


def demuxer_for(media_type: str) -> Demuxer:
    """The demuxer of a sniffed media type.

    Raises:
        UnknownMedia: It is none of those we open.
    """
    demuxer = DEMUXERS.get(media_type)
    if demuxer is None:
        raise UnknownMedia(f"{media_type} is no film or sound we open; send it as MP4, 3GP, WebM, MP3, AMR, WAV or M4A")
    return demuxer
