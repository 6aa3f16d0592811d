"""The jailed side of the codecs: the program a worker runs, and the values that may cross its wall.

`python -m mmscontent.codecs.worker` serves calls until its parent goes away. A session holds one source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmscontent import message, rate_quality
from mmscontent.codecs import base
from mmscontent.codecs.registry import CODECS
from mmscontent.profiles import model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HANDLERS", "REGISTRY"]

REGISTRY: tuple[type, ...] = (
    message.MediaInfo,
    rate_quality.Curve,
    base.Survey,
    base.Rendition,
    model.ImageRule,
    model.VideoRule,
    model.VideoFormat,
    model.AudioRule,
    model.AudioFormat,
    model.TextRule,
    model.ContactRule,
    model.CalendarRule,
)
State = dict[str, base.MediaSource]


def _open(state: State, codec: str, data: bytes, info: message.MediaInfo) -> None:
    state["source"] = CODECS[codec].load()(data, info)


def _survey(state: State, rule: model.Rule, effort: base.Effort) -> base.Survey:
    return state["source"].survey(rule, effort)


def _keep(state: State) -> base.Rendition:
    return state["source"].keep()


def _render(state: State, limit_bytes: int) -> base.Rendition:
    return state["source"].render(limit_bytes)


def _measure(state: State, data: bytes) -> float | None:
    return state["source"].measure(data)


def _verify(_: State, codec: str, data: bytes, info: message.MediaInfo) -> message.MediaInfo:
    return CODECS[codec].load_verify()(data, info)


def _estimate_from_header(_: State, codec: str, data: bytes, info: message.MediaInfo, rule: model.Rule) -> base.Survey:
    load = CODECS[codec].load_header_estimate
    assert load is not None
    return load()(data, info, rule)


def _trim(_: State, data: bytes, info: message.MediaInfo, duration_ms: int) -> bytes:
    from mmscontent.codecs.trim import trim  # noqa: PLC0415 - engines load where they are used

    return trim(data, info, duration_ms)


def _poster_frame(_: State, data: bytes, info: message.MediaInfo) -> bytes:
    from mmscontent.codecs.trim import poster_frame  # noqa: PLC0415 - as above

    return poster_frame(data, info)


HANDLERS: Mapping[str, Callable[..., object]] = {
    "open": _open,
    "survey": _survey,
    "keep": _keep,
    "render": _render,
    "measure": _measure,
    "verify": _verify,
    "estimate_from_header": _estimate_from_header,
    "trim": _trim,
    "poster_frame": _poster_frame,
}


def main() -> None:
    """Load the engines, then serve from inside the jail."""
    from mmscontent.sandbox import worker_main  # noqa: PLC0415 - only the worker needs it

    for row in CODECS.values():
        if row.sandboxed:
            row.load()
            if row.load_header_estimate is not None:
                row.load_header_estimate()
    worker_main.serve(HANDLERS, classes=REGISTRY)


if __name__ == "__main__":
    main()
