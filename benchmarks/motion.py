"""Do films fitted by us look better than by the ways people use today, at equal bytes, and what do they cost?

    python -m benchmarks.motion [--rates 12,30] [--only TEXT] [--oracle] [--json FILE] [--fit] [--times N]

Limits are kilobytes a second of film (30 is 300 KB for ten seconds). Ours is the codec of films as adapt() uses it,
effort `fast` (preset medium); H.264 main and AAC in MP4 within 1280×720, as for all; every encoder on one thread.
Peers, each at the same limit:

- `two-pass`: plain two-pass x264 medium at a computed bit rate and the film's own size, 64 kb/s of sound (32 where
  that is over a quarter of all): what the tools that fit films to 8 or 10 MB do.
- `bpp`: the same at the largest size whose pixels get 0.07 bits.
- `ladder`: three fixed rates at 640×480, the first that fits: what MMS gateways do.
- `oracle` (--oracle): two-pass x264 veryslow over eight frame sizes, sound as ours, the best one that fits.

Quality is VMAF on a view of 480 lines, each shown picture against the source's at its time. --fit prints the constants
of mmscontent/codecs/video/model.py fitted anew. --times makes ours and plain two-pass N times in turn, without quality,
and compares the quickest of each.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.clips import Clip, films, run
from mmscontent.codecs.video import VideoSource, verify
from mmscontent.errors import DoesNotFit, MMSContentError
from mmscontent.ffmpeg import FfmpegSession, ProbeResult, probe
from mmscontent.profiles.model import VideoFormat, VideoRule
from mmscontent.sniff import sniff

FORMAT = VideoFormat("video/mp4", "h264", "main", "3.1", 1280, 720, 30, audio_codec="aac")
ORACLE_SHORTS = (720, 540, 480, 400, 320, 256, 200, 144)
LADDER = ((500, 64), (300, 48), (150, 32))
VIEW = 480


@dataclass(frozen=True, slots=True)
class Row:
    """One way with one film at one limit; bytes 0: it gave nothing."""

    film: str
    way: str
    limit: int
    bytes: int
    vmaf: float | None
    seconds: float
    how: str
    encodes: int = 0
    predicted: float | None = None


class Bench:
    """One film, its facts, and a place to work."""

    def __init__(self, clip: Clip, folder: Path) -> None:
        self.clip, self.folder = clip, folder
        self.info = sniff(clip.data, clip.name)
        with FfmpegSession(clip.data, self.info.media_type) as session:
            self.seen: ProbeResult = probe(session)
        assert self.seen.video is not None
        self.video = self.seen.video
        (folder / "in").write_bytes(clip.data)
        self.seconds = (self.info.duration_ms or self.seen.duration_ms) / 1000
        self.fps = min(30.0, self.video.fps)

    def vmaf(self, data: bytes) -> float | None:
        (self.folder / "out.mp4").write_bytes(data)
        scale = VIEW / min(self.video.width_px, self.video.height_px)
        width, height = (round(s * scale / 2) * 2 for s in (self.video.width_px, self.video.height_px))
        to_view = f"scale={width}:{height}:flags=bicubic,setsar=1,format=yuv420p"
        graph = f"[0:v]{to_view}[a];[1:v]{to_view}[b];[a][b]libvmaf=n_threads=2:ts_sync_mode=nearest"
        told = run(["-v", "info", "-i", "out.mp4", "-i", "in", "-lavfi", graph, "-f", "null", "-"], self.folder)
        score = re.search(r"VMAF score: ([\d.]+)", told.stderr)
        return float(score[1]) if score else None

    def ours(self, limit: int, *, judged: bool = True) -> Row:
        started = time.monotonic()
        try:
            source = VideoSource(self.clip.data, self.info)
            survey = source.survey(VideoRule((FORMAT,)), "fast")
            if survey.keep_bytes is not None and survey.keep_bytes <= limit:
                return Row(self.clip.name, "ours", limit, survey.keep_bytes, 100.0, time.monotonic() - started, "kept")
            made = source.render(limit)
        except DoesNotFit as exc:
            return Row(self.clip.name, "ours", limit, 0, None, time.monotonic() - started, str(exc))
        took = time.monotonic() - started
        verify(made.data, made.info)
        how, predicted = made.tries[-1], made.predicted_quality
        seen = self.vmaf(made.data) if judged else None
        return Row(self.clip.name, "ours", limit, len(made.data), seen, took, how, made.encodes, predicted)

    def peer(
        self, way: str, limit: int, short: int, video: int, audio: int, preset: str = "medium", *, judged: bool = True
    ) -> Row:
        """Two passes at so many bits a second."""
        scale = min(1.0, short / min(self.video.width_px, self.video.height_px))
        width, height = (int(s * scale / 2) * 2 for s in (self.video.width_px, self.video.height_px))
        rate = f"fps={self.fps:g}:start_time=0," if self.video.fps > self.fps else ""
        graph = f"{rate}scale={width}:{height},setsar=1,format=yuv420p"
        shape = ["-map", "0:v:0", "-vf", graph, "-fps_mode", "passthrough"]
        coder = ["-c:v", "libx264", "-preset", preset, "-profile:v", "main", "-b:v", str(max(1000, video))]
        sound = ["-map", "0:a:0?", "-c:a", "aac", "-ac", "2", "-b:a", str(audio)] if self.seen.audio else ["-an"]
        started = time.monotonic()
        first = [*shape, *coder, "-threads", "1", "-pass", "1", "-an", "-f", "null", "-"]
        run(["-v", "error", "-i", "in", *first], self.folder)
        second = [*shape, *sound, *coder, "-threads", "1", "-pass", "2", "-movflags", "+faststart", "peer.mp4"]
        run(["-v", "error", "-i", "in", *second], self.folder)
        took = time.monotonic() - started
        data = (self.folder / "peer.mp4").read_bytes()
        seen = self.vmaf(data) if judged else None
        return Row(self.clip.name, way, limit, len(data), seen, took, f"{width}×{height} {video // 1000} kb/s")

    def rates(self, limit: int) -> tuple[int, int]:
        """Bits a second of picture and sound, 5 % left for the container as such tools do."""
        whole = limit * 8 * 0.95 / self.seconds
        sound = 0 if self.seen.audio is None else 64_000 if whole >= 256_000 else 32_000
        return int(whole - sound), sound

    def own_short(self) -> int:
        long, short = max(self.video.width_px, self.video.height_px), min(self.video.width_px, self.video.height_px)
        return int(short * min(1.0, 1280 / long, 720 / short))

    def two_pass(self, limit: int, *, judged: bool = True) -> Row:
        return self.peer("two-pass", limit, self.own_short(), *self.rates(limit), judged=judged)

    def bpp(self, limit: int) -> Row:
        video, audio = self.rates(limit)
        ratio = max(self.video.width_px, self.video.height_px) / min(self.video.width_px, self.video.height_px)
        short = min(self.own_short(), int((max(video, 1000) / 0.07 / self.fps / ratio) ** 0.5))
        return self.peer("bpp", limit, max(96, short), video, audio)

    def ladder(self, limit: int) -> Row:
        rows = []
        for video, audio in LADDER:
            rows.append(self.peer("ladder", limit, min(480, self.own_short()), video * 1000, audio * 1000))
            if rows[-1].bytes <= limit:
                break
        return rows[-1]

    def oracle(self, limit: int, sound_bytes: int) -> Row:
        """The best of all sizes; each aimed low again until it fits, which nobody would wait for."""
        rows = []
        for short in sorted({min(s, self.own_short()) for s in ORACLE_SHORTS}):
            video = int((limit - sound_bytes) * 8 * 0.985 / self.seconds)
            for _ in range(3):
                row = self.peer("oracle", limit, short, video, 32_000, "veryslow")
                if row.bytes <= limit:
                    rows.append(row)
                    break
                video = int(video * limit / row.bytes * 0.99)
        return max(rows, key=lambda r: r.vmaf or 0)


def bench(clip: Clip, kilobytes: list[float], *, oracle: bool) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        one = Bench(clip, Path(folder))
        for rate in kilobytes:
            limit = int(rate * 1000 * one.seconds)
            rows += [one.ours(limit), one.two_pass(limit), one.bpp(limit), one.ladder(limit)]
            if oracle:
                rows.append(one.oracle(limit, int(one.seconds * 4500) if one.seen.audio else 0))
            for row in rows[-5 if oracle else -4 :]:
                print(f"{row.film[:34]:34} {row.way:9} {row.bytes:>9,} of {limit:>9,} {row.vmaf or 0:6.1f} "
                      f"{row.seconds:5.1f} s  {row.how[:110]}", flush=True)  # fmt: skip
    return rows


def summary(rows: list[Row]) -> None:
    cases: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        cases.setdefault((row.film, row.limit), {})[row.way] = row
    ways = [w for w in ("ours", "two-pass", "bpp", "ladder", "oracle") if any(w in c for c in cases.values())]
    print(
        f"\n{len(cases)} cases\nway        fits   use (median)  VMAF median  ours − it: median, worst   time ÷ two-pass"
    )
    for way in ways:
        mine = [c[way] for c in cases.values() if way in c and c[way].bytes]
        fits = [r for r in mine if r.bytes <= r.limit]
        use = statistics.median(r.bytes / r.limit for r in mine)
        scores = [r.vmaf for r in mine if r.vmaf is not None]
        gaps = [
            c["ours"].vmaf - c[way].vmaf
            for c in cases.values()
            if way in c
            and c["ours"].vmaf is not None
            and c[way].vmaf is not None
            and c[way].bytes <= 1.1 * c[way].limit  # up to a tenth over is to its advantage
        ]
        times = [c[way].seconds / c["two-pass"].seconds for c in cases.values() if way in c]
        gap = f"{statistics.median(gaps):+6.1f} {min(gaps):+6.1f} ({len(gaps)})" if gaps else "-"
        print(f"{way:9} {len(fits):>2}/{len(cases)} {use:12.3f} {statistics.median(scores):12.1f}   {gap:>24}"
              f" {statistics.median(times):16.2f}")  # fmt: skip
    encodes = [c["ours"].encodes for c in cases.values()]
    print("ours, encodes:", {n: encodes.count(n) for n in sorted(set(encodes))})


def times(clips: list[Clip], kilobytes: list[float], rounds: int) -> None:
    """How long ours takes against plain two-pass, the quickest of some rounds of each."""
    ratios, mine, theirs = [], 0.0, 0.0
    for clip in clips:
        with tempfile.TemporaryDirectory() as folder:
            one = Bench(clip, Path(folder))
            for rate in kilobytes:
                limit = int(rate * 1000 * one.seconds)
                pairs = [(one.ours(limit, judged=False), one.two_pass(limit, judged=False)) for _ in range(rounds)]
                ours, peer = (min(pair[i].seconds for pair in pairs) for i in (0, 1))
                ratios.append(ours / peer)
                mine, theirs = mine + ours, theirs + peer
                print(f"{clip.name[:34]:34} {one.seconds:5.1f} s  {ours:5.2f} s ÷ {peer:5.2f} s = {ours / peer:.2f}"
                      f"  {pairs[0][0].encodes} encodes", flush=True)  # fmt: skip
    print(f"time ÷ two-pass: {statistics.median(ratios):.2f} at the median, {mine / theirs:.2f} of all together,"
          f" {sum(r <= 1.3 for r in ratios)} of {len(ratios)} up to 1.3")  # fmt: skip


def fit(clips: list[Clip]) -> None:
    """The constants of the quality model by least squares, beside each clip's own level."""
    points: list[tuple[int, float, float, float]] = []
    for index, clip in enumerate(clips):
        with tempfile.TemporaryDirectory() as folder:
            one = Bench(clip, Path(folder))
            whole = min(VIEW, one.video.width_px, one.video.height_px)
            for short in (s for s in (480, 360, 270, 200, 144) if s <= whole):
                for factor in (24, 30, 36, 41):
                    scale = short / min(one.video.width_px, one.video.height_px)
                    sides = ":".join(str(int(s * scale / 2) * 2) for s in (one.video.width_px, one.video.height_px))
                    run(["-v", "error", "-t", "5", "-i", "in", "-an", "-vf", f"scale={sides},format=yuv420p", "-c:v",
                         "libx264", "-profile:v", "main", "-crf", str(factor), "peer.mp4"], one.folder)  # fmt: skip
                    score = one.vmaf((one.folder / "peer.mp4").read_bytes())
                    if score is not None and score > 25:
                        points.append((index, np.log2(whole / short), float(factor), score))
    levels = np.eye(len(clips))[[p[0] for p in points]]
    smaller, factors, scores = (np.array([p[i] for p in points]) for i in (1, 2, 3))
    found = []
    for start in (14.0, 16.0, 18.0):
        for power in (1.3, 1.5, 1.7):
            for bend in (1.0, 1.2, 1.5):
                shape = np.stack([smaller**bend, np.maximum(0, factors - start) ** power], axis=1)
                solved = np.linalg.lstsq(np.hstack([shape, levels]), scores, rcond=None)[0]
                error = np.sqrt(np.mean((scores - np.hstack([shape, levels]) @ solved) ** 2))
                found.append((error, start, power, bend, *solved[:2], float(np.median(solved[2:]))))
    print(
        "r.m.s. {:.2f}; from {}, power {}, size power {}: smaller {:.2f}, coarser {:.3f}, top {:.1f}".format(
            *min(found)
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="12,30")
    parser.add_argument("--only", default="")
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    chosen = [c for c in films() if told.only in c.name]
    if told.fit:
        fit(chosen)
        return
    if told.times:
        times(chosen, [float(r) for r in told.rates.split(",")], told.times)
        return
    rows: list[Row] = []
    for clip in chosen:
        try:
            rows += bench(clip, [float(r) for r in told.rates.split(",")], oracle=told.oracle)
        except MMSContentError as exc:
            print(f"{clip.name}: {exc}")
    summary(rows)
    if told.json:
        told.json.write_text(json.dumps([asdict(r) for r in rows], indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
