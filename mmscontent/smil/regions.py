"""Layout of a repaired or filled presentation: the author's regions where nothing is lost by them, else ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mmscontent.profiles.model import SmilRule
from mmscontent.smil.compose import lay_out
from mmscontent.smil.model import IMAGE_REGION, TEXT_REGION, Element, Fit, Presentation, Region, SlideView
from mmscontent.smil.predicates import out_of_screen, overlap, too_small_for_text

PICTURES: tuple[Element, ...] = ("img", "video")


def arrange_regions(
    slides: Sequence[SlideView], presentation: Presentation, longest_caption_chars: int
) -> Presentation:
    """The slides as a presentation with the regions Image and Text: the author's where they are sound, else ours.

    Args:
        slides: What is to be shown; the regions of their media are set here.
        presentation: The author's.
        longest_caption_chars: The longer the words, the more of the screen our own layout gives them.
    """
    laid = lay_out(slides, rule=SmilRule(), longest_caption_chars=longest_caption_chars)
    # CONF knows the regions Image and Text, and no others
    wanted = {r.id for r in laid.regions}
    found = {
        IMAGE_REGION: _region_used(presentation, PICTURES, IMAGE_REGION),
        TEXT_REGION: _region_used(presentation, ("text",), TEXT_REGION),
    }
    authors = tuple(found[name] for name in (IMAGE_REGION, TEXT_REGION) if name in wanted)
    kept = tuple(r for r in authors if r is not None)
    sound = len(kept) == len(authors) and all(_is_sound(r) for r in kept)
    if not sound or (len(kept) > 1 and overlap(kept[0], kept[1])):
        return laid
    return replace(laid, regions=kept)


def _region_used(presentation: Presentation, elements: Sequence[str], name: str) -> Region | None:
    """The region most media of these elements are shown in, in whole percents and under the name it should have."""
    uses = Counter(m.region for m in presentation.media if m.element in elements and m.region)
    region = presentation.region(uses.most_common(1)[0][0] if uses else name)
    if region is None:
        return None
    # AOSP reads whole percents only, and gives up the layout for a fraction
    left, top, right, bottom = (round(v) for v in (region.left, region.top, region.right, region.bottom))
    # hidden, the default of SMIL, cuts what is larger than its region
    uncut: Fit = "scroll" if name == TEXT_REGION else "meet"
    return Region(name, left, top, right - left, bottom - top, uncut if region.fit == "hidden" else region.fit)


def _is_sound(region: Region) -> bool:
    if region.width <= 0 or region.height <= 0 or out_of_screen(region) or region.right > 100 or region.bottom > 100:  # noqa: PLR2004 - percent
        return False
    return region.id != TEXT_REGION or not too_small_for_text(region)
