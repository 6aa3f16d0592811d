"""Approximates SSIMULACRA2 in a few milliseconds, with the 26 of its 108 terms that carry nearly all the weight.

None of those terms is colour at full resolution; the two of luma at full resolution are replaced by the same terms one
scale down. This metric steers the encoders; benchmarks measure with the whole one. Source: weights and opsin matrix of
github.com/cloudinary/ssimulacra2; docs/fitting.md says how close the approximation is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Plane = NDArray[np.float32]

_C2 = np.float32(0.0009)
_RADIUS, _SIGMA = 5, 1.5
_KERNEL = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
_KERNEL = (_KERNEL / _KERNEL.sum()).astype(np.float32)
_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255.0],  # noqa: PLR2004 - sRGB
    np.float32,
)
_OPSIN = np.array(
    [[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.55180986650955360]],
    np.float32,
)
_BIAS = np.float32(0.0037930732552754493)


class _TermWeights(NamedTuple):
    """Weights of one plane at one scale: lost structure, added edges, lost edges; each for its mean and its 4-norm."""

    structure: tuple[float, float] = (0, 0)
    ringing: tuple[float, float] = (0, 0)
    blurring: tuple[float, float] = (0, 0)


# (scale, plane): scale 1 is half the sides; planes are X (red-green), Y (luma), B (blue-yellow).
_TERMS: dict[tuple[int, int], _TermWeights] = {
    (1, 0): _TermWeights((0, 1.104)),
    (1, 1): _TermWeights((0, 6.684 + 7.467), blurring=(0, 1.028 + 17.446)),  # plus those of full resolution
    (2, 0): _TermWeights((0, 1.842), (0, 11.441)),
    (2, 1): _TermWeights((225.205, 19.213)),
    (3, 0): _TermWeights((0, 1.879), (0, 10.949)),
    (3, 1): _TermWeights((176.393, 24.433), (0, 0.285)),
    (3, 2): _TermWeights((0, 8.827), (0, 23.192)),
    (4, 0): _TermWeights(ringing=(0.968, 0.998)),
    (4, 1): _TermWeights((0, 34.779), (0, 44.836)),
    (4, 2): _TermWeights((95.108, 0), (0.986, 171.267), (0.983, 0.981)),
}


class _PlaneStatistics(NamedTuple):
    image: Plane
    mean: Plane
    variance: Plane


@dataclass(slots=True)
class Ssimulacra2Approx:
    """Compares pictures with one reference picture, (height, width, 3), of the same sides.

    Attributes:
        scales: Scales compared; the finest costs most of the time and tells least.
    """

    pixels: Pixels
    known_sizes: tuple[int, ...] = (1, 2, 3, 4)
    _reference: dict[tuple[int, int], _PlaneStatistics] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, image in _planes(self.pixels, self.known_sizes):
            mean, square = _blur(np.stack([image, image * image]))
            self._reference[key] = _PlaneStatistics(image, mean, square - mean * mean)

    def score(self, pixels: Pixels) -> float:
        """Score a picture: 90 cannot be told from the reference, 70 differs on a close look, a ruin is below 0."""
        total = 0.0
        for key, image in _planes(pixels, self.known_sizes):
            reference = self._reference[key]
            mean, square, product = _blur(np.stack([image, image * image, image * reference.image]))
            other = _PlaneStatistics(image, mean, square - mean * mean)
            total += _weighted_error(reference, other, product - reference.mean * mean, _TERMS[key])
        # The metric's own mapping of the weighted sum to its scale.
        total *= 0.9562382616834844
        total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
        return float(100.0 - 10.0 * max(total, 0.0) ** 0.6276336467831387)


def _planes(pixels: Pixels, known_sizes: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], Plane]]:
    """Yield the planes of each scale that have terms, down to the last scale with anything to compare."""
    linear = _LINEAR.take(pixels)
    for scale in range(1, max(known_sizes) + 1):
        linear = _halve(linear)
        if min(linear.shape[:2]) < 2:  # noqa: PLR2004 - nothing is left to compare
            return
        if scale in known_sizes:
            for plane, image in enumerate(_xyb(linear)):
                if (scale, plane) in _TERMS:
                    yield (scale, plane), image


def _halve(linear: Plane) -> Plane:
    height, width, _ = linear.shape
    if height % 2 or width % 2:
        linear = np.pad(linear, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rows = linear[::2] + linear[1::2]
    halved = rows[:, ::2] + rows[:, 1::2]
    halved *= np.float32(0.25)
    return halved


def _xyb(linear: Plane) -> tuple[Plane, Plane, Plane]:
    lms = np.cbrt(np.tensordot(_OPSIN, linear.transpose(2, 0, 1), 1) + _BIAS) - np.cbrt(_BIAS)
    x, y = (lms[0] - lms[1]) * np.float32(7) + np.float32(0.42), (lms[0] + lms[1]) * np.float32(0.5)
    return x, y + np.float32(0.01), lms[2] - y + np.float32(0.55)


def _blur(planes: Plane) -> Plane:
    """Blur each plane (the last two axes) with the Gaussian, mirrored at its edges."""
    height, width = planes.shape[-2:]
    rows = planes[..., _mirrored(height), :]
    down = _apply_kernel([rows[..., at : at + height, :] for at in range(2 * _RADIUS + 1)])
    columns = down[..., _mirrored(width)]
    return _apply_kernel([columns[..., at : at + width] for at in range(2 * _RADIUS + 1)])


@cache
def _mirrored(length: int) -> NDArray[np.intp]:
    """Indices of a line with mirrored edges; a line shorter than the edge is mirrored repeatedly."""
    places = np.arange(-_RADIUS, length + _RADIUS) % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)


def _apply_kernel(taps: list[Plane]) -> Plane:
    """Sum the taps weighted by the kernel, which is symmetric."""
    total = taps[_RADIUS] * _KERNEL[_RADIUS]
    pair = np.empty_like(total)
    for at in range(_RADIUS):
        np.add(taps[at], taps[-1 - at], out=pair)
        pair *= _KERNEL[at]
        total += pair
    return np.asarray(total, np.float32)


def _weighted_error(
    reference: _PlaneStatistics, other: _PlaneStatistics, covariance: Plane, weights: _TermWeights
) -> float:
    total = 0.0
    if any(weights.structure):
        off = reference.mean - other.mean
        alike = (1 - off * off) * (2 * covariance + _C2)
        alike /= reference.variance + other.variance + _C2
        total += _norms(np.maximum(1 - alike, 0), weights.structure)
    if any(weights.ringing) or any(weights.blurring):
        edges = (1 + np.abs(other.image - other.mean)) / (1 + np.abs(reference.image - reference.mean)) - 1
        total += _norms(np.maximum(edges, 0), weights.ringing) + _norms(np.maximum(-edges, 0), weights.blurring)
    return total


def _norms(plane: Plane, weights: tuple[float, float]) -> float:
    mean, fourth = weights
    total = mean * float(plane.mean()) if mean else 0.0
    return total + fourth * float(np.square(np.square(plane)).mean()) ** 0.25 if fourth else total


def measured_ssimulacra2(reference: Pixels, pixels: Pixels) -> float | None:
    """Score a picture with the whole metric; None when the ssimulacra2 package is missing."""
    try:
        from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415 - optional, and it takes a second to load
    except ImportError:
        return None
    return float(compute_ssimulacra2(_png(reference), _png(pixels)))


def _png(pixels: Pixels) -> io.BytesIO:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    target.seek(0)
    return target
