"""Step 8 of the path: what became of each part, or why the message cannot be sent, as a ledger."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.ledger import Ledger, Option, PartEntry
from mmscontent.pipeline.plan import Keep, ProbedPart, Transcode
from mmscontent.pipeline.trim_estimate import trim_advice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mmscontent.codecs.base import Rendition
    from mmscontent.pipeline.plan import Decision
    from mmscontent.pipeline.request import ComposeRequest, PackedMessage
    from mmscontent.pipeline.transcode import TranscodedPart

__all__ = ["build_ledger", "build_refusal_ledger"]


def build_ledger(request: ComposeRequest, probed: Sequence[ProbedPart], fitted: PackedMessage) -> Ledger:
    """A message that fits, as a ledger: every part of the caller's once, in his order."""
    entries = [
        (one.index, _entry(one, decision, made))
        for one, decision, made in zip(probed, fitted.plan.decisions, fitted.made, strict=True)
    ]
    entries += [(one.index, _left_out_entry(one, why)) for one, why in request.left_out]
    bodies = sum(len(p.data) for p in fitted.content.parts)
    return Ledger(
        fits=True,
        encoding=request.encoding,
        profile=request.profile,
        counted_as=request.counted_as,
        packed_bytes=fitted.counted_bytes,
        overhead_bytes=fitted.counted_bytes - bodies,
        parts=_one_each(entries),
        slides=fitted.slides,
        warnings=fitted.warnings,
        notes=request.notes,
        remedy=request.remedy,
        number=request.number,
        count=request.count,
    )


def _one_each(entries: Iterable[tuple[int, PartEntry]]) -> tuple[PartEntry, ...]:
    """One entry a part of the caller's; the pages of a long text are one."""
    ordered = sorted(entries, key=lambda pair: pair[0])
    groups = itertools.groupby(ordered, key=lambda pair: pair[0])
    return tuple(_joined([entry for _, entry in group]) for _, group in groups)


def _joined(pages: list[PartEntry]) -> PartEntry:
    first = pages[0]
    if len(pages) == 1:
        return first
    shown = [page.result for page in pages if page.result is not None]
    result = replace(shown[0], size_bytes=sum(r.size_bytes for r in shown)) if shown else None
    said = f"longer than a slide can be read: parted at sentence ends, on {len(pages)} slides"
    reasons = dict.fromkeys(reason for page in pages for reason in (said, *page.reasons))
    return replace(first, result=result, decision="drop" if result is None else "transcode", reasons=tuple(reasons))


def _left_out_entry(one: ProbedPart, why: str) -> PartEntry:
    return PartEntry(
        name=one.label,
        kind=one.info.kind,
        decision="drop",
        source=one.survey.info if one.survey else one.info,
        reasons=(why,),
        notes=(*one.info.notes, *_traits(one)),
    )


def _entry(one: ProbedPart, decision: Decision, made: TranscodedPart) -> PartEntry:
    rendition, survey = made.rendition, one.survey
    kept = isinstance(decision, Keep)
    predicted = survey.keep_quality if (survey and kept) else (rendition.predicted_quality if rendition else None)
    source = survey.info if survey else one.info
    return PartEntry(
        name=one.label,
        kind=source.kind,
        decision="keep" if kept else "transcode",
        source=source,
        content_id=made.part.content_id,
        result=made.info,
        reasons=decision.reasons,
        share_bytes=decision.limit_bytes if isinstance(decision, Transcode) else None,
        scale=survey.scale if survey else "",
        predicted=predicted,
        measured=rendition.measured_quality if rendition else None,
        encodes=rendition.encodes if rendition else 0,
        stripped=_stripped(one, rendition),
        tries=rendition.tries if rendition else (),
        notes=(*one.info.notes, *_traits(one), *_price(one, decision, made), *(rendition.notes if rendition else ())),
    )


# What the sniffer calls otherwise than the codecs do.
_SAME = {
    "date taken": "capture time",
    "description": "comment",
    "image id": "picture identifier",
    "motion photo video": "motion photo",
}


def _stripped(one: ProbedPart, rendition: Rendition | None) -> tuple[str, ...]:
    """What left with the source and does not go on; of a picture nothing does, made anew or not."""
    if rendition is None:
        return ()
    seen = one.info.metadata if one.info.kind == "image" else ()
    return tuple(dict.fromkeys((*rendition.stripped, *(_SAME.get(label, label) for label in seen))))


def _price(one: ProbedPart, decision: Decision, made: TranscodedPart) -> tuple[str, ...]:
    """What a film's share gives, and what a cut would: for the sender to judge."""
    survey = one.survey
    if one.info.kind != "video" or one.form or survey is None or not isinstance(decision, Transcode):
        return ()
    told = trim_advice(survey.info, survey.curve, made.info)
    return (told,) if told else ()


def _traits(one: ProbedPart) -> tuple[str, ...]:
    return (f"taken for: {', '.join(one.survey.traits)}",) if one.survey and one.survey.traits else ()


def build_refusal_ledger(
    request: ComposeRequest,
    probed: Sequence[ProbedPart],
    refusal: DoesNotFit | NotAllowed,
    available_bytes: int,
    options: tuple[Option, ...],
) -> Ledger:
    """A refusal as a ledger; *available_bytes* is what all bodies might have together under the hard limit."""
    smallest = refusal.smallest_bytes if isinstance(refusal, DoesNotFit) else 0
    return Ledger(
        fits=False,
        encoding=request.encoding,
        counted_as=request.counted_as,
        profile=request.profile,
        packed_bytes=smallest,
        overhead_bytes=max(0, request.profile.limit_bytes - available_bytes),
        parts=_one_each((one.index, _refused_entry(one)) for one in probed),
        warnings=request.warnings,
        notes=request.notes,
        options=options,
        error=str(refusal),
    )


def _refused_entry(one: ProbedPart) -> PartEntry:
    """A part of a message that was not made: what it is, and what would have been done with it."""
    survey = one.survey
    made_anew = survey is not None and survey.keep_bytes is None
    return PartEntry(
        name=one.label,
        kind=one.info.kind,
        decision="drop" if one.refused else ("transcode" if made_anew else "keep"),
        source=survey.info if survey else one.info,
        content_id=one.part.content_id,
        reasons=(*one.reasons, *((one.refused,) if one.refused else ()), *(survey.reasons if survey else ())),
        notes=(*one.info.notes, *_traits(one)),
    )
