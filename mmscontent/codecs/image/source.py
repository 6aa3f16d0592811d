"""The codec of stills: one source, looked at once, decoded once, written as often as it takes.

Knows one picture and one rule; nothing of messages, budgets over several parts, or receivers' names.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.image.decode import DecodedImage, PixelCache, scale_to_fit
from mmscontent.codecs.image.detect import detect_features
from mmscontent.codecs.image.header import read_header
from mmscontent.codecs.image.passthrough import kept_bytes, passthrough_blockers
from mmscontent.codecs.image.probe import Probe
from mmscontent.codecs.image.renderer import EncodedImage, ImageRenderer
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.base import Effort
    from mmscontent.profiles.model import Rule

__all__ = ["StillSource"]

_WRITTEN = frozenset(("image/jpeg", "image/png", "image/gif"))
_MOST_VIEWS = 2.4  # nothing is written with more pixels than these; the receiver's view is decoded first


class StillSource:
    """One still picture; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._told = info
        self._header = read_header(data, info.media_type)
        self._renderer: ImageRenderer | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Decode, look and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia: Pixels are missing or broken.
            NotAllowed: The rule takes no type that is written here.
        """
        assert isinstance(rule, ImageRule)
        if not _WRITTEN.intersection(rule.media_types):
            taken = ", ".join(rule.media_types) or "no pictures"
            raise NotAllowed(f"the receiver takes {taken}; JPEG, PNG and GIF are what is written here")
        pixel_cache = PixelCache(self._data, self._header, round(rule.view_long_px * _MOST_VIEWS))
        decoded = pixel_cache.take(_box(rule, rule.view_long_px))
        native = pixel_cache.native()
        look = detect_features(decoded.pixels if native is None else native)
        self._renderer = still = ImageRenderer(decoded, look, rule, effort, self._probe(rule, decoded, pixel_cache))
        reasons = passthrough_blockers(self._header, rule)
        kept = None if reasons else len(kept_bytes(self._data, self._header))
        floor = still.minimum_bytes()
        return Survey(
            info=self._info(),
            curve=still.curve(),
            minimum_bytes=floor if kept is None else min(floor, kept),
            keep_bytes=kept,
            scale=f"ssimulacra2@{rule.view_long_px}",
            reasons=reasons,
            traits=look.traits,
            stripped=self._header.labels,
        )

    def keep(self) -> Rendition:
        """The source as it is but for its metadata."""
        data = kept_bytes(self._data, self._header)
        info = replace(self._info(), size_bytes=len(data), metadata=(), notes=())
        return Rendition(data, info, encodes=0, predicted_quality=100.0, stripped=self._header.labels)

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*, and never larger than the source.

        Raises:
            DoesNotFit: Even the smallest one worth sending is larger.
        """
        still = self._surveyed()
        # A source denser than anything written here (a small AVIF, say) may have to grow to the floor, not further.
        limit = min(limit_bytes, max(len(self._data), still.minimum_bytes()))
        written = still.write(limit)
        if written is None:
            least = still.minimum_bytes()
            raise DoesNotFit(
                f"the picture needs at least {least:,} bytes, {limit_bytes:,} are left; allow more or leave it out",
                limit_bytes=limit_bytes,
                smallest_bytes=least,
            )
        return self._rendition(still, written)

    def measure(self, data: bytes) -> float | None:
        """SSIMULACRA2 of a rendition at the receiver's view; None when the ssimulacra2 package is missing."""
        try:
            from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415 - optional, and it takes a second to load
        except ImportError:
            return None
        still = self._surveyed()
        reference = Image.fromarray(still.probe.samples().shown.numpy())
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "BMP")) as opened:
            shown = opened.convert("RGB")
        if shown.size != reference.size:
            shown = shown.resize(reference.size, Image.Resampling.LANCZOS)
        return float(compute_ssimulacra2(_as_png(reference), _as_png(shown)))

    def _probe(self, rule: ImageRule, decoded: DecodedImage, pixel_cache: PixelCache) -> Probe:
        box = _box(rule, pixel_cache.most_px)
        sides = self._header.width, self._header.height
        long_px = max(1, round(max(sides) * scale_to_fit(*sides, box)))

        def enlarge(wanted_px: int) -> NDArray[np.uint8]:
            return pixel_cache.take(_box(rule, wanted_px)).pixels

        return Probe(decoded.pixels, rule.view_long_px, long_px, enlarge)

    def _surveyed(self) -> ImageRenderer:
        if self._renderer is None:
            raise ValueError("survey() comes before render() and measure()")
        return self._renderer

    def _info(self) -> MediaInfo:
        header, jpeg = self._header, self._header.jpeg
        notes = dict.fromkeys((*self._told.notes, *header.notes))
        return replace(
            self._told,
            size_bytes=len(self._data),
            width_px=header.width,
            height_px=header.height,
            orientation=header.orientation,
            frames=header.frames,
            profile=None if jpeg is None else "baseline" if jpeg.is_baseline else "progressive",
            metadata=header.labels,
            notes=tuple(notes),
        )

    def _rendition(self, still: ImageRenderer, written: EncodedImage) -> Rendition:
        profile = None
        if written.media_type == "image/jpeg":
            profile = "progressive" if written.settings and written.settings.progressive else "baseline"
        width, height = written.sides_px
        info = MediaInfo(written.media_type, "image", len(written.data), width, height, frames=1, profile=profile)
        return Rendition(
            written.data,
            info,
            encodes=written.encodes,
            predicted_quality=round(float(np.clip(written.score, 0, 100)), 1),
            stripped=self._header.labels,
            tries=written.tries,
            notes=(*self._notes(still), *written.notes),
        )

    def _notes(self, still: ImageRenderer) -> tuple[str, ...]:
        header, decoded = self._header, still.decoded
        notes = [*header.notes, *decoded.notes]
        if header.frames > 1:
            notes.append(f"the animation of {header.frames} frames was given up, its first frame is sent")
        if header.orientation != 1:
            notes.append(f"turned upright (EXIF orientation {header.orientation})")
        if decoded.background is not None:
            notes.append("transparency laid on #{:02x}{:02x}{:02x}".format(*decoded.background))
        return tuple(notes)


def _box(rule: ImageRule, long_px: int) -> tuple[int, int]:
    """The receiver's box, cut to a long side."""
    return min(rule.max_long_px, long_px), min(rule.max_short_px, long_px)


def _as_png(picture: Image.Image) -> io.BytesIO:
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    target.seek(0)
    return target
