"""Encodes a JPEG that fills a limit: predict, encode strips at that scale, encode the whole, correct by its size.

The first encode lands within a few per cent of its target, which is enough two times in three; the second nearly always
is. There are never more than five.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg, encoder_input
from mmscontent.codecs.image.model import EncodeSetting, SizeQualityTable, best_setting

if TYPE_CHECKING:
    from mmscontent.codecs.image.probe import Probe

MAX_ENCODES = 5
# Targets as shares of the limit: below it by how much strips scatter about the whole, before and after the first encode
# has shown how much larger the whole is.
_FIRST_AIM, _NEXT_AIM = 0.978, 0.99
# For the last encode, when nothing was small enough yet.
_SAFE_AIM = 0.9
_ENOUGH = 0.955
# Where time does not matter.
_CAREFUL_AIM, _CAREFULLY_ENOUGH = 0.992, 0.985
# Before each encode of the whole, at most.
_STRIP_ENCODES = 3
# A known size this near to the target needs no further strips.
_NEAR = 0.03
# A prediction off by more than this may have chosen the wrong scale.
_FAR_OFF = 0.15
# Bytes grow with about this power of the long side.
_SIDE_POWER = 1.5


@dataclass(slots=True)
class FittedJpeg:
    """Result of a search; *data* is None when nothing was small enough. *encodes* counts full encodes."""

    data: bytes | None = None
    setting: EncodeSetting | None = None
    sides_px: tuple[int, int] = (0, 0)
    encodes: int = 0
    tries: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _KnownSizes:
    """Sizes measured so far.

    Attributes:
        known: Each setting as predicted, with the bytes estimated from its strips.
        whole_per_strips: Size of the whole over the estimate from strips, as the last encode showed.
    """

    probe: Probe
    tables: list[SizeQualityTable]
    known: list[tuple[EncodeSetting, float]] = field(default_factory=list)
    whole_per_strips: float = 1.0

    def add(self, setting: EncodeSetting, size: float) -> None:
        """Record the size of a setting beside its first prediction."""
        raw = next(f for f in self.tables if f.settings == setting.settings).size_at(setting.long_px, setting.quality)
        self.known = [(c, w) for c, w in self.known if _key(c) != _key(setting)]
        self.known.append((replace(setting, size_bytes=raw), size / self.whole_per_strips))

    def find(self, setting: EncodeSetting, step: float = 0.0) -> float | None:
        """Return the known size of a setting, or of its neighbour in quality."""
        key = _key(replace(setting, quality=setting.quality + step))
        return next((w * self.whole_per_strips for c, w in self.known if _key(c) == key), None)

    def is_near(self, setting: EncodeSetting, aim_bytes: float) -> bool:
        """Whether a known size at the setting's scale is near the target."""
        here = [
            w * self.whole_per_strips
            for c, w in self.known
            if (c.settings, c.long_px) == (setting.settings, setting.long_px)
        ]
        return any(abs(float(np.log(size / aim_bytes))) <= _NEAR for size in here)

    def corrected(self, like: EncodeSetting | None) -> list[SizeQualityTable]:
        """Correct the tables by the known sizes: all of them, or that of one setting at one scale."""
        pairs: dict[JpegSettings, list[tuple[float, float]]] = {f.settings: [] for f in self.tables}
        for setting, estimate in self.known:
            if like is None or _scale_key(setting) == _scale_key(like):
                pairs[setting.settings].append((setting.size_bytes, estimate * self.whole_per_strips))
        wanted = [f for f in self.tables if like is None or f.settings == like.settings]
        return [f.corrected(pairs[f.settings]) if pairs[f.settings] else f for f in wanted]


