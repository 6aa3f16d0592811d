"""The transaction queue, leases, purging, the statements of the store, and the media store."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select

from gateway_adapter.errors import Refused
from gateway_adapter.messages.acceptance import assign_ids, plan_submission
from gateway_adapter.store import content, messages
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.housekeeping import purge_expired
from gateway_adapter.store.tables import METADATA, unmatched_events
from gateway_adapter.store.transaction_queue import TransactionQueue
from tests.conftest import ROOT
from tests.gateway.core.history import HOUR_MS, NOW, RESULTS, context, run_statements, submission

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TransactionQueue]:
    made = TransactionQueue(f"sqlite:///{tmp_path}/store.db")
    yield made
    made.close()


def _put(c: Connection, at: int) -> int:
    return c.execute(
        insert(unmatched_events), {"connection": "x", "operator_message_id": str(at), "event": "", "at": at}
    ).rowcount


def _count(c: Connection) -> int:
    return int(c.execute(select(func.count()).select_from(unmatched_events)).scalar_one())


def test_the_statements_from_acceptance_to_report(tmp_path: Path) -> None:
    assert run_statements(f"sqlite:///{tmp_path}/story.db") == RESULTS


def test_a_job_that_fails_undoes_itself_alone(store: TransactionQueue) -> None:
    def fail(c: Connection) -> None:
        _put(c, -1)
        raise Refused("on purpose")

    async def together() -> list[object]:
        jobs = [store.write(lambda c, n=n: fail(c) if n == 5 else _put(c, n)) for n in range(20)]  # type: ignore[misc]
        return await asyncio.gather(*jobs, return_exceptions=True)

    results = asyncio.run(together())

    assert [type(one).__name__ for one in results].count("Refused") == 1
    assert store.read_now(_count) == 19


def test_many_threads_share_few_transactions(store: TransactionQueue) -> None:
    threads = [threading.Thread(target=lambda n=n: store.write_now(lambda c: _put(c, n))) for n in range(100)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.read_now(_count) == 100


def test_what_was_written_is_there_for_another_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    first = TransactionQueue(url)
    first.write_now(lambda c: _put(c, 1))
    second = TransactionQueue(url)  # the first is still open, as after a kill its files would be

    assert second.read_now(_count) == 1
    first.close()
    second.close()


def test_a_lease_that_ran_out_is_another_s_and_the_first_holder_changes_nothing(store: TransactionQueue) -> None:
    def accept(c: Connection) -> None:
        for order, rows in plan_submission(assign_ids(submission(), lambda: "x"), context(), set()).orders:
            messages.put(c, order, rows)

    store.write_now(accept)
    first = store.write_now(lambda c: messages.fetch_due(c, "far", "one", NOW, 1000, 1))
    held = store.write_now(lambda c: messages.fetch_due(c, "far", "two", NOW + 500, 1000, 5))
    second = store.write_now(lambda c: messages.fetch_due(c, "far", "three", NOW + 1000, 1000, 1))
    mine = store.write_now(
        lambda c: messages.transition(c, first[0], "submitted", NOW, {"state": "submitted"}, due_at=None)
    )

    assert [one.message_id for one in first] == [one.message_id for one in second] == ["m-1"]
    assert "m-1" not in [one.message_id for one in held]
    assert mine is False


def test_what_ended_long_ago_is_forgotten(store: TransactionQueue) -> None:
    store.write_now(lambda c: _put(c, NOW))
    store.write_now(lambda c: content.put_link(c, "https://x/", content.Link("b", "image/png", "x"), NOW))

    store.write_now(lambda c: purge_expired(c, NOW + 49 * HOUR_MS, HOUR_MS))

    assert store.read_now(_count) == 0
    assert store.read_now(lambda c: content.find_link(c, "https://x/", 0)) is None


# --- media -----------------------------------------------------------------------------------------------------


async def _chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def test_a_blob_is_there_once_under_its_digest_or_not_at_all(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)

    streamed, size = asyncio.run(media.put_stream(_chunks(b"ab", b"c"), 3, "it"))
    with pytest.raises(Refused, match="more than 2 bytes"):
        asyncio.run(media.put_stream(_chunks(b"ab", b"c"), 2, "it"))

    assert (streamed, size) == (media.put(b"abc"), 3)
    assert media.read(streamed) == b"abc"
    assert list((tmp_path / "coming").iterdir()) == []
    assert media.delete_unused(0) == 0
    assert media.delete_unused(2**33) == 1


# --- the database ----------------------------------------------------------------------------------------------

# Tables and columns of databases that earlier versions wrote; the code has better names for some.
COLUMNS = {
    "accounts": "key_hash id name per_day per_second",
    "blocked": "account number sender at",
    "configurations": "key account number keyword body",
    "hooks": "id account kind subject_id url failover_url form target bucket fact "
    "status error at final due_at lease attempt created_at done_at outcome",
    "idempotency": "account key digest receipt at",
    "inbound": "id connection operator_message_id account message_id recipient "
    "entity_id application_id body received_at configuration pull",
    "links": "url blob media_type file_name fetched_at",
    "messages": "id account message_id bulk_id order_id recipient group_to leads state "
    "due_at lease attempt transaction_id connection operator_message_id status error accepted_at "
    "send_at expires_at submitted_at done_at rendition size_bytes limit_bytes report trail",
    "observed_limits": "connection limit_bytes at",
    "orders": "id account bulk_id generation sender entity_id application_id "
    "campaign notify_url notify_failover_url form target intermediate sms_url body",
    "renditions": "key blob size_bytes ledger made_at",
    "strays": "id connection operator_message_id event at",
    "uploads": "id account blob content_id media_type size_bytes created_at expires_at",
    "usage": "account day messages",
}


def test_tables_and_columns_of_existing_databases_keep_their_names() -> None:
    names = {table.name: " ".join(column.name for column in table.columns) for table in METADATA.tables.values()}

    assert names == COLUMNS


def test_all_sql_is_inside_the_store() -> None:
    package = ROOT / "gateway_adapter"
    outside = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "store"]

    importing = [str(path) for path in outside if "sqlalchemy" in path.read_text(encoding="utf-8")]

    assert importing == []
