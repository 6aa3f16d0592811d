"""Fit the quality model of stills: `python benchmarks/train_stills.py` reads data/stills_grid.csv.

Each row of the data is one picture written one way at one scale and quality, with the SSIMULACRA2 it was measured to
have and what the probe said of it. `--collect` measures the rows anew from benchmarks/pictures.py, for hours.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.encode import JpegWay
from mmscontent.codecs.image.model import terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parent / "data" / "stills_grid.csv"
MODEL = Path(__file__).parents[1] / "mmscontent" / "codecs" / "image" / "quality_model.py"
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
RIDGE = 0.01
LEAST_SCORE, LEAST_SCALE = 10.0, 0.4
HEAD = '''"""Numbers of the quality model, written by benchmarks/train_stills.py; not to be edited by hand."""

from __future__ import annotations

__all__ = ["WEIGHTS"]

WEIGHTS: tuple[float, ...] = (
'''


def rows() -> dict[str, NDArray[np.float64]]:
    """The data, a column a name, of the rows the model is for."""
    with DATA.open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    kept = [
        r for r in table if float(r["score"]) > LEAST_SCORE and float(r["long_px"]) >= LEAST_SCALE * float(r["view_px"])
    ]
    numbers = {name: np.array([float(r[name]) for r in kept]) for name in COLUMNS[3:]}
    names = sorted({r["picture"] for r in kept})
    ways = [JpegWay(r["encoder"], full_chroma=r["chroma"] == "4:4:4") for r in kept]  # type: ignore[arg-type]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the numbers into the package")
    arguments = parser.parse_args()
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
        target = io.StringIO()
        target.write(HEAD)
        target.writelines(f"    {value:.8g},\n" for value in weights)
        target.write(")\n")
        MODEL.write_text(target.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