def fit_jpeg(
    probe: Probe,
    tables: list[SizeQualityTable],
    limit_bytes: int,
    max_encodes: int = MAX_ENCODES,
    *,
    careful: bool = False,
) -> FittedJpeg:
    """Encode the picture with as much quality as a limit allows, with the settings of the given tables.

    Args:
        probe: The picture.
        tables: Predictions, one per encoder setting.
        limit_bytes: Largest size.
        max_encodes: Largest number of full encodes.
        careful: Fill the limit to the last per cent, at the cost of one more encode.
    """
    fit, known_sizes = FittedJpeg(), _KnownSizes(probe, tables)
    encoded: list[EncodeSetting] = []
    aim, enough = (_CAREFUL_AIM, _CAREFULLY_ENOUGH) if careful else (_FIRST_AIM, _ENOUGH)
    while fit.encodes < max_encodes:
        setting = _next_setting(known_sizes, limit_bytes * aim, encoded[-1] if encoded else None)
        if setting is None or any(_key(c) == _key(setting) for c in encoded):
            break
        encoded.append(setting)
        size = _encode(probe, setting, limit_bytes, fit)
        if enough * limit_bytes <= size <= limit_bytes:
            break
        # The factor of the whole over its strips is assumed to hold for other qualities.
        known_sizes.whole_per_strips *= size / (known_sizes.find(setting) or setting.size_bytes)
        known_sizes.add(setting, size)
        # With the last encode something must fit, so it aims well below the limit.
        last_chance = fit.data is None and fit.encodes == max_encodes - 1
        aim = _SAFE_AIM if last_chance else _NEXT_AIM - 0.005 * (fit.encodes - 1)
    return fit


def _encode(probe: Probe, setting: EncodeSetting, limit_bytes: int, fit: FittedJpeg) -> int:
    """Encode once and keep the result if it fits and is the largest so far; returns its size."""
    pixels = probe.pixels_at(setting.long_px)
    data = encode_jpeg(encoder_input(pixels, setting.settings), setting.quality, setting.settings)
    sides = pixels.shape[1], pixels.shape[0]
    fit.encodes += 1
    fit.tries.append(f"{sides[0]}×{sides[1]} q{setting.quality:g} {setting.settings.label} → {len(data):,} bytes")
    if len(data) <= limit_bytes and (fit.data is None or len(data) > len(fit.data)):
        fit.data, fit.setting, fit.sides_px = data, setting, sides
    return len(data)


def _next_setting(known_sizes: _KnownSizes, aim_bytes: float, last: EncodeSetting | None) -> EncodeSetting | None:
    """Choose the next setting, its size refined by a few encodes of strips; None when there is none left."""
    setting = (
        best_setting(known_sizes.tables, aim_bytes) if last is None else _at_same_scale(known_sizes, last, aim_bytes)
    )
    setting = setting or min((f.least() for f in known_sizes.tables), key=lambda c: c.size_bytes)
    for count in range(_STRIP_ENCODES):
        if known_sizes.find(setting) is not None or (last is None and known_sizes.is_near(setting, aim_bytes)):
            break
        estimate = known_sizes.whole_per_strips * known_sizes.probe.sample_size(
            setting.long_px, setting.quality, setting.settings
        )
        is_far = last is None and count == 0 and abs(float(np.log(estimate / setting.size_bytes))) > _FAR_OFF
        known_sizes.add(setting, estimate)
        following = (
            best_setting(known_sizes.corrected(None), aim_bytes)
            if is_far
            else _at_same_scale(known_sizes, setting, aim_bytes)
        )
        if following is None:
            break
        setting = following
    return setting


def _at_same_scale(known_sizes: _KnownSizes, setting: EncodeSetting, aim_bytes: float) -> EncodeSetting | None:
    """Choose the quality that meets the target at the same scale, or a slightly smaller scale between two qualities."""
    table = known_sizes.corrected(setting)[0]
    wanted = table.fullest_at(setting.long_px, aim_bytes)
    if wanted is None:
        return best_setting(known_sizes.corrected(None), aim_bytes)
    size, step = known_sizes.find(wanted), wanted.settings.step
    if size is None or size >= _ENOUGH * aim_bytes or wanted.quality >= wanted.settings.grid[-1]:
        return wanted
    finer, over = replace(wanted, quality=wanted.quality + step), known_sizes.find(wanted, step)
    if over is None:
        return replace(finer, size_bytes=table.size_at(finer.long_px, finer.quality))
    side = round(setting.long_px * (aim_bytes / over) ** (1 / _SIDE_POWER))
    return replace(finer, long_px=side, size_bytes=aim_bytes)


def _key(setting: EncodeSetting) -> tuple[int, float, JpegSettings]:
    return setting.long_px, setting.quality, setting.settings


def _scale_key(setting: EncodeSetting) -> tuple[JpegSettings, int]:
    return setting.settings, setting.long_px
