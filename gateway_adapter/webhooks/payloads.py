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
from gateway_adapter.webhooks.delivery_worker import OutgoingRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection

    from gateway_adapter.model import Generation, InboundView, Order, ReportView
    from gateway_adapter.store.blobs import MediaStore
    from gateway_adapter.store.transaction_queue import TransactionQueue
    from gateway_adapter.store.webhook_queue import DeliveryBatch, WebhookDelivery

__all__ = ["WebhookPayloads"]


class WebhookPayloads:
    """Writes the request of a batch."""

    def __init__(self, store: TransactionQueue, media: MediaStore, base_url: str) -> None:
        self._store = store
        self._media = media
        self._base_url = base_url
        self._domain = urlsplit(base_url).hostname or "localhost"
        self._kinds: Mapping[str, Callable[[DeliveryBatch], Awaitable[OutgoingRequest]]] = {
            "report": self._reports,
            "inbound": self._inbound,
            "answer": self._answer,
            "sms": self._sms,
        }

    async def write(self, batch: DeliveryBatch) -> OutgoingRequest:
        """The request.

        Raises:
            Refused: What it was about is there no longer.
        """
        return await self._kinds[batch.kind](batch)

    async def _reports(self, batch: DeliveryBatch) -> OutgoingRequest:
        views = await self._store.read(
            lambda c: reports.report_views(c, [delivery.subject_id for delivery in batch.deliveries])
        )
        told = [
            _as_of(views[delivery.subject_id], delivery)
            for delivery in batch.deliveries
            if delivery.subject_id in views
        ]
        if not told:
            raise Refused("the messages these reports are about are there no longer")
        _, generation, form = batch.form.split("/")
        media_type, body = render_reports(told, _generation(generation), xml=form == "xml")
        return OutgoingRequest({"Content-Type": media_type}, body)

    async def _inbound(self, batch: DeliveryBatch) -> OutgoingRequest:
        view = await self._arrived(batch)
        form = batch.form.partition("/")[2]
        if form == "EMAIL":
            to = batch.url.removeprefix("mailto:")
            body = await asyncio.to_thread(mail_of, view, to, self._domain, self._media.read)
            return OutgoingRequest({"from": f"gateway@{self._domain}", "to": to}, body)
        if form == "MULTIPART":
            media_type, body = await asyncio.to_thread(multipart_of, view, self._media.read)
        else:
            media_type, body = render_inbound([view], self._base_url, xml=form == "XML")
        return OutgoingRequest({"Content-Type": media_type}, body)

    async def _answer(self, batch: DeliveryBatch) -> OutgoingRequest:
        """The answer to a phone is an order of the account's; the service takes it (assembly.py)."""
        return OutgoingRequest({"account": batch.account}, batch.deliveries[0].fact.encode())

    async def _arrived(self, batch: DeliveryBatch) -> InboundView:
        row_id = batch.deliveries[0].subject_id
        views = await self._store.read(lambda c: inbound.inbound_views(c, [row_id]))
        if row_id not in views:
            raise Refused("the message this is about is there no longer")
        return views[row_id]

    async def _sms(self, batch: DeliveryBatch) -> OutgoingRequest:
        row_id = batch.deliveries[0].subject_id

        def job(connection: Connection) -> tuple[ReportView, Order]:
            view = reports.report_views(connection, [row_id])[row_id]
            return view, messages.load_orders(connection, [messages.find_order_id(connection, row_id)]).popitem()[1]

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
        return OutgoingRequest({"Content-Type": "application/json"}, json.dumps(said, ensure_ascii=False).encode())


def _as_of(view: ReportView, hook: WebhookDelivery) -> ReportView:
    """The report as it was when the hook was made."""
    return replace(view, status=hook.status, error=hook.error, done_at_ms=hook.at, final=bool(hook.final))


_GENERATIONS: tuple[Generation, ...] = ("single", "advanced", "v2", "messages")


def _generation(name: str) -> Generation:
    return next(one for one in _GENERATIONS if one == name)
