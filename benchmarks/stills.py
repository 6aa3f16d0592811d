"""How good are fitted stills, and how quick: `python benchmarks/stills.py [--quick] [--face]`.

Every picture of pictures.py is fitted to 100 and 300 KiB by us, by the loops of peer_loops.py and by an exhaustive
search of size, quality and chroma with our encoder. Quality is SSIMULACRA2 at a view of 1080 pixels against a full
decode by Pillow brought to that view by Lanczos. Times are processor time, of pictures of 0.9 megapixels and more: the
best of three, ours and the yardsticks in turn (best effort once).
Results are printed and written to results/stills.json and results/stills.png; slow parts are kept in a cache
outside the repository (MMSCONTENT_BENCH_CACHE, else the user's cache folder) by content and by version.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import pickle
import statistics
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pillow_heif
from matplotlib import pyplot as plt
from peer_loops import LOOPS, jpeg
from pictures import Picture, pictures
from PIL import Image, ImageCms, ImageOps
from ssimulacra2_fast import Reference

import mmscontent as mms
from mmscontent.codecs import image as codecs_image
from mmscontent.codecs.image import StillSource, verify
from mmscontent.codecs.image.decode import decode, scale_image
from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg
from mmscontent.codecs.image.header import read_header
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx
from mmscontent.profiles.model import ImageRule, Profile
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mmscontent.codecs.base import Effort

RESULTS = Path(__file__).parent / "results"
CACHE = Path(os.environ.get("MMSCONTENT_BENCH_CACHE", Path.home() / ".cache" / "mmscontent-bench"))
LIMITS = {"100 KiB": 102_400, "300 KiB": 307_200}
RULE = ImageRule(max_long_px=2592, max_short_px=1944, progressive=False)
VIEW_PX = 1080
LARGE_PX = 900_000  # pictures of phones and cameras; under it the limits hardly bind
QUICK = ("Sony_Ericsson", "IMG_5195", "ultraHDR", "retina", "density", "h265_with")
VERSION = "2"  # of what is cached

mpl.use("Agg")
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()


@dataclass
class Row:
    """One picture at one limit, by one way."""

    picture: str
    megapixels: float
    limit: int
    way: str
    size_bytes: int | None
    score: float | None
    encodes: int | None = None
    predicted: float | None = None
    can_use: bool = True


def reference_picture(data: bytes) -> Image.Image:
    """The picture as Pillow decodes it in full: upright, sRGB, on white."""
    image: Image.Image = Image.open(io.BytesIO(data))
    icc = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "P", "PA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if icc:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB")) or image
        except ImageCms.PyCMSError:
            pass
    return image


def at_view(image: Image.Image, sides: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(image if image.size == sides else image.resize(sides, Image.Resampling.LANCZOS))


def cache_path(key: str) -> Path:
    return CACHE / hashlib.sha256(f"{VERSION} {key}".encode()).hexdigest()


def is_cached(key: str) -> bool:
    return cache_path(key).is_file()


def cached(key: str, make: Callable[[], object]) -> object:
    CACHE.mkdir(parents=True, exist_ok=True)
    if is_cached(key):
        return pickle.loads(cache_path(key).read_bytes())
    value = make()
    cache_path(key).write_bytes(pickle.dumps(value))
    return value


class Judge:
    """Scores renditions of one picture; what was scored before is remembered by content."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.key = hashlib.sha256(picture.data).hexdigest()

    @cache  # noqa: B019 - one judge a picture, gone with it
    def image(self) -> Image.Image:
        return reference_picture(self.picture.data)

    def view(self) -> NDArray[np.uint8]:
        def make() -> NDArray[np.uint8]:
            image = self.image()
            scale = min(1.0, VIEW_PX / max(image.size))
            return at_view(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))

        return cached(f"view {self.key}", make)  # type: ignore[return-value]

    @cache  # noqa: B019
    def reference(self) -> Reference:
        return Reference(self.view())

    def score(self, data: bytes) -> float:
        def make() -> float:
            view = self.view()
            shown = Image.open(io.BytesIO(data)).convert("RGB")
            return self.reference().score(at_view(shown, (view.shape[1], view.shape[0])))

        return float(cached(f"score {self.key} {hashlib.sha256(data).hexdigest()}", make))  # type: ignore[arg-type]

    def peer(self, name: str, limit: int) -> tuple[int | None, float | None]:
        def make() -> tuple[int | None, float | None]:
            box = (RULE.max_long_px, RULE.max_short_px)
            data = LOOPS[name](self.image(), len(self.picture.data), limit, box)
            return (None, None) if data is None else (len(data), self.score(data))

        return cached(f"peer {name} {limit} {self.key}", make)  # type: ignore[return-value]

    def exhaustive(self, limit: int) -> tuple[int, float]:
        """The best of every scale and chroma, each at the highest quality that fits; the top three are measured."""

        def make() -> tuple[int, float]:
            found = [one for one in _everything(self.picture.data, limit, self.view()) if one is not None]
            top = sorted(found, key=lambda one: -one[0])[:3]
            return max(((len(data), self.score(data)) for _, data in top), key=lambda one: one[1])

        return cached(f"exhaustive {limit} {self.key}", make)  # type: ignore[return-value]


