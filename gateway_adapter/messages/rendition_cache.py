"""Fits the content of orders once for all recipients that share it, and keeps the results.

A rendition that several recipients wait for is made once. It stays in memory for a while, and in the store for as long
as its messages.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar, cast

from gateway_adapter.errors import Refused
from gateway_adapter.messages import renditions
from gateway_adapter.messages.renditions import FittedContent, RenditionTarget, ResolvedSegment
from gateway_adapter.metrics import RENDITION_SECONDS, RENDITIONS
from gateway_adapter.model import Order, Segment, UploadView
from gateway_adapter.schedule import now_ms
from gateway_adapter.settings import Settings
from gateway_adapter.store import content as rows
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.content import Link
from gateway_adapter.store.transaction_queue import TransactionQueue

_MAX_MEMORY_BYTES = 64_000_000  # of renditions
_MAX_KEYS = 4096  # orders whose rendition key is kept in memory, and uploads


class RenditionCache:
    """Makes and keeps renditions; all its coroutines belong to one event loop.

    Args:
        fetch: Stores a link's content in the media store.
    """

    def __init__(
        self, settings: Settings, store: TransactionQueue, media: MediaStore, fetch: Callable[[str], Awaitable[Link]]
    ) -> None:
        self._settings = settings
        self._store = store
        self._media = media
        self._fetch = fetch
        self._threads = ThreadPoolExecutor(settings.fits, "fit")
        self._single_flight = SingleFlight()
        self._cached: OrderedDict[str, FittedContent] = OrderedDict()
        self._memory_bytes = 0
        self._keys: OrderedDict[Hashable, str] = OrderedDict()
        self._uploads: OrderedDict[tuple[str, str], tuple[str, UploadView]] = OrderedDict()

    async def rendition(self, account: str, order_id: int, order: Order, target: RenditionTarget) -> FittedContent:
        """The order's content fitted for a target.

        Raises:
            MMSContentError: It cannot be fetched, or cannot be fitted.
        """
        rendition = self.get_cached(account, order_id, order, target)
        if rendition is None:
            wanted = (order_id, target)
            rendition = await self._single_flight.join(wanted, lambda: self._find_or_make(account, order, target))
            self._keep(wanted, rendition)
        return rendition

    def get_cached(self, account: str, order_id: int, order: Order, target: RenditionTarget) -> FittedContent | None:
        """The rendition if it is in memory and so is everything that its key depends on."""
        wanted = (order_id, target)
        key = self._keys.get(wanted)
        if key is None:
            # The key may be unknown while everything it depends on is in memory.
            sources = [self._resolve_known(account, segment) for segment in order.segments]
            if None in sources:
                return None
            key = renditions.rendition_key(order, [one for one in sources if one is not None], target)
        rendition = self._cached.get(key)
        if rendition is not None:
            self._cached.move_to_end(key)
            self._keep(wanted, rendition)
        return rendition

    async def check(self, account: str, order: Order, target: RenditionTarget) -> dict[str, object]:
        """The ledger the order would have."""
        sources = await self.resolve_segments(account, order)
        return await self._in_thread(lambda: renditions.check(order, sources, target, self._media.read))

    async def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- fit ----------------------------------------------------------------------------------------------------

    async def _find_or_make(self, account: str, order: Order, target: RenditionTarget) -> FittedContent:
        sources = await self.resolve_segments(account, order)
        key = renditions.rendition_key(order, sources, target)
        if key in self._cached:
            return self._cached[key]
        return await self._single_flight.join(key, lambda: self._find_or_fit(key, order, sources, target))

    async def _find_or_fit(
        self, key: str, order: Order, sources: tuple[ResolvedSegment, ...], target: RenditionTarget
    ) -> FittedContent:
        kept = await self._store.read(lambda t: rows.find_rendition(t, key))
        # The blob may be gone: media are deleted by age, rows are not.
        if kept is not None and self._media.has(kept.blob):
            content = await self._in_thread(lambda: renditions.read_rendition(self._media.read(kept.blob)))
            return FittedContent(key, content, kept.size_bytes, kept.ledger)
        started = time.perf_counter()
        fitted, blob = await self._in_thread(lambda: self._fit(key, order, sources, target))
        RENDITION_SECONDS.observe(time.perf_counter() - started)
        RENDITIONS.inc()
        row = rows.StoredRendition(key, blob, fitted.size_bytes, fitted.ledger)
        await self._store.write(lambda t: rows.put_rendition(t, row, now_ms()))
        return fitted

    def _fit(
        self, key: str, order: Order, sources: tuple[ResolvedSegment, ...], target: RenditionTarget
    ) -> tuple[FittedContent, str]:
        fitted = renditions.fit(key, order, sources, target, self._media.read)
        kept = renditions.write_rendition(fitted.content)
        # Read it back, so that the first attempt submits the same bytes as one after a restart.
        return replace(fitted, content=renditions.read_rendition(kept)), self._media.put(kept)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _keep(self, wanted: Hashable, rendition: FittedContent) -> None:
        self._keys[wanted] = rendition.key
        while len(self._keys) > _MAX_KEYS:
            self._keys.popitem(last=False)
        if rendition.key in self._cached:
            return
        self._cached[rendition.key] = rendition
        self._memory_bytes += rendition.memory_bytes
        while self._memory_bytes > _MAX_MEMORY_BYTES:
            self._memory_bytes -= self._cached.popitem(last=False)[1].memory_bytes

    # --- content of an order ------------------------------------------------------------------------------------

    async def resolve_segments(self, account: str, order: Order) -> tuple[ResolvedSegment, ...]:
        """The content of an order with its bytes in the media store: fetches links, finds uploads.

        Raises:
            Refused: An upload is missing, or a link cannot be fetched; the error names it.
        """
        return tuple(await asyncio.gather(*(self._resolve(account, segment) for segment in order.segments)))

    def _resolve_known(self, account: str, segment: Segment) -> ResolvedSegment | None:
        """A segment that can be resolved from memory, else None."""
        name = segment.content_id or segment.file_name
        if segment.kind in ("text", "smil"):
            return ResolvedSegment("text" if segment.kind == "text" else "smil", name, text=segment.text)
        if segment.kind == "blob":
            return ResolvedSegment("media", name, blob=segment.blob, media_type=segment.media_type)
        found = self._uploads.get((account, segment.upload_id)) if segment.kind == "upload" else None
        if found is None or found[1].expires_at_ms <= now_ms():
            return None
        return ResolvedSegment(
            "media", segment.content_id or found[1].content_id, blob=found[0], media_type=found[1].media_type
        )

    async def _resolve(self, account: str, segment: Segment) -> ResolvedSegment:
        known = self._resolve_known(account, segment)
        if known is not None:
            return known
        name = segment.content_id or segment.file_name
        if segment.kind == "upload":
            return await self._resolve_upload(account, segment)
        link = await self._single_flight.join(segment.url, lambda: self._fetch_link(segment.url))
        return ResolvedSegment(
            "media", name or link.file_name, blob=link.blob, media_type=segment.media_type or link.media_type
        )

    async def _resolve_upload(self, account: str, segment: Segment) -> ResolvedSegment:
        now = now_ms()
        found = await self._store.read(lambda t: rows.find_upload(t, account, segment.upload_id, now))
        if found is None:
            raise Refused(
                f"there is no upload {segment.upload_id[:24]}…; it expired, or never existed",
                field="uploadedContentId",
                error=15024,
            )
        self._uploads[account, segment.upload_id] = found
        while len(self._uploads) > _MAX_KEYS:
            self._uploads.popitem(last=False)
        blob, view = found
        return ResolvedSegment("media", segment.content_id or view.content_id, blob=blob, media_type=view.media_type)

    async def _fetch_link(self, url: str) -> Link:
        now = now_ms()
        since = now - round(self._settings.link_s * 1000)
        known = await self._store.read(lambda t: rows.find_link(t, url, since))
        if known is not None and self._media.has(known.blob):
            return known
        link = await self._fetch(url)
        await self._store.write(lambda t: rows.put_link(t, url, link, now))
        return link


T = TypeVar("T")


class SingleFlight:
    """Runs work that several callers want at the same time once; nothing is kept afterwards."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[object]] = {}

    async def join(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> T:
        """The result of *start*, or of the work that already runs for the same key."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(start()))
            self._running[key] = task
            task.add_done_callback(lambda _task: self._running.pop(key, None))
        return cast("T", await asyncio.shield(task))  # all work of one key has the same type of result


async def _awaited(work: Awaitable[T]) -> T:
    return await work
