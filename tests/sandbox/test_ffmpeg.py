"""The door to ffmpeg: what it opens, what it refuses, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ffmpeg
import pytest

from mmscontent.errors import DamagedMedia, EngineFailed, EngineMissing, EngineTimeout, MMSContentError, UnknownMedia
from mmscontent.ffmpeg import DEMUXERS, FfmpegSession, RunLimits, layers, probe, program_path, version
from mmscontent.ffmpeg.probe import AudioTrack, VideoTrack, parse_banner
from mmscontent.media_types import MEDIA_TYPES
from tests.codecs.clips import film, made, source

LINUX = sys.platform == "linux"
SLOW = "testsrc2=s=1280x720:r=60:d=600"


@pytest.fixture
def lodge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the rooms, so that what is left behind can be seen."""
    place = tmp_path / "lodge"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def running_in(folder: Path) -> list[int]:
    """Processes that speak of a folder in their arguments or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            at, said = str((entry / "cwd").readlink()), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (at.startswith(str(folder)) or os.fsencode(folder) in said):
            found.append(int(entry.name))
    return found


def until(true: object, seconds: float = 5.0) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


# --- what it opens ---------------------------------------------------------------------------------------------


def test_every_demuxer_stands_for_a_media_type_of_the_table() -> None:
    assert set(DEMUXERS) <= {row.name for row in MEDIA_TYPES}


def test_what_no_demuxer_opens_is_refused_by_name() -> None:
    with pytest.raises(UnknownMedia, match="text/plain is no film or sound we open"):
        FfmpegSession(b"#EXTM3U\n", "text/plain")


def test_a_look_tells_tracks_and_length() -> None:
    with FfmpegSession(film(), "video/mp4") as session:
        seen = probe(session)

    assert seen.video is not None
    assert (seen.video.codec, seen.video.width_px, seen.video.height_px, seen.video.fps) == ("h264", 320, 240, 25.0)
    assert seen.audio is not None
    assert (seen.audio.codec, seen.audio.sample_rate_hz, seen.audio.channels) == ("aac", 32000, 1)
    assert abs(seen.duration_ms - 2000) < 100


DUMPS = [
    (
        (
            "  Stream #0:0[0x1](und): Video: h263 (s263 / 0x33363273), yuv420p(progressive), 176x144"
            " [SAR 12:11 DAR 4:3], 400 kb/s, SAR 1:1 DAR 11:9, 15 fps, 15 tbr, 15360 tbn (default)"
        ),
        VideoTrack(0, "h263", 176, 144, 15.0, "yuv420p"),
    ),
    (
        (
            "  Stream #0:1[0x2](eng): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 320x240"
            " [SAR 27:64 DAR 9:16], 118 kb/s, 30 fps, 30 tbr, 90k tbn"
        ),
        VideoTrack(1, "h264", 320, 569, 30.0, "yuv420p", "", square=False),
    ),
    (
        (
            "  Stream #0:0[0x1](und): Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv,"
            " bt2020nc/bt2020/arib-std-b67), 1280x720, 2690 kb/s, 30 fps, 30 tbr, 600 tbn (default)\n"
            "    Side data:\n      Display Matrix: rotation of -90.00 degrees"
        ),
        VideoTrack(0, "hevc", 720, 1280, 30.0, "yuv420p10le", "arib-std-b67", turned=True),
    ),
    (
        "  Stream #0:0(und): Video: h264 (High), yuv420p(progressive), 1080x720 [SAR 1:1 DAR 3:2], 1k fps, 60 tbr",
        VideoTrack(0, "h264", 1080, 720, 60.0, "yuv420p"),
    ),
]


@pytest.mark.parametrize(("text", "expected"), DUMPS)
def test_the_programs_words_about_a_picture_are_read(text: str, expected: VideoTrack) -> None:
    assert parse_banner(text).video == expected


SOUND_DUMPS = [
    ("  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1, fltp, 192 kb/s (default)", 48000, 6),
    ("  Stream #0:0: Audio: opus, 48000 Hz, stereo, fltp", 48000, 2),
    ("  Stream #0:0: Audio: pcm_s16le, 8000 Hz, 3 channels (FL+FR+LFE), s16, 384 kb/s", 8000, 3),
]


@pytest.mark.parametrize(("text", "rate", "channels"), SOUND_DUMPS)
def test_the_programs_words_about_a_sound_are_read(text: str, rate: int, channels: int) -> None:
    sound = parse_banner(text).audio

    assert isinstance(sound, AudioTrack)
    assert (sound.sample_rate_hz, sound.channels) == (rate, channels)


def test_a_cover_picture_is_no_film() -> None:
    text = "  Stream #0:1: Video: mjpeg (Baseline), yuvj420p(pc), 600x600, 90k tbr, 90k tbn (attached pic)"

    assert parse_banner(text).video is None


# --- what it refuses -------------------------------------------------------------------------------------------

EVIL = [
    ("hls with a file", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{planted}\n#EXT-X-ENDLIST\n"),
    ("concat of a neighbour", "ffconcat version 1.0\nfile {neighbour}\n"),
    ("concat of an absolute path", "ffconcat version 1.0\nfile {planted}\n"),
    ("hls with an address", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"),
]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A real film outside the session, which a list could name."""
    path = tmp_path / "planted.ts"
    path.write_bytes(film(64, 64, 0.4, sound=False, muxer="mpegts"))
    return path


