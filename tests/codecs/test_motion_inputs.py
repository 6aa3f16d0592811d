"""What people send and what attackers send: containers and codecs on the list are fitted, the rest refused by name."""

from __future__ import annotations

import os
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmscontent as mms
from mmscontent.codecs.audio import AudioSource
from mmscontent.codecs.audio import verify as verify_audio
from mmscontent.codecs.video import VideoSource
from mmscontent.codecs.video import verify as verify_video
from mmscontent.errors import MMSContentError
from mmscontent.ffmpeg import DEMUXERS, FfmpegSession, probe
from mmscontent.profiles.model import AudioFormat, AudioRule, VideoFormat, VideoRule
from mmscontent.sniff import sniff
from tests.codecs.clips import made, source, speech_like, video_clip, wav

MODERN = VideoRule((VideoFormat("video/mp4", "h264", "main", "3.1", 1280, 720, 30, audio_codec="aac"),))
AMR = AudioRule((AudioFormat("audio/amr", "amr-nb"),))

X265 = {"tag:v": "hvc1", "x265-params": "log-level=none"}
PICTURE = "testsrc2=s=160x120:r=15:d=1"
TONE = "sine=f=440:r=48000:d=1"


def av(muxer: str, video: str, audio: str | None = None, **more: Any) -> bytes:
    """A second of picture, and of sound where asked for."""
    nodes = [source(PICTURE)]
    options: dict[str, Any] = {"vcodec": video, "pix_fmt": "yuv420p"} | more
    if audio is not None:
        nodes.append(source(TONE))
        options |= {"acodec": audio, "ac": 1} | ({"ar": 8000} if audio == "libopencore_amrnb" else {})
    return made(*nodes, muxer=muxer, **options)


def with_tags(data: bytes, **display: Any) -> bytes:
    """The same film with another display matrix."""
    with FfmpegSession(data, "video/mp4") as session:
        session.run(session.source_node(**display)["v:0"].output("out", f="mov", c="copy"))
        return session.read("out")


def hdr(transfer: str) -> bytes:
    tags = {"color_primaries": "bt2020", "color_trc": transfer, "colorspace": "bt2020nc", "range": "tv"}
    picture = source(PICTURE).filter("format", "yuv420p10le").filter("setparams", **tags)
    return made(picture, muxer="mov", vcodec="libx265", preset="ultrafast", **X265)


def uneven() -> bytes:
    """Frames that stand for different times."""
    picture = source("testsrc2=s=160x120:r=30:d=1").filter("select", "not(mod(n,3))+not(mod(n,7))")
    return made(picture, muxer="mp4", vcodec="libx264", fps_mode="vfr", pix_fmt="yuv420p")


def edited() -> bytes:
    """An edit list that begins half a second in, between two key frames."""
    whole = video_clip(160, 120, 2, 15, sound=False, g=30)
    with FfmpegSession(whole, "video/mp4") as session:
        session.run(session.source_node(ss=0.5)["v:0"].output("out", f="mp4", c="copy"))
        return session.read("out")


def two_tracks() -> bytes:
    small = source("color=c=red:s=64x48:r=15:d=1")
    nodes = [small, source(PICTURE), source(TONE), source("sine=f=880:d=1")]
    return made(*nodes, muxer="matroska", vcodec="libx264", acodec="aac", pix_fmt="yuv420p")


def ten_minutes() -> bytes:
    return made(source("color=c=gray:s=64x48:r=2:d=600"), muxer="mp4", vcodec="mpeg4")


def odd_sides() -> bytes:
    return made(source("testsrc2=s=161x121:r=15:d=1"), muxer="matroska", vcodec="libx264", pix_fmt="yuv444p")


