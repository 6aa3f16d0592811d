"""Steps 5 and 6 of the path: parts in the order they are played, the SMIL that plays them, and the packed bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.errors import EngineFailed, SourceError
from mmscontent.ledger import SlideEntry
from mmscontent.message import Content, MediaInfo, Message
from mmscontent.pack import registry as pack
from mmscontent.pipeline import part_naming
from mmscontent.pipeline.request import Fitted, Job, Shown
from mmscontent.smil.compose import needs_presentation, present
from mmscontent.smil.lint import lint
from mmscontent.smil.rename import rename_sources
from mmscontent.smil.template import is_template, present_by_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.message import Part
    from mmscontent.pipeline.plan import Plan
    from mmscontent.pipeline.transcode import Made

__all__ = ["present_and_pack", "present_parts", "read_back"]


def present_parts(job: Job, parts: Sequence[Part], infos: Sequence[MediaInfo]) -> Shown:
    """The parts under their wire names in the order they are played, and the SMIL that plays them."""
    message = part_naming.with_parts(job.message, part_naming.name_parts(parts))
    if not needs_presentation(message, job.profile):
        return Shown(Content(message.parts, None, message.subject))
    lengths = {index: info.duration_ms for index, info in enumerate(infos) if info.duration_ms}
    by_template = job.smil is not None and is_template(job.smil)
    if by_template and job.smil is not None:
        presented = present_by_template(job.smil, message, lengths, job.profile)
    else:
        presented = present(message, lengths, job.profile)
    slides = tuple(SlideEntry(s.parts, s.duration_ms, s.why) for s in presented.slides)
    shown = Shown(Content(presented.parts, presented.part, message.subject), slides)
    return shown if job.smil is None or by_template else _with_own_smil(job, job.smil, message, shown)


def _with_own_smil(job: Job, smil: bytes, message: Message, shown: Shown) -> Shown:
    """The sender's own presentation in place of ours, where it plays without a fault."""
    assert shown.content.presentation is not None
    try:
        data = rename_sources(smil, job.message.parts, message.parts, job.profile.smil)
    except SourceError as error:
        return replace(shown, warnings=(f"the presentation was written anew: {error}",))
    kept = replace(shown.content, presentation=replace(shown.content.presentation, data=data))
    fault = next((f for f in lint(kept) if f.severity == "error"), None)
    if fault is not None:
        return replace(shown, warnings=(f"the presentation was written anew: {fault.place}: {fault.sentence}",))
    return replace(shown, content=kept)


def present_and_pack(job: Job, plan: Plan, made: tuple[Made, ...]) -> Fitted:
    """The packed message, and its bytes as the limit counts them."""
    shown = present_parts(job, [m.part for m in made], [m.info for m in made])
    packed = pack.pack(shown.content, job.envelope, job.encoding)
    counted = len(packed.data)
    if job.counted_as != job.encoding:
        counted = pack.size(shown.content, job.envelope, job.counted_as)
    return Fitted(shown.content, packed, counted, shown.slides, plan, made, (*job.warnings, *shown.warnings))


def read_back(fitted: Fitted) -> None:
    """Unpack what was packed, and compare.

    Raises:
        EngineFailed: It reads back as something else.
    """
    read = pack.unpack(fitted.packed.data, fitted.packed.content_type).content
    wrote = [(p.media_type, p.content_id, p.data) for p in fitted.content.parts]
    if [(p.media_type, p.content_id, p.data) for p in read.parts] != wrote or read.subject != fitted.content.subject:
        raise EngineFailed(
            f"the packed message reads back with {len(read.parts)} parts that differ from the {len(wrote)} written;"
            " this is a fault of the packer, please report the message"
        )
