"""What a hook becomes on the wire: a table of kinds, each read from the store as things stand."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway_adapter.api.webhook_bodies import render_inbound, render_reports
from gateway_adapter.errors import Refused
from gateway_adapter.messages.forwarding import mail_of, multipart_of
from gateway_adapter.store import inbound, messages, reports
from gateway_adapter.webhooks.delivery_worker import Told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection

    from gateway_adapter.model import Generation, InboundView, Order, ReportView
    from gateway_adapter.store.blobs import MediaStore
    from gateway_adapter.store.transaction_queue import Store
    from gateway_adapter.store.webhook_queue import Bucket, Hook

__all__ = ["Teller"]


class Teller:
    """Writes the request of a bucket."""

    def __init__(self, store: Store, media: MediaStore, base_url: str) -> None:
        self._store = store
        self._media = media
        self._base_url = base_url
        self._domain = urlsplit(base_url).hostname or "localhost"
        self._kinds: Mapping[str, Callable[[Bucket], Awaitable[Told]]] = {
            "report": self._reports,
            "inbound": self._inbound,
            "answer": self._answer,
            "sms": self._sms,
        }

    async def write(self, bucket: Bucket) -> Told:
        """The request.

        Raises:
            Refused: What it was about is there no longer.
        """
        return await self._kinds[bucket.kind](bucket)

    async def _reports(self, bucket: Bucket) -> Told:
        views = await self._store.read(lambda c: reports.report_views(c, [hook.subject_id for hook in bucket.hooks]))
        told = [_as_of(views[hook.subject_id], hook) for hook in bucket.hooks if hook.subject_id in views]
        if not told:
            raise Refused("the messages these reports are about are there no longer")
        _, generation, form = bucket.form.split("/")
        media_type, body = render_reports(told, _generation(generation), xml=form == "xml")
        return Told({"Content-Type": media_type}, body)

    async def _inbound(self, bucket: Bucket) -> Told:
        view = await self._arrived(bucket)
        form = bucket.form.partition("/")[2]
        if form == "EMAIL":
            to = bucket.url.removeprefix("mailto:")
            body = await asyncio.to_thread(mail_of, view, to, self._domain, self._media.read)
            return Told({"from": f"gateway@{self._domain}", "to": to}, body)
        if form == "MULTIPART":
            media_type, body = await asyncio.to_thread(multipart_of, view, self._media.read)
        else:
            media_type, body = render_inbound([view], self._base_url, xml=form == "XML")
        return Told({"Content-Type": media_type}, body)

    async def _answer(self, bucket: Bucket) -> Told:
        """The answer to a phone is an order of the account's; the service takes it (assembly.py)."""
        return Told({"account": bucket.account}, bucket.hooks[0].fact.encode())

    async def _arrived(self, bucket: Bucket) -> InboundView:
        row_id = bucket.hooks[0].subject_id
        views = await self._store.read(lambda c: inbound.inbound_views(c, [row_id]))
        if row_id not in views:
            raise Refused("the message this is about is there no longer")
        return views[row_id]

    async def _sms(self, bucket: Bucket) -> Told:
        row_id = bucket.hooks[0].subject_id

        def job(connection: Connection) -> tuple[ReportView, Order]:
            view = reports.report_views(connection, [row_id])[row_id]
            return view, messages.orders_of(connection, [messages.order_id_of(connection, row_id)]).popitem()[1]

        view, order = await self._store.read(job)
        failover = order.sms_failover
        if failover is None:
            raise Refused("the message has no text to fall back on")
        said = {
            "messageId": view.message_id,
            "bulkId": view.bulk_id,
            "to": view.to,
            "sender": failover.sender or view.sender,
            "text": failover.text,
            "validityPeriodSeconds": failover.validity_s,
            "mmsStatus": view.status,
            "mmsError": view.error,
        }
        return Told({"Content-Type": "application/json"}, json.dumps(said, ensure_ascii=False).encode())


def _as_of(view: ReportView, hook: Hook) -> ReportView:
    """The report as it was when the hook was made."""
    return replace(view, status=hook.status, error=hook.error, done_at_ms=hook.at, final=bool(hook.final))


_GENERATIONS: tuple[Generation, ...] = ("single", "advanced", "v2", "messages")


def _generation(name: str) -> Generation:
    return next(one for one in _GENERATIONS if one == name)