# Name, bytes, media type, length in ms.
FILMS: list[tuple[str, Any, str, int]] = [
    ("MP4, H.264 and AAC", lambda: av("mp4", "libx264", "aac"), "video/mp4", 1000),
    ("MP4 in fragments", lambda: av("mp4", "libx264", "aac", movflags="frag_keyframe+empty_moov"), "video/mp4", 1000),
    ("MP4, MPEG-4 Visual", lambda: av("mp4", "mpeg4", "libmp3lame"), "video/mp4", 1000),
    ("MP4, HEVC", lambda: av("mp4", "libx265", "aac", preset="ultrafast", **X265), "video/mp4", 1000),
    ("MP4, AV1", lambda: av("mp4", "libsvtav1", preset=12), "video/mp4", 1000),
    ("MOV, header at the end, PCM", lambda: av("mov", "libx264", "pcm_s16le"), "video/quicktime", 1000),
    ("MOV, turned", lambda: with_tags(av("mp4", "libx264"), display_rotation=-90), "video/quicktime", 1000),
    ("MOV, mirrored", lambda: with_tags(av("mp4", "libx264"), display_hflip=None), "video/quicktime", 1000),
    ("MOV, HEVC 10 bit, HLG", lambda: hdr("arib-std-b67"), "video/quicktime", 1000),
    ("MOV, HEVC 10 bit, PQ", lambda: hdr("smpte2084"), "video/quicktime", 1000),
    ("MP4 with an edit list", edited, "video/mp4", 1500),
    ("MP4, frames of uneven length", uneven, "video/mp4", 1000),
    ("MKV, several tracks", two_tracks, "video/x-matroska", 1000),
    ("3GP, H.263 and AMR", lambda: av("3gp", "h263", "libopencore_amrnb", s="176x144"), "video/3gpp", 1000),
    ("3G2, MPEG-4 Visual and AAC", lambda: av("3g2", "mpeg4", "aac"), "video/3gpp2", 1000),
    ("WebM, VP8 and Vorbis", lambda: av("webm", "libvpx", "libvorbis"), "video/webm", 1000),
    ("WebM, VP9 and Opus", lambda: av("webm", "libvpx-vp9", "libopus", **{"cpu-used": 8}), "video/webm", 1000),
    ("WebM, AV1", lambda: av("webm", "libsvtav1", preset=12), "video/webm", 1000),
    ("MKV, H.264 and FLAC", lambda: av("matroska", "libx264", "flac"), "video/x-matroska", 1000),
    ("AVI, MPEG-4 Visual and MP3", lambda: av("avi", "mpeg4", "libmp3lame"), "video/x-msvideo", 1000),
    ("AVI, Motion JPEG and PCM", lambda: av("avi", "mjpeg", "pcm_s16le", pix_fmt="yuvj420p"), "video/x-msvideo", 1000),
    ("MPEG-TS, H.264 and AAC", lambda: av("mpegts", "libx264", "aac"), "video/mp2t", 1000),
    ("MPEG-TS, MPEG-2 and MP2", lambda: av("mpegts", "mpeg2video", "mp2", r=25), "video/mp2t", 1000),
    ("MPEG-PS, MPEG-2 and MP2", lambda: av("vob", "mpeg2video", "mp2", r=25), "video/mpeg", 1000),
    ("MPEG-PS, MPEG-1", lambda: av("mpeg", "mpeg1video", r=25), "video/mpeg", 1000),
    ("Ogg, Theora and Vorbis", lambda: av("ogg", "libtheora", "libvorbis"), "video/ogg", 1000),
    ("FLV", lambda: av("flv", "flv", "libmp3lame", ar=44100), "video/x-flv", 1000),
    ("GIF, as a film", lambda: made(source(PICTURE), muxer="gif"), "image/gif", 1000),
    ("0.3 s", lambda: video_clip(160, 120, 0.3, 15), "video/mp4", 333),
    ("ten minutes", ten_minutes, "video/mp4", 600_000),
    ("4K at 60", lambda: video_clip(3840, 2160, 0.1, 60, sound=False), "video/mp4", 100),
    ("odd sides", odd_sides, "video/x-matroska", 1000),
]


