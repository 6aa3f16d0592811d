"""Step 8 of the path: what became of each part, or why the message cannot be sent, as a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.ledger import Ledger, PartEntry
from mmscontent.plan import Examined, Keep, Option, Transcode, options_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.adapt import Made
    from mmscontent.job import Fitted, Job
    from mmscontent.plan import Decision

__all__ = ["ledger_of", "refused_ledger"]


def ledger_of(job: Job, examined: Sequence[Examined], fitted: Fitted) -> Ledger:
    """A message that fits, as a ledger."""
    entries = [
        _entry(one, decision, made)
        for one, decision, made in zip(examined, fitted.plan.decisions, fitted.made, strict=True)
    ]
    bodies = sum(len(p.data) for p in fitted.content.parts)
    return Ledger(
        fits=True,
        encoding=job.encoding,
        profile=job.profile,
        counted_as=job.counted_as,
        packed_bytes=fitted.counted_bytes,
        overhead_bytes=fitted.counted_bytes - bodies,
        parts=tuple(entries),
        slides=fitted.slides,
        warnings=fitted.warnings,
    )


def _entry(one: Examined, decision: Decision, made: Made) -> PartEntry:
    rendition, survey = made.rendition, one.survey
    kept = isinstance(decision, Keep)
    predicted = survey.keep_quality if (survey and kept) else (rendition.predicted_quality if rendition else None)
    return PartEntry(
        name=one.label,
        kind=one.info.kind,
        decision="keep" if kept else "transcode",
        source=survey.info if survey else one.info,
        content_id=made.part.content_id,
        result=made.info,
        reasons=decision.reasons,
        share_bytes=decision.limit_bytes if isinstance(decision, Transcode) else None,
        scale=survey.scale if survey else "",
        predicted=predicted,
        measured=rendition.measured_quality if rendition else None,
        encodes=rendition.encodes if rendition else 0,
        stripped=rendition.stripped if rendition else (),
        tries=rendition.tries if rendition else (),
        notes=(*one.info.notes, *_traits(one), *(rendition.notes if rendition else ())),
    )


def _traits(one: Examined) -> tuple[str, ...]:
    return (f"taken for: {', '.join(one.survey.traits)}",) if one.survey and one.survey.traits else ()


def refused_ledger(job: Job, examined: Sequence[Examined], refusal: DoesNotFit | NotAllowed, room_bytes: int) -> Ledger:
    """A refusal as a ledger; *room_bytes* is what all bodies might have together under the hard limit."""
    if isinstance(refusal, DoesNotFit):
        smallest, options = refusal.smallest_bytes, options_for(examined, room_bytes)
    else:
        smallest, options = 0, (Option("drop", refusal.part, ()),)
    return Ledger(
        fits=False,
        encoding=job.encoding,
        counted_as=job.counted_as,
        profile=job.profile,
        packed_bytes=smallest,
        overhead_bytes=max(0, job.profile.limit_bytes - room_bytes),
        parts=tuple(_refused_entry(one, refusal) for one in examined),
        warnings=job.warnings,
        options=options,
        error=str(refusal),
    )


def _refused_entry(one: Examined, refusal: DoesNotFit | NotAllowed) -> PartEntry:
    """A part of a message that was not made: what it is, and what would have been done with it."""
    survey = one.survey
    unwanted = isinstance(refusal, NotAllowed) and refusal.part == one.label
    made_anew = survey is not None and survey.keep_bytes is None
    return PartEntry(
        name=one.label,
        kind=one.info.kind,
        decision="drop" if unwanted else ("transcode" if made_anew else "keep"),
        source=survey.info if survey else one.info,
        content_id=one.part.content_id,
        reasons=(*one.reasons, *((str(refusal),) if unwanted else ()), *(survey.reasons if survey else ())),
        notes=(*one.info.notes, *_traits(one)),
    )
