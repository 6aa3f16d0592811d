"""The ffmpeg session: what it opens, what it refuses, and that nothing stays behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import ffmpeg
import pytest

from mmscontent.errors import DamagedMedia, EngineFailed, EngineMissing, EngineTimeout, MMSContentError, UnknownMedia
from mmscontent.ffmpeg import DEMUXERS, FfmpegSession, RunLimits, layers, probe, program_path, version
from mmscontent.ffmpeg import program as ffmpeg_program
from mmscontent.ffmpeg.launcher import CANNOT_START
from mmscontent.ffmpeg.probe import AudioTrack, VideoTrack, parse_banner
from mmscontent.ffmpeg.supervisor import RunOutcome, Supervisor
from mmscontent.media_types import MEDIA_TYPES
from tests.codecs.clips import made, source, video_clip
from tests.sandbox.conftest import LONG_S, ROOT, ended, needs_linux

if TYPE_CHECKING:
    from pathlib import Path

SLOW = "testsrc2=s=1280x720:r=60:d=600"
ENDLESS = ffmpeg.output(source(SLOW), "out", f="mpegts", vcodec="mpeg4")


@pytest.fixture
def temp_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the sessions' folders, so that what is left behind can be seen."""
    root = tmp_path / "temp"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    return root


def pid_of(session: FfmpegSession) -> int:
    """The session's supervisor; it ends ffmpeg and removes the folder before it exits."""
    assert session._supervisor is not None
    return session._supervisor.pid


def pipe_to(session: FfmpegSession) -> int:
    """Make the output `out` a pipe; ffmpeg then cannot end by itself, as nobody reads. Returns our end."""
    os.mkfifo(session.folder / "out")
    return os.open(session.folder / "out", os.O_RDONLY | os.O_NONBLOCK)


def is_writing(pipe: int) -> bool:
    """Whether ffmpeg begins to write."""
    return _happens(pipe, select.POLLIN)


def hung_up(pipe: int) -> bool:
    """Whether every process that writes to the pipe ends."""
    return _happens(pipe, 0)  # POLLHUP is always reported


def _happens(pipe: int, event: int) -> bool:
    waiting = select.poll()
    waiting.register(pipe, event)
    return bool(waiting.poll(LONG_S * 1000))


# --- what it opens ---------------------------------------------------------------------------------------------


def test_every_demuxer_stands_for_a_media_type_of_the_table() -> None:
    assert set(DEMUXERS) <= {row.name for row in MEDIA_TYPES}


def test_what_no_demuxer_opens_is_refused_by_name() -> None:
    with pytest.raises(UnknownMedia, match="text/plain cannot be opened as video or audio"):
        FfmpegSession(b"#EXTM3U\n", "text/plain")


def test_a_probe_finds_tracks_and_duration() -> None:
    with FfmpegSession(video_clip(), "video/mp4") as session:
        seen = probe(session)

    assert seen.video is not None
    assert (seen.video.codec, seen.video.width_px, seen.video.height_px, seen.video.fps) == ("h264", 320, 240, 25.0)
    assert seen.audio is not None
    assert (seen.audio.codec, seen.audio.sample_rate_hz, seen.audio.channels) == ("aac", 32000, 1)
    assert abs(seen.duration_ms - 2000) < 100


