"""SSIMULACRA2 many times against one reference: the formula of the `ssimulacra2` package in single precision.

The package needs two seconds for one comparison at 1080 pixels; this keeps what belongs to the reference and
blurs by running sums of shifted rows. `python benchmarks/ssimulacra2_fast.py` shows both side by side.
Weights are read from the package, so that there is one copy of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Planes = NDArray[np.float32]  # channel, row, column

__all__ = ["Reference"]

_SCALES = 6
_C2 = np.float32(0.0009)
_SIGMA, _RADIUS = 1.5, 5
_KERNEL = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
_KERNEL = (_KERNEL / _KERNEL.sum()).astype(np.float32)
_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255.0], np.float32
)
_OPSIN = np.array([[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.0]])
_OPSIN[2, 2] = 1.0 - _OPSIN[2, 0] - _OPSIN[2, 1]
_BIAS = np.float32(0.0037930732552754493)


@dataclass(frozen=True, slots=True)
class _Scale:
    image: Planes
    mean: Planes
    variance: Planes
    edge: Planes  # 1 + |image - mean|


@dataclass(slots=True)
class Reference:
    """One picture, prepared to be compared with; *rgb* is (height, width, 3) uint8."""

    rgb: NDArray[np.uint8]
    _scales: list[_Scale] = field(default_factory=list)

    def __post_init__(self) -> None:
        for image in _pyramid(self.rgb):
            mean = _blur(image)
            self._scales.append(_Scale(image, mean, _blur(image * image) - mean * mean, 1 + np.abs(image - mean)))

    def score(self, rgb: NDArray[np.uint8]) -> float:
        """SSIMULACRA2 of *rgb*, which has the sides of the reference."""
        if rgb.shape != self.rgb.shape:
            raise ValueError(f"sides differ: {rgb.shape} against {self.rgb.shape}")
        planes = [_terms(ref, image) for ref, image in zip(self._scales, _pyramid(rgb), strict=True)]
        return _weighted(planes)


def _pyramid(rgb: NDArray[np.uint8]) -> list[Planes]:
    linear = _LINEAR[rgb].transpose(2, 0, 1)
    levels: list[Planes] = []
    while len(levels) < _SCALES and min(linear.shape[1:]) >= 8:
        levels.append(_xyb(linear))
        linear = _halved(linear)
    return levels


def _halved(linear: Planes) -> Planes:
    _, height, width = linear.shape
    even = np.pad(linear, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) * np.float32(0.25)


def _xyb(linear: Planes) -> Planes:
    mixed = np.tensordot(_OPSIN.astype(np.float32), linear, 1) + _BIAS
    lms = np.cbrt(np.maximum(mixed, 0, out=mixed), out=mixed) - np.cbrt(_BIAS)
    x, y = 0.5 * (lms[0] - lms[1]), 0.5 * (lms[0] + lms[1])
    return np.stack([x * 14 + np.float32(0.42), y + np.float32(0.01), lms[2] - y + np.float32(0.55)])


def _blur(planes: Planes) -> Planes:
    # As the package does: zeros outside along x, mirrored along y.
    _, height, width = planes.shape
    padded = np.pad(planes, ((0, 0), (0, 0), (_RADIUS, _RADIUS)))
    along_x = _summed(padded, 2, width)
    return _summed(np.pad(along_x, ((0, 0), (_RADIUS, _RADIUS), (0, 0)), mode="symmetric"), 1, height)


def _summed(padded: Planes, axis: int, length: int) -> Planes:
    def shifted(at: int) -> Planes:
        return padded[:, at : at + length] if axis == 1 else padded[:, :, at : at + length]

    total = shifted(_RADIUS) * _KERNEL[_RADIUS]
    term = np.empty_like(total)
    for step in range(_RADIUS):
        np.add(shifted(step), shifted(2 * _RADIUS - step), out=term)
        term *= _KERNEL[step]
        total += term
    return total


def _terms(ref: _Scale, image: Planes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = _blur(image)
    variance = _blur(image * image) - mean * mean
    covariance = _blur(ref.image * image) - ref.mean * mean
    luminance = 1 - (ref.mean - mean) ** 2
    loss = np.maximum(1 - luminance * (2 * covariance + _C2) / (ref.variance + variance + _C2), 0)
    edges = (1 + np.abs(image - mean)) / ref.edge - 1
    return _norms(loss)[:, None, :], np.stack([_norms(np.maximum(edges, 0)), _norms(np.maximum(-edges, 0))], 1)


def _norms(plane: Planes) -> NDArray[np.float64]:
    fourth = np.square(np.square(plane))
    return np.stack([plane.mean((1, 2), np.float64), fourth.mean((1, 2), np.float64) ** 0.25], 1)


def _weighted(planes: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    from ssimulacra2.ssimulacra2 import weights  # noqa: PLC0415 - the package is an extra

    total, at = 0.0, 0
    for channel in range(3):
        for loss, edges in planes:
            for norm in range(2):
                terms = (loss[channel, 0, norm], edges[channel, 0, norm], edges[channel, 1, norm])
                total += float(np.dot(weights[at : at + 3], np.abs(terms)))
                at += 3
    total *= 0.9562382616834844
    total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
    return 100.0 - 10.0 * total**0.6276336467831387 if total > 0 else 100.0