@pytest.mark.parametrize(("name", "data", "media_type", "length_ms"), FILMS, ids=[row[0] for row in FILMS])
def test_every_video_on_the_list_is_fitted(name: str, data: Any, media_type: str, length_ms: int) -> None:
    bytes_ = data()
    info = sniff(bytes_)
    one = VideoSource(bytes_, info)
    survey = one.survey(MODERN, "fast")
    got = one.render(max(40_000, survey.minimum_bytes + 2_000))
    seen = verify_video(got.data, got.info)

    assert info.media_type == media_type, name
    assert seen.media_type == "video/mp4"
    assert len(got.data) <= max(40_000, survey.minimum_bytes + 2_000)
    assert abs((seen.duration_ms or 0) - length_ms) <= max(150, length_ms // 50)
    assert seen.orientation == 1


def tone(muxer: str, audio: str, **more: Any) -> bytes:
    return made(source(TONE), muxer=muxer, acodec=audio, ac=1, **more)


SOUNDS: list[tuple[str, Any, str]] = [
    ("WAV", speech_like, "audio/wav"),
    ("WAV, 24 bit", lambda: tone("wav", "pcm_s24le"), "audio/wav"),
    ("WAV, floats", lambda: tone("wav", "pcm_f32le"), "audio/wav"),
    ("WAV, ADPCM", lambda: tone("wav", "adpcm_ima_wav"), "audio/wav"),
    ("AIFF", lambda: tone("aiff", "pcm_s16be"), "audio/aiff"),
    ("MP3", lambda: tone("mp3", "libmp3lame"), "audio/mpeg"),
    ("AAC, bare", lambda: tone("adts", "aac"), "audio/aac"),
    ("M4A, AAC", lambda: tone("ipod", "aac"), "audio/mp4"),
    ("M4A, ALAC", lambda: tone("ipod", "alac"), "audio/mp4"),
    ("Ogg, Vorbis", lambda: tone("ogg", "libvorbis"), "audio/ogg"),
    ("Ogg, Opus", lambda: tone("opus", "libopus"), "audio/ogg"),
    ("Ogg, FLAC", lambda: tone("ogg", "flac"), "audio/ogg"),
    ("FLAC", lambda: tone("flac", "flac"), "audio/flac"),
    ("AMR-NB", lambda: tone("amr", "libopencore_amrnb", ar=8000), "audio/amr"),
    ("3GP, AMR-NB", lambda: tone("3gp", "libopencore_amrnb", ar=8000), "audio/3gpp"),
    ("3G2, AAC", lambda: tone("3g2", "aac"), "audio/3gpp2"),
    ("CAF, PCM", lambda: tone("caf", "pcm_s16be"), "audio/x-caf"),
    ("CAF, ALAC", lambda: tone("caf", "alac"), "audio/x-caf"),
    ("WebM, Opus", lambda: tone("webm", "libopus"), "audio/webm"),
    ("MKV, AAC", lambda: tone("matroska", "aac"), "audio/x-matroska"),
    ("AU", lambda: tone("au", "pcm_s16be"), "audio/basic"),
]


@pytest.mark.parametrize(("name", "data", "media_type"), SOUNDS, ids=[row[0] for row in SOUNDS])
def test_every_audio_on_the_list_is_fitted(name: str, data: Any, media_type: str) -> None:
    bytes_ = data()
    info = sniff(bytes_)
    one = AudioSource(bytes_, info)
    survey = one.survey(AMR, "fast")
    got = one.render(20_000)

    assert info.media_type == media_type, name
    assert verify_audio(got.data, got.info).codec == "amr-nb"
    assert abs((got.info.duration_ms or 0) - (survey.info.duration_ms or 0)) <= 60


# No encoder for these is at hand: AMR-WB is in the corpus, QCELP was found nowhere.
NOT_MADE = {"audio/amr-wb", "audio/qcelp"}


def test_every_demuxer_has_a_row() -> None:
    rows = {row[2] for row in FILMS} | {row[2] for row in SOUNDS} | NOT_MADE

    assert rows == set(DEMUXERS)


# --- bad input -------------------------------------------------------------------------------------------------


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def same_picture(count: int) -> bytes:
    """An MP4 whose table names the same picture of 16 × 16 so many times."""
    small = made(source("color=c=red:s=16x16:r=25:d=0.04"), muxer="mp4", vcodec="mpeg4")
    at = small.find(b"mdat")
    picture = small[at + 4 : at - 4 + int.from_bytes(small[at - 4 : at], "big")]
    entry = small.find(b"stsd") - 4
    stsd = small[entry : entry + int.from_bytes(small[entry : entry + 4], "big")]
    ftyp, mdat = _box(b"ftyp", b"isom\0\0\2\0isom"), _box(b"mdat", picture)
    stbl = _box(
        b"stbl",
        stsd,
        _box(b"stts", struct.pack(">IIII", 0, 1, count, 1)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        _box(b"stsz", struct.pack(">III", 0, len(picture), count)),
        _box(b"stco", struct.pack(">II", 0, count), struct.pack(">I", len(ftyp) + 8) * count),
    )
    dref = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", b"\0\0\0\1")))
    minf = _box(b"minf", _box(b"vmhd", b"\0\0\0\1" + bytes(8)), dref, stbl)
    mdhd = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 1000, count, 0x55C4, 0))
    hdlr = _box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide"), bytes(13))
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    sides = struct.pack(">II", 16 << 16, 16 << 16)
    tkhd = _box(b"tkhd", struct.pack(">IIIIII", 3, 0, 0, 1, 0, count), bytes(16), matrix, sides)
    rate_and_volume, next_track = struct.pack(">IHH", 1 << 16, 256, 0), struct.pack(">I", 2)
    times = struct.pack(">IIIII", 0, 0, 0, 1000, count)
    mvhd = _box(b"mvhd", times, rate_and_volume, bytes(8), matrix, bytes(24), next_track)
    return ftyp + mdat + _box(b"moov", mvhd, _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf)))


