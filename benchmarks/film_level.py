"""What a film's own level of quality follows from: encodes of many clips with their VMAF, and constants fitted to them.

    python -m benchmarks.film_level [--make [--piece 0 --pieces 2]]

--make adds to results/film_level.jsonl, for the first seconds of each clip, what the probes of the analysis say
(a `film` row) and VMAF on a view of 480 lines at up to four sizes and four rate factors; five minutes on two cores.
Without it the constants of mmscontent/codecs/video/model.py are fitted to what is there, in its order, and the error is
told of each clip by constants that never saw it; all pieces of the same film count as one clip.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import CORPUS, Clip, films, run
from mmscontent.ffmpeg import FfmpegSession, VideoTrack, probe
from mmscontent.sniff import sniff

RESULTS = Path(__file__).parent / "results" / "film_level.jsonl"
SECONDS, VIEW, MOST_FPS = "2.5", 480, 30
FACTORS, SHARES = (20, 27, 33, 39), (1.0, 0.72, 0.5, 0.36)
MORE = (
    "ax_bbb_176x144_192kbps_15fps_mpeg4.mp4",
    "ax_h265_with_metadata_track.mp4",
    "ax_long_1080p_lowbitrate.mp4",
    "ax_pixel7_videoOnly_cleaned.mp4",
    "ax_sample.mkv",
    "ax_sample_shorter_audio.mp4",
)
LEAST_VMAF = 8.0  # below, one is as bad as another
LOW, HIGH = -3.0, 103.0  # of the curve
_X264 = ("-c:v", "libx264", "-preset", "medium", "-profile:v", "main", "-threads", "1", "-x264-params", "ssim=1")

Rows = list[dict[str, Any]]


class Maker:
    """One clip in a folder, encoded and judged."""

    def __init__(self, clip: Clip, folder: Path) -> None:
        self.name, self.folder = clip.name, folder
        (folder / "in").write_bytes(clip.data)
        info = sniff(clip.data, clip.name)
        with FfmpegSession(clip.data, info.media_type) as session:
            track = probe(session).video
        assert track is not None
        self.track: VideoTrack = track
        self.sides = track.width_px, track.height_px
        even = track.fps / -(-track.fps // MOST_FPS)
        self.rate = f"fps={even:g}:start_time=0," if track.fps > MOST_FPS * 1.02 else ""

    def scaled(self, share: float) -> tuple[int, int]:
        """Even sides, this share of the film's."""
        width, height = (max(16, int(side * share / 2 + 1e-9) * 2) for side in self.sides)
        return width, height

    def encode(self, sides: tuple[int, int], factor: int, scaler: str, name: str, *more: str) -> str:
        """Make it; what the program said."""
        shape = f"{self.rate}scale={sides[0]}:{sides[1]}:flags={scaler},setsar=1,format=yuv420p"
        from_, to = ("-v", "info", "-t", SECONDS, "-i", "in"), ("-an", "-vf", shape, "-fps_mode", "passthrough")
        return run([*from_, *to, *_X264, "-crf", str(factor), *more, name], self.folder).stderr

    def film(self) -> dict[str, Any]:
        """What the analysis would say of it, in the terms of `Cost`."""
        long = max(self.sides)
        share = min(1.0, min(320.0, max(160.0, long / 2)) / long)
        large, small = self.scaled(share), self.scaled(share / 2)
        said = self.encode(large, 24, "area", "a24", "-pass", "1", "-f", "h264")
        self.encode(small, 24, "area", "h24", "-pass", "1", "-f", "h264")
        fine, less = ((self.folder / name).stat().st_size for name in ("a24", "h24"))
        alone, later = (re.search(rf"frame {kind}:\d+ .*size: *(\d+)", said) for kind in "IP")
        likeness = re.search(r"SSIM Mean Y:([\d.]+)", said)
        assert alone is not None
        assert likeness is not None
        return {
            "film": self.name,
            "sides": self.sides,
            "likeness_db": round(-10 * float(np.log10(max(1e-5, 1 - float(likeness[1])))), 3),
            "change": round(float(np.log2(int(later[1] if later else 1) / int(alone[1]))), 3),
            "growth": round(float(np.clip(np.log2(fine / less) / 2, 0.35, 1.1)), 4),
        }

    def vmaf(self, name: str) -> float | None:
        """On the view, every third picture."""
        scale = VIEW / min(self.sides)
        view = ":".join(str(round(side * scale / 2) * 2) for side in self.sides)
        to_view = f"scale={view}:flags=bicubic,setsar=1,format=yuv420p"
        judge = "libvmaf=n_threads=1:n_subsample=3:ts_sync_mode=nearest"
        graph = f"[0:v]{to_view}[a];[1:v]trim=duration={SECONDS},{to_view}[b];[a][b]{judge}"
        told = run(["-v", "info", "-i", name, "-i", "in", "-lavfi", graph, "-f", "null", "-"], self.folder)
        score = re.search(r"VMAF score: ([\d.]+)", told.stderr)
        return float(score[1]) if score else None

    def encodes(self) -> Rows:
        """At several sizes and factors."""
        rows = []
        whole = min(VIEW, *self.sides)
        for short in (s for share in SHARES if (s := round(whole * share)) >= 90):
            sides = self.scaled(short / min(self.sides))
            for factor in FACTORS:
                self.encode(sides, factor, "lanczos", "out.mp4")
                seen = self.vmaf("out.mp4")
                rows.append({"of": self.name, "short_px": min(sides), "factor": factor, "vmaf": seen})
        return rows


