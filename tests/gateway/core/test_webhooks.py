"""Webhooks: one id in all attempts, the failover URL in turn, giving up, and their text form in the database."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from gateway_adapter.connectors.base import OperatorResponse
from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.messages.acceptance import assign_ids, plan_submission
from gateway_adapter.messages.operator_events import record_event
from gateway_adapter.model import (
    AutoReply,
    Destination,
    Event,
    InboundMail,
    InboundWebhook,
    Order,
    ReportWebhook,
    Segment,
    SmsFallback,
    Submission,
)
from gateway_adapter.settings import Settings
from gateway_adapter.store import messages, reports, webhook_queue
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.tables import messages as rows
from gateway_adapter.store.tables import webhook_deliveries
from gateway_adapter.store.transaction_queue import TransactionQueue
from gateway_adapter.store.webhook_queue import DeliveryBatch, WebhookDelivery
from gateway_adapter.webhooks.delivery_worker import OutgoingRequest, WebhookWorker, attempt_url, sign
from gateway_adapter.webhooks.payloads import WebhookPayloads
from tests.gateway.core.history import context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from gateway_adapter.model import Webhook

NOW = time.time_ns() // 1_000_000
FIRST, OTHER = "https://first.example/", "https://other.example/"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TransactionQueue]:
    made = TransactionQueue(f"sqlite:///{tmp_path}/store.db")
    made.write_now(_three_delivered)
    yield made
    made.close()


def _three_delivered(c: Connection) -> None:
    """Three messages whose reports wait to be told."""
    to = tuple(Destination(f"1206555010{n}", f"m-{n}") for n in range(3))
    order = Order("v2", "1", to, (Segment("text", text="x"),), notify_url=FIRST, notify_failover_url=OTHER)
    for row, recipients in plan_submission(
        assign_ids(Submission((order,)), lambda: "x"), context(now_ms=NOW), set()
    ).orders:
        messages.put(c, row, recipients)
    for due in messages.fetch_due(c, "far", "t", NOW, 1000, 10):
        said = {"state": "submitted", "operator_message_id": due.message_id}
        messages.transition(c, due, "submitted", NOW, said, due_at=None)
        record_event(c, "far", Event("delivery", operator_message_id=due.message_id, status=5), NOW)


class Customer:
    """Gives its prepared answers, and records the requests."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    async def send(self, batch: DeliveryBatch, headers: Any, body: bytes) -> OperatorResponse:
        assert headers["X-MMS-Signature"] == sign("secret", int(headers["X-MMS-Timestamp"]), body)
        self.asked.append((attempt_url(batch), headers["X-MMS-Webhook-Id"]))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return OperatorResponse(answer)


def deliver(store: TransactionQueue, customer: Customer, rounds: int, **settings: Any) -> None:
    """So many rounds, with all that waits due at once."""

    async def work() -> None:
        async def build(batch: Any) -> OutgoingRequest:
            return OutgoingRequest({}, ",".join(str(one.subject_id) for one in batch.deliveries).encode())

        webhooks = WebhookWorker(
            Settings(**settings), store, secret="secret", build=build, send=customer.send, wake=lambda: None
        )
        for _ in range(rounds):
            store_now = update(webhook_deliveries).where(webhook_deliveries.c.due_at.is_not(None)).values(due_at=1)
            await store.write(lambda c, s=store_now: c.execute(s).rowcount)  # type: ignore[misc]
            await webhooks.run()
            await asyncio.gather(*webhooks._tasks)
            await asyncio.sleep(0)

    asyncio.run(work())


def outcomes(store: TransactionQueue) -> set[tuple[Any, ...]]:
    found = select(webhook_deliveries.c.outcome, webhook_deliveries.c.due_at.is_(None), webhook_deliveries.c.attempt)
    return {tuple(row) for row in store.read_now(lambda c: c.execute(found).all())}


def test_three_reports_go_in_one_request_and_its_200_ends_it(store: TransactionQueue) -> None:
    customer = Customer()
    deliver(store, customer, 3)

    assert [url for url, _ in customer.asked] == [FIRST]
    assert outcomes(store) == {("told", 1, 1)}


def test_every_try_has_the_same_id_and_the_other_url_comes_in_turn(store: TransactionQueue) -> None:
    customer = Customer(503, Unreachable("gone"), 404, 302, 500)
    deliver(store, customer, 8)

    assert [url for url, _ in customer.asked] == [FIRST, FIRST, OTHER, FIRST, OTHER, FIRST]
    assert len({webhook_id for _, webhook_id in customer.asked}) == 1
    assert outcomes(store) == {("told", 1, 6)}


def test_a_200_alone_ends_it(store: TransactionQueue) -> None:
    customer = Customer(201, 204, 299)
    deliver(store, customer, 6)

    assert len(customer.asked) == 4


def test_a_fault_of_our_own_is_tried_again(store: TransactionQueue) -> None:
    customer = Customer(RuntimeError("a bug"))
    deliver(store, customer, 2)

    assert outcomes(store) == {("told", 1, 2)}


