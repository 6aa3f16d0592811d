"""A still estimated from its header: the same facts as by its pixels, and a floor that holds."""

from __future__ import annotations

import pytest

from mmscontent.codecs.image import StillSource
from mmscontent.codecs.image.header import estimate_from_header
from mmscontent.errors import MMSContentError
from mmscontent.message import MediaInfo, Part
from mmscontent.pipeline.allocation import policy_for
from mmscontent.pipeline.plan import ProbedPart, minimum_bytes
from mmscontent.profiles.model import ImageRule
from mmscontent.sniff import sniff
from tests.conftest import ROOT, corpus_files

RULE = ImageRule(max_long_px=1920, max_short_px=1080)
MOST_BYTES = 1_500_000
STILLS = [
    *sorted((ROOT / "fixtures").glob("*.jpg")),
    *sorted((ROOT / "fixtures").glob("png-*.png")),
    *sorted((ROOT / "fixtures").glob("heic-*.heic")),
    *(f.path for f in corpus_files("image") if "phones" in f.name and f.path.stat().st_size < MOST_BYTES),
]


def told(path) -> tuple[bytes, MediaInfo] | None:
    data = path.read_bytes()
    try:
        info = sniff(data, path.name)
    except MMSContentError:
        return None
    return (data, info) if info.kind == "image" and (info.frames or 1) == 1 else None


@pytest.mark.parametrize("path", [p for p in STILLS if told(p)], ids=lambda p: p.name)
def test_the_header_tells_what_the_pixels_do_and_promises_less(path) -> None:
    data, info = told(path) or (b"", None)
    try:
        seen = StillSource(data, info).survey(RULE, "fast")
    except MMSContentError:
        return  # damage among its pixels; the header cannot know

    glanced = estimate_from_header(data, info, RULE)

    assert glanced.info == seen.info
    assert (glanced.keep_bytes, glanced.reasons, glanced.stripped) == (seen.keep_bytes, seen.reasons, seen.stripped)
    by_pixels, by_header = (
        minimum_bytes(ProbedPart(Part(b"", "image/jpeg"), info, survey, policy=policy_for("image", survey.traits)))
        for survey in (seen, glanced)
    )
    assert by_header >= min(by_pixels, len(data))