def _everything(data: bytes, limit: int, view: NDArray[np.uint8]) -> list[tuple[float, bytes] | None]:
    info = sniff(data)
    image = decode(data, read_header(data, info.media_type), (RULE.max_long_px, RULE.max_short_px)).image
    native, metric = max(image.width, image.height), Ssimulacra2Approx(view)
    sides = sorted({native, *(round(VIEW_PX * 0.84**step) for step in range(-4, 6))})
    found: list[tuple[float, bytes] | None] = []
    for side in (s for s in sides if s <= native):
        pixels = image if side == native else scale_image(image, side / native).copy_memory()
        for way in (JpegSettings("tuned"), JpegSettings("tuned", full_chroma=True)):
            best = _fullest(pixels, way, limit)
            if best is not None:
                shown = at_view(Image.open(io.BytesIO(best)).convert("RGB"), (view.shape[1], view.shape[0]))
                found.append((metric.score(shown), best))
    return found


def _fullest(pixels: object, way: JpegSettings, limit: int) -> bytes | None:
    low, high, best = 0, len(way.qualities) - 1, None
    while low <= high:
        middle = (low + high) // 2
        data = encode_jpeg(pixels, float(way.qualities[middle]), way)
        if len(data) <= limit:
            low, best = middle + 1, data
        else:
            high = middle - 1
    return best


