"""Steps 5 and 6: puts the parts in the order they are played, writes the SMIL that plays them, and packs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.errors import EngineFailed, SourceError
from mmscontent.ledger import SlideEntry
from mmscontent.message import Content, MediaInfo, Message, Part, replace_parts
from mmscontent.pack import registry as pack
from mmscontent.part_names import assign_part_names
from mmscontent.smil.compose import PRESENTATION_NAMES, needs_presentation, present
from mmscontent.smil.lint import lint
from mmscontent.smil.resolve import rename_sources
from mmscontent.smil.template import is_template, present_by_template

if TYPE_CHECKING:
    from mmscontent.pack.registry import Packed
    from mmscontent.pipeline.plan import Plan
    from mmscontent.pipeline.request import ComposeRequest
    from mmscontent.pipeline.transcode import TranscodedPart


@dataclass(frozen=True, slots=True)
class RenderedPresentation:
    """Parts in order with the presentation that plays them."""

    content: Content
    slides: tuple[SlideEntry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackedMessage:
    """A message in its wire form, before it is verified; *counted_bytes* is its size as the limit counts it."""

    content: Content
    wire: Packed
    counted_bytes: int
    slides: tuple[SlideEntry, ...]
    plan: Plan
    transcoded: tuple[TranscodedPart, ...]
    warnings: tuple[str, ...]


def present_parts(request: ComposeRequest, parts: Sequence[Part], infos: Sequence[MediaInfo]) -> RenderedPresentation:
    """The parts under their wire names in the order they are played, and the SMIL that plays them."""
    message = replace_parts(request.message, assign_part_names(parts, PRESENTATION_NAMES))
    if not needs_presentation(message, request.profile):
        return RenderedPresentation(Content(message.parts, None, message.subject))
    lengths = {index: info.duration_ms for index, info in enumerate(infos) if info.duration_ms}
    # A template decides itself what is rendered; other SMIL of the sender replaces ours only if it plays without fault.
    by_template = request.smil is not None and is_template(request.smil)
    if by_template and request.smil is not None:
        presented = present_by_template(request.smil, message, lengths, request.profile)
    else:
        presented = present(message, lengths, request.profile)
    slides = tuple(SlideEntry(s.parts, s.duration_ms, s.why) for s in presented.slides)
    rendered = RenderedPresentation(Content(presented.parts, presented.part, message.subject), slides)
    return rendered if request.smil is None or by_template else _with_own_smil(request, request.smil, message, rendered)


def _with_own_smil(
    request: ComposeRequest, smil: bytes, message: Message, rendered: RenderedPresentation
) -> RenderedPresentation:
    """The presentation with the sender's own SMIL in place of ours, where it plays without a fault."""
    assert rendered.content.presentation is not None
    try:
        data = rename_sources(smil, request.message.parts, message.parts, request.profile.smil)
    except SourceError as error:
        return replace(rendered, warnings=(f"the presentation was written anew: {error}",))
    kept = replace(rendered.content, presentation=replace(rendered.content.presentation, data=data))
    fault = next((f for f in lint(kept) if f.severity == "error"), None)
    if fault is not None:
        return replace(rendered, warnings=(f"the presentation was written anew: {fault.place}: {fault.sentence}",))
    return replace(rendered, content=kept)


def present_and_pack(request: ComposeRequest, plan: Plan, transcoded: tuple[TranscodedPart, ...]) -> PackedMessage:
    """Pack the message, and count its bytes as the limit counts them."""
    rendered = present_parts(request, [one.part for one in transcoded], [one.info for one in transcoded])
    wire = pack.pack(rendered.content, request.envelope, request.encoding)
    counted = len(wire.data)
    # A route may count another wire form than the one that is written.
    if request.counted_as != request.encoding:
        counted = pack.size(rendered.content, request.envelope, request.counted_as)
    warnings = (*request.warnings, *rendered.warnings)
    return PackedMessage(rendered.content, wire, counted, rendered.slides, plan, transcoded, warnings)


def read_back(message: PackedMessage) -> None:
    """Step 7: unpack the message and compare it with what was packed.

    Raises:
        EngineFailed: It reads back as something else.
    """
    read, wrote = pack.unpack(message.wire.data, message.wire.content_type).content, message.content
    if _identity(read) != _identity(wrote) or read.subject != wrote.subject:
        raise EngineFailed(
            f"the packed message reads back with {len(read.parts)} parts that differ from the {len(wrote.parts)}"
            " written; this is a fault of the packer, please report the message"
        )


def _identity(content: Content) -> list[tuple[str, str, bytes]]:
    return [(part.media_type, part.content_id, part.data) for part in content.parts]
