"""Fit the two models of stills: `python benchmarks/train_stills.py` reads data/stills_grid.csv and stills_sizes.csv.

Each row of the first is one picture written one way at one scale and quality, with the SSIMULACRA2 it was measured to
have and what the probe said of it; each of the second is one picture's strips weighed one way at all qualities.
`--probe` asks the probe anew, after it was changed; what was measured stays, for measuring it took hours.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image import probe
from mmscontent.codecs.image.decode import decode
from mmscontent.codecs.image.encode import JpegSettings
from mmscontent.codecs.image.header import read_header
from mmscontent.codecs.image.jpeg_fit import terms
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mmscontent.codecs.image.encode import JpegEncoder

    Numbers = NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "mmscontent" / "codecs" / "image"
DATA = Path(__file__).parent / "data" / "stills_grid.csv"
SIZES = Path(__file__).parent / "data" / "stills_sizes.csv"
COLUMNS = (
    "picture",
    "encoder",
    "chroma",
    "long_px",
    "view_px",
    "quality",
    "bytes",
    "score",
    "look",
    "low",
    "high",
    "weight",
    "fine",
)
GRIDS: dict[JpegEncoder, tuple[int, ...]] = {
    "tuned": (15, 20, 25, 30, 35, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84, 88, 92, 96, 100, 104),
    "trellis": (12, 18, 25, 32, 40, 50, 60, 65, 70, 76, 82, 86, 90, 94, 98),
}
LARGE_PX = 400_000  # views of fewer pixels are weighed whole, nearly
RIDGE = 0.01
LEAST_SCORE, LEAST_SCALE = 10.0, 0.4
SIZE_RIDGE = 0.001
MODELS = FOLDER / "jpeg_models.json"
KNOTS: dict[JpegEncoder, tuple[int, ...]] = {"tuned": (30, 48, 68, 88), "trellis": (25, 50, 76, 94)}
HEAD = (
    "Numbers of the size and quality models of JPEG, written by benchmarks/train_stills.py; not to be edited by hand."
)


def rows() -> dict[str, NDArray[np.float64]]:
    """The data, a column a name, of the rows the model is for."""
    with DATA.open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    kept = [
        r for r in table if float(r["score"]) > LEAST_SCORE and float(r["long_px"]) >= LEAST_SCALE * float(r["view_px"])
    ]
    numbers = {name: np.array([float(r[name]) for r in kept]) for name in COLUMNS[3:]}
    names = sorted({r["picture"] for r in kept})
    ways = [JpegSettings(r["encoder"], full_chroma=r["chroma"] == "4:4:4") for r in kept]  # type: ignore[arg-type]
    coarse = [float(w.coarseness(np.array(q))) for w, q in zip(ways, numbers["quality"], strict=True)]
    numbers["coarse"] = np.array(coarse)
    return {**numbers, "group": np.array([names.index(r["picture"]) for r in kept], float)}


def design(table: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """One row of terms a row of data."""
    scale = np.log2(table["long_px"] / table["view_px"])
    looks, texture = (table["low"], table["high"]), (table["weight"], table["fine"])
    return np.asarray(terms(scale, table["coarse"], table["look"], looks, texture)).T


def solve(x: NDArray[np.float64], y: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge regression on standardised terms, every picture counting alike, low scores less."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    mean[0], spread[0] = 0.0, 1.0
    z = (x - mean) / spread
    weight = np.where(y < 40, 0.4, 1.0) / np.sqrt(count)
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    scaled = z * weight[:, None]
    solved = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (y * weight))
    raw = solved / spread
    raw[0] = solved[0] - float((solved[1:] * mean[1:] / spread[1:]).sum())
    return np.asarray(raw, float)


# --- asking the probe ---


def ask() -> None:
    """Write what the probe says of every picture, beside what was measured of it before."""
    from pictures import pictures  # noqa: PLC0415 - needs what only benchmarks need

    with DATA.open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    sizes: list[dict[str, object]] = []
    for picture in pictures():
        rows_here = [r for r in table if r["picture"] == picture.name]
        view_px = max((int(r["view_px"]) for r in rows_here), default=0)
        header = read_header(picture.data, sniff(picture.data).media_type)
        asked = probe.Probe(decode(picture.data, header, (view_px, view_px)).pixels, view_px, view_px, _never)
        for encoder in GRIDS:
            for way in (JpegSettings(encoder), JpegSettings(encoder, full_chroma=True)):
                seen = asked.statistics(way)
                here = [r for r in rows_here if (r["encoder"], r["chroma"]) == (encoder, way.label)]
                for row in here:
                    row |= {k: f"{v:.4g}" for k, v in _said(seen, float(row["quality"])).items()}
                sizes.append(_weighed(picture.name, asked, way))
    _write_csv(DATA, COLUMNS, table)
    _write_csv(SIZES, tuple(sizes[0]), sizes)


def _never(long_px: int) -> NDArray[np.uint8]:
    raise SystemExit(f"the probe asked for {long_px} pixels, more than the view")


def _said(seen: probe.SampleStatistics, quality: float) -> dict[str, float]:
    weight, fine = probe.texture(seen)
    look = float(seen.score(np.array([quality]))[0])
    return {"look": look, "low": seen.scores[0], "high": seen.scores[1], "weight": weight, "fine": fine}


def _weighed(name: str, asked: probe.Probe, way: JpegSettings) -> dict[str, object]:
    qualities = np.array(GRIDS[way.encoder], float)
    bits = probe.bits_per_pixel(asked.samples().strips, way, qualities)
    cells = zip((f"q{q}" for q in range(len(qualities))), (f"{b:.3f}" for b in bits), strict=True)
    pixels = asked.pixels.shape[0] * asked.pixels.shape[1]
    return {"picture": name, "encoder": way.encoder, "chroma": way.label, "pixels": pixels, **_padded(dict(cells))}


def _padded(cells: dict[str, str]) -> dict[str, str]:
    return {f"q{n}": cells.get(f"q{n}", "") for n in range(max(map(len, GRIDS.values())))}


def _write_csv(path: Path, columns: tuple[str, ...], table: Iterable[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


# --- sizes ---


def size_tables() -> dict[JpegEncoder, Numbers]:
    """By encoder: at each quality of the grid what to add to a straight line between the knots."""
    with SIZES.open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    fitted: dict[JpegEncoder, Numbers] = {}
    for encoder, grid in GRIDS.items():
        mine = [r for r in table if r["encoder"] == encoder]
        bits = np.array([[float(r[f"q{n}"]) for n in range(len(grid))] for r in mine])
        names, large = np.array([r["picture"] for r in mine]), np.array([int(r["pixels"]) > LARGE_PX for r in mine])
        knots = bits[:, [grid.index(int(k)) for k in KNOTS[encoder]]]
        straight = np.stack([np.interp(grid, KNOTS[encoder], row) for row in knots])
        x, missed = np.hstack([np.ones((len(bits), 1)), knots]), bits - straight
        error = np.zeros_like(bits)
        for name in np.unique(names):
            rest = names != name
            error[~rest] = x[~rest] @ _ridge(x[rest], missed[rest]) - missed[~rest]
        off = np.abs(np.log(2) * error[large][:, 2:-2])
        square = np.sqrt((off**2).mean())
        print(
            f"{encoder}: bytes between the knots off by {square:.2%} (root mean square), {np.median(off):.2%} (median)"
        )
        fitted[encoder] = _ridge(x, missed)
    return fitted


def _ridge(x: Numbers, y: Numbers) -> Numbers:
    return np.asarray(np.linalg.solve(x.T @ x + SIZE_RIDGE * np.eye(x.shape[1]), x.T @ y), float)


def models_text(weights: Numbers, tables: dict[JpegEncoder, Numbers]) -> str:
    """The JSON of both models, one row of numbers a line; codecs/image/probe.py says what they mean."""
    size = ",\n".join(_size_text(encoder, table) for encoder, table in tables.items())
    rounded = json.dumps([float(f"{v:.8g}") for v in weights])
    head = json.dumps(HEAD + " by hand.")
    return f'{{\n  "comment": {head},\n  "quality_weights": {rounded},\n  "size": {{\n{size}\n  }}\n}}\n'


def _size_text(encoder: JpegEncoder, table: Numbers) -> str:
    rows = ",\n".join("        " + json.dumps([float(f"{v:.5g}") for v in row]) for row in table)
    knots, grid = json.dumps(KNOTS[encoder]), json.dumps(GRIDS[encoder])
    head = f'      "knots": {knots},\n      "grid": {grid},\n      "between": [\n'
    return f'    "{encoder}": {{\n{head}{rows}\n      ]\n    }}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", action="store_true", help="ask the probe anew, some minutes")
    parser.add_argument("--write", action="store_true", help="write the numbers into the package")
    arguments = parser.parse_args()
    if arguments.probe:
        ask()
    sizes = size_tables()
    table = rows()
    x, y, group = design(table), table["score"], table["group"]
    count = np.bincount(group.astype(int))[group.astype(int)].astype(float)
    predicted = np.zeros_like(y)
    for one in np.unique(group):
        rest = group != one
        predicted[~rest] = x[~rest] @ solve(x[rest], y[rest], count[rest])
    error = (predicted - y)[y > 40]
    levels: dict[float, list[float]] = defaultdict(list)
    for one, value in zip(group[y > 40], error, strict=True):
        levels[one].append(value)
    level = np.std([np.mean(v) for v in levels.values()])
    print(f"{len(np.unique(group))} pictures, {len(y)} rows; scores over 40, each picture predicted without itself:")
    median, square = np.median(np.abs(error)), np.sqrt(np.square(error).mean())
    print(f"  off by {square:.2f} (root mean square), {median:.2f} (median)")
    print(f"  of it, the mean of a picture {level:.2f}")
    weights = solve(x, y, count)
    if arguments.write:
        MODELS.write_text(models_text(weights, sizes), encoding="utf-8")


if __name__ == "__main__":
    main()
