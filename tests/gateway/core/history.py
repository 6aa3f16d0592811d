"""One message's whole story told to a store, statement by statement; the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_adapter.messages.acceptance import Door, plan, with_ids
from gateway_adapter.messages.operator_events import record
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
from gateway_adapter.store import inbound, messages, references, reports, webhook_queue
from gateway_adapter.store.serialization import dump
from gateway_adapter.store.transaction_queue import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOUR_MS = 3_600_000
NOW = 1_795_354_640_843
# What each step gives on every database.
STORY = {
    "known": {"m-1"}, "claimed": ["m-1", "g-1"], "members": ("12065550111", "12065550112"), "moved": True,
    "lost": False, "state": "delivered", "again": [], "hooks": 1, "bucket": 1, "expired": 2, "pulled": 1,
    "inbox": 1, "twice": None, "used": 3, "limit": 300_000,
}  # fmt: skip


def submission() -> Submission:
    group = Destination(group=(Destination("12065550111", "g-1"), Destination("12065550112", "g-2")))
    text = (Segment("text", text="Hello"),)
    told = Order(
        "v2", "12065550100", (Destination("12065550101", "m-1"),), text, notify_url="https://customer.example/r"
    )
    return Submission((told, Order("v2", "12065550100", (group,), text)), bulk_id="b-1")


def door(account: str = "a", now_ms: int = NOW) -> Door:
    ids = iter(range(1000))
    return Door(account, now_ms, lambda: f"t-{next(ids)}", lambda _number, _order: "far")


def tell_story(url: str) -> dict[str, Any]:  # noqa: PLR0915 - one step after another, told in the order they happen
    """What each step gave."""
    store = Store(url)
    told: dict[str, Any] = {}

    def accept(c: Connection) -> None:
        for order, rows in plan(with_ids(submission(), lambda: "x"), door(), set()).orders:
            messages.put(c, order, rows)
        told["known"] = messages.known_ids(c, "a", ["m-1", "m-2"])

    def send(c: Connection) -> None:
        due = messages.claim(c, "far", "lease-1", NOW, 1000, 10)
        told["claimed"] = sorted((one.message_id for one in due), reverse=True)
        group = next(one for one in due if one.group_to)
        told["members"] = messages.members_of(c, [group.transaction_id])[group.transaction_id]
        for one in due:
            said = {"state": "submitted", "operator_message_id": f"op-{one.message_id}"}
            told["moved"] = messages.move(c, one, "submitted", NOW, said, due_at=None)
            told["lost"] = messages.move(c, one, "submitted", NOW, said, due_at=None)

    def report(c: Connection) -> None:
        event = Event("delivery", operator_message_id="op-m-1", to=("12065550101",), status=5)
        record(c, "far", event, NOW + 5)
        told["state"] = reports.message_views(c, "a", [], 10)[-1].state
        ids = messages.settle_report(c, "far", "op-m-1", "", "delivered", NOW + 6, status=5, error=0, done_at=NOW)
        told["again"] = ids

    def tell(c: Connection) -> None:
        bucket = webhook_queue.claim_bucket(c, "bucket-1", "token", NOW + 10, 1000, ["another"], 100)
        assert bucket is not None
        told["hooks"] = len(bucket.hooks)
        webhook_queue.put_off_bucket(c, bucket, NOW + 20, "status 503")
        again = webhook_queue.claim_bucket(c, "bucket-2", "token-2", NOW + 30, 1000, (), 100)
        assert again is not None
        assert again.id == "bucket-1"
        told["bucket"] = again.attempt
        webhook_queue.end_bucket(c, again, NOW + 40, "told", told=True)

    def expire(c: Connection) -> None:
        told["expired"] = len(messages.expire(c, NOW + 49 * HOUR_MS, 10))
        told["pulled"] = len(reports.pull_reports(c, "a", ["v2"], ReportFilters(message_id="g-1"), NOW))

    def arrive(c: Connection) -> None:
        inbound.put_configuration(c, "a", Configuration("12065550100", "key-1", "stop"))
        view = InboundView("i-1", "1", "2", (), (), "", "", NOW)
        row: dict[str, object] = {
            "connection": "far",
            "operator_message_id": "p-1",
            "account": "a",
            "message_id": "i-1",
        }
        row |= {"recipient": "2", "body": dump(view), "received_at": NOW, "pull": "pull"}
        inbound.put_inbound(c, row)
        told["twice"] = inbound.put_inbound(c, {**row, "message_id": "i-2"})
        told["inbox"] = len(inbound.pull_inbox(c, "a", 10, "", "", NOW))
        references.count_usage(c, "a", 1, 1)
        told["used"] = references.count_usage(c, "a", 1, 2)
        references.remember_limit(c, "far", 600_000, NOW)
        references.remember_limit(c, "far", 300_000, NOW)
        told["limit"] = references.observed_limit(c, "far", NOW)

    try:
        for job in (accept, send, report, tell, expire, arrive):
            store.write_now(job)
    finally:
        store.close()
    return told
