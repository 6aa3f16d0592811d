"""The contract of every codec, and the values that cross the boundary of a sandbox worker.

A codec knows one kind of medium and one part. It never knows a budget over several parts, a profile or a message:
pipeline/allocation.py divides the bytes, plan.py decides, transcode.py executes.

A codec is a class. One instance holds one source from the survey to the last encode, so that the source is sent to its
worker once and decoded once:

    source = StillSource(data, info)           # cheap: reads headers only
    survey = source.survey(rule, effort)       # decodes, predicts; no full encode
    rendition = source.render(limit_bytes)     # encodes to its share; may be called again with another limit
    codec.verify(rendition.data, info)         # reads the result with another decoder
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from mmscontent.message import MediaInfo
from mmscontent.profiles.model import Rule
from mmscontent.rate_quality import Curve

Effort = Literal["fast", "best"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a codec found in a source: all that plan.py needs to divide the budget."""

    # Facts of the source, by the codec's own decoder (frames, alpha, true sides).
    info: MediaInfo
    # Predicted quality against bytes of the best rendition the rule allows.
    curve: Curve
    # The smallest rendition worth sending.
    minimum_bytes: int
    # Size of the source without its metadata, when the rule lets it pass as it is; else None.
    keep_bytes: int | None = None
    # Quality of that on the same scale; 100.0 when its pixels are what the receiver would see.
    keep_quality: float = 100.0
    # The scale of the qualities: `ssimulacra2@1080` and the like.
    scale: str = ""
    # Why it may not pass as it is, one sentence each; empty when it may.
    reasons: tuple[str, ...] = ()
    # What it was recognised as: `photograph`, `screenshot`, `line art`, `qr code`, `animation`, …
    traits: tuple[str, ...] = ()
    # The metadata that will be removed: "GPS position", "serial number", …
    stripped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendition:
    """One medium encoded for a receiver."""

    data: bytes = field(repr=False)
    info: MediaInfo
    # Full encodes it took, samples not counted.
    encodes: int
    # On the survey's scale, from the curve or model; None when not predicted.
    predicted_quality: float | None = None
    # The same measured on the output, when the caller asked; else None.
    measured_quality: float | None = None
    stripped: tuple[str, ...] = ()
    # The settings that were tried, in order, as text (`2048×1536 q71 4:2:0 → 612,003 bytes`).
    tries: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class MediaSource(Protocol):
    """One source of one kind; raises errors of errors.py only."""

    def __init__(self, data: bytes, info: MediaInfo) -> None: ...

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Analyse the source and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: The source cannot be used.
        """

    def keep(self) -> Rendition:
        """The source as it is but for its metadata; only when the survey's keep_bytes is set."""

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*.

        Raises:
            DoesNotFit: Even the smallest one worth sending is larger; `smallest_bytes` is its size.
        """

    def measure(self, data: bytes) -> float | None:
        """Quality of a rendition on the survey's scale, measured; None when no measuring tool is installed."""