def test_after_giving_up_the_reports_wait_to_be_fetched(store: TransactionQueue) -> None:
    deliver(store, Customer(503), 1, give_up_s=1.0, retry_unit_s=60.0)

    assert outcomes(store) == {("given up: status 503", 1, 1)}
    assert set(store.read_now(lambda c: c.execute(select(rows.c.report)).scalars().all())) == {"pull"}


def test_the_sms_failover_of_a_deleted_message_is_refused_by_name(store: TransactionQueue, tmp_path: Path) -> None:
    batch = DeliveryBatch("b", "t", "a", SmsFallback(FIRST), "m-99", 0, NOW, (WebhookDelivery(1, 99, 9, 27, NOW, 1),))
    payloads = WebhookPayloads(store, MediaStore(tmp_path / "media"), "http://gateway.example")

    with pytest.raises(Refused, match="the message of this SMS failover was deleted"):
        asyncio.run(payloads.build(batch))


def test_between_tries_it_is_not_due(store: TransactionQueue) -> None:
    deliver(store, Customer(503), 1)
    due = store.read_now(lambda c: c.execute(select(webhook_deliveries.c.due_at)).scalars().all())

    assert len(set(due)) == 1
    assert due[0] is not None
    assert due[0] > NOW


def test_a_report_says_what_was_true_when_it_was_made(store: TransactionQueue) -> None:
    """A message that expired and was delivered after all has two reports, each with its own id and its own truth."""

    def late(c: Connection) -> None:
        for row, recipients in plan_submission(
            assign_ids(Submission((_late_order(),)), lambda: "y"), context(now_ms=NOW), set()
        ).orders:
            messages.put(c, row, recipients)
        (due,) = messages.fetch_due(c, "far", "t2", NOW, 1000, 10)
        messages.transition(
            c, due, "submitted", NOW, {"state": "submitted", "operator_message_id": "late"}, due_at=None
        )
        reports.enqueue_reports(c, messages.expire(c, NOW + 3000, 10), NOW + 3000, failed=True)
        record_event(c, "far", Event("delivery", operator_message_id="late", status=5, at_ms=NOW + 4000), NOW + 5000)

    store.write_now(late)
    found = (
        select(webhook_deliveries.c.status, webhook_deliveries.c.final)
        .where(webhook_deliveries.c.url == "https://late.example/")
        .order_by(webhook_deliveries.c.id)
    )

    assert [tuple(row) for row in store.read_now(lambda c: c.execute(found).all())] == [(29, 1), (5, 1)]


def _late_order() -> Order:
    to = (Destination("12065550177", "late-1"),)
    return Order("v2", "1", to, (Segment("text", text="x"),), notify_url="https://late.example/", validity_s=2)


# --- the text form in the database ------------------------------------------------------------------------------

REPLY = Order("v2", "12345", (Destination("12065550101"),), (Segment("text", text="Thanks"),), notify=False)
# Webhook: the columns kind, url and form, as databases of earlier versions hold them.
TEXT_FORMS = {
    InboundWebhook("https://x.example/", "MO_MMS_2"): ("inbound", "https://x.example/", "inbound/MO_MMS_2"),
    InboundWebhook("https://x.example/", "XML"): ("inbound", "https://x.example/", "inbound/XML"),
    InboundMail("ada@x.example"): ("inbound", "mailto:ada@x.example", "inbound/EMAIL"),
    AutoReply(REPLY): ("answer", "answer:", "answer"),
}


@pytest.mark.parametrize("webhook", TEXT_FORMS, ids=repr)
def test_a_webhook_is_read_from_its_columns_as_it_was_written(tmp_path: Path, webhook: Webhook) -> None:
    queue = TransactionQueue(f"sqlite:///{tmp_path}/store.db")
    queue.write_now(lambda t: webhook_queue.enqueue_delivery(t, "a", webhook, 7, NOW))
    columns = select(webhook_deliveries.c.kind, webhook_deliveries.c.url, webhook_deliveries.c.form)
    row = queue.read_now(lambda t: tuple(t.execute(columns).one()))
    batch = queue.write_now(lambda t: webhook_queue.claim_batch(t, "id", "token", NOW, 1000, (), 10))
    queue.close()

    assert row == TEXT_FORMS[webhook]
    assert batch is not None
    assert (batch.webhook, batch.account, batch.deliveries[0].subject_id) == (webhook, "a", 7)


@pytest.mark.parametrize("name", ["json", "xml"])
def test_a_report_webhook_keeps_the_form_of_its_order(name: str) -> None:
    columns = webhook_queue.report_columns(ReportWebhook(FIRST, OTHER, "v2", xml=name == "xml"))

    assert (columns["notify_url"], columns["notify_failover_url"]) == (FIRST, OTHER)
    assert columns["form"] == f"report/v2/{name}"
