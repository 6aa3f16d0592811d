"""Builds the HTTP request of a webhook delivery; one builder per kind of webhook."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlsplit

from gateway_adapter.api.webhook_bodies import render_inbound, render_reports
from gateway_adapter.errors import Refused
from gateway_adapter.messages.forwarding import render_mail, render_multipart
from gateway_adapter.model import (
    AutoReply,
    InboundMail,
    InboundView,
    InboundWebhook,
    ReportView,
    ReportWebhook,
    SmsFallback,
)
from gateway_adapter.store import inbound, reports
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.transaction_queue import TransactionQueue
from gateway_adapter.store.webhook_queue import DeliveryBatch, WebhookDelivery
from gateway_adapter.webhooks.delivery_worker import OutgoingRequest


class WebhookPayloads:
    """Builds the requests of batches from the store."""

    def __init__(self, store: TransactionQueue, media: MediaStore, base_url: str) -> None:
        self._store = store
        self._media = media
        self._base_url = base_url
        self._domain = urlsplit(base_url).hostname or "localhost"

    async def build(self, batch: DeliveryBatch) -> OutgoingRequest:
        """Build the request of a batch.

        Raises:
            Refused: The message it is about was deleted.
        """
        match batch.webhook:
            case ReportWebhook() as webhook:
                return await self._reports(batch, webhook)
            case InboundWebhook() as webhook:
                return await self._inbound(await self._find_inbound(batch), webhook)
            case InboundMail() as mail:
                return await self._mail(await self._find_inbound(batch), mail)
            case SmsFallback():
                return await self._sms(batch.deliveries[0].subject_id)
            case AutoReply():
                return OutgoingRequest({}, b"")  # the gateway submits the reply's order itself

    async def _reports(self, batch: DeliveryBatch, webhook: ReportWebhook) -> OutgoingRequest:
        views = await self._store.read(lambda t: reports.report_views(t, [one.subject_id for one in batch.deliveries]))
        # Some of the batch's messages may have been deleted meanwhile; the others are reported.
        found = [_as_enqueued(views[one.subject_id], one) for one in batch.deliveries if one.subject_id in views]
        if not found:
            raise Refused("the messages of these reports were deleted")
        media_type, body = render_reports(found, webhook.generation, xml=webhook.xml)
        return OutgoingRequest({"Content-Type": media_type}, body)

    async def _find_inbound(self, batch: DeliveryBatch) -> InboundView:
        row_id = batch.deliveries[0].subject_id
        views = await self._store.read(lambda t: inbound.inbound_views(t, [row_id]))
        if row_id not in views:
            raise Refused("the message from a phone was deleted")
        return views[row_id]

    async def _inbound(self, view: InboundView, webhook: InboundWebhook) -> OutgoingRequest:
        if webhook.format == "MULTIPART":
            media_type, body = await asyncio.to_thread(render_multipart, view, self._media.read)
        else:
            media_type, body = render_inbound([view], self._base_url, xml=webhook.format == "XML")
        return OutgoingRequest({"Content-Type": media_type}, body)

    async def _mail(self, view: InboundView, mail: InboundMail) -> OutgoingRequest:
        body = await asyncio.to_thread(render_mail, view, mail.address, self._domain, self._media.read)
        return OutgoingRequest({"from": f"gateway@{self._domain}", "to": mail.address}, body)

    async def _sms(self, row_id: int) -> OutgoingRequest:
        found = await self._store.read(lambda t: reports.find_report(t, row_id))
        if found is None:
            raise Refused("the message of this SMS failover was deleted")
        view, failover = found[0], found[1].sms_failover
        if failover is None:
            raise Refused("the message has no text for an SMS")
        body = {
            "messageId": view.message_id,
            "bulkId": view.bulk_id,
            "to": view.to,
            "sender": failover.sender or view.sender,
            "text": failover.text,
            "validityPeriodSeconds": failover.validity_s,
            "mmsStatus": view.status,
            "mmsError": view.error,
        }
        return OutgoingRequest({"Content-Type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())


def _as_enqueued(view: ReportView, delivery: WebhookDelivery) -> ReportView:
    """The report with the outcome that it had when its delivery was enqueued."""
    return replace(
        view, status=delivery.status, error=delivery.error, done_at_ms=delivery.at, final=bool(delivery.final)
    )
