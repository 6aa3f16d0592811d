"""The transcoder of `check`: the same path, with bodies of the predicted size in place of encoded ones.

A still is estimated from its header where that is enough to be sure, every other part from its survey; nothing is
encoded in full. What the ledger says of a part is a prediction, and its notes say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.registry import CODECS, codec_for
from mmscontent.message import MediaInfo
from mmscontent.pipeline.plan import Decision, Keep, Parts, Plan, ProbedPart, Transcode
from mmscontent.pipeline.transcode import MediaTranscoder, SurveyStage, TranscodedPart, estimate_from_header
from mmscontent.pipeline.trim_estimate import estimate_trim, upright_size
from mmscontent.profiles.model import Profile

# Used share of a limit at the median, by codec (benchmarks/prediction.py); the others land on a knot of their curve.
_USED_SHARE = {"image": 0.98, "animation": 0.95, "video": 0.96}
# Sides of the best still by bits per pixel (log2) of the view, as shares of the view (median of 54 pictures).
_SCALES = ((0.0, 1.0), (-1.0, 0.8), (-2.0, 0.55))
_SMALLEST_SCALE = 0.45


class Estimator(MediaTranscoder):
    """The transcoder that predicts."""

    @property
    def survey_stages(self) -> tuple[SurveyStage, ...]:
        """Headers first; if the message does not fit by them, the same stages as when it is encoded."""
        return (self._from_headers, self._survey_stills, self.as_videos)

    def _from_headers(self, parts: Parts) -> Parts:
        """Stills by their headers, the rest by their codecs' surveys."""
        stills = [estimate_from_header(one, self._profile) for one in parts if _reads_header(one)]
        rest = self.survey([one for one in parts if not _reads_header(one)])
        return _merged(parts, stills, rest)

    def _survey_stills(self, parts: Parts) -> Parts | None:
        """The stills surveyed by their pixels; None when there are none."""
        stills = [one for one in parts if _reads_header(one)]
        rest = [one for one in parts if not _reads_header(one)]
        return _merged(parts, self.survey(stills), rest) if stills else None

    def trim(self, part: ProbedPart) -> ProbedPart:
        """The part with the survey that its remedy predicted."""
        return replace(part, form="trimmed")

    def execute(
        self, plan: Plan, parts: Parts, before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Every part at its predicted size."""
        del before
        return tuple(self._estimated(one, decision) for one, decision in zip(parts, plan.decisions, strict=True))

    def verify(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> None:
        """Nothing was encoded, so nothing is checked."""

    def measure(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """Nothing was encoded, so nothing is measured."""
        del parts
        return tuple(transcoded)

    def _estimated(self, one: ProbedPart, decision: Decision) -> TranscodedPart:
        survey = one.survey
        if survey is None:
            return TranscodedPart.unchanged(one)
        # A kept source loses its metadata; its predicted size says so already.
        if isinstance(decision, Keep):
            size = survey.keep_bytes or len(one.part.data)
            info = replace(survey.info, media_type=one.part.media_type, size_bytes=size, metadata=(), notes=())
            return _placeholder(one, Rendition(b"", info, 0, survey.keep_quality, stripped=survey.stripped))
        assert isinstance(decision, Transcode)
        size = _predicted_bytes(one, survey, decision.limit_bytes)
        quality = round(survey.curve.quality_at(size), 1)
        notes = ("predicted; nothing was encoded",)
        rendition = Rendition(b"", self._result_of(one, survey, size), 0, quality, None, survey.stripped, (), notes)
        return _placeholder(one, rendition, decision.limit_bytes)

    def _result_of(self, one: ProbedPart, survey: Survey, size: int) -> MediaInfo:
        profile = self._profile
        if one.info.kind == "image":
            animated = one.info.is_animation and one.form == "" and profile.image.animated
            return _predicted_picture(survey, profile, size, "image/gif" if animated else "image/jpeg")
        if one.info.kind == "video":
            # The first accepted format stands for the one that the codec will choose.
            width, height = estimate_trim(survey.info, size).whole
            media_type = profile.video.formats[0].media_type
            return replace(survey.info, media_type=media_type, size_bytes=size, width_px=width, height_px=height)
        if one.info.kind == "audio":
            return replace(survey.info, media_type=profile.audio.formats[0].media_type, size_bytes=size)
        return replace(survey.info, media_type=one.part.media_type, size_bytes=size, notes=())


def _reads_header(one: ProbedPart) -> bool:
    codec = codec_for(one.info)
    return codec is not None and CODECS[codec].reads_headers and not one.refused


def _merged(parts: Parts, stills: Sequence[ProbedPart], rest: Sequence[ProbedPart]) -> Parts:
    """Stills and other parts in the order of *parts*."""
    next_still, next_other = iter(stills), iter(rest)
    return tuple(next(next_still if _reads_header(one) else next_other) for one in parts)


def _placeholder(one: ProbedPart, rendition: Rendition, limit_bytes: int | None = None) -> TranscodedPart:
    """A body of the predicted size, all zeros."""
    info = rendition.info
    part = replace(one.part, data=bytes(info.size_bytes), media_type=info.media_type)
    return TranscodedPart(part, info, rendition, limit_bytes)


def _predicted_bytes(one: ProbedPart, survey: Survey, limit_bytes: int) -> int:
    used = _USED_SHARE.get(codec_for(one.info) or "")
    # Codecs with few sizes land on a knot; the others use a known share of their limit, never more than the source.
    if used is None:
        return max((s for s in survey.curve.sizes_bytes if s <= limit_bytes), default=limit_bytes)
    return max(1, min(round(limit_bytes * used), survey.info.size_bytes, round(survey.curve.most_bytes)))


def _predicted_picture(survey: Survey, profile: Profile, size: int, media_type: str) -> MediaInfo:
    """Upright, in the receiver's box, at the scale that is mostly best for that many bytes."""
    width, height = upright_size(survey.info, default=(1, 1))
    rule = profile.image
    scale = min(1.0, rule.max_long_px / max(width, height), rule.max_short_px / min(width, height))
    if media_type == "image/jpeg":
        scale = min(scale, rule.view_long_px / max(width, height))
        bits_per_pixel = size * 8 / max(1.0, width * height * scale * scale)
        scale *= next((share for least, share in _SCALES if bits_per_pixel >= 2**least), _SMALLEST_SCALE)
    frames = survey.info.frames if media_type == "image/gif" else 1
    width, height = (max(1, round(side * scale)) for side in (width, height))
    return MediaInfo(media_type, "image", size, width, height, frames=frames)
