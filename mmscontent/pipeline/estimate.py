"""The answer before sending: the same path, with bodies of the size they would have in place of encoded ones.

A still is judged by its header where that is enough to be sure, everything else by its survey; nothing is encoded in
full. What is told of a part is a prediction, and its notes say so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mmscontent.codecs.base import Rendition
from mmscontent.codecs.registry import CODECS, codec_for
from mmscontent.errors import NotAllowed
from mmscontent.message import MediaInfo
from mmscontent.pipeline.plan import Keep, ProbedPart, Transcode
from mmscontent.pipeline.quality_weights import policy_for
from mmscontent.pipeline.transcode import SandboxTranscoder, TranscodedPart
from mmscontent.pipeline.trim_estimate import estimate_trim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.codecs.base import Effort, Survey
    from mmscontent.pipeline.plan import Decision, Plan
    from mmscontent.profiles.model import Profile

__all__ = ["Estimator"]

# What is used of a share at the median, by codec (benchmarks/prediction.py); the others land on a knot of their curve.
_USED = {"image": 0.98, "animation": 0.95, "video": 0.96}
_TOLD = "predicted; nothing was encoded"
# Sides of the best still by bits a pixel of the view, as shares of the view (median of 54 pictures).
_SCALES = ((0.0, 1.0), (-1.0, 0.8), (-2.0, 0.55))
_SMALLEST_SCALE = 0.45


class Estimator(SandboxTranscoder):
    """A workshop that makes nothing."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self._profile = profile
        self._glanced = False

    def survey(self, probed: Sequence[ProbedPart], profile: Profile, effort: Effort) -> tuple[ProbedPart, ...]:
        """Stills by their headers, the rest by their codecs' surveys."""
        glanced = {i: self._glance(one, profile) for i, one in enumerate(probed) if _has_header_estimate(one)}
        self._glanced = bool(glanced)
        rest = iter(super().survey([one for i, one in enumerate(probed) if i not in glanced], profile, effort))
        return tuple(glanced[i] if i in glanced else next(rest) for i in range(len(probed)))

    def resurvey(self, probed: Sequence[ProbedPart], profile: Profile, effort: Effort) -> tuple[ProbedPart, ...] | None:
        """The stills surveyed in earnest, then what a workshop has; None when there is nothing more."""
        if not self._glanced:
            return super().resurvey(probed, profile, effort)
        self._glanced = False
        near = iter(super().survey([one for one in probed if _has_header_estimate(one)], profile, effort))
        return tuple(next(near) if _has_header_estimate(one) else one for one in probed)

    def _glance(self, one: ProbedPart, profile: Profile) -> ProbedPart:
        codec = codec_for(one.info)
        assert codec is not None
        rule = getattr(profile, CODECS[codec].rule)
        try:
            with self._pool.open_session() as session:
                survey = cast(
                    "Survey", session.call("estimate_from_header", codec, one.part.data, one.info, rule, part=one.label)
                )
        except NotAllowed as error:
            return replace(one, refused=str(error).removeprefix(f"{one.label}: "))
        return replace(one, survey=survey, policy=policy_for(one.info.kind, survey.traits))

    def trim(self, one: ProbedPart, profile: Profile, effort: Effort) -> ProbedPart:  # noqa: ARG002 - as a workshop is called
        """The part as it was priced."""
        return replace(one, form="trimmed")

    def execute(
        self, plan: Plan, probed: Sequence[ProbedPart], before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Every part as large as it would be."""
        del before
        return tuple(self._foreseen(one, d) for one, d in zip(probed, plan.decisions, strict=True))

    def _foreseen(self, one: ProbedPart, decision: Decision) -> TranscodedPart:
        survey = one.survey
        if survey is None:
            return TranscodedPart(one.part, replace(one.info, size_bytes=len(one.part.data)))
        if isinstance(decision, Keep):
            size = survey.keep_bytes or len(one.part.data)
            info = replace(survey.info, media_type=one.part.media_type, size_bytes=size, metadata=(), notes=())
            return _made(one, info, Rendition(b"", info, 0, survey.keep_quality, stripped=survey.stripped), None)
        assert isinstance(decision, Transcode)
        size = _size_of(one, survey, decision.limit_bytes)
        info = self._result_of(one, survey, size)
        quality = round(survey.curve.quality_at(size), 1)
        told = Rendition(b"", info, 0, quality, stripped=survey.stripped, notes=(_TOLD,))
        return _made(one, info, told, decision.limit_bytes)

    def _result_of(self, one: ProbedPart, survey: Survey, size: int) -> MediaInfo:
        kind = one.info.kind
        if kind == "image":
            moves = codec_for(one.info) == "animation" and one.form == "" and self._profile.image.animated
            return _picture(survey, self._profile, size, "image/gif" if moves else "image/jpeg")
        if kind == "video":
            width, height = estimate_trim(survey.info, size).whole
            media_type = self._profile.video.formats[0].media_type
            return replace(survey.info, media_type=media_type, size_bytes=size, width_px=width, height_px=height)
        if kind == "audio":
            return replace(survey.info, media_type=self._profile.audio.formats[0].media_type, size_bytes=size)
        return replace(survey.info, media_type=one.part.media_type, size_bytes=size, notes=())

    def verify(self, probed: Sequence[ProbedPart], made: Sequence[TranscodedPart]) -> None:
        """Nothing was made."""


def _has_header_estimate(one: ProbedPart) -> bool:
    codec = codec_for(one.info)
    return codec is not None and CODECS[codec].load_header_estimate is not None and not one.refused


def _made(one: ProbedPart, info: MediaInfo, rendition: Rendition, limit_bytes: int | None) -> TranscodedPart:
    part = replace(one.part, data=bytes(info.size_bytes), media_type=info.media_type)
    return TranscodedPart(part, info, rendition, limit_bytes)


def _size_of(one: ProbedPart, survey: Survey, limit_bytes: int) -> int:
    used = _USED.get(codec_for(one.info) or "")
    if used is None:
        return max((s for s in survey.curve.sizes_bytes if s <= limit_bytes), default=limit_bytes)
    return max(1, min(round(limit_bytes * used), survey.info.size_bytes, round(survey.curve.most_bytes)))


def _picture(survey: Survey, profile: Profile, size: int, media_type: str) -> MediaInfo:
    """Upright, in the receiver's box, at the scale such bytes are mostly best spent at."""
    width, height = survey.info.width_px or 1, survey.info.height_px or 1
    if survey.info.orientation >= 5:  # noqa: PLR2004 - EXIF: 5 to 8 lie on their side
        width, height = height, width
    rule = profile.image
    scale = min(1.0, rule.max_long_px / max(width, height), rule.max_short_px / min(width, height))
    if media_type == "image/jpeg":
        scale = min(scale, rule.view_long_px / max(width, height))
        bits = size * 8 / max(1.0, width * height * scale * scale)
        scale *= next((share for least, share in _SCALES if bits >= 2**least), _SMALLEST_SCALE)
    sides = (max(1, round(side * scale)) for side in (width, height))
    frames = survey.info.frames if media_type == "image/gif" else 1
    return MediaInfo(media_type, "image", size, next(sides), next(sides), frames=frames)
