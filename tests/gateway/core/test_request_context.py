"""What a submission comes to at the door, when messages may go, who is let in, and how much they may do."""

from __future__ import annotations

import base64
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.errors import Misconfigured, Refused, Throttled
from gateway_adapter.logging import redact, redact_event
from gateway_adapter.messages.acceptance import AcceptanceContext, assign_ids, plan_submission
from gateway_adapter.messages.auth import ApiKeys, hash_key, new_key, read_keys, take_quota
from gateway_adapter.model import Account, Destination, Order, Quota, Segment, SpeedLimit, Submission, Window
from gateway_adapter.schedule import TokenBuckets, after_speed, next_open, submission_retry_s, webhook_retry_s
from gateway_adapter.settings import PREFIX, Settings, read_settings
from gateway_adapter.store.serialization import deserialize, history_line, parse_history, serialize
from tests.conftest import ROOT
from tests.gateway.core.history import NOW, context

MODEST = settings(max_examples=80, deadline=None, derandomize=True)
TO = "12065550101"


def order(**changes: Any) -> Order:
    made = Order("v2", "12065550100", (Destination(TO, "m-1"),), (Segment("text", text="Hello"),))
    return replace(made, **changes)


def rows_of(
    *orders: Order, at: AcceptanceContext | None = None, taken: set[str] | None = None, **more: Any
) -> list[dict[str, object]]:
    named = assign_ids(Submission(orders, speed=more.pop("speed", None)), lambda: "new")
    planned = plan_submission(named, at or context(), taken or set(), **more)
    return [row for _, rows in planned.orders for row in rows]


# --- the door --------------------------------------------------------------------------------------------------

