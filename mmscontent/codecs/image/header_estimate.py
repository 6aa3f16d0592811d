"""Estimates a picture's size and quality from its header alone, for an answer before anything is decoded.

The curve is the median of 54 real pictures (benchmarks/data/stills_grid.csv) and about ten points off for any one of
them. The minimum size is one that none of those pictures exceeded, so a picture that fits by it does fit.
"""

from __future__ import annotations

import math
from dataclasses import replace

from mmscontent.codecs.base import Survey
from mmscontent.codecs.image.formats import FORMATS
from mmscontent.codecs.image.header import Header, read_header
from mmscontent.codecs.image.loaders import scale_to_fit
from mmscontent.codecs.image.passthrough import kept_bytes, passthrough_blockers
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule, Rule
from mmscontent.rate_quality import Curve

TRAIT = "judged by its header"
# Logarithm to base 2 of bits per pixel of the view, and the median score of the best JPEG of as many bytes.
_TYPICAL = ((-3.0, 1), (-2.0, 34), (-1.0, 63), (0.0, 79), (1.0, 88), (2.0, 93), (3.0, 96))
# Bits per pixel of the view at which every picture of the grid scored 20 points, enough to be worth sending: for
# photographs (False), and for types that may hold lettering (True).
_SURE_BITS = {False: 0.7, True: 1.3}


def estimate_from_header(data: bytes, info: MediaInfo, rule: Rule) -> Survey:
    """Estimate a survey from the header: its `curve` is typical, its `minimum_bytes` is certain.

    Raises:
        SourceError: The data are over the limits or no picture.
    """
    assert isinstance(rule, ImageRule)
    header = read_header(data, info.media_type)
    reasons = passthrough_blockers(header, rule)
    box = min(rule.max_long_px, rule.view_long_px), min(rule.max_short_px, rule.view_long_px)
    scale = scale_to_fit(header.width, header.height, box)
    area = max(1.0, header.width * header.height * scale * scale)
    minimum = math.ceil(area * _SURE_BITS[FORMATS[header.media_type].may_be_lettering] / 8) + 1_000
    kept = None if reasons else len(kept_bytes(data, header))
    points = [(round(2**bits * area / 8) + 1, float(score)) for bits, score in _TYPICAL]
    return Survey(
        info=facts_of_header(header, info, len(data)),
        curve=Curve.through(points),
        minimum_bytes=minimum if kept is None else min(minimum, kept),
        keep_bytes=kept,
        scale=f"ssimulacra2@{rule.view_long_px}",
        reasons=reasons,
        traits=(TRAIT,),
        stripped=header.metadata,
    )


def facts_of_header(header: Header, info: MediaInfo, size_bytes: int) -> MediaInfo:
    """Add what the header says to the facts known of a picture."""
    return replace(
        info,
        size_bytes=size_bytes,
        width_px=header.width,
        height_px=header.height,
        orientation=header.orientation,
        frames=header.frames,
        profile=None if header.jpeg is None else "baseline" if header.jpeg.is_baseline else "progressive",
        metadata=header.metadata,
        notes=tuple(dict.fromkeys((*info.notes, *header.notes))),
    )
