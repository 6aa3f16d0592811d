"""Step 5 of the path: parts in the order they are played, and the SMIL that plays them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent import naming
from mmscontent.errors import SourceError
from mmscontent.job import Job, Shown
from mmscontent.ledger import SlideEntry
from mmscontent.message import Content, MediaInfo, Message
from mmscontent.smil.compose import needs_presentation, present
from mmscontent.smil.lint import lint
from mmscontent.smil.rename import rename_sources
from mmscontent.smil.template import is_template, present_by_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.message import Part

__all__ = ["present_parts"]


def present_parts(job: Job, parts: Sequence[Part], infos: Sequence[MediaInfo]) -> Shown:
    """The parts under their wire names in the order they are played, and the SMIL that plays them."""
    message = naming.with_parts(job.message, naming.name_parts(parts))
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
