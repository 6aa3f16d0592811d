"""The database tables, one literal each; a row of `messages` is one message to one recipient.

Times are milliseconds since 1970. `due_at` is when a worker must look at a row again, NULL for never. A worker that
takes a row moves `due_at` ahead by the lease time and writes its own token to `lease`, so the row of a worker that died
becomes due again by itself. The lease has no expiry column of its own: `due_at` is the expiry, `lease` the holder.

Existing databases hold older names: where a name here differs from the one in the file, the column or table literal
says so ("hooks", "strays", "trail", "bucket", "fact").
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint, text

METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row number


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _text(name: str, key: str | None = None) -> Column[str]:
    """A text column; *key* is its name in the code where the database has an older one."""
    return Column(name, Text, key=key or name, nullable=False, server_default="")


def _texts(*names: str) -> list[Column[str]]:
    return [_text(name) for name in names]


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=True)


# One Order without its destinations; `body` is the whole of it as JSON (serialization.py). Its reports go to
# `notify_url` in the form `form`; `target` is the digest of both. The text of an SMS failover goes to `sms_url`.
orders = Table(
    "orders",
    METADATA,
    _id(),
    *_texts("account", "bulk_id", "generation", "sender", "entity_id", "application_id", "campaign"),
    *_texts("notify_url", "notify_failover_url", "form", "target"),
    _number("intermediate"),
    _text("sms_url"),
    Column("body", Text, nullable=False),
)

# One message to one recipient. Members of a group share `transaction_id`; the one that `leads` is submitted for all.
# `report` is a ReportMode: "" no report, "pull" waits to be fetched, "push" goes by webhook, "gone" was fetched.
# `history` has one line a step: milliseconds, step, detail, separated by tabs.
messages = Table(
    "messages",
    METADATA,
    _id(),
    *_texts("account", "message_id", "bulk_id"),
    Column("order_id", _ID, nullable=False),
    *_texts("recipient", "group_to"),
    _number("leads"),
    _text("state"),
    _time("due_at"),
    _text("lease"),
    _number("attempt"),
    *_texts("transaction_id", "connection", "operator_message_id"),
    _number("status"),
    _number("error"),
    _number("accepted_at"),
    _number("send_at"),
    _number("expires_at"),
    _time("submitted_at"),
    _time("done_at"),
    _text("rendition"),
    _number("size_bytes"),
    _number("limit_bytes"),
    _text("report"),
    _text("trail", "history"),
    UniqueConstraint("account", "message_id", name="messages_own_id"),
)
_DUE = text("due_at IS NOT NULL")
_OPEN = text("done_at IS NULL")
_PULL = text("report = 'pull' AND done_at IS NOT NULL")
_SENT = text("operator_message_id <> ''")
Index("messages_due", messages.c.connection, messages.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
Index("messages_expiry", messages.c.expires_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("messages_pull", messages.c.account, messages.c.id, sqlite_where=_PULL, postgresql_where=_PULL)
Index("messages_operator", messages.c.operator_message_id, sqlite_where=_SENT, postgresql_where=_SENT)
Index("messages_transaction", messages.c.transaction_id)
Index("messages_bulk", messages.c.account, messages.c.bulk_id)
Index("messages_sent", messages.c.account, messages.c.send_at)

# Webhook deliveries: a report, an inbound message, the text of an SMS failover, an automatic reply to a phone.
# Rows of one `target` (URL and form) share requests; rows of one `batch_id` stay in one request through all attempts.
# `kind`, `url`, `failover_url`, `form` and `payload` are the text form of a Webhook (webhook_queue.py).
# `status`, `error`, `at` and `final` are the report's content when the row was written, whatever happened later.
webhook_deliveries = Table(
    "hooks",
    METADATA,
    _id(),
    *_texts("account", "kind"),
    Column("subject_id", _ID, nullable=False),
    *_texts("url", "failover_url", "form", "target"),
    _text("bucket", "batch_id"),
    _text("fact", "payload"),
    _number("status"),
    _number("error"),
    _time("at"),
    _number("final"),
    _time("due_at"),
    _text("lease"),
    _number("attempt"),
    _number("created_at"),
    _time("done_at"),
    _text("outcome"),
)
Index("hooks_due", webhook_deliveries.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
_BUCKET = text("bucket <> '' AND due_at IS NOT NULL")
Index("hooks_bucket", webhook_deliveries.c.batch_id, sqlite_where=_BUCKET, postgresql_where=_BUCKET)
Index("hooks_subject", webhook_deliveries.c.subject_id)

# A message from a phone; `pull` as messages.report; `body` is an InboundView as JSON.
inbound = Table(
    "inbound",
    METADATA,
    _id(),
    *_texts("connection", "operator_message_id", "account", "message_id", "recipient", "entity_id", "application_id"),
    Column("body", Text, nullable=False),
    _number("received_at"),
    *_texts("configuration", "pull"),
    UniqueConstraint("connection", "operator_message_id", name="inbound_once"),
    UniqueConstraint("message_id", name="inbound_own_id"),
)
_WAITS = text("pull = 'pull'")
Index("inbound_pull", inbound.c.account, inbound.c.id, sqlite_where=_WAITS, postgresql_where=_WAITS)

# Operator events that arrived before the answer to their submission was stored; they are applied when it is.
unmatched_events = Table(
    "strays",
    METADATA,
    _id(),
    *_texts("connection", "operator_message_id"),
    Column("event", Text, nullable=False),
    _number("at"),
)
Index("strays_of", unmatched_events.c.operator_message_id)
Index("strays_at", unmatched_events.c.at)

idempotency = Table(
    "idempotency",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    *_texts("digest", "receipt"),
    _number("at"),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", Text, primary_key=True),
    *_texts("account", "blob", "content_id", "media_type"),
    _number("size_bytes"),
    _number("created_at"),
    _number("expires_at"),
)
Index("uploads_of", uploads.c.account, uploads.c.created_at)

# Fetched links: one fetch serves all recipients and every attempt.
links = Table(
    "links",
    METADATA,
    Column("url", Text, primary_key=True),
    *_texts("blob", "media_type", "file_name"),
    _number("fetched_at"),
)

# Content fitted for one profile; `key` is the digest of everything that went in.
renditions = Table(
    "renditions",
    METADATA,
    Column("key", Text, primary_key=True),
    _text("blob"),
    _number("size_bytes"),
    Column("ledger", LargeBinary, nullable=False),
    _number("made_at"),
)

observed_limits = Table(
    "observed_limits", METADATA, Column("connection", Text, primary_key=True), _number("limit_bytes"), _number("at")
)

configurations = Table(
    "configurations",
    METADATA,
    Column("key", Text, primary_key=True),
    *_texts("account", "number", "keyword"),
    Column("body", Text, nullable=False),
    UniqueConstraint("number", "keyword", name="configurations_one_each"),
)

# Numbers whose owners opted out; sender "" means any sender.
blocked = Table(
    "blocked",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("sender", Text, primary_key=True),
    _number("at"),
)

accounts = Table(
    "accounts",
    METADATA,
    Column("key_hash", Text, primary_key=True),
    *_texts("id", "name"),
    _number("per_day"),
    _text("per_second"),
)

usage = Table(
    "usage",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    _number("messages"),
)
