"""Renditions: sources brought in, fitted once for all who share them, kept, found again.

What several recipients wait for is made once; what was made is in memory for a while, and in the store for as long as
its messages are.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from gateway_adapter.errors import Refused
from gateway_adapter.messages import renditions
from gateway_adapter.messages.renditions import ResolvedSegment
from gateway_adapter.metrics import RENDITION_SECONDS, RENDITIONS
from gateway_adapter.store import references

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    import mmscontent as mms
    from gateway_adapter.messages.renditions import RenditionTarget
    from gateway_adapter.model import Order, Segment, UploadView
    from gateway_adapter.settings import Settings
    from gateway_adapter.store.blobs import MediaStore
    from gateway_adapter.store.references import Link
    from gateway_adapter.store.transaction_queue import TransactionQueue

__all__ = ["CachedRendition", "RenditionCache"]

_MOST_HELD_BYTES = 64_000_000
_MOST_KNOWN = 4096  # orders whose rendition is known by heart


@dataclass(frozen=True, slots=True)
class CachedRendition:
    """A rendition at hand."""

    key: str
    content: mms.Content = field(repr=False)
    size_bytes: int
    ledger: bytes = field(repr=False)

    @property
    def held_bytes(self) -> int:
        """What keeping it in memory costs, roughly."""
        return sum(len(part.data) for part in self.content.parts) + len(self.ledger) + 2000


class RenditionCache:
    """Makes renditions; all its coroutines belong to one event loop.

    Args:
        fetch: Brings a link's content into the media store (fetch.py has the policy).
    """

    def __init__(
        self, settings: Settings, store: TransactionQueue, media: MediaStore, fetch: Callable[[str], Awaitable[Link]]
    ) -> None:
        self._settings = settings
        self._store = store
        self._media = media
        self._fetch = fetch
        self._threads = ThreadPoolExecutor(settings.fits, "fit")
        self._flights = SingleFlight()
        self._held: OrderedDict[str, CachedRendition] = OrderedDict()
        self._held_bytes = 0
        self._known: OrderedDict[Hashable, str] = OrderedDict()
        self._uploads: OrderedDict[tuple[str, str], tuple[str, UploadView]] = OrderedDict()

    async def rendition(self, account: str, order_id: int, order: Order, target: RenditionTarget) -> CachedRendition:
        """The order's content fitted for a target.

        Raises:
            MMSContentError: It can not be brought in, or can not be fitted.
        """
        made = self.get_cached(account, order_id, order, target)
        if made is None:
            asked = (order_id, target)
            made = await self._flights.join(asked, lambda: self._find_or_make(account, order, target))
            self._keep(asked, made)
        return made

    def get_cached(self, account: str, order_id: int, order: Order, target: RenditionTarget) -> CachedRendition | None:
        """The rendition, when it is in memory, and all that goes into it is known there."""
        asked = (order_id, target)
        key = self._known.get(asked)
        if key is None:
            sources = [self._known_source(account, segment) for segment in order.segments]
            if None in sources:
                return None
            key = renditions.rendition_key(order, [one for one in sources if one is not None], target)
        made = self._held.get(key)
        if made is not None:
            self._held.move_to_end(key)
            self._keep(asked, made)
        return made

    async def check(self, account: str, order: Order, target: RenditionTarget) -> dict[str, object]:
        """The ledger the order would have."""
        sources = await self.sources(account, order)
        return await self._in_thread(lambda: renditions.check(order, sources, target, self._media.read))

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- making -------------------------------------------------------------------------------------------------

    async def _find_or_make(self, account: str, order: Order, target: RenditionTarget) -> CachedRendition:
        sources = await self.sources(account, order)
        key = renditions.rendition_key(order, sources, target)
        if key in self._held:
            return self._held[key]
        return await self._flights.join(key, lambda: self._find_or_fit(key, order, sources, target))

    async def _find_or_fit(
        self, key: str, order: Order, sources: tuple[ResolvedSegment, ...], target: RenditionTarget
    ) -> CachedRendition:
        kept = await self._store.read(lambda c: references.find_rendition(c, key))
        if kept is not None and self._media.has(kept.blob):
            content = await self._in_thread(lambda: renditions.read_rendition(self._media.read(kept.blob)))
            return CachedRendition(key, content, kept.size_bytes, kept.ledger)
        started = time.perf_counter()
        fitted, blob, content = await self._in_thread(lambda: self._fit(order, sources, target))
        RENDITION_SECONDS.observe(time.perf_counter() - started)
        RENDITIONS.inc()
        row = references.StoredRendition(key, blob, fitted.size_bytes, fitted.ledger)
        await self._store.write(lambda c: references.put_rendition(c, row, time.time_ns() // 1_000_000))
        return CachedRendition(key, content, fitted.size_bytes, fitted.ledger)

    def _fit(
        self, order: Order, sources: tuple[ResolvedSegment, ...], target: RenditionTarget
    ) -> tuple[renditions.FittedContent, str, mms.Content]:
        fitted = renditions.fit(order, sources, target, self._media.read)
        kept = renditions.write_rendition(fitted.content)
        # Read again, so that a first try and one after a restart submit the same bytes.
        return fitted, self._media.put(kept), renditions.read_rendition(kept)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _keep(self, asked: Hashable, made: CachedRendition) -> None:
        self._known[asked] = made.key
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        if made.key in self._held:
            return
        self._held[made.key] = made
        self._held_bytes += made.held_bytes
        while self._held_bytes > _MOST_HELD_BYTES:
            self._held_bytes -= self._held.popitem(last=False)[1].held_bytes

    # --- bringing in --------------------------------------------------------------------------------------------

    async def sources(self, account: str, order: Order) -> tuple[ResolvedSegment, ...]:
        """The order's content with its bytes in the media store: links fetched, uploads found.

        Raises:
            Refused: An upload is not there, or a link leads nowhere; the error says which.
        """
        return tuple(await asyncio.gather(*(self._source(account, segment) for segment in order.segments)))

    def _known_source(self, account: str, segment: Segment) -> ResolvedSegment | None:
        """The source of a segment, when nothing has to be asked for it."""
        name = segment.content_id or segment.file_name
        if segment.kind in ("text", "smil"):
            return ResolvedSegment("text" if segment.kind == "text" else "smil", name, text=segment.text)
        if segment.kind == "blob":
            return ResolvedSegment("media", name, blob=segment.blob, media_type=segment.media_type)
        found = self._uploads.get((account, segment.upload_id)) if segment.kind == "upload" else None
        if found is None or found[1].expires_at_ms <= time.time_ns() // 1_000_000:
            return None
        return ResolvedSegment(
            "media", segment.content_id or found[1].content_id, blob=found[0], media_type=found[1].media_type
        )

    async def _source(self, account: str, segment: Segment) -> ResolvedSegment:
        known = self._known_source(account, segment)
        if known is not None:
            return known
        name = segment.content_id or segment.file_name
        if segment.kind == "upload":
            return await self._uploaded(account, segment)
        link = await self._flights.join(segment.url, lambda: self._linked(segment.url))
        return ResolvedSegment(
            "media", name or link.file_name, blob=link.blob, media_type=segment.media_type or link.media_type
        )

    async def _uploaded(self, account: str, segment: Segment) -> ResolvedSegment:
        now = time.time_ns() // 1_000_000
        found = await self._store.read(lambda c: references.find_upload(c, account, segment.upload_id, now))
        if found is None:
            raise Refused(
                f"there is no upload {segment.upload_id[:24]}…; it ended, or was never there",
                field="uploadedContentId",
                error=15024,
            )
        self._uploads[account, segment.upload_id] = found
        while len(self._uploads) > _MOST_KNOWN:
            self._uploads.popitem(last=False)
        blob, view = found
        return ResolvedSegment("media", segment.content_id or view.content_id, blob=blob, media_type=view.media_type)

    async def _linked(self, url: str) -> Link:
        now = time.time_ns() // 1_000_000
        since = now - round(self._settings.link_s * 1000)
        known = await self._store.read(lambda c: references.find_link(c, url, since))
        if known is not None and self._media.has(known.blob):
            return known
        link = await self._fetch(url)
        await self._store.write(lambda c: references.put_link(c, url, link, now))
        return link


T = TypeVar("T")


class SingleFlight:
    """What several ask for at once is done once; nothing is remembered afterwards."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[object]] = {}

    async def join(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        """The result of *start*, or of another's under way for the same key."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(start()))
            self._under_way[key] = task
            task.add_done_callback(lambda _task: self._under_way.pop(key, None))
        return cast("T", await asyncio.shield(task))  # a key is of one kind of result


async def _awaited(work: Awaitable[T]) -> T:
    return await work
