"""The real films and sounds of the motion and sound benchmarks: those of the corpus, long ones in pieces.

Nothing is copied into the repository. A piece is cut without recoding, at key frames.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmscontent.ffmpeg import program_path

__all__ = ["CORPUS", "Clip", "films", "run", "sounds"]

CORPUS = Path(os.environ.get("MMSCONTENT_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "corpus"))
# File, first second, seconds (0: all of it).
_FILMS = (
    ("video/bbb_480p_30s.mp4", 8.0, 5.0),
    ("video/bbb_480p_30s.mp4", 16.0, 8.0),
    ("video/bbb_480p_30s.mp4", 0.0, 0.0),
    ("video/mdn_rabbit320.webm", 0.0, 0.0),
    ("video/ax_sample_with_increasing_timestamps_320w_240h_5s.mp4", 0.0, 0.0),
    ("video/metadata-extractor/sample_mpeg4.mp4", 0.0, 0.0),
    ("video/metadata-extractor/xmp480qt.mov", 0.0, 0.0),
    ("video/moviepy_transparent.webm", 0.0, 0.0),
    ("video/ax_sample_sef_slow_motion.mp4", 0.0, 0.0),
    ("video/ax_bt601.mov", 0.0, 0.0),
    ("video/ax_sample_portrait.mp4", 0.0, 0.0),
    ("video/ax_sample_15fps_720p_1s.mp4", 0.0, 0.0),
    ("video/ax_bbb_960x540_60fps_vp8.webm", 0.0, 0.0),
    ("video/ax_sample_h264.ts", 0.0, 0.0),
)
_NOT_SOUND = ("beets_full.wma",)


@dataclass(frozen=True, slots=True)
class Clip:
    """One film or sound."""

    name: str
    data: bytes


def run(arguments: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program, plainly; peers and judges are not jailed."""
    command = [program_path(), "-hide_banner", "-nostdin", "-y", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@cache
def films() -> tuple[Clip, ...]:
    """All films, the long ones cut."""
    return tuple(_piece(CORPUS / name, start, seconds) for name, start, seconds in _FILMS if (CORPUS / name).is_file())


def _piece(path: Path, start: float, seconds: float) -> Clip:
    if not seconds:
        return Clip(path.name, path.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "piece.mp4"
        run(["-v", "error", "-ss", str(start), "-i", str(path), "-t", str(seconds), "-c", "copy", str(out)])
        return Clip(f"{path.stem} {start:g}+{seconds:g} s", out.read_bytes())


@cache
def sounds() -> tuple[Clip, ...]:
    """All sounds of the corpus that a decoder exists for, and the sound of two of its films."""
    files = sorted((CORPUS / "audio").glob("*"))
    clips = [Clip(p.name, p.read_bytes()) for p in files if p.name not in _NOT_SOUND]
    for name in ("video/bbb_480p_30s.mp4", "video/mdn_rabbit320.webm"):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "sound.flac"
            run(["-v", "error", "-i", str(CORPUS / name), "-vn", "-ac", "2", str(out)])
            clips.append(Clip(f"sound of {Path(name).name}", out.read_bytes()))
    return tuple(clips)
