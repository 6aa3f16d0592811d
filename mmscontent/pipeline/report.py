"""Step 8: writes the ledger, which says what became of each part, or why the message cannot be sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.codecs.base import Rendition
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.ledger import Ledger, Option, PartEntry
from mmscontent.message import MediaInfo
from mmscontent.pipeline.plan import Decision, Keep, Parts, ProbedPart, Transcode
from mmscontent.pipeline.trim_estimate import trim_advice

if TYPE_CHECKING:
    from mmscontent.pipeline.present import PackedMessage
    from mmscontent.pipeline.request import ComposeRequest
    from mmscontent.pipeline.transcode import TranscodedPart


def build_ledger(request: ComposeRequest, parts: Parts, packed: PackedMessage) -> Ledger:
    """The ledger of a message that fits: every part of the caller's once, in the caller's order."""
    entries = [
        (one.index, _entry(one, decision, result))
        for one, decision, result in zip(parts, packed.plan.decisions, packed.transcoded, strict=True)
    ]
    entries += [(one.index, _left_out_entry(one, why)) for one, why in request.left_out]
    bodies = sum(len(part.data) for part in packed.content.parts)
    return Ledger(
        fits=True,
        encoding=request.encoding,
        profile=request.profile,
        counted_as=request.counted_as,
        packed_bytes=packed.counted_bytes,
        overhead_bytes=packed.counted_bytes - bodies,
        parts=_merge_pages(entries),
        slides=packed.slides,
        warnings=packed.warnings,
        notes=request.notes,
        remedy=request.remedy,
        number=request.number,
        count=request.count,
    )


def build_refusal_ledger(
    request: ComposeRequest,
    parts: Parts,
    refusal: DoesNotFit | NotAllowed,
    available_bytes: int,
    options: tuple[Option, ...],
) -> Ledger:
    """The ledger of a refusal; *available_bytes* is the budget of all bodies together under the hard limit."""
    smallest = refusal.smallest_bytes if isinstance(refusal, DoesNotFit) else 0
    return Ledger(
        fits=False,
        encoding=request.encoding,
        counted_as=request.counted_as,
        profile=request.profile,
        packed_bytes=smallest,
        overhead_bytes=max(0, request.profile.limit_bytes - available_bytes),
        parts=_merge_pages((one.index, _refused_entry(one)) for one in parts),
        warnings=request.warnings,
        notes=request.notes,
        options=options,
        error=str(refusal),
    )


def _merge_pages(entries: Iterable[tuple[int, PartEntry]]) -> tuple[PartEntry, ...]:
    """One entry per part of the caller's; the pages of a long text are one."""
    ordered = sorted(entries, key=lambda pair: pair[0])
    groups = itertools.groupby(ordered, key=lambda pair: pair[0])
    return tuple(_merged([entry for _, entry in group]) for _, group in groups)


def _merged(pages: list[PartEntry]) -> PartEntry:
    first = pages[0]
    if len(pages) == 1:
        return first
    results = [page.result for page in pages if page.result is not None]
    result = replace(results[0], size_bytes=sum(r.size_bytes for r in results)) if results else None
    why = f"takes longer to read than a slide lasts; divided where sentences end, over {len(pages)} slides"
    reasons = dict.fromkeys(reason for page in pages for reason in (why, *page.reasons))
    # Pages are the caller's text in another form, so it counts as transcoded even if every page is kept.
    return replace(first, result=result, decision="drop" if result is None else "transcode", reasons=tuple(reasons))


def _entry(one: ProbedPart, decision: Decision, result: TranscodedPart) -> PartEntry:
    rendition, survey = result.rendition, one.survey
    keep = isinstance(decision, Keep)
    predicted = survey.keep_quality if (survey and keep) else (rendition.predicted_quality if rendition else None)
    notes = (*one.info.notes, *_traits(one), *_trim_notes(one, decision, result))
    return PartEntry(
        name=one.label,
        kind=_source(one).kind,
        decision="keep" if keep else "transcode",
        source=_source(one),
        content_id=result.part.content_id,
        result=result.info,
        reasons=decision.reasons,
        share_bytes=decision.limit_bytes if isinstance(decision, Transcode) else None,
        scale=survey.scale if survey else "",
        predicted=predicted,
        measured=rendition.measured_quality if rendition else None,
        encodes=rendition.encodes if rendition else 0,
        stripped=_stripped(one, rendition),
        tries=rendition.tries if rendition else (),
        notes=(*notes, *(rendition.notes if rendition else ())),
    )


def _left_out_entry(one: ProbedPart, why: str) -> PartEntry:
    notes = (*one.info.notes, *_traits(one))
    return PartEntry(one.label, one.info.kind, "drop", _source(one), reasons=(why,), notes=notes)


def _refused_entry(one: ProbedPart) -> PartEntry:
    """A part of a message that was not composed, with what would have been done with it."""
    survey = one.survey
    needs_transcode = survey is not None and survey.keep_bytes is None
    return PartEntry(
        name=one.label,
        kind=one.info.kind,
        decision="drop" if one.refused else ("transcode" if needs_transcode else "keep"),
        source=_source(one),
        content_id=one.part.content_id,
        reasons=(*one.reasons, *((one.refused,) if one.refused else ()), *(survey.reasons if survey else ())),
        notes=(*one.info.notes, *_traits(one)),
    )


def _source(one: ProbedPart) -> MediaInfo:
    return one.survey.info if one.survey else one.info


def _stripped(one: ProbedPart, rendition: Rendition | None) -> tuple[str, ...]:
    """Metadata of the source that is not sent; of a picture nothing is, whether it is kept or transcoded."""
    if rendition is None:
        return ()
    labels = one.info.metadata if one.info.kind == "image" else ()
    return tuple(dict.fromkeys((*rendition.stripped, *labels)))


def _trim_notes(one: ProbedPart, decision: Decision, result: TranscodedPart) -> tuple[str, ...]:
    """What the share of a video gives, and what a cut would give: for the sender to judge."""
    survey = one.survey
    if one.info.kind != "video" or one.form or survey is None or not isinstance(decision, Transcode):
        return ()
    advice = trim_advice(survey.info, survey.curve, result.info)
    return (advice,) if advice else ()


def _traits(one: ProbedPart) -> tuple[str, ...]:
    return (f"recognised as: {', '.join(one.survey.traits)}",) if one.survey and one.survey.traits else ()