@pytest.mark.parametrize(("name", "text"), EVIL)
def test_a_list_that_calls_itself_a_film_is_not_followed(name: str, text: str, planted: Path) -> None:
    evil = text.format(planted=planted, neighbour="neighbour.ts").encode()
    started = time.monotonic()

    for media_type in ("video/mp4", "video/mp2t", "video/webm", "audio/mpeg"):
        with FfmpegSession(evil, media_type) as session:
            session.write("neighbour.ts", planted.read_bytes())
            with pytest.raises(MMSContentError) as caught:
                probe(session)
            assert isinstance(caught.value, DamagedMedia | UnknownMedia), name
    assert time.monotonic() - started < 12


def test_the_planted_film_can_be_read_by_the_program_when_nothing_holds_it(planted: Path) -> None:
    """The two tests around this one prove something only because this holds."""
    told = subprocess.run(
        [program_path(), "-v", "error", "-i", str(planted), "-f", "null", "-"], capture_output=True, check=False
    )

    assert told.returncode == 0


@pytest.mark.skipif(not LINUX, reason="Landlock is Linux'")
def test_a_fooled_demuxer_still_meets_the_wall(planted: Path) -> None:
    with FfmpegSession(f"ffconcat version 1.0\nfile {planted}\n".encode(), "video/mp4") as session:
        fooled = ffmpeg.input("file:input", f="concat", safe=0)
        with pytest.raises(EngineFailed, match="Permission denied"):
            session.run(ffmpeg.output(fooled, "-", f="null"))


@pytest.mark.skipif(not LINUX, reason="network namespaces are Linux'")
def test_no_address_is_reached_even_when_asked_for() -> None:
    with FfmpegSession(b"", "video/mp4") as session, pytest.raises(EngineFailed) as caught:
        session.run(ffmpeg.output(ffmpeg.input("tcp://127.0.0.1:9?timeout=1000000", f="mpegts"), "-", f="null"))

    assert "Operation not permitted" in caught.value.last_lines or "Input/output error" in caught.value.last_lines


@pytest.mark.skipif(not LINUX, reason="the layers are Linux'")
def test_a_run_is_behind_all_layers() -> None:
    missing = [layer for layer in layers() if not layer.in_force]

    assert not missing


def test_the_environment_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFREPORT", "file=report.log:level=48")
    with FfmpegSession(film(), "video/mp4") as session:
        probe(session)
        left = {p.name for p in session.folder.iterdir()}

    assert left == {"input"}


# --- how it fails ----------------------------------------------------------------------------------------------


def test_a_failure_names_command_status_and_last_lines(lodge: Path) -> None:
    with FfmpegSession(film(), "video/mp4") as session, pytest.raises(EngineFailed) as caught:
        session.run(ffmpeg.output(session.source_node(), "out", f="mp4", vcodec="no-such-encoder"))

    assert "no-such-encoder" in caught.value.command
    assert caught.value.status
    assert "no-such-encoder" in caught.value.last_lines
    assert not list(lodge.iterdir())


def test_a_run_that_takes_too_long_is_ended(lodge: Path) -> None:
    started = time.monotonic()
    with (
        FfmpegSession(b"", "video/mp4") as session,
        pytest.raises(EngineTimeout, match=r"longer than 0\.7 s") as caught,
    ):
        session.run(ffmpeg.output(source(SLOW), "out", f="mp4", vcodec="libx264"), limits=RunLimits(wall_s=0.7))

    assert caught.value.retryable
    assert time.monotonic() - started < 8
    assert not list(lodge.iterdir())
    assert until(lambda: not running_in(lodge))


@pytest.mark.skipif(not LINUX, reason="resource limits differ")
@pytest.mark.parametrize(
    ("limits", "muxer", "says"),
    [
        (RunLimits(file_bytes=100_000), "yuv4mpegpipe", "file size"),
        (RunLimits(cpu_s=1), "mpegts", "processor time"),
        (RunLimits(memory_bytes=1 << 26), "null", "ended"),
    ],
)
def test_a_run_that_takes_too_much_is_ended(limits: RunLimits, muxer: str, says: str, lodge: Path) -> None:
    more = {"vcodec": "libx264", "preset": "slow"} if muxer == "mpegts" else {}
    with FfmpegSession(b"", "video/mp4") as session, pytest.raises(EngineFailed, match=says):
        session.run(ffmpeg.output(source(SLOW), "out", f=muxer, t=60, pix_fmt="yuv420p", **more), limits=limits)

    assert not list(lodge.iterdir())
    assert until(lambda: not running_in(lodge))