def one_by_one() -> bytes:
    return made(
        source("color=c=red:s=16x16:r=15:d=1").filter("scale", 1, 1), muxer="avi", vcodec="rawvideo", pix_fmt="bgr24"
    )


def claims_4_gb() -> bytes:
    data = wav(np.zeros(0), 8000)
    return data[:4] + b"\xff\xff\xff\xf0" + data[8:40] + b"\xff\xff\xff\xc0"


EVIL_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
# Name of the file, its bytes; {} is a film that lies beside it.
BAD: list[tuple[str, str, Any]] = [
    ("a HLS list with a file", "evil.mp4", lambda near: EVIL_HLS.format(f"file://{near}").encode()),
    ("a HLS list with an address", "evil.mp4", lambda _: EVIL_HLS.format("http://127.0.0.1:9/x.ts").encode()),
    ("a list of a neighbour", "evil.mp4", lambda near: f"ffconcat version 1.0\nfile {near.name}\n".encode()),
    ("a list of an absolute path", "evil.mp4", lambda near: f"ffconcat version 1.0\nfile {near}\n".encode()),
    ("cut in its header", "cut.mp4", lambda _: video_clip(160, 120, 1, 15)[:-200]),
    ("not one picture", "empty.mp4", lambda _: same_picture(0)),
    ("one pixel", "dot.avi", lambda _: one_by_one()),
    ("a million pictures", "many.mp4", lambda _: same_picture(1_000_000)),
    ("4 GB that are not there", "big.wav", lambda _: claims_4_gb()),
    ("a sound without samples", "none.wav", lambda _: wav(np.zeros(0), 8000)),
]


@pytest.mark.parametrize(("what", "name", "data"), BAD, ids=[row[0] for row in BAD])
def test_bad_media_are_refused_by_name_and_soon_and_leave_nothing(
    what: str, name: str, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, lodge = tmp_path / "planted.ts", tmp_path / "lodge"
    near.write_bytes(video_clip(64, 64, 0.4, sound=False, muxer="mpegts"))
    bad = tmp_path / name
    bad.write_bytes(data(near))
    lodge.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(lodge))
    profile = mms.load_profile(content_class="generic/smartphone")
    started = time.monotonic()
    with pytest.raises(MMSContentError) as caught:
        mms.compose(mms.Message.of(mms.read_parts([bad])), profile)

    assert name in str(caught.value), what
    assert time.monotonic() - started < 10
    assert not list(lodge.iterdir())
    assert not _works_in(lodge)


def test_a_video_truncated_in_its_pictures_is_sent_as_far_as_it_goes_or_refused(tmp_path: Path) -> None:
    whole = video_clip(320, 240, 2, 15, movflags="+faststart")
    for share in (0.4, 0.7, 0.95):
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(whole[: int(len(whole) * share)])
        composed = mms.compose(
            mms.Message.of(mms.read_parts([cut])), mms.load_profile(content_class="generic/smartphone")
        )
        (part,) = composed.ledger.as_json()["parts"]

        assert part["decision"] == "transcode"
        assert part["result"]["duration_ms"] < 2050


def test_the_planted_video_would_be_opened() -> None:
    """The rows about lists prove something only because of this."""
    with FfmpegSession(video_clip(64, 64, 0.4, sound=False, muxer="mpegts"), "video/mp2t") as session:
        assert probe(session).video is not None


def _works_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            said = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in said:
            found.append(entry.name)
    return found
