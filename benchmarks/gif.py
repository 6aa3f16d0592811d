"""Do GIFs still move, and look better than gifsicle's best, in 300 KB and 600 KB?

    python benchmarks/gif.py [--limits 300000,600000] [--only N,N] [--json FILE]

Ours: the codec of animations as adapt() uses it, effort `best`. Peer: gifsicle -O3 (the program must be on PATH) over
a grid of scales × colours × --lossy, of which the best by SSIMULACRA2 that keeps within the limit is taken; no tool
searches that grid by itself, so this is more than what its users get. Quality: mean SSIMULACRA2 over moments of
the playing time, at the source's own size, transparency on white, a smaller result brought up by Lanczos.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gif_sources import Animation, animations
from PIL import Image, ImageSequence
from ssimulacra2_fast import Reference

from mmscontent.codecs.animation import AnimationSource, verify
from mmscontent.errors import DoesNotFit
from mmscontent.profiles.model import ImageRule
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOMENTS = 3
RULE = ImageRule(max_long_px=1600, max_short_px=1200)
SCALES = (0.22, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
COLOURS = (256, 128, 64)
LOSSY = (0, 10, 20, 40, 70, 110, 160)
PEER_SCALES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One GIF at one limit."""

    name: str
    kind: str
    source_bytes: int
    limit_bytes: int
    ours_bytes: int | None
    ours: float | None
    frames: int
    predicted: float | None
    seconds: float
    encodes: int
    how: str
    peer_bytes: int | None
    peer: float | None
    peer_how: str


class Judge:
    """Scores results against one source."""

    def __init__(self, data: bytes) -> None:
        self.starts, frames = _timed(data)
        self.moments = [round((i + 0.5) * self.starts[-1] / MOMENTS) for i in range(MOMENTS)]
        self.references = [Reference(f) for f in _at(self.starts, frames, self.moments)]

    def score(self, data: bytes) -> float:
        starts, frames = _timed(data)
        scale = starts[-1] / self.starts[-1]
        shown = _at(starts, frames, [m * scale for m in self.moments])
        return statistics.mean(
            r.score(_brought(f, r.rgb.shape[1::-1])) for r, f in zip(self.references, shown, strict=True)
        )


def _timed(data: bytes) -> tuple[list[float], list[np.ndarray]]:
    frames, starts = [], [0.0]
    with Image.open(io.BytesIO(data)) as image:
        for frame in ImageSequence.Iterator(image):
            rgba = frame.convert("RGBA")
            frames.append(np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")))
            asked = frame.info.get("duration", 0)
            starts.append(starts[-1] + (asked if asked >= 20 else 100))
    return starts, frames


def _at(starts: list[float], frames: list[np.ndarray], moments: list[float]) -> Iterator[np.ndarray]:
    for moment in moments:
        yield frames[min(int(np.searchsorted(starts, moment, side="right")) - 1, len(frames) - 1)]


def _brought(pixels: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    if pixels.shape[1::-1] == sides:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS))


def gifsicle_best(animation: Animation, judge: Judge, limits: list[int]) -> dict[int, tuple[float, int, str]]:
    """For each limit the best it gave: quality, bytes, arguments."""
    made: dict[tuple[float, int, int], bytes] = {}

    def encode(scale: float, colours: int, lossy: int) -> bytes:
        key = scale, colours, lossy
        if key not in made:
            made[key] = _gifsicle(animation.data, *key)
        return made[key]

    sizes: dict[float, int] = {}
    for scale in SCALES:
        sizes[scale] = len(encode(scale, 256, 20))
        if sizes[scale] > 2 * max(limits):
            break
    scores: dict[bytes, float] = {}
    best: dict[int, tuple[float, int, str]] = {}
    for limit in limits:
        # The scale whose size comes nearest and the next; then, for each number of colours, the least loss that fits.
        nearest = sorted(sizes, key=lambda scale: abs(np.log(sizes[scale] / limit)))[:PEER_SCALES]
        for scale, colours in itertools.product(nearest, COLOURS):
            lossy = _least_lossy(lambda loss: len(encode(scale, colours, loss)) <= limit)  # noqa: B023 - called at once
            if lossy is None:
                continue
            data = encode(scale, colours, lossy)
            if data not in scores:
                scores[data] = judge.score(data)
            found = scores[data], len(data), f"scale {scale} colours {colours} lossy {lossy}"
            best[limit] = max(best.get(limit, (-1e9, 0, "")), found)
    return best


def _least_lossy(fits: Callable[[int], bool]) -> int | None:
    low, high = 0, len(LOSSY)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(LOSSY[middle]) else (middle + 1, high)
    return LOSSY[low] if low < len(LOSSY) else None


