"""The codec of stills: one source, looked at once, decoded once, written as often as it takes.

Knows one picture and one rule; nothing of messages, budgets over several parts, or receivers' names.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.image.decode import Decoded, decode
from mmscontent.codecs.image.detect import Look, look_at
from mmscontent.codecs.image.encode import JpegWay, has_jpegli
from mmscontent.codecs.image.graphics import Sharp, score_of, sharp_ways
from mmscontent.codecs.image.header import read_header
from mmscontent.codecs.image.keep import kept_bytes, why_not_kept
from mmscontent.codecs.image.model import Probe
from mmscontent.codecs.image.search import Fit, best_choice, fit_jpeg, smallest_bytes
from mmscontent.curve import Curve
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.message import MediaInfo
from mmscontent.profile import ImageRule

if TYPE_CHECKING:
    from mmscontent.codecs.base import Effort
    from mmscontent.profile import Rule

__all__ = ["StillSource"]

_CURVE_FROM_BYTES, _CURVE_STEP, _CURVE_POINTS = 3_000, 1.35, 24
_FLOOR_SCORE = 30.0  # under this nobody would send it; SSIMULACRA2 calls 30 low quality
_WORK_VIEWS = 2.4  # pixels are held at no more than this many views of the receiver's screen


@dataclass(slots=True)
class _Work:
    """What survey() found and render() needs."""

    rule: ImageRule
    effort: Effort
    decoded: Decoded
    look: Look
    probe: Probe
    sharp: dict[int, list[Sharp]]


class StillSource:
    """One still picture; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._header = read_header(data, info.media_type)
        self._declared = info
        self._work: _Work | None = None

    # --- looking ---

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Decode, look and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia: Pixels are missing or broken.
            NotAllowed: The rule takes no type we can write.
        """
        assert isinstance(rule, ImageRule)
        if not {"image/jpeg", "image/png", "image/gif"}.intersection(rule.media_types):
            raise NotAllowed(
                f"the receiver takes {', '.join(rule.media_types) or 'no pictures'}; JPEG, PNG and GIF are made"
            )
        decoded = decode(self._data, self._header, _work_box(rule))
        look = look_at(decoded.image.numpy())
        self._work = work = _Work(rule, effort, decoded, look, Probe(decoded.image), {})
        reasons = why_not_kept(self._header, rule)
        kept = None if reasons else len(kept_bytes(self._data, self._header))
        curve = self._curve(work)
        return Survey(
            info=self._info(),
            curve=curve,
            floor_bytes=min(self._floor_bytes(work, curve), kept or len(self._data) * 100),
            keep_bytes=kept,
            scale=f"ssimulacra2@{rule.view_long_px}",
            reasons=reasons,
            traits=look.traits,
            stripped=self._header.labels,
        )

    def keep(self) -> Rendition:
        """The source as it is but for its metadata."""
        data = kept_bytes(self._data, self._header)
        profile = None
        if self._header.jpeg is not None:
            profile = "baseline" if self._header.jpeg.is_baseline else "progressive"
        info = replace(self._info(), size_bytes=len(data), metadata=(), profile=profile)
        return Rendition(data, info, encodes=0, predicted_quality=100.0, stripped=self._header.labels)

    # --- writing ---

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*, never larger than the source.

        Raises:
            DoesNotFit: Even the smallest one worth sending is larger.
        """
        assert self._work is not None, "survey() comes first"
        work = self._work
        limit = min(limit_bytes, max(len(self._data), self._floor_bytes(work, None)))
        fit = Fit()
        if "image/jpeg" in work.rule.media_types:
            fit = fit_jpeg(work.probe, _ways(work), limit, work.rule.view_long_px)
        sharp = self._sharp(work, limit)
        best = next((s for s in sharp if len(s.data) <= limit), None)
        tries = (*fit.tries, *(f"{s.label} → {len(s.data):,} bytes" for s in sharp))
        encodes = fit.encodes + len(sharp)
        if best is not None and (fit.data is None or best.score >= score_of(fit.data, work.decoded.image)):
            return self._rendition(best.data, best.media_type, encodes, best.score, tries)
        if fit.data is None or fit.choice is None:
            raise self._does_not_fit(work, limit_bytes, tries)
        return self._rendition(fit.data, "image/jpeg", encodes, fit.choice.score, tries)

    def measure(self, data: bytes) -> float | None:
        """Real SSIMULACRA2 of a rendition at the receiver's view; None when the ssimulacra2 package is missing."""
        try:
            from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415 - optional, and scipy takes a second
        except ImportError:
            return None
        assert self._work is not None, "survey() comes first"
        image = self._work.decoded.image
        scale = min(1.0, self._work.rule.view_long_px / max(image.width, image.height))
        sides = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        reference = Image.fromarray(image.numpy())
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF", "WEBP")) as opened:
            shown = opened.convert("RGB")
        return float(compute_ssimulacra2(*(_as_png(p, sides) for p in (reference, shown))))

    # --- parts of it ---

    def _info(self) -> MediaInfo:
        header = self._header
        profile = None
        if header.jpeg is not None:
            profile = "baseline" if header.jpeg.is_baseline else "progressive"
        notes = (*self._declared.notes, *header.notes)
        if self._work is not None:
            notes = (*notes, *(n for n in self._work.decoded.notes if n not in notes))
        return replace(
            self._declared,
            size_bytes=len(self._data),
            width_px=header.width,
            height_px=header.height,
            orientation=header.orientation,
            frames=header.frames,
            profile=profile,
            metadata=header.labels,
            notes=notes,
        )

    def _curve(self, work: _Work) -> Curve:
        points: list[tuple[int, float]] = []
        size = float(_CURVE_FROM_BYTES)
        for _ in range(_CURVE_POINTS):
            choice = best_choice(work.probe, _ways(work), size, work.rule.view_long_px)
            if choice is not None:
                points.append((round(choice.size_bytes), max(0.0, min(100.0, choice.score))))
            size *= _CURVE_STEP
        return Curve.through(points or [(len(self._data), 50.0)])

    def _floor_bytes(self, work: _Work, curve: Curve | None) -> int:
        least = smallest_bytes(work.probe, _ways(work))
        return max(least, (curve or self._curve(work)).size_for(_FLOOR_SCORE))

    def _sharp(self, work: _Work, limit: int) -> list[Sharp]:
        if not work.look.is_graphic and "image/jpeg" in work.rule.media_types:
            return []
        if limit not in work.sharp:
            work.sharp[limit] = sharp_ways(work.decoded.image, work.rule.media_types, limit)
        return work.sharp[limit]

    def _rendition(self, data: bytes, media_type: str, encodes: int, score: float, tries: tuple[str, ...]) -> Rendition:
        assert self._work is not None
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
        progressive = media_type == "image/jpeg" and self._work.rule.progressive and self._work.effort == "best"
        profile = ("progressive" if progressive else "baseline") if media_type == "image/jpeg" else None
        info = MediaInfo(media_type, "image", len(data), width, height, frames=1, profile=profile)
        notes = self._notes()
        return Rendition(data, info, encodes, round(score, 1), None, self._header.labels, tries, notes)

    def _notes(self) -> tuple[str, ...]:
        assert self._work is not None
        decoded, header = self._work.decoded, self._header
        notes = [*header.notes, *decoded.notes]
        if header.frames > 1:
            notes.append(f"the animation of {header.frames} frames was given up, its first frame is sent")
        if header.orientation != 1:
            notes.append(f"turned upright (EXIF orientation {header.orientation})")
        if decoded.background is not None:
            notes.append("transparency laid on #{:02x}{:02x}{:02x}".format(*decoded.background))
        return tuple(notes)

    def _does_not_fit(self, work: _Work, limit_bytes: int, tries: tuple[str, ...]) -> DoesNotFit:
        least = self._floor_bytes(work, None)
        return DoesNotFit(
            f"the picture needs at least {least:,} bytes, {limit_bytes:,} are left; allow more or leave it out",
            limit_bytes=limit_bytes,
            smallest_bytes=least,
            tries=tries,
        )


def _work_box(rule: ImageRule) -> tuple[int, int]:
    most = round(rule.view_long_px * _WORK_VIEWS)
    return min(rule.max_long_px, most), min(rule.max_short_px, most)


def _ways(work: _Work) -> tuple[JpegWay, ...]:
    progressive = work.rule.progressive
    if work.effort == "best":
        return JpegWay("trellis", progressive=progressive), JpegWay("trellis", True, progressive)
    return JpegWay("jpegli" if has_jpegli() else "plain"), JpegWay("plain", True)


def _as_png(picture: Image.Image, sides: tuple[int, int]) -> io.BytesIO:
    target = io.BytesIO()
    shown = picture if picture.size == sides else picture.resize(sides, Image.Resampling.LANCZOS)
    shown.save(target, "PNG", compress_level=1)
    target.seek(0)
    return target
