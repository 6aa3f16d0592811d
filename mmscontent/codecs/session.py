"""Typed calls to a codec that holds one source, wherever that codec runs: in a sandbox worker or in this process.

Each method names its handler in worker.py, so that a type checker sees arguments and results on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Self, TypeVar, cast

from mmscontent.codecs import worker
from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.registry import CODECS
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import Rule
from mmscontent.sandbox import pool

P = ParamSpec("P")
T = TypeVar("T")


def codec_pool(*, workers: int | None = None) -> pool.SandboxPool:
    """The pool of sandbox workers of this process; *workers* counts at the first call only."""
    return pool.shared_pool("mmscontent.codecs.worker", classes=worker.REGISTRY, workers=workers)


class CodecSession:
    """One source and its codec, from the survey to the last encode; the source is sent and decoded once.

    Args:
        codec: A row of the registry (`codec_for`).
        part: What to call the source in an error.

    Raises:
        EngineMissing: This system cannot start workers.
    """

    def __init__(self, codec: str, part: str = "") -> None:
        self._codec, self._part = codec, part
        # The pool gives the least busy worker; a session stays in it, because its source is decoded there.
        self._remote = codec_pool().open_session() if CODECS[codec].sandboxed else None
        self._local: worker.SessionState = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, data: bytes, info: MediaInfo) -> None:
        """Give the codec its source; the methods below are about it."""
        self._call(worker.open_source, self._codec, data, info)

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Analyse the source for a receiver (base.MediaSource.survey, as are the next three)."""
        return self._call(worker.survey, rule, effort)

    def keep(self) -> Rendition:
        """The source as it is but for its metadata."""
        return self._call(worker.keep)

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*."""
        return self._call(worker.render, limit_bytes)

    def measure(self, data: bytes) -> float | None:
        """The measured quality of a rendition."""
        return self._call(worker.measure, data)

    def verify(self, data: bytes, info: MediaInfo) -> MediaInfo:
        """Read an output with another decoder than the one that wrote it."""
        return self._call(worker.verify, self._codec, data, info)

    def estimate_from_header(self, data: bytes, info: MediaInfo, rule: Rule) -> Survey:
        """Estimate a source by its header alone; needs no `open`."""
        return self._call(worker.estimate_from_header, self._codec, data, info, rule)

    def close(self) -> None:
        """Forget the source; closing twice is harmless."""
        if self._remote is not None:
            self._remote.close()
        for source in self._local.values():
            # A temporary folder, where a source has one, goes now, not when the last traceback lets go of it.
            getattr(source, "close", lambda: None)()
        self._local.clear()

    def _call(self, handler: Callable[Concatenate[worker.SessionState, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._remote is None:
            return handler(self._local, *args, **kwargs)
        # The serializer lets only registered dataclasses and plain values through; a broken worker is ended there.
        return cast("T", self._remote.call(handler.__name__, *args, part=self._part))
