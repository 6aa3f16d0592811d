"""Which demuxer opens which media type, and which decoders ffmpeg may use.

ffmpeg never guesses the demuxer: a playlist that is sent as a video is then not followed (HLS and concat lists have
leaked local files and reached internal addresses). A media type without a row is not opened.
"""

from __future__ import annotations

from mmscontent.errors import UnknownMedia

# By the short names of `ffmpeg -demuxers`, which serve `-f` and `format_whitelist` alike: the sniffed types.
_MEDIA_TYPES = {
    "mov": "video/mp4 video/quicktime video/3gpp video/3gpp2 audio/mp4 audio/3gpp audio/3gpp2",
    "matroska": "video/webm video/x-matroska audio/webm audio/x-matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "ogg": "video/ogg audio/ogg",
    "flv": "video/x-flv",
    "gif": "image/gif",
    "amr": "audio/amr audio/amr-wb",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "au": "audio/basic",
    "qcp": "audio/qcelp",
}
DEMUXERS = {media_type: demuxer for demuxer, names in _MEDIA_TYPES.items() for media_type in names.split()}

# By ffmpeg's names. Left out: subtitles, APNG and everything that no phone or editor writes, as each decoder is more C
# code for hostile input (CVE-2026-64830 was in VobSub, -125201 in APAC).
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


def demuxer_for(media_type: str) -> str:
    """The demuxer of a sniffed media type.

    Raises:
        UnknownMedia: No row names it.
    """
    demuxer = DEMUXERS.get(media_type)
    if demuxer is None:
        raise UnknownMedia(f"{media_type} cannot be opened as video or audio; send MP4, 3GP, WebM, MP3, AMR or WAV")
    return demuxer
