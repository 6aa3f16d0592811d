"""The codec of still pictures: one source, decoded once and encoded as often as its limits change.

It knows one picture and one rule; nothing of messages, budgets over several parts, or receivers' names.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.image.decode import DecodedImage, PixelCache, scale_to_fit
from mmscontent.codecs.image.header import facts_of_header, kept_bytes, passthrough_blockers, read_header
from mmscontent.codecs.image.jpeg_fit import MAX_VIEWS
from mmscontent.codecs.image.probe import Probe, detect_features
from mmscontent.codecs.image.quality_metric import measured_ssimulacra2
from mmscontent.codecs.image.renderer import EncodedImage, ImageRenderer
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray


_ENCODED_TYPES = frozenset(("image/jpeg", "image/png", "image/gif"))


class StillSource:
    """One still picture; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._declared = info
        self._header = read_header(data, info.media_type)
        self._renderer: ImageRenderer | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Decode, sample and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia: Pixels are missing or broken.
            NotAllowed: The rule takes no type that this codec encodes.
        """
        assert isinstance(rule, ImageRule)
        if not _ENCODED_TYPES.intersection(rule.media_types):
            accepted = ", ".join(rule.media_types) or "no pictures"
            raise NotAllowed(f"the receiver takes {accepted}; pictures can be converted to JPEG, PNG and GIF only")
        pixel_cache = PixelCache(self._data, self._header, round(rule.view_long_px * MAX_VIEWS))
        decoded = pixel_cache.pixels_within(_box(rule, rule.view_long_px))
        native = pixel_cache.native()
        features = detect_features(decoded.pixels if native is None else native)
        probe = self._probe(rule, decoded, pixel_cache)
        self._renderer = renderer = ImageRenderer(decoded, features, rule, effort, probe)
        reasons = passthrough_blockers(self._header, rule)
        kept = None if reasons else len(kept_bytes(self._data, self._header))
        minimum = renderer.minimum_bytes()
        return Survey(
            info=self._info(),
            curve=renderer.curve(),
            minimum_bytes=minimum if kept is None else min(minimum, kept),
            keep_bytes=kept,
            scale=f"ssimulacra2@{rule.view_long_px}",
            reasons=reasons,
            traits=features.traits,
            stripped=self._header.metadata,
        )

    def keep(self) -> Rendition:
        """Return the source without its metadata, its pixels unchanged."""
        data = kept_bytes(self._data, self._header)
        info = replace(self._info(), size_bytes=len(data), metadata=(), notes=())
        return Rendition(data, info, encodes=0, predicted_quality=100.0, stripped=self._header.metadata)

    def render(self, limit_bytes: int) -> Rendition:
        """Return the best rendition of at most *limit_bytes*, never larger than the source.

        Raises:
            DoesNotFit: Even the smallest one worth sending is larger.
        """
        renderer = self._surveyed()
        # A source denser than our encodings (a small AVIF, say) may have to grow to the minimum, but not further.
        limit = min(limit_bytes, max(len(self._data), renderer.minimum_bytes()))
        encoded = renderer.encode(limit)
        if encoded is None:
            least = renderer.minimum_bytes()
            raise DoesNotFit(
                f"the picture needs at least {least:,} bytes, {limit_bytes:,} are left; allow more or leave it out",
                limit_bytes=limit_bytes,
                smallest_bytes=least,
            )
        return self._rendition(renderer, encoded)

    def measure(self, data: bytes) -> float | None:
        """Return SSIMULACRA2 of a rendition at the receiver's view; None without the ssimulacra2 package."""
        reference = self._surveyed().probe.samples().pixels
        height, width, _ = reference.shape
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP", "BMP")) as opened:
            shown = opened.convert("RGB")
        if shown.size != (width, height):
            shown = shown.resize((width, height), Image.Resampling.LANCZOS)
        return measured_ssimulacra2(reference, np.asarray(shown))

    def _probe(self, rule: ImageRule, decoded: DecodedImage, pixel_cache: PixelCache) -> Probe:
        box = _box(rule, pixel_cache.most_px)
        sides = self._header.width, self._header.height
        long_px = max(1, round(max(sides) * scale_to_fit(*sides, box)))

        def enlarge(wanted_px: int) -> NDArray[np.uint8]:
            return pixel_cache.pixels_within(_box(rule, wanted_px)).pixels

        return Probe(decoded.pixels, rule.view_long_px, long_px, enlarge)

    def _surveyed(self) -> ImageRenderer:
        if self._renderer is None:
            raise ValueError("survey() comes before render() and measure()")
        return self._renderer

    def _info(self) -> MediaInfo:
        return facts_of_header(self._header, self._declared, len(self._data))

    def _rendition(self, renderer: ImageRenderer, encoded: EncodedImage) -> Rendition:
        profile = None
        if encoded.media_type == "image/jpeg":
            profile = "progressive" if encoded.settings and encoded.settings.progressive else "baseline"
        width, height = encoded.sides_px
        info = MediaInfo(encoded.media_type, "image", len(encoded.data), width, height, frames=1, profile=profile)
        return Rendition(
            encoded.data,
            info,
            encodes=encoded.encodes,
            predicted_quality=round(float(np.clip(encoded.score, 0, 100)), 1),
            stripped=self._header.metadata,
            tries=encoded.tries,
            notes=(*self._notes(renderer), *encoded.notes),
        )

    def _notes(self, renderer: ImageRenderer) -> tuple[str, ...]:
        header, decoded = self._header, renderer.decoded
        notes = [*header.notes, *decoded.notes]
        if header.frames > 1:
            notes.append(f"the animation of {header.frames} frames cannot be sent; its first frame is sent instead")
        if header.orientation != 1:
            notes.append(f"turned upright (EXIF orientation {header.orientation})")
        if decoded.background is not None:
            notes.append("transparent areas filled with #{:02x}{:02x}{:02x}".format(*decoded.background))
        return tuple(notes)


def _box(rule: ImageRule, long_px: int) -> tuple[int, int]:
    """The receiver's box, reduced to a long side."""
    return min(rule.max_long_px, long_px), min(rule.max_short_px, long_px)