def _gifsicle(data: bytes, scale: float, colours: int, lossy: int) -> bytes:
    command = ["gifsicle", "-w", "-O3"]
    command += ["--scale", str(scale), "--resize-method", "lanczos3"] if scale < 1 else []
    command += ["--colors", str(colours)] if colours < 256 or scale < 1 else []
    command += [f"--lossy={lossy}"] if lossy else []
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def ours(animation: Animation, judge: Judge, limits: list[int]) -> dict[int, dict[str, object]]:
    """Our result at each limit; the survey is counted to each."""
    began = time.perf_counter()
    source = AnimationSource(animation.data, sniff(animation.data))
    source.survey(RULE, "best")
    surveyed_s = time.perf_counter() - began
    found: dict[int, dict[str, object]] = {}
    for limit in limits:
        began = time.perf_counter()
        try:
            made = source.render(limit)
        except DoesNotFit as refused:
            found[limit] = {
                "ours_bytes": None,
                "ours": None,
                "frames": 0,
                "predicted": None,
                "encodes": len(refused.tries),
                "how": "does not fit",
            }
        else:
            verify(made.data, made.info)
            found[limit] = {
                "ours_bytes": len(made.data),
                "ours": judge.score(made.data),
                "frames": made.info.frames or 1,
                "predicted": made.predicted_quality,
                "encodes": made.encodes,
                "how": made.notes[0] if made.notes else made.tries[-1],
            }
        found[limit]["seconds"] = surveyed_s + time.perf_counter() - began
    return found


def measure(animation: Animation, limits: list[int]) -> list[Row]:
    judge = Judge(animation.data)
    peer = gifsicle_best(animation, judge, limits)
    mine = ours(animation, judge, limits)
    rows = []
    for limit in limits:
        score, size, how = peer.get(limit, (None, None, "does not fit"))
        rows.append(
            Row(
                animation.name,
                animation.kind,
                len(animation.data),
                limit,
                **mine[limit],
                peer_bytes=size,
                peer=score,
                peer_how=how,
            )
        )
    return rows


def summary(rows: list[Row]) -> str:
    """What the table comes to, a paragraph a limit."""
    return "\n".join(
        _summed([r for r in rows if r.limit_bytes == limit]) for limit in sorted({r.limit_bytes for r in rows})
    )


def _summed(rows: list[Row]) -> str:
    limit = rows[0].limit_bytes
    hard = [r for r in rows if r.source_bytes > limit]
    both = [r for r in hard if r.ours is not None and r.peer is not None]
    if not both:
        return f"{limit:,} bytes: {sum(r.frames > 1 for r in rows)} of {len(rows)} still move; none is over the limit."
    gains = [r.ours - r.peer for r in both]
    use = statistics.median(r.ours_bytes / limit for r in hard if r.ours_bytes)
    mean, mean_peer = (statistics.mean(getattr(r, name) for r in both) for name in ("ours", "peer"))
    return (
        f"{limit:,} bytes: {sum(r.frames > 1 for r in rows)} of {len(rows)} still move."
        f" Of {len(hard)} over the limit: use {use:.3f} (median);"
        f" SSIMULACRA2 {mean:.1f}, gifsicle's best {mean_peer:.1f}"
        f" (gain median {statistics.median(gains):+.1f}, worst {min(gains):+.1f}; at least equal in"
        f" {sum(g >= 0 for g in gains)} of {len(both)}, gifsicle fits none in {sum(r.peer is None for r in hard)});"
        f" {statistics.median(r.seconds for r in hard):.1f} s and"
        f" {statistics.median(r.encodes for r in hard):.0f} encodes (median)"
    )


def line(number: int, row: Row) -> str:
    """One row for people."""
    nothing = float("nan")
    return (
        f"{number:2} {row.name[:36]:36} {row.source_bytes:>10,} → {row.limit_bytes:>7,}"
        f" | ours {row.ours_bytes or 0:>7,} {nothing if row.ours is None else row.ours:6.1f}"
        f" ({row.frames} frames, {row.seconds:.1f} s, {row.encodes} encodes; {row.how})"
        f" | gifsicle {row.peer_bytes or 0:>7,} {nothing if row.peer is None else row.peer:6.1f} ({row.peer_how})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limits", default="300000,600000")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    limits = [int(v) for v in given.limits.split(",")]
    rows: list[Row] = []
    for number, animation in enumerate(animations()):
        if given.only and str(number) not in given.only.split(","):
            continue
        for row in measure(animation, limits):
            rows.append(row)
            print(line(number, row), flush=True)
        if given.json:
            given.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    print(summary(rows))


if __name__ == "__main__":
    main()