@cache
def code() -> str:
    """What the codec is made of, so that its own rows are kept until it changes."""
    files = sorted(Path(codecs_image.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def ours(picture: Picture, limit: int, effort: Effort, judge: Judge) -> Row:
    """In process: the codec without jail and message."""
    key = f"ours {effort} {limit} {judge.key} {code()}"
    return cached(key, lambda: _ours(picture, limit, effort, judge))  # type: ignore[return-value]


def _ours(picture: Picture, limit: int, effort: Effort, judge: Judge) -> Row:
    source = StillSource(picture.data, sniff(picture.data))
    survey = source.survey(RULE, effort)
    can_use = survey.curve.most_bytes >= limit
    rendition = source.render(limit)
    verify(rendition.data, rendition.info)
    score = judge.score(rendition.data)
    pixels = megapixels(survey.info.width_px, survey.info.height_px)
    predicted = rendition.predicted_quality
    way = f"mmscontent {effort}"
    return Row(picture.name, pixels, limit, way, len(rendition.data), score, rendition.encodes, predicted, can_use)


def megapixels(width: int | None, height: int | None) -> float:
    return round((width or 0) * (height or 0) / 1e6, 2)


def by_face(picture: Picture, limit: int, judge: Judge, effort: Effort = "fast") -> Row:
    """Through the public door: compose one picture into a binary message and take it out again."""
    profile = Profile(limit_bytes=limit, target_bytes=limit, image=RULE)
    part = mms.Part(picture.data, sniff(picture.data).media_type, name=Path(picture.name).name)
    composed = mms.compose(mms.Message.of([part]), profile, encoding="pdu", effort=effort)
    if len(composed.data) > limit:
        raise SystemExit(f"{picture.name} came to {len(composed.data)} of {limit} bytes")
    sent = next(p for p in mms.unpack(composed.data).content.parts if p.kind == "image")
    line = composed.ledger.parts[0]
    size = len(composed.data)
    return Row(picture.name, 0, limit, "mmscontent compose", size, judge.score(sent.data), line.encodes)


# --- time ---


def times(picture: Picture, limit: int) -> dict[str, float]:
    """Processor seconds, the best of three in turn: our whole fit, a plain pass with our encoder, one with Pillow."""
    info = sniff(picture.data)

    def fit(effort: Effort) -> tuple[tuple[int, int], JpegSettings, float]:
        source = StillSource(picture.data, info)
        source.survey(RULE, effort)
        made = source.render(limit)
        tried = next(t for t in reversed(made.tries) if f"{made.info.size_bytes:,} bytes" in t)
        quality = float(tried.split(" q")[1].split()[0]) if " q" in tried else 60.0
        sides = made.info.width_px or 1, made.info.height_px or 1
        return sides, JpegSettings("tuned", full_chroma="4:4:4" in tried), quality

    sides, way, quality = fit("fast")
    box = max(sides), min(sides)

    def once() -> None:
        image = decode(picture.data, read_header(picture.data, info.media_type), box).image
        encode_jpeg(image, quality, way)

    def naive() -> None:
        jpeg(reference_picture(picture.data).resize(sides, Image.Resampling.LANCZOS), 75)

    jobs: dict[str, Callable[[], object]] = {"fast": lambda: fit("fast"), "once": once, "naive": naive}
    jobs["best"] = lambda: fit("best")
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(3):
        for name, job in jobs.items():
            if name == "best" and turn:
                continue
            started = time.process_time()
            job()
            taken[name].append(time.process_time() - started)
    return {name: min(values) for name, values in taken.items()}


# --- report ---


def median(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def summary(rows: list[Row], clocks: dict[tuple[str, int], dict[str, float]]) -> list[str]:
    lines = []
    for label, limit in LIMITS.items():
        here = [r for r in rows if r.limit == limit]
        for group, least in (("all whose source is larger", 0.0), ("of these ≥ 0.9 MP", LARGE_PX / 1e6)):
            names = {r.picture for r in here if r.way == "mmscontent fast" and r.megapixels >= least}
            lines += _group(f"{label}, {group}", [r for r in here if r.picture in names], limit)
            ratios = [clocks[n, limit] for n in sorted(names) if (n, limit) in clocks]
            lines += _clock_lines(ratios)
    return lines


def _group(title: str, rows: list[Row], limit: int) -> list[str]:
    by_way = {way: {r.picture: r for r in rows if r.way == way} for way in dict.fromkeys(r.way for r in rows)}
    mine = by_way["mmscontent fast"]
    lines = [f"\n{title}: {len(mine)} pictures", f"{'way':20s} fits     use   score  fast ahead by  encodes"]
    for way, found in by_way.items():
        fitted = {n: r for n, r in found.items() if r.size_bytes is not None and r.size_bytes <= limit}
        use = median([(r.size_bytes or 0) / limit for r in fitted.values()])
        ahead = median([(mine[n].score or 0) - (r.score or 0) for n, r in fitted.items() if n in mine])
        encodes = [r.encodes for r in found.values() if r.encodes is not None]
        tail = f"{median([float(e) for e in encodes]):4.1f} (most {max(encodes)})" if encodes else ""
        score = median([r.score for r in fitted.values() if r.score is not None])
        lines.append(f"{way:20s} {len(fitted):2d}/{len(found):2d} {use:7.1%} {score:7.2f} {ahead:9.2f}      {tail}")
    lines += _bars(by_way, limit)
    return lines


def _bars(by_way: dict[str, dict[str, Row]], limit: int) -> list[str]:
    mine = by_way["mmscontent fast"]
    uses = sorted((r.size_bytes or 0) / limit for r in mine.values() if r.can_use)
    tenth = uses[len(uses) // 10] if uses else float("nan")
    best_of_all = [
        (r.score or 0) - max(p[n].score or -99 for w, p in by_way.items() if w in LOOPS and n in p)
        for n, r in mine.items()
    ]
    told = [abs((r.predicted or 0) - (r.score or 0)) for r in mine.values() if r.predicted is not None]
    return [
        f"use where the source can use it: {len(uses)} pictures, median {median(uses):.1%}, nine in ten ≥ {tenth:.1%}",
        f"fast over the best loop of each picture: median {median(best_of_all):.2f}",
        f"predicted quality off by {median(told):.1f} points at the median",
    ]


def _clock_lines(clocks: list[dict[str, float]]) -> list[str]:
    if not clocks:
        return []
    once = median([c["fast"] / c["once"] for c in clocks])
    naive = median([c["fast"] / c["naive"] for c in clocks])
    best = median([c["best"] / c["fast"] for c in clocks])
    return [f"time at the median: fast {once:.2f} × one pass, {naive:.2f} × Pillow's; best {best:.2f} × fast"]


def plot(rows: list[Row], path: Path) -> None:
    figure, axes = plt.subplots(1, len(LIMITS), figsize=(12, 5), sharey=True)
    for axis, (label, limit) in zip(axes, LIMITS.items(), strict=True):
        here = [r for r in rows if r.limit == limit]
        ways = list(dict.fromkeys(r.way for r in here))
        fitted = [[r.score for r in here if r.way == w and r.score and (r.size_bytes or 0) <= limit] for w in ways]
        axis.boxplot(fitted, orientation="horizontal", tick_labels=ways, showfliers=False)
        axis.set_title(f"{label}: SSIMULACRA2 at {VIEW_PX} px")
        axis.set_xlim(0, 100)
        axis.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="six pictures only, nothing written")
    parser.add_argument("--face", action="store_true", help="also through mmscontent.compose")
    parser.add_argument("--no-times", action="store_true", help="only times that were measured before")
    arguments = parser.parse_args()
    rows: list[Row] = []
    clocks: dict[tuple[str, int], dict[str, float]] = {}
    for picture in pictures():
        if arguments.quick and not any(q in picture.name for q in QUICK):
            continue
        judge = Judge(picture)
        for limit in LIMITS.values():
            if len(picture.data) > limit:
                rows += one_picture(picture, limit, judge, face=arguments.face)
                key = f"times {limit} {judge.key} {code()}"
                timed = rows[-1].megapixels >= LARGE_PX / 1e6 and "200MP" not in picture.name
                if timed and (is_cached(key) or not arguments.no_times):
                    clocks[picture.name, limit] = cached(key, lambda p=picture, n=limit: times(p, n))  # type: ignore[misc,assignment]
    text = "\n".join(summary(rows, clocks))
    print(text)
    if not arguments.quick:
        RESULTS.mkdir(exist_ok=True)
        record = {"rows": [vars(r) for r in rows], "seconds": [[*k, v] for k, v in clocks.items()], "summary": text}
        (RESULTS / "stills.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        plot(rows, RESULTS / "stills.png")


def one_picture(picture: Picture, limit: int, judge: Judge, *, face: bool) -> list[Row]:
    fast = ours(picture, limit, "fast", judge)
    found = [fast, ours(picture, limit, "best", judge)]
    if face:
        found.append(by_face(picture, limit, judge))
    peers = {name: judge.peer(name, limit) for name in LOOPS}
    found += [Row(picture.name, fast.megapixels, limit, name, size, score) for name, (size, score) in peers.items()]
    size, score = judge.exhaustive(limit)
    found.append(Row(picture.name, fast.megapixels, limit, "exhaustive", size, score))
    return found


if __name__ == "__main__":
    main()