REFUSED = {
    "no number": (order(destinations=(Destination("", "m-1"),)), 51),
    "no digits": (order(destinations=(Destination("+1206", "m-1"),)), 52),
    "two digits": (order(destinations=(Destination("12", "m-1"),)), 52),
    "a long text": (order(segments=(Segment("text", text="x" * 1601),)), 77),
    "a report to nowhere": (order(notify_url="gopher://x"), 56),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_at_the_door_is_an_ended_row_without_a_report(name: str) -> None:
    refused, status = REFUSED[name]

    (row,) = rows_of(refused)

    assert (row["state"], row["status"], row["due_at"], row["report"]) == ("rejected", status, None, "")
    assert row["done_at"] == NOW


def test_a_text_of_1600_characters_is_taken() -> None:
    (row,) = rows_of(order(segments=(Segment("text", text="x" * 1600),)))

    assert row["state"] == "accepted"


def test_a_number_nobody_takes_has_no_route() -> None:
    (row,) = rows_of(order(), at=replace(context(), route=lambda _number, _order: ""))

    assert row["status"] == 19


def test_an_id_used_before_has_no_row_and_the_rest_is_taken() -> None:
    both = order(destinations=(Destination(TO, "m-1"), Destination(TO, "m-2"), Destination(TO, "m-2")))

    assert [row["message_id"] for row in rows_of(both, taken={"m-1"})] == ["m-2"]


@pytest.mark.parametrize(("pair", "status"), [((TO, ""), 14), ((TO, "12065550100"), 14), ((TO, "999"), 26)])
def test_who_wants_nothing_gets_nothing(pair: tuple[str, str], status: int) -> None:
    (row,) = rows_of(order(), blocked={pair})

    assert row["status"] == status


def test_a_group_shares_one_transaction_and_its_first_accepted_member_leads() -> None:
    members = (Destination("x", "g-0"), Destination("12065550111", "g-1"), Destination("12065550112", "g-2"))
    first, second, third = rows_of(order(destinations=(Destination(group=members),)))

    assert first["state"] == "rejected"
    assert second["transaction_id"] == third["transaction_id"] != first["transaction_id"]
    assert (second["leads"], third["leads"], third["due_at"]) == (1, 0, None)


@pytest.mark.parametrize(
    ("given", "report"), [({}, "pull"), ({"notify_url": "https://x/"}, "push"), ({"notify": False}, "")]
)
def test_how_the_end_is_told(given: dict[str, Any], report: str) -> None:
    (row,) = rows_of(order(**given))

    assert row["report"] == report


def test_nothing_to_send_and_nobody_to_send_to_are_refused() -> None:
    for empty in (Submission(()), Submission((order(destinations=()),))):
        with pytest.raises(Refused):
            assign_ids(empty, lambda: "new")


# --- time ------------------------------------------------------------------------------------------------------


def test_sending_speed_spreads_a_bulk() -> None:
    many = order(destinations=tuple(Destination(TO, f"m-{n}") for n in range(4)))
    due = [row["due_at"] for row in rows_of(many, speed=SpeedLimit(2, 60))]

    assert due == [NOW, NOW + 30_000, NOW + 60_000, NOW + 90_000]
    assert after_speed(5, None) == 0


def test_validity_counts_from_sending_and_ends_at_48_hours() -> None:
    later = NOW + 3_600_000
    (row,) = rows_of(order(send_at_ms=later, validity_s=10**9))

    assert (row["send_at"], row["expires_at"]) == (later, later + 48 * 3_600_000)


# 2026-11-22 is a Sunday.
SUNDAY_NOON = 1_795_348_800_000
HOUR = 3_600_000
WINDOWS = {
    "open": (Window((6,), 11 * 60, 13 * 60), 0),
    "later today": (Window((6,), 14 * 60, 15 * 60), 2 * HOUR),
    "tomorrow": (Window((0,), 9 * 60, 17 * 60), 21 * HOUR),
    "next week": (Window((6,), 9 * 60, 10 * 60), (7 * 24 - 3) * HOUR),
    "since yesterday, over midnight": (Window((5,), 22 * 60, 13 * 60), 0),
    "all day": (Window((0, 1, 2, 3, 4, 5, 6)), 0),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_the_next_moment_in_a_delivery_window(name: str) -> None:
    window, wait = WINDOWS[name]

    assert next_open(SUNDAY_NOON, window) == SUNDAY_NOON + wait


@MODEST
@given(st.integers(0, 4 * 10**12), st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(0, 1440))
def test_a_window_opens_within_a_week_and_stays_open_where_it_is(
    at: int, days: set[int], begins: int, ends: int
) -> None:
    window = Window(tuple(days), begins, ends)
    opens = next_open(at, window)

    assert at <= opens <= at + 8 * 24 * HOUR
    assert next_open(opens, window) == opens


RETRIES = {
    # kind and unit: delays after the first, second … failure, in seconds
    (webhook_retry_s, 60.0): [120, 300, 600, 1020],
    (webhook_retry_s, 0.5): [1, 2.5, 5, 8.5],
    (submission_retry_s, 60.0): [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300],
    (submission_retry_s, 0.5): [0.5, 1, 2, 4],
}


@pytest.mark.parametrize(("delay", "unit_s"), RETRIES)
def test_the_delay_grows_with_each_failure(delay: Any, unit_s: float) -> None:
    expected = RETRIES[delay, unit_s]

    assert [delay(failed, unit_s) for failed in range(1, len(expected) + 1)] == expected


# (time, "take" or "reserve", tokens) -> seconds to wait, for a bucket of 4 tokens that gains 2 per second
TOKENS = [
    (0.0, "take", 3, 0.0),
    (0.0, "take", 2, 0.5),  # 1 of 2 is there; nothing is taken
    (0.0, "take", 1, 0.0),
    (0.5, "take", 1, 0.0),
    (10.0, "take", 9, 0.0),  # more than the bucket holds goes when it is full
    (10.0, "take", 1, 3.0),  # and is paid back
    (12.5, "reserve", 2, 1.0),
    (12.5, "reserve", 2, 2.0),
    (99.0, "reserve", 4, 0.0),
]


def test_a_token_bucket_refuses_or_makes_wait() -> None:
    now = 0.0
    buckets = TokenBuckets(lambda: now)

    for now, method, amount, wait_s in TOKENS:
        assert getattr(buckets, method)("key", amount, 2, 4) == pytest.approx(wait_s), (now, method, amount)
    assert buckets.take("another key", 4, 2, 4) == 0


# --- keys ------------------------------------------------------------------------------------------------------

KEY = "a-long-enough-key"
HEADERS = {
    f"App {KEY}": True,
    f"app  {KEY}": True,
    f"Bearer {KEY}": True,
    f"IBSSO {KEY}": True,
    "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode(): True,
    "Basic " + base64.b64encode(KEY.encode()).decode(): False,
    "Basic !": False,
    f"App {KEY}x": False,
    "App": False,
    KEY: False,
    f"Digest {KEY}": False,
    f"App {hash_key(KEY)}": False,
}


@pytest.mark.parametrize("header", HEADERS)
def test_four_forms_of_a_header_let_a_key_in(header: str) -> None:
    keys = ApiKeys(read_keys(f"acme:{KEY}", ""))

    assert (keys.find(header) is not None) is HEADERS[header]


def test_keys_are_kept_hashed_and_may_be_given_so() -> None:
    (hashed,) = read_keys(KEY, "")

    assert KEY not in hashed
    assert read_keys(f"acme:sha256${hashed}", "")[hashed] == Account("acme", "acme")
    assert len({new_key() for _ in range(50)}) == 50


@pytest.mark.parametrize(("keys", "quotas"), [("short", ""), ("acme:12345678", "acme:fast"), ("a:12345678", "a:1/x")])
def test_a_wrong_key_or_quota_is_a_named_error(keys: str, quotas: str) -> None:
    with pytest.raises(Misconfigured, match=r"MMS_GATEWAY_(API_KEYS|QUOTAS)"):
        read_keys(keys, quotas)


def test_a_quota_is_a_rate_of_its_account_and_says_when_to_come_again() -> None:
    buckets, account = TokenBuckets(lambda: 0.0), Account("a", "a", Quota(per_second=10))

    take_quota(buckets, account, 20)
    with pytest.raises(Throttled, match="a may send 10 messages a second") as refused:
        take_quota(buckets, account, 5)
    take_quota(buckets, Account("b", "b"), 10**6)

    assert refused.value.after_s == pytest.approx(0.5)


# --- settings, logs, rows --------------------------------------------------------------------------------------


def test_every_setting_stands_in_the_document_with_its_default() -> None:
    document = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")

    for one in fields(Settings):
        assert f"| `{one.name.upper()}` |" in document, one.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "high"),
        ("SYNCHRONOUS", "MAYBE"),
        ("BATCH", "0"),
        ("NO_SUCH", "1"),
        ("LEASE_S", "nan"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=PREFIX + name):
        read_settings({PREFIX + name: value})


def test_settings_are_read_from_their_variables_alone() -> None:
    found = read_settings({PREFIX + "PORT": "9000", PREFIX + "LEASE_S": "2.5", "PORT": "1"})

    assert (found.port, found.lease_s) == (9000, 2.5)


LINES = {
    "to +12065550101 now": "to 120…01 now",
    "12065550101": "120…01",
    "Authorization: App abcdef0123456789": "Authorization: App …",
    "https://user:pass@host/x?key=abc&n=1": "https://…@host/x?key=…&n=1",
    "rendition e0b75e32f3ad has 144827 bytes": "rendition e0b75e32f3ad has 144827 bytes",
}


@pytest.mark.parametrize("said", LINES)
def test_numbers_and_secrets_are_made_unreadable(said: str) -> None:
    assert redact(said) == LINES[said]


def test_every_field_of_a_log_line_is_redacted() -> None:
    said = redact_event(
        None, "", {"to": ["12065550101"], "api_key": "abc", "n": 12065550101, "deep": {"from": "12065550101"}}
    )

    assert said == {"to": ["120…01"], "api_key": "…", "n": "120…01", "deep": {"from": "120…01"}}


def test_a_row_reads_as_it_was_written_and_defaults_take_no_room() -> None:
    told = order(
        window=Window((0, 1), 60, 120), notify=False, validity_s=60, segments=(Segment("link", url="https://x/ü"),)
    )

    assert deserialize(Order, serialize(told)) == told
    assert "carrier" not in serialize(told)


def test_a_history_is_read_back_line_by_line() -> None:
    history = history_line(1, "accepted") + history_line(2, "again", "a\ttab and\na line")

    assert [(s.at_ms, s.name, s.detail) for s in parse_history(history)] == [
        (1, "accepted", ""),
        (2, "again", "a tab and a line"),
    ]