KILLED = """
import sys, tempfile
import ffmpeg
from mmscontent.ffmpeg import FfmpegSession, probe
tempfile.tempdir = sys.argv[1]
session = FfmpegSession(b"", "video/mp4")
slow = ffmpeg.output(ffmpeg.input(sys.argv[2], f="lavfi"), "out", f="mp4", vcodec="libx264")
session.run(slow, progress=lambda ms: print(ms, flush=True))
"""


@pytest.mark.skipif(not LINUX, reason="processes are looked up in /proc")
def test_when_we_are_killed_the_program_ends_and_its_folder_goes(lodge: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(lodge), SLOW], stdout=subprocess.PIPE) as us:
        assert us.stdout is not None
        us.stdout.readline()  # it is at work
        assert list(lodge.iterdir())
        assert running_in(lodge)
        us.send_signal(signal.SIGKILL)

    assert until(lambda: not running_in(lodge))
    assert until(lambda: not list(lodge.iterdir()))


LEFT = """
import os, sys, tempfile
from mmscontent.ffmpeg import FfmpegSession, probe
tempfile.tempdir = sys.argv[1]
session = FfmpegSession(b"", "video/mp4")
os.kill(os.getpid(), 9)
"""


def test_a_folder_whose_owner_is_killed_between_two_runs_goes_too(lodge: Path) -> None:
    subprocess.run([sys.executable, "-c", LEFT, str(lodge)], check=False)

    assert until(lambda: not list(lodge.iterdir()))
    assert until(lambda: not running_in(lodge))


def test_a_folder_that_nobody_holds_goes_with_the_next_room(lodge: Path) -> None:
    """What is left when the whole machine, or the watcher with us, was killed."""
    left = lodge / "mmscontent-av-left"
    left.mkdir()

    with FfmpegSession(b"", "video/mp4") as one, FfmpegSession(b"", "video/mp4") as other:
        assert not left.exists()
        assert one.folder.exists()
        assert other.folder.exists()
    assert not list(lodge.iterdir())


def test_no_process_stays_when_a_room_is_left(lodge: Path) -> None:
    with FfmpegSession(film(), "video/mp4") as session:
        probe(session)
        assert len(running_in(lodge)) == 1

    assert not running_in(lodge)


def test_a_watcher_that_is_killed_takes_the_program_along_and_is_told(lodge: Path) -> None:
    with FfmpegSession(film(), "video/mp4") as session:
        for process in running_in(lodge):
            os.kill(process, signal.SIGKILL)
        with pytest.raises(EngineFailed, match="cannot be started"):
            probe(session)

    assert not list(lodge.iterdir())


def test_a_room_that_was_left_runs_nothing() -> None:
    session = FfmpegSession(film(), "video/mp4")
    session.close()

    with pytest.raises(EngineFailed, match="given back"):
        probe(session)


def test_folders_go_with_success(lodge: Path) -> None:
    with FfmpegSession(film(), "video/mp4") as session:
        probe(session)
        assert len(list(lodge.iterdir())) == 1

    assert not list(lodge.iterdir())


# --- how it tells ----------------------------------------------------------------------------------------------


def test_progress_rises_to_the_length_of_the_clip() -> None:
    told: list[int] = []
    with FfmpegSession(film(), "video/mp4") as session:
        session.run(ffmpeg.output(session.source_node(), "out", f="mp4", vcodec="mpeg4"), progress=told.append)

    assert told == sorted(told)
    assert abs(told[-1] - 2000) < 120


def test_the_program_is_the_wheels_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMSCONTENT_FFMPEG", raising=False)
    wheels = program_path()
    assert "imageio_ffmpeg" in wheels
    assert version().startswith("ffmpeg version")

    monkeypatch.setenv("MMSCONTENT_FFMPEG", wheels)
    assert program_path() == wheels


def test_a_program_that_is_not_there_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSCONTENT_FFMPEG", "no-such-ffmpeg")
    with pytest.raises(EngineMissing, match="MMSCONTENT_FFMPEG is 'no-such-ffmpeg'"):
        program_path()


def test_the_same_graph_gives_the_same_bytes() -> None:
    one, two = (
        made(source("testsrc2=s=64x64:d=0.5"), muxer="mp4", vcodec="libx264", threads=2, fflags="+bitexact")
        for _ in range(2)
    )

    assert one == two
