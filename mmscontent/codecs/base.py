"""The contract of every codec, and the values that cross the jail's wall.

A codec knows one kind of medium and one part. It never knows a budget over several parts, a profile
or a message: budget.py shares, plan.py decides, adapt.py carries out.

A codec is a class. One instance holds one source in a jailed worker from the first look to the last encode,
so that the source crosses the wall once and is decoded once:

    source = StillSource(data, info)           # cheap: looks at headers only
    survey = source.survey(rule, effort)       # decodes, predicts; no full encode
    rendition = source.render(limit_bytes)     # encodes to its share; may be called again with another limit
    codec.verify(rendition.data, info)         # a second look by another decoder
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo
    from mmscontent.profiles.model import Rule
    from mmscontent.rate_quality import Curve

__all__ = ["Effort", "MediaSource", "Rendition", "Survey"]

Effort = Literal["fast", "best"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a codec saw in a source: all that plan.py needs to share the room.

    Attributes:
        info: Facts of the source, by the codec's own decoder (frames, alpha, true sides).
        curve: Predicted quality against bytes of the best rendition the rule allows.
        minimum_bytes: Under this it is not worth sending.
        keep_bytes: Size of the source with its metadata taken out, when the rule lets it pass as it is; else None.
        keep_quality: Quality of that on the same scale; 100.0 when its pixels are what the receiver would see.
        scale: What the qualities are: `ssimulacra2@1080` and the like.
        reasons: Why it may not pass as it is, one sentence each; empty when it may.
        traits: What it was taken for: `photograph`, `screenshot`, `line art`, `qr code`, `animation`, …
        stripped: What will be taken out: "GPS position", "serial number", …
    """

    info: MediaInfo
    curve: Curve
    minimum_bytes: int
    keep_bytes: int | None = None
    keep_quality: float = 100.0
    scale: str = ""
    reasons: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    stripped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendition:
    """One medium made for a receiver.

    Attributes:
        encodes: Full encodes it took, probes not counted.
        predicted_quality: On the survey's scale, from the curve or model; None when not predicted.
        measured_quality: The same measured on the output, when the caller asked; else None.
        tries: What was tried, in order, in words (`2048×1536 q71 4:2:0 → 612,003 bytes`).
    """

    data: bytes = field(repr=False)
    info: MediaInfo
    encodes: int
    predicted_quality: float | None = None
    measured_quality: float | None = None
    stripped: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class MediaSource(Protocol):
    """One source of one kind, living in a jailed worker; raises our errors only."""

    def __init__(self, data: bytes, info: MediaInfo) -> None: ...

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Look at the source and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: The source cannot be used.
        """

    def keep(self) -> Rendition:
        """The source as it is but for its metadata; only when the survey's keep_bytes is set."""

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*.

        Raises:
            DoesNotFit: Even the smallest one worth sending is larger; `smallest_bytes` tells its size.
        """

    def measure(self, data: bytes) -> float | None:
        """Quality of a rendition on the survey's scale, measured; None when no measuring tool is installed."""
