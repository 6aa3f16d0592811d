"""Every statement of the store once, in the order of a message's life; the results are the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_adapter.messages.acceptance import AcceptanceContext, assign_ids, plan_submission
from gateway_adapter.messages.operator_events import record_event
from gateway_adapter.model import (
    Configuration,
    Destination,
    Event,
    InboundView,
    Order,
    ReportFilters,
    Segment,
    Submission,
)
from gateway_adapter.store import accounts, content, inbound, messages, reports, webhook_queue
from gateway_adapter.store.serialization import serialize
from gateway_adapter.store.transaction_queue import TransactionQueue

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOUR_MS = 3_600_000
NOW = 1_795_354_640_843
# The result of each step on every database.
RESULTS = {
    "known": {"m-1"}, "claimed": ["m-1", "g-1"], "members": ("12065550111", "12065550112"), "moved": True,
    "lost": False, "state": "delivered", "again": [], "deliveries": 1, "batch": 1, "expired": 2, "pulled": 1,
    "inbox": 1, "twice": None, "used": 3, "limit": 300_000,
}  # fmt: skip


def submission() -> Submission:
    group = Destination(group=(Destination("12065550111", "g-1"), Destination("12065550112", "g-2")))
    text = (Segment("text", text="Hello"),)
    pushed = Order(
        "v2", "12065550100", (Destination("12065550101", "m-1"),), text, notify_url="https://customer.example/r"
    )
    return Submission((pushed, Order("v2", "12065550100", (group,), text)), bulk_id="b-1")


def context(account: str = "a", now_ms: int = NOW) -> AcceptanceContext:
    ids = iter(range(1000))
    return AcceptanceContext(account, now_ms, lambda: f"t-{next(ids)}", lambda _number, _order: "far")


def run_statements(url: str) -> dict[str, Any]:  # noqa: PLR0915 - one step after another
    """The result of each step."""
    store = TransactionQueue(url)
    results: dict[str, Any] = {}

    def accept(c: Connection) -> None:
        for order, rows in plan_submission(assign_ids(submission(), lambda: "x"), context(), set()).orders:
            messages.put(c, order, rows)
        results["known"] = messages.used_message_ids(c, "a", ["m-1", "m-2"])

    def send(c: Connection) -> None:
        due = messages.fetch_due(c, "far", "lease-1", NOW, 1000, 10)
        results["claimed"] = sorted((one.message_id for one in due), reverse=True)
        group = next(one for one in due if one.group_to)
        results["members"] = messages.load_group_members(c, [group.transaction_id])[group.transaction_id]
        for one in due:
            said = {"state": "submitted", "operator_message_id": f"op-{one.message_id}"}
            results["moved"] = messages.transition(c, one, "submitted", NOW, said, due_at=None)
            results["lost"] = messages.transition(c, one, "submitted", NOW, said, due_at=None)

    def report(c: Connection) -> None:
        event = Event("delivery", operator_message_id="op-m-1", to=("12065550101",), status=5)
        record_event(c, "far", event, NOW + 5)
        results["state"] = reports.message_views(c, "a", 10)[-1].state
        ids = messages.finalize_reported(c, "far", "op-m-1", "", "delivered", NOW + 6, status=5, error=0, done_at=NOW)
        results["again"] = ids

    def deliver(c: Connection) -> None:
        batch = webhook_queue.claim_batch(c, "batch-1", "token", NOW + 10, 1000, ["another"], 100)
        assert batch is not None
        results["deliveries"] = len(batch.deliveries)
        webhook_queue.reschedule_batch(c, batch, NOW + 20, "status 503")
        again = webhook_queue.claim_batch(c, "batch-2", "token-2", NOW + 30, 1000, (), 100)
        assert again is not None
        assert again.id == "batch-1"
        results["batch"] = again.attempt
        webhook_queue.finish_batch(c, again, NOW + 40, "told", delivered=True)

    def expire(c: Connection) -> None:
        results["expired"] = len(messages.expire(c, NOW + 49 * HOUR_MS, 10))
        results["pulled"] = len(reports.pull_reports(c, "a", ["v2"], ReportFilters(message_id="g-1"), NOW))

    def arrive(c: Connection) -> None:
        inbound.put_configuration(c, "a", Configuration("12065550100", "key-1", "stop"))
        view = InboundView("i-1", "1", "2", (), (), "", "", NOW)
        row: dict[str, object] = {
            "connection": "far",
            "operator_message_id": "p-1",
            "account": "a",
            "message_id": "i-1",
        }
        row |= {"recipient": "2", "body": serialize(view), "received_at": NOW, "pull": "pull"}
        inbound.put_inbound(c, row)
        results["twice"] = inbound.put_inbound(c, {**row, "message_id": "i-2"})
        results["inbox"] = len(inbound.pull_inbox(c, "a", 10, "", "", NOW))
        accounts.count_usage(c, "a", 1, 1)
        results["used"] = accounts.count_usage(c, "a", 1, 2)
        content.remember_limit(c, "far", 600_000, NOW)
        content.remember_limit(c, "far", 300_000, NOW)
        results["limit"] = content.observed_limit(c, "far", NOW)

    try:
        for job in (accept, send, report, deliver, expire, arrive):
            store.write_now(job)
    finally:
        store.close()
    return results
