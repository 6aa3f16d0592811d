"""The codecs' side of a sandbox worker: its handlers, and the dataclasses that may cross its boundary.

`python -m mmscontent.codecs.worker` serves calls until its parent goes away. A session there holds one source. Callers
use session.py, which names these handlers, so that each call is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from mmscontent import message, rate_quality
from mmscontent.codecs import base
from mmscontent.codecs.registry import CODECS
from mmscontent.profiles import model

# Both sides check every value against these fields; a new dataclass that is passed must be added.
REGISTRY: tuple[type, ...] = (
    message.MediaInfo,
    rate_quality.Curve,
    base.Survey,
    base.Rendition,
    *get_args(model.Rule),
    model.VideoFormat,
    model.AudioFormat,
)
SessionState = dict[str, base.MediaSource]


def open_source(state: SessionState, codec: str, data: bytes, info: message.MediaInfo) -> None:
    """Hold a source; the other handlers are about it."""
    state["source"] = CODECS[codec].load().source(data, info)


def survey(state: SessionState, rule: model.Rule, effort: base.Effort) -> base.Survey:
    """Analyse the source for a receiver (base.MediaSource.survey, and so are the next three)."""
    return state["source"].survey(rule, effort)


def keep(state: SessionState) -> base.Rendition:
    """The source as it is but for its metadata."""
    return state["source"].keep()


def render(state: SessionState, limit_bytes: int) -> base.Rendition:
    """The best rendition of at most *limit_bytes*."""
    return state["source"].render(limit_bytes)


def measure(state: SessionState, data: bytes) -> float | None:
    """The measured quality of a rendition."""
    return state["source"].measure(data)


def verify(_: SessionState, codec: str, data: bytes, info: message.MediaInfo) -> message.MediaInfo:
    """Read an output with another decoder than the one that wrote it."""
    return CODECS[codec].load().verify(data, info)


def estimate_from_header(
    _: SessionState, codec: str, data: bytes, info: message.MediaInfo, rule: model.Rule
) -> base.Survey:
    """Estimate a source by its header alone, without holding it."""
    estimate = CODECS[codec].load().estimate_from_header
    assert estimate is not None
    return estimate(data, info, rule)


HANDLERS: Mapping[str, Callable[..., object]] = {
    handler.__name__: handler for handler in (open_source, survey, keep, render, measure, verify, estimate_from_header)
}


def main() -> None:
    """Load the engines, then serve from inside the sandbox."""
    from mmscontent.sandbox import worker_main  # noqa: PLC0415 - only the worker needs it

    # Engines are imported before the sandbox closes: afterwards no file can be opened.
    for row in CODECS.values():
        if row.sandboxed:
            row.load()
    worker_main.serve(HANDLERS, classes=REGISTRY)


if __name__ == "__main__":
    main()