BANNERS = [
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


@pytest.mark.parametrize(("text", "expected"), BANNERS)
def test_a_video_stream_line_is_parsed(text: str, expected: VideoTrack) -> None:
    assert parse_banner(text).video == expected


AUDIO_BANNERS = [
    ("  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1, fltp, 192 kb/s (default)", 48000, 6),
    ("  Stream #0:0: Audio: opus, 48000 Hz, stereo, fltp", 48000, 2),
    ("  Stream #0:0: Audio: pcm_s16le, 8000 Hz, 3 channels (FL+FR+LFE), s16, 384 kb/s", 8000, 3),
]


@pytest.mark.parametrize(("text", "rate", "channels"), AUDIO_BANNERS)
def test_an_audio_stream_line_is_parsed(text: str, rate: int, channels: int) -> None:
    audio = parse_banner(text).audio

    assert isinstance(audio, AudioTrack)
    assert (audio.sample_rate_hz, audio.channels) == (rate, channels)


def test_a_cover_picture_is_no_video() -> None:
    text = "  Stream #0:1: Video: mjpeg (Baseline), yuvj420p(pc), 600x600, 90k tbr, 90k tbn (attached pic)"

    assert parse_banner(text).video is None


# --- what it refuses -------------------------------------------------------------------------------------------

EVIL = [
    ("hls with a file", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{planted}\n#EXT-X-ENDLIST\n"),
    ("concat of a neighbour", "ffconcat version 1.0\nfile {neighbour}\n"),
    ("concat of an absolute path", "ffconcat version 1.0\nfile {planted}\n"),
    ("hls with an address", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{address}/x.ts\n#EXT-X-ENDLIST\n"),
]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A real film outside the session, which a list could name."""
    path = tmp_path / "planted.ts"
    path.write_bytes(video_clip(64, 64, 0.4, sound=False, muxer="mpegts"))
    return path


@pytest.mark.parametrize(("name", "text"), EVIL)
def test_a_list_that_calls_itself_a_film_is_not_followed(name: str, text: str, planted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        evil = text.format(planted=planted, neighbour="neighbour.ts", address=address).encode()
        for media_type in ("video/mp4", "video/mp2t", "video/webm", "audio/mpeg"):
            with FfmpegSession(evil, media_type) as session:
                session.write("neighbour.ts", planted.read_bytes())
                with pytest.raises(MMSContentError) as caught:
                    probe(session)
                assert isinstance(caught.value, DamagedMedia | UnknownMedia), name
        with pytest.raises(BlockingIOError):  # nobody connected
            listener.accept()


def test_the_planted_film_can_be_read_by_the_program_when_nothing_holds_it(planted: Path) -> None:
    """The two tests around this one prove something only because this holds."""
    done = subprocess.run(
        [program_path(), "-v", "error", "-i", str(planted), "-f", "null", "-"], capture_output=True, check=False
    )

    assert done.returncode == 0


@needs_linux
def test_a_fooled_demuxer_still_meets_landlock(planted: Path) -> None:
    with FfmpegSession(f"ffconcat version 1.0\nfile {planted}\n".encode(), "video/mp4") as session:
        fooled = ffmpeg.input("file:input", f="concat", safe=0)
        with pytest.raises(EngineFailed, match="Permission denied"):
            session.run(ffmpeg.output(fooled, "-", f="null"))


@needs_linux
def test_no_address_is_reached_even_when_asked_for() -> None:
    with FfmpegSession(b"", "video/mp4") as session, pytest.raises(EngineFailed) as caught:
        session.run(ffmpeg.output(ffmpeg.input("tcp://127.0.0.1:9?timeout=1000000", f="mpegts"), "-", f="null"))

    assert "Operation not permitted" in caught.value.last_lines or "Input/output error" in caught.value.last_lines


@needs_linux
def test_a_run_is_behind_all_layers() -> None:
    missing = [layer for layer in layers() if not layer.in_force]

    assert not missing


def test_a_launcher_that_does_not_answer_is_a_failed_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_program, "_ANSWER_S", 0.2)
    monkeypatch.setattr(
        ffmpeg_program, "launcher_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(60)"]
    )

    with pytest.raises(EngineFailed, match=r"the ffmpeg launcher does not start: .*timed out.*mmscontent doctor"):
        layers()


def test_the_environment_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFREPORT", "file=report.log:level=48")
    with FfmpegSession(video_clip(), "video/mp4") as session:
        probe(session)
        left = {p.name for p in session.folder.iterdir()}

    assert left == {"input"}


# --- how it fails ----------------------------------------------------------------------------------------------


def test_a_failure_names_command_status_and_last_lines(temp_root: Path) -> None:
    with FfmpegSession(video_clip(), "video/mp4") as session, pytest.raises(EngineFailed) as caught:
        session.run(ffmpeg.output(session.source_node(), "out", f="mp4", vcodec="no-such-encoder"))

    assert "no-such-encoder" in caught.value.command
    assert caught.value.status
    assert "no-such-encoder" in caught.value.last_lines
    assert not list(temp_root.iterdir())


@needs_linux
def test_a_run_that_takes_too_long_is_ended(temp_root: Path) -> None:
    with FfmpegSession(b"", "video/mp4") as session:
        pid, pipe = pid_of(session), pipe_to(session)
        with pytest.raises(EngineTimeout, match=r"longer than 1\.5 s") as caught:
            session.run(ENDLESS, limits=RunLimits(wall_s=1.5))
        os.read(pipe, 1 << 20)

        assert os.read(pipe, 1) == b""  # the end of file: nobody writes
    assert caught.value.retryable
    assert ended(pid)
    assert not list(temp_root.iterdir())


@needs_linux
@pytest.mark.parametrize(
    ("limits", "muxer", "says"),
    [
        (RunLimits(file_bytes=100_000), "yuv4mpegpipe", "file size"),
        (RunLimits(cpu_s=1), "mpegts", "limit of 1 s of processor time"),
        (RunLimits(memory_bytes=1 << 26), "null", "ended"),
    ],
)
def test_a_run_that_uses_too_much_is_ended(limits: RunLimits, muxer: str, says: str, temp_root: Path) -> None:
    more = {"vcodec": "libx264", "preset": "slow"} if muxer == "mpegts" else {}
    with FfmpegSession(b"", "video/mp4") as session:
        pid = pid_of(session)
        with pytest.raises(EngineFailed, match=says):
            session.run(ffmpeg.output(source(SLOW), "out", f=muxer, t=60, pix_fmt="yuv420p", **more), limits=limits)

    assert ended(pid)
    assert not list(temp_root.iterdir())


ENDINGS = [
    # status, processor time, what it says, EngineFailed.status
    (255, 4.0, "on reaching its limit of 3 s of processor time", 255),  # stopped in good order at SIGXCPU
    (123, 6.8, "on reaching its limit of 3 s of processor time", 123),  # finishing took over 3 s more
    (-24, 3.0, "by signal 24, processor time", 152),  # before ffmpeg handles signals
    (255, 0.1, "with status 255", 255),  # EPERM
    (146, 0.1, "with status 146", 146),  # ETIMEDOUT, no signal
    (-25, 0.1, "by signal 25, file size", 153),
    (-31, 0.1, "by signal 31, system call", 159),
    (-9, 0.1, "by signal 9, killed", 137),
    (-11, 0.1, "by signal 11, a crash", 139),
    (CANNOT_START, 0.0, "with status 126", 126),
]


@pytest.mark.parametrize(("status", "cpu_s", "says", "reported"), ENDINGS)
def test_what_ended_a_run_is_named(
    status: int, cpu_s: float, says: str, reported: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Supervisor, "execute", lambda *_: RunOutcome(status, cpu_s, "a\n\nlast line\n"))
    named = pytest.raises(EngineFailed, match=f"ffmpeg ended {says}.*: last line")
    with FfmpegSession(b"", "video/mp4") as session, named as caught:
        session.run(ffmpeg.output(session.source_node(), "out"), limits=RunLimits(cpu_s=3))

    assert (caught.value.status, caught.value.last_lines) == (reported, "a\nlast line")


KILLED = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from mmscontent.ffmpeg import FfmpegSession
from tests.sandbox.test_ffmpeg import ENDLESS, pid_of, pipe_to
session = FfmpegSession(b"", "video/mp4")
pipe = pipe_to(session)
print(pid_of(session), session.folder / "out", flush=True)
session.run(ENDLESS)
"""


@needs_linux
def test_when_we_are_killed_the_program_ends_and_its_folder_goes(temp_root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(temp_root)], stdout=subprocess.PIPE, cwd=ROOT) as us:
        assert us.stdout is not None
        pid, path = us.stdout.readline().split()
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        assert is_writing(pipe)
        us.kill()

        assert hung_up(pipe)
    assert ended(int(pid))
    assert not list(temp_root.iterdir())


LEFT = """
import os, sys, tempfile
from mmscontent.ffmpeg import FfmpegSession
tempfile.tempdir = sys.argv[1]
session = FfmpegSession(b"", "video/mp4")
print(session._supervisor.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_folder_whose_owner_is_killed_between_two_runs_goes_too(temp_root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LEFT, str(temp_root)], check=False, stdout=subprocess.PIPE)

    assert ended(int(done.stdout))
    assert not list(temp_root.iterdir())


def test_an_abandoned_folder_goes_with_the_next_session(temp_root: Path) -> None:
    """What is left when the whole machine, or the supervisor with us, was killed."""
    left = temp_root / "mmscontent-av-left"
    left.mkdir()

    with FfmpegSession(b"", "video/mp4") as one, FfmpegSession(b"", "video/mp4") as other:
        assert not left.exists()
        assert one.folder.exists()
        assert other.folder.exists()
    assert not list(temp_root.iterdir())


def test_no_process_stays_when_a_session_is_closed() -> None:
    with FfmpegSession(video_clip(), "video/mp4") as session:
        probe(session)
        pid = pid_of(session)
        os.kill(pid, 0)  # it is there

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@needs_linux
def test_a_supervisor_that_is_killed_takes_the_program_along(temp_root: Path) -> None:
    with FfmpegSession(b"", "video/mp4") as session, ThreadPoolExecutor(1) as thread:
        pipe = pipe_to(session)
        run = thread.submit(session.run, ENDLESS)
        assert is_writing(pipe)
        os.kill(pid_of(session), signal.SIGKILL)

        assert hung_up(pipe)
        with pytest.raises(EngineFailed, match="cannot be run: the process that supervises ffmpeg is gone"):
            run.result()
        with pytest.raises(EngineFailed, match="cannot be run"):
            probe(session)
    assert not list(temp_root.iterdir())


def test_a_closed_session_runs_nothing() -> None:
    session = FfmpegSession(video_clip(), "video/mp4")
    session.close()

    with pytest.raises(EngineFailed, match="was closed; open a new one"):
        probe(session)


def test_folders_go_with_success(temp_root: Path) -> None:
    with FfmpegSession(video_clip(), "video/mp4") as session:
        probe(session)
        assert len(list(temp_root.iterdir())) == 1

    assert not list(temp_root.iterdir())


# --- what it reports ----------------------------------------------------------------------------------------------


def test_progress_rises_to_the_length_of_the_clip() -> None:
    reported: list[int] = []
    with FfmpegSession(video_clip(), "video/mp4") as session:
        session.run(ffmpeg.output(session.source_node(), "out", f="mp4", vcodec="mpeg4"), progress=reported.append)

    assert reported == sorted(reported)
    assert abs(reported[-1] - 2000) < 120


def test_the_program_is_the_wheels_unless_set_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMSCONTENT_FFMPEG", raising=False)
    wheels = program_path()
    assert "imageio_ffmpeg" in wheels
    assert version().startswith("ffmpeg version")

    monkeypatch.setenv("MMSCONTENT_FFMPEG", wheels)
    assert program_path() == wheels


def test_a_missing_program_is_an_error_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSCONTENT_FFMPEG", "no-such-ffmpeg")
    with pytest.raises(EngineMissing, match="MMSCONTENT_FFMPEG is 'no-such-ffmpeg'"):
        program_path()


def test_the_same_graph_gives_the_same_bytes() -> None:
    one, two = (
        made(source("testsrc2=s=64x64:d=0.5"), muxer="mp4", vcodec="libx264", threads=2, fflags="+bitexact")
        for _ in range(2)
    )

    assert one == two
