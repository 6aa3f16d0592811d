"""Films: they fit, they are what they say, upright and square, and cost two encodes at most by plan."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.codecs.video import VideoSource, verify
from mmscontent.codecs.video.analyse import AnalysisRequest, PictureCost, analyse
from mmscontent.codecs.video.formats import FrameSize, frames_for
from mmscontent.codecs.video.model import AudioOption, VideoRequest, best_setting, picture_quality
from mmscontent.errors import DamagedMedia, DoesNotFit, MMSContentError, NotAllowed, OverLimits
from mmscontent.ffmpeg import FfmpegSession, probe
from mmscontent.message import MediaInfo
from mmscontent.pipeline.trim_estimate import estimate_trim
from mmscontent.profiles.model import VideoFormat, VideoRule
from mmscontent.sniff import sniff
from tests.codecs.clips import COLOURS, made, source, video_clip

MODERN = VideoFormat("video/mp4", "h264", "main", "3.1", 1280, 720, 30, audio_codec="aac")
SMALL = VideoFormat("video/3gpp", "h264", "constrained-baseline", "1b", 176, 144, 15, 128_000, "amr-nb")
H263 = VideoFormat("video/3gpp", "h263", "0", "10", 176, 144, 15, 64_000, "amr-nb")
MPEG4 = VideoFormat("video/3gpp", "mpeg4", "simple", "0", 176, 144, 15, 64_000, "amr-nb")
FORMATS = {"modern": MODERN, "small": SMALL, "h263": H263, "mpeg4": MPEG4}


def open_video(data: bytes) -> VideoSource:
    return VideoSource(data, sniff(data))


def fitted(data: bytes, limit: int, wanted: VideoFormat = MODERN) -> tuple[Any, Any]:
    one = open_video(data)
    survey = one.survey(VideoRule((wanted,)), "fast")
    return survey, one.render(limit)


@functools.cache
def clip() -> bytes:
    return video_clip(426, 240, 3, 24)


# --- what comes out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_a_video_of_each_format_fits_and_is_what_the_rule_asks_for(name: str) -> None:
    wanted = FORMATS[name]
    survey, got = fitted(clip(), 40_000, wanted)
    info = verify(got.data, got.info)

    assert len(got.data) <= 40_000
    assert got.encodes <= 3
    assert (info.media_type, info.codec, info.audio_codec) == (wanted.media_type, wanted.codec, wanted.audio_codec)
    assert max(info.width_px or 0, info.height_px or 0) <= (wanted.max_long_px or 0)
    assert (info.fps or 0) <= (wanted.max_fps or 0) * 1.02
    assert abs((info.duration_ms or 0) - 3000) < 250
    assert survey.scale == "vmaf@480"
    assert survey.minimum_bytes <= 40_000 <= survey.curve.most_bytes * 4


# Pure noise, whose bits vanish at some quantiser at once, is the hardest there is to predict.
@pytest.mark.parametrize(("limit", "use"), [(60_000, 0.85), (150_000, 0.6)])
def test_the_room_is_used(limit: int, use: float) -> None:
    _, got = fitted(clip(), limit)

    assert use * limit <= len(got.data) <= limit


def test_the_header_comes_first_and_the_encoder_says_nothing_of_itself() -> None:
    _, got = fitted(clip(), 60_000)

    assert got.data.find(b"moov") < got.data.find(b"mdat")
    assert b"x264 - core" not in got.data
    assert b"Lavf" not in got.data


def test_the_same_video_gives_the_same_bytes() -> None:
    one, two = (fitted(clip(), 50_000)[1].data for _ in range(2))

    assert one == two


def test_h263_has_one_of_its_fixed_frames_with_the_picture_undistorted_in_it() -> None:
    wide = video_clip(480, 120, 1, 15, sound=False)
    _, got = fitted(wide, 30_000, H263)
    frames = frames_for(H263, 480, 120, 15)

    assert (got.info.width_px, got.info.height_px) in {(176, 144), (128, 96)}
    assert all(abs(f.picture_px[0] / f.picture_px[1] - 4) < 0.2 for f in frames)


def test_a_turned_video_comes_out_upright() -> None:
    upright = video_clip(320, 180, 1, 15, sound=False)
    with FfmpegSession(upright, "video/mp4") as session:
        turned_by = session.source_node(display_rotation=90)
        session.run(turned_by["v:0"].output("out", f="mov", c="copy"))
        turned = session.read("out")
    assert sniff(turned).orientation in {6, 8}
    survey, got = fitted(turned, 60_000)

    assert "it is stored rotated" in survey.reasons[0]
    assert (got.info.width_px or 0) < (got.info.height_px or 0)
    assert got.info.orientation == 1
    assert "turned upright" in got.notes


def test_pixels_become_square() -> None:
    squeezed = made(source("testsrc2=s=180x240:d=1:r=15").filter("setsar", 2), muxer="mp4", vcodec="libx264")
    survey, got = fitted(squeezed, 80_000)
    with FfmpegSession(got.data, "video/mp4") as session:
        seen = probe(session).video

    assert "its pixels are not square" in survey.reasons
    assert seen is not None
    assert seen.square
    assert abs(seen.width_px / seen.height_px - 1.5) < 0.05


def test_hdr_is_mapped_and_noted() -> None:
    tags = {"color_primaries": "bt2020", "color_trc": "arib-std-b67", "colorspace": "bt2020nc", "range": "tv"}
    options = {"vcodec": "libx265", "pix_fmt": "yuv420p10le", "x265-params": "log-level=none", "preset": "ultrafast"}
    picture = source("testsrc2=s=320x180:d=0.6:r=15").filter("format", "yuv420p10le").filter("setparams", **tags)
    hlg = made(picture, muxer="mp4", **options)
    survey, got = fitted(hlg, 60_000)
    with FfmpegSession(got.data, "video/mp4") as session:
        seen = probe(session).video

    assert "HDR" in survey.traits
    assert any("HDR colours (arib-std-b67)" in note for note in got.notes)
    assert seen is not None
    assert seen.pixel_format == "yuv420p"
    assert not seen.is_hdr


@pytest.mark.parametrize(
    ("muxer", "codec", "audio"),
    [
        ("mov", "libx264", "pcm_s16le"),
        ("matroska", "libx264", "aac"),
        ("webm", "libvpx", "libopus"),
        ("avi", "mpeg4", "libmp3lame"),
        ("mpegts", "mpeg2video", "mp2"),
        ("mpeg", "mpeg1video", "mp2"),
        ("flv", "flv", "libmp3lame"),
    ],
)
def test_what_people_send_is_opened(muxer: str, codec: str, audio: str) -> None:
    more = {"ar": 44100} if muxer == "flv" else {"ar": 48000}
    data = video_clip(160, 120, 1, 25, muxer=muxer, codec=codec, audio=audio, **more)
    _, got = fitted(data, 40_000, SMALL)

    assert verify(got.data, got.info).audio_codec == "amr-nb"


def test_a_video_of_odd_sides_and_a_frame_too_many_is_made_even() -> None:
    odd = made(
        source("testsrc2=s=323x181:d=1:r=50").filter("format", "yuv444p"), muxer="matroska", vcodec="libx264", crf=20
    )
    _, got = fitted(odd, 60_000)

    assert (got.info.width_px or 1) % 2 == (got.info.height_px or 1) % 2 == 0
    assert (got.info.fps or 0) <= 30


def test_a_silent_audio_track_is_left_out_and_noted() -> None:
    quiet = made(
        source("testsrc2=s=160x120:d=1:r=15"),
        source("anullsrc=r=16000:d=1"),
        muxer="mp4",
        vcodec="libx264",
        acodec="aac",
    )
    _, got = fitted(quiet, 60_000)

    assert got.info.audio_codec is None
    assert any("is silent and was left out" in note for note in got.notes)


# --- what it costs ---------------------------------------------------------------------------------------------


def test_a_video_is_never_enlarged_nor_filled_up() -> None:
    tiny = video_clip(128, 96, 1, 15)
    survey, got = fitted(tiny, 5_000_000)

    assert (got.info.width_px or 0) <= 128
    assert len(got.data) <= len(tiny)
    assert survey.curve.most_bytes < 1_000_000


def test_what_cannot_fit_says_how_much_it_needs() -> None:
    one = open_video(clip())
    survey = one.survey(VideoRule((MODERN,)), "fast")
    with pytest.raises(DoesNotFit, match=r"3\.0 s of video need at least") as caught:
        one.render(survey.minimum_bytes // 3)

    assert caught.value.smallest_bytes > survey.minimum_bytes // 3
    assert len(one.render(int(survey.minimum_bytes * 1.15)).data) <= survey.minimum_bytes * 1.15


def test_half_an_hour_is_priced_without_being_decoded_whole() -> None:
    long = made(source("color=c=gray:s=640x360:r=2:d=1800"), muxer="mp4", vcodec="libx264", preset="ultrafast", g=600)
    one = open_video(long)
    started = time.monotonic()
    survey = one.survey(VideoRule((MODERN,)), "fast")

    assert time.monotonic() - started < 20
    assert (survey.info.duration_ms or 0) >= 1_790_000


def test_measured_quality_is_near_the_prediction_at_high_rates() -> None:
    one = open_video(video_clip(320, 240, 1, 20, sound=False))
    one.survey(VideoRule((MODERN,)), "fast")
    got = one.render(1_000_000)
    measured = one.measure(got.data)

    assert measured is not None
    assert measured > 80
    assert (got.predicted_quality or 0) > 80


COST = PictureCost(240, 10_000, 320 * 180, 9_000.0, 0.17, 0.75)
SOUNDS = (AudioOption(20_000, 56.0, 0), AudioOption(40_000, 84.0, 1), AudioOption(120_000, 96.0, 2))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    limit=st.integers(20_000, 3_000_000),
    sides=st.tuples(st.integers(16, 3840), st.integers(16, 2160)),
    bits=st.floats(200, 200_000),
)
def test_more_bytes_never_make_a_video_worse_and_the_prediction_keeps_the_limit(
    limit: int, sides: tuple[int, int], bits: float
) -> None:
    want = VideoRequest(MODERN, *sides, 24.0, replace(COST, bits_per_frame=bits), SOUNDS)
    less, more = best_setting(want, limit), best_setting(want, limit * 2)

    if less is not None:
        assert more is not None
        assert less.size_bytes <= limit
        assert more.quality >= less.quality - 1e-9
        assert less.frame.width_px <= max(sides[0], 2) + 1
        assert less.frame.height_px <= max(sides[1], 2) + 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(short=st.integers(96, 1080), factor=st.floats(18, 42), likeness=st.floats(4, 50), change=st.floats(-8, 1))
def test_quality_rises_with_size_and_fineness_and_with_what_the_encoder_keeps(
    short: int, factor: float, likeness: float, change: float
) -> None:
    cost = replace(COST, likeness_db=likeness, octaves_of_change=change)
    want = VideoRequest(MODERN, 1920, 1080, 24.0, cost)

    def seen(short_px: int, coarseness: float, of: VideoRequest = want) -> float:
        sides = short_px * 16 // 9, short_px
        return picture_quality(of, FrameSize(*sides, sides), coarseness)

    here = seen(short, factor)

    assert 0 < here <= 100
    assert seen(short + 2, factor) >= here
    assert seen(short, factor + 1) <= here
    if likeness >= 11:  # below, no film was measured
        assert seen(short, factor, replace(want, cost=replace(cost, likeness_db=likeness + 3))) >= here


@pytest.mark.parametrize("share", [2, 3, 4, 5])
def test_of_a_video_with_fewer_frames_each_is_the_one_of_its_time(share: int) -> None:
    data = video_clip(320, 240, 1, 60, sound=False)
    wanted = replace(MODERN, max_fps=60 / share)
    one = open_video(data)
    one.survey(VideoRule((wanted,)), "fast")
    got = one.render(1_000_000)

    assert got.info.fps == pytest.approx(60 / share, abs=0.1)
    assert (one.measure(got.data) or 0) > 80


def test_the_analysis_tells_noise_from_a_clean_picture() -> None:
    def cost_of(data: bytes) -> PictureCost:
        with FfmpegSession(data, "video/mp4") as session:
            track = probe(session).video
            assert track is not None
            return analyse(session, AnalysisRequest(track, 1000, None, MODERN, "fast"))

    picture = source("testsrc2=s=320x240:r=20:d=1")
    cleanly: dict[str, Any] = {"c:v": "libx264", "crf": 10, "pix_fmt": "yuv420p"}
    clean = cost_of(made(picture, muxer="mp4", **cleanly))
    noisy = cost_of(video_clip(320, 240, 1, 20, sound=False))

    assert clean.clean
    assert noisy.clean
    assert clean.likeness_db > noisy.likeness_db > 0
    assert clean.octaves_of_change < 0


@pytest.mark.parametrize(
    ("level", "fps", "largest"), [("1b", 15, 99), ("2.1", 25, 792), ("3.1", 30, 3600), ("3.1", 60, 3600)]
)
def test_no_frame_passes_its_level(level: str, fps: float, largest: int) -> None:
    frames = frames_for(replace(MODERN, level=level), 1920, 1080, fps)

    assert frames
    assert all(-(-f.width_px // 16) * -(-f.height_px // 16) <= largest for f in frames)


# --- keeping ---------------------------------------------------------------------------------------------------

KEPT = {"profile:v": "main", "level:v": "3", "ar": 48000, **COLOURS}


def test_what_is_accepted_is_kept_to_the_byte() -> None:
    data = video_clip(320, 240, 1, 25, **KEPT)
    one = open_video(data)
    survey = one.survey(VideoRule((MODERN,)), "fast")

    assert (survey.keep_bytes, survey.reasons) == (len(data), ())
    assert one.keep().data == data


def test_a_place_is_taken_out_of_what_is_kept() -> None:
    data = video_clip(320, 240, 1, 25, metadata="location=+47.3769+008.5417/", **KEPT)
    assert sniff(data).metadata == ("GPS position",)
    one = open_video(data)
    survey = one.survey(VideoRule((MODERN,)), "fast")
    kept = one.keep()

    assert survey.stripped == kept.stripped == ("GPS position",)
    assert len(kept.data) == survey.keep_bytes == len(data)
    assert b"loci" not in kept.data
    assert kept.info.metadata == ()
    verify(kept.data, kept.info)


REFUSED = [
    ({"profile:v": "high", "preset": "medium", "bf": 2}, "profile high is above main"),
    ({"level:v": "4"}, "level 4 is above 3.1"),
    ({"c:a": "libmp3lame", "audio": "libmp3lame"}, "its audio is mp3, not aac"),
]


@pytest.mark.parametrize(("options", "why"), REFUSED)
def test_why_a_video_may_not_pass_is_noted(options: dict[str, Any], why: str) -> None:
    survey = open_video(video_clip(320, 240, 1, 25, **{"ar": 48000, **options})).survey(VideoRule((MODERN,)), "fast")

    assert survey.keep_bytes is None
    assert any(why in reason for reason in survey.reasons), survey.reasons


def test_a_receiver_of_nothing_we_write_refuses() -> None:
    with pytest.raises(NotAllowed, match="no format that the receiver plays can be encoded"):
        open_video(clip()).survey(VideoRule((VideoFormat("video/webm", "vp9"),)), "fast")


# --- the price of a cut ----------------------------------------------------------------------------------------

PRICES = [
    ((854, 480, 12_000, 24.0), 300_000, "12 s at 300 KB is 200 kb/s: 640×360 at best; 7.5 s would give 854×480"),
    ((854, 480, 2_000, 24.0), 300_000, "2 s at 300 KB is 1200 kb/s: 854×480 at best, its own size"),
    (
        (1920, 1080, 600_000, 30.0),
        300_000,
        "600 s at 300 KB is 4 kb/s: too little even for 160×90; 64.5 s would give 160×90",
    ),
    ((1080, 1920, 10_000, 30.0), 600_000, "10 s at 600 KB is 480 kb/s: 480×854 at best; 9.5 s would give 540×960"),
]


@pytest.mark.parametrize(("facts", "limit", "text"), PRICES)
def test_a_cut_is_priced_in_one_sentence(facts: tuple[int, int, int, float], limit: int, text: str) -> None:
    width, height, duration, fps = facts
    info = MediaInfo("video/mp4", "video", 9, width, height, duration_ms=duration, fps=fps, audio_codec="aac")

    assert estimate_trim(info, limit).text == text


# --- bad input -------------------------------------------------------------------------------------------------


def with_sides(data: bytes, width: int, height: int) -> bytes:
    """The same film whose sample entry lies about its sides."""
    at = data.find(b"avc1", data.find(b"stsd")) + 28
    return data[:at] + width.to_bytes(2, "big") + height.to_bytes(2, "big") + data[at + 4 :]


def with_duration(data: bytes, ticks: int) -> bytes:
    """The same film whose movie and media headers lie about its length."""
    out = bytearray(data)
    for kind, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        at = data.find(kind)
        while at >= 0:
            out[at + offset : at + offset + 4] = ticks.to_bytes(4, "big")
            at = data.find(kind, at + 4)
    return bytes(out)


def test_a_lying_duration_is_found_out() -> None:
    data = with_duration(video_clip(160, 120, 1, 15, sound=False), 600_000)
    survey = open_video(data).survey(VideoRule((MODERN,)), "fast")

    assert abs((survey.info.duration_ms or 0) - 1000) < 150
    assert any("of video were decoded" in note for note in survey.info.notes)


def one_pixel() -> bytes:
    return made(source("testsrc2=s=16x16:d=0.2").filter("scale", 2, 2), muxer="matroska", vcodec="mpeg4")


BAD = [
    ("two pixels a side", one_pixel, DamagedMedia, "too small to show anything"),
    ("16k by 16k", lambda: with_sides(clip(), 16_384, 16_384), OverLimits, "16,384 × 16,384"),
    ("8k by 8k", lambda: with_sides(clip(), 8_000, 8_000), OverLimits, "8,000 × 8,000"),
    ("no samples", lambda: video_clip(160, 120, 1, 15, sound=False).split(b"mdat")[0][:-4], MMSContentError, ""),
    ("cut in the header", lambda: clip()[: len(clip()) // 2], MMSContentError, "moov"),
    ("text", lambda: b"#EXTM3U\nfile:///etc/passwd\n", MMSContentError, ""),
]


@pytest.mark.parametrize(("name", "data", "error", "says"), BAD, ids=[b[0] for b in BAD])
def test_bad_videos_end_in_an_error_of_ours_and_soon(name: str, data: Any, error: Any, says: str) -> None:
    bad = data()
    started = time.monotonic()
    with pytest.raises(error) as caught:
        open_video(bad).survey(VideoRule((MODERN,)), "fast")

    assert says in str(caught.value), name
    assert time.monotonic() - started < 6


@settings(max_examples=8, deadline=None, derandomize=True)
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12), cut=st.floats(0.3, 1))
def test_damage_anywhere_ends_in_a_video_or_in_an_error_of_ours(flips: list[tuple[float, int]], cut: float) -> None:
    data = bytearray(video_clip(128, 96, 0.6, 15, muxer="matroska"))
    for at, value in flips:
        data[int(at * (len(data) - 1))] = value
    data = data[: int(len(data) * cut)]
    try:
        _, got = fitted(bytes(data), 40_000, SMALL)
    except MMSContentError:
        return
    assert len(got.data) <= 40_000
