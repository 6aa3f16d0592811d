"""SSIMULACRA2 many times against one reference: the formula of the `ssimulacra2` package in single precision.

The package needs two seconds for one comparison at 1080 pixels. This keeps what belongs to the reference, blurs by
sums of shifted rows, and leaves out planes and scales whose weights are all under a hundredth (they move no score by
a tenth). `python benchmarks/ssimulacra2_fast.py` shows both side by side. The weights are the package's.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from ssimulacra2.ssimulacra2 import compute_ssimulacra2, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    Pixels = NDArray[np.uint8]

__all__ = ["Reference"]

_SCALES = 6
_LEAST_WEIGHT = 0.01
_C2 = np.float32(0.0009)
_SIGMA, _RADIUS = 1.5, 5
_KERNEL = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
_KERNEL = (_KERNEL / _KERNEL.sum()).astype(np.float32)
_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255.0], np.float32
)
_OPSIN = np.array(
    [[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.5518098665095536]],
    np.float32,
)
_BIAS = np.float32(0.0037930732552754493)


@dataclass(frozen=True, slots=True)
class _Seen:
    image: Plane
    mean: Plane
    variance: Plane


@dataclass(slots=True)
class Reference:
    """One picture, prepared to be compared with; *rgb* is (height, width, 3) uint8."""

    rgb: Pixels
    _seen: dict[tuple[int, int], _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = _look(self.rgb)

    def score(self, rgb: Pixels) -> float:
        """SSIMULACRA2 of *rgb*, which has the sides of the reference."""
        if rgb.shape != self.rgb.shape:
            raise ValueError(f"sides differ: {rgb.shape} against {self.rgb.shape}")
        other = _look(rgb)
        scales = 1 + max(scale for _, scale in self._seen)
        weighted = (_term(self._seen[key], other[key], _table(scales)[key]) for key in self._seen)
        total = 0.9562382616834844 * sum(weighted)
        total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
        return 100.0 - 10.0 * total**0.6276336467831387 if total > 0 else 100.0


@cache
def _table(scales: int) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Weights by plane and scale: rows mean and fourth norm, columns structure, ringing, blurring."""
    # The package walks its weights plane by plane over the scales there are, so a small picture shifts them.
    blocks = np.asarray(weights, float)[: 3 * scales * 6].reshape(3, scales, 2, 3)
    return {(plane, scale): blocks[plane, scale] for plane in range(3) for scale in range(scales)}


def _look(rgb: Pixels) -> dict[tuple[int, int], _Seen]:
    linear = _LINEAR[rgb].transpose(2, 0, 1)
    levels = []
    while len(levels) < _SCALES and min(linear.shape[1:]) >= 8:
        levels.append(linear)
        linear = _halved(linear)
    table = _table(len(levels))
    seen = {}
    for scale, level in enumerate(levels):
        wanted = [p for p in range(3) if table[p, scale].max() > _LEAST_WEIGHT or scale == len(levels) - 1]
        planes = _xyb(level) if wanted else ()
        for plane in wanted:
            mean = _blur(planes[plane])
            seen[plane, scale] = _Seen(planes[plane], mean, _blur(planes[plane] ** 2) - mean**2)
    return seen


def _halved(linear: Plane) -> Plane:
    _, height, width = linear.shape
    even = np.pad(linear, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    rows = even[:, ::2] + even[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25)


def _xyb(linear: Plane) -> tuple[Plane, Plane, Plane]:
    mixed = np.tensordot(_OPSIN, linear, 1) + _BIAS
    lms = np.cbrt(np.maximum(mixed, 0, out=mixed), out=mixed) - np.cbrt(_BIAS)
    x, y = np.float32(7) * (lms[0] - lms[1]), np.float32(0.5) * (lms[0] + lms[1])
    return x + np.float32(0.42), y + np.float32(0.01), lms[2] - y + np.float32(0.55)


def _blur(plane: Plane) -> Plane:
    # As the package does: zeros outside along x, mirrored along y.
    along_y = _summed(np.pad(plane, ((_RADIUS, _RADIUS), (0, 0)), mode="symmetric"), plane.shape[0])
    return _summed(np.pad(along_y.T, ((_RADIUS, _RADIUS), (0, 0))), plane.shape[1]).T


def _summed(padded: Plane, length: int) -> Plane:
    total = padded[_RADIUS : _RADIUS + length] * _KERNEL[_RADIUS]
    for step in range(_RADIUS):
        mirrored = 2 * _RADIUS - step
        total += (padded[step : step + length] + padded[mirrored : mirrored + length]) * _KERNEL[step]
    return total


def _term(ref: _Seen, other: _Seen, weight: NDArray[np.float64]) -> float:
    total = 0.0
    if weight[:, 0].any():
        covariance = _blur(ref.image * other.image) - ref.mean * other.mean
        alike = (1 - (ref.mean - other.mean) ** 2) * (2 * covariance + _C2)
        total += _weighed(np.maximum(1 - alike / (ref.variance + other.variance + _C2), 0), weight[:, 0])
    if weight[:, 1:].any():
        edges = (1 + np.abs(other.image - other.mean)) / (1 + np.abs(ref.image - ref.mean)) - 1
        total += _weighed(np.maximum(edges, 0), weight[:, 1]) + _weighed(np.maximum(-edges, 0), weight[:, 2])
    return total


def _weighed(plane: Plane, weight: NDArray[np.float64]) -> float:
    fourth = float(np.square(np.square(plane)).mean(dtype=np.float64)) ** 0.25 if weight[1] else 0.0
    return float(weight[0] * plane.mean(dtype=np.float64) + weight[1] * fourth)


def _show() -> None:
    import skimage.data  # noqa: PLC0415 - for this view only

    picture = Image.fromarray(skimage.data.astronaut())
    reference = Reference(np.asarray(picture))
    print("quality   package     here   seconds")
    for quality in (10, 30, 60, 90, 98):
        files = [io.BytesIO(), io.BytesIO()]
        picture.save(files[0], "PNG")
        picture.save(files[1], "JPEG", quality=quality)
        started = time.perf_counter()
        package = compute_ssimulacra2(*files)
        between = time.perf_counter()
        here = reference.score(np.asarray(Image.open(files[1])))
        print(f"{quality:7d} {package:9.3f}{here:9.3f}   {between - started:.2f} {time.perf_counter() - between:.2f}")


if __name__ == "__main__":
    _show()