def make(piece: int, pieces: int) -> None:
    """Every so many-th clip."""
    more = [Clip(name, (CORPUS / "video" / name).read_bytes()) for name in MORE]
    clips = [clip for clip in (*films(), *more) if clip.name != "bbb_480p_30s.mp4"]
    for clip in clips[piece::pieces]:
        with tempfile.TemporaryDirectory() as folder:
            maker = Maker(clip, Path(folder))
            rows = [maker.film(), *maker.encodes()]
        with RESULTS.open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms of the logarithm of the odds, what was measured, and whose it is."""
    rows = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    known = {row["film"]: row for row in rows if "film" in row}
    used = [row for row in rows if "of" in row and (row["vmaf"] or 0) > LEAST_VMAF]
    terms = np.array([_terms(known[row["of"]], row) for row in used])
    larger = np.array([_larger(known[row["of"]], row) for row in used])
    groups = np.array(["bbb" if "bbb" in row["of"] else row["of"] for row in used])
    return terms, np.array([row["vmaf"] for row in used]) + larger, groups


def _terms(film: dict[str, Any], row: dict[str, Any]) -> list[float]:
    whole = min(VIEW, *film["sides"])
    smaller, enlarged = np.log2(max(1.0, whole / row["short_px"])), np.log2(VIEW / whole)
    coarser = max(0.0, row["factor"] - 16.0) ** 1.5 / 100
    size = [-smaller, -smaller * film["growth"], -enlarged]
    unlike = 10 ** (-film["likeness_db"] / 20)
    return [1.0, -unlike, *size, -coarser, coarser * film["likeness_db"], -coarser * film["change"]]


def _larger(film: dict[str, Any], row: dict[str, Any]) -> float:
    """What the model takes off where a larger view would show more."""
    whole = min(VIEW, *film["sides"])
    return float(3.0 * np.log2(max(1.0, min(720, *film["sides"]) / max(row["short_px"], whole))))


def seen(terms: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """The curve."""
    return np.asarray((HIGH - LOW) / (1 + np.exp(-terms @ constants)) + LOW)


def fitted(terms: np.ndarray, vmaf: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Constants of the least absolute error, every clip counting as much, by least squares weighed again and again."""
    odds = np.log((vmaf - LOW) / (HIGH - np.minimum(vmaf, HIGH - 0.5)))
    spread = np.where(terms.std(axis=0) > 0, terms.std(axis=0), 1.0)
    rows = terms / spread
    small = 0.02 * np.diag([0.0] + [1.0] * (terms.shape[1] - 1))
    even = 1 / np.array([np.sum(groups == group) for group in groups])
    weights, found = even, np.zeros(terms.shape[1])
    for _ in range(15):
        found = np.linalg.solve(rows.T @ (rows * weights[:, None]) + small, rows.T @ (weights * odds))
        told = seen(rows, found)
        steep = np.maximum(0.05, (told - LOW) * (HIGH - told) / (HIGH - LOW) / 26)
        weights = even * steep**2 / np.maximum(2.0, np.abs(told - vmaf))
    return np.asarray(found / spread)


def tell() -> None:
    """The constants, and how far off they are."""
    terms, vmaf, groups = read()
    unseen = np.zeros(len(vmaf))
    for group in sorted(set(groups)):
        others = groups != group
        unseen[~others] = seen(terms[~others], fitted(terms[others], vmaf[others], groups[others]))
        off = unseen[~others] - vmaf[~others]
        print(f"{group[:50]:50} {len(off):3}, median error {np.median(np.abs(off)):4.1f}, bias {off.mean():+5.1f}")
    constants = fitted(terms, vmaf, groups)
    for name, told in (("of clips not seen", unseen), ("of all", seen(terms, constants))):
        off = np.abs(told - vmaf)
        print(f"{name}: {len(off)} encodes, median error {np.median(off):.2f}, nine in ten {np.quantile(off, 0.9):.1f}")
    print("level, unlike; smaller, per area, enlarged; coarser, per dB, per change:", constants.round(3).tolist())


def main() -> None:
    """Make or tell."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--make", action="store_true")
    asked.add_argument("--piece", type=int, default=0)
    asked.add_argument("--pieces", type=int, default=1)
    told = asked.parse_args()
    if told.make:
        make(told.piece, told.pieces)
    else:
        tell()


if __name__ == "__main__":
    main()
