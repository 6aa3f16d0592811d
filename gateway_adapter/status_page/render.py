"""Renders the status page's HTML from views. Everything that comes from a message is escaped text, never markup.

No script, image, font or external resource: the policy allows the one style by its hash, and a frame of our own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib import resources
from typing import Any, get_args
from urllib.parse import quote

from gateway_adapter.model import MessageView, State
from gateway_adapter.statuses import error_row, status_row

STATES: tuple[State, ...] = get_args(State)
_STATE_CLASSES: Mapping[str, str] = {
    "accepted": "wait",
    "ready": "wait",
    "submitted": "wait",
    "delivered": "good",
    "undeliverable": "bad",
    "expired": "bad",
    "rejected": "bad",
    "cancelled": "bad",
}
_MAX_JSON_CHARS = 200_000


@cache
def _style() -> str:
    return resources.files("gateway_adapter.status_page").joinpath("page.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """The Content-Security-Policy of the pages."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


# --- pieces --------------------------------------------------------------------------------------------------------


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · MMS gateway</title><style>{_style()}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are markup already."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table aria-label="{escape(caption)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _cell(text: object, kind: str = "words") -> str:
    return f'<td class="{kind}">{escape(str(text))}</td>'


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs if text)
    return f"<dl>{''.join(rows)}</dl>"


def _state(state: str) -> str:
    return f'<span class="state {_STATE_CLASSES.get(state, "wait")}">{escape(state)}</span>'


def _time(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _later(ms: int) -> str:
    """How long after the first step."""
    if ms < 1000:  # noqa: PLR2004  # a second
        return f"+{ms} ms"
    seconds = ms / 1000
    return f"+{seconds:.1f} s" if seconds < 120 else f"+{seconds / 60:.0f} min"  # noqa: PLR2004  # two minutes


def _bytes(size: object) -> str:
    return f"{size:,} bytes" if isinstance(size, int) and size else ""


# --- the list ------------------------------------------------------------------------------------------------------


def list_page(account: str, views: Sequence[MessageView], state: str, limit: int) -> str:
    """The newest messages, all or those of a state."""
    chosen = (f"<option{' selected' if name == state else ''}>{name}</option>" for name in STATES)
    form = (
        '<div class="choose"><form method="get" action="/status">'
        '<label>State<select name="state"><option value="">all</option>'
        f"{''.join(chosen)}</select></label><button>Show</button></form>"
        '<form method="get" action="/status/message"><label>Message id<input name="id" required></label>'
        "<button>Open</button></form></div>"
    )
    newest = f"the newest {limit}" if len(views) == limit else str(len(views))
    lead = f"<h1>Messages</h1><p class='lead'>Account {escape(account)}, {newest} shown. Times are UTC.</p>"
    if not views:
        return _document("Messages", f"{lead}{form}<p>There are no messages yet.</p>")
    heads = ("Sent", "To", "From", "State", "Status", "Through", "Message")
    return _document("Messages", lead + form + _table("Messages", heads, map(_row, views)))


def _row(view: MessageView) -> tuple[str, ...]:
    report = view.log.report
    # Ids are the customer's own: quoted in the URL, escaped in the text
    link = f'<a href="/status/message?id={quote(report.message_id, safe="")}">{escape(report.message_id)}</a>'
    return (
        _cell(_time(report.sent_at_ms), "time"),
        _cell(report.to, "word"),
        _cell(report.sender, "word"),
        f"<td>{_state(view.state)}</td>",
        _cell(status_row(report.status).name, "word"),
        _cell(view.connection, "word"),
        f'<td class="words">{link}</td>',
    )


# --- one message ---------------------------------------------------------------------------------------------------


def message_page(view: MessageView) -> str:
    """One message: state, history, ledger and preview."""
    report = view.log.report
    body = (
        f"<p><a href='/status'>All messages</a></p><h1>{escape(view.log.title or 'A message without a title')}</h1>"
        f"<p class='lead'>{_state(view.state)} {escape(status_row(report.status).description)}</p>"
        f"{_facts(_about(view))}<h2>History</h2>{_history(view)}{_ledger(view.ledger)}{_preview(view)}"
    )
    return _document(report.message_id, body)


def _about(view: MessageView) -> tuple[tuple[str, str], ...]:
    report = view.log.report
    error = error_row(report.error)
    return (
        ("Message", report.message_id),
        ("Bulk", report.bulk_id),
        ("From", report.sender),
        ("To", report.to),
        ("Status", f"{report.status} {status_row(report.status).name}"),
        ("Error", f"{report.error} {error.name}: {error.description}" if report.error else ""),
        ("Sent", _time(report.sent_at_ms)),
        ("Done", _time(report.done_at_ms)),
        ("Next step", _time(view.due_at_ms)),
        ("Connection", view.connection),
        ("Operator's id", view.operator_message_id),
        ("Attempts", str(view.attempts) if view.attempts else ""),
        ("Packed", _bytes(view.size_bytes)),
        ("Campaign", report.campaign_reference),
    )


def _history(view: MessageView) -> str:
    steps = view.steps
    if not steps:
        return "<p>The history is empty.</p>"
    first = steps[0].at_ms
    rows = (
        (
            _cell(_time(s.at_ms), "time"),
            _cell(_later(s.at_ms - first), "number"),
            _cell(s.name, "word"),
            _cell(s.detail),
        )
        for s in steps
    )
    return _table("History", ("Time", "After", "Step", "Detail"), rows)


def _ledger(ledger: Mapping[str, object] | None) -> str:
    if ledger is None:
        return "<h2>Ledger</h2><p>The content has not been fitted yet.</p>"
    parts = ledger.get("parts")
    rows = [_part(part) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    ledger_text = json.dumps(ledger, ensure_ascii=False, indent=1)[:_MAX_JSON_CHARS]
    return (
        f"<h2>Ledger</h2>{_facts(_sums(ledger))}"
        + _table("Parts", ("Part", "Decision", "Source", "Result", "Reasons"), rows)
        + _list("Warnings", ledger.get("warnings"))
        + f"<details><summary>As JSON</summary><pre>{escape(ledger_text)}</pre></details>"
    )


def _sums(ledger: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    source = ledger.get("limit_source")
    origin = f" ({source.get('from', '')})" if isinstance(source, dict) else ""
    used = ledger.get("utilisation")
    return (
        ("Fits", {True: "yes", False: "no"}.get(ledger.get("fits") is True, "")),
        ("Limit", f"{_bytes(ledger.get('limit_bytes'))}{origin}"),
        ("Target", _bytes(ledger.get("target_bytes"))),
        ("Packed", _bytes(ledger.get("packed_bytes"))),
        ("Used of the target", f"{used:.1%}" if isinstance(used, float) else ""),
    )


def _part(part: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = part.get("reasons")
    reason_text = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    return (
        _cell(part.get("name") or part.get("content_id") or ""),
        _cell(part.get("decision") or "", "word"),
        _cell(_medium(part.get("source"))),
        _cell(_medium(part.get("result"))),
        _cell(reason_text),
    )


def _medium(facts: object) -> str:
    """`image/jpeg, 4032 × 3024, 2,811,034 bytes`."""
    if not isinstance(facts, dict):
        return ""
    sides = f"{facts['width_px']} × {facts['height_px']}" if facts.get("width_px") and facts.get("height_px") else ""
    length = f"{facts['duration_ms'] / 1000:.1f} s" if isinstance(facts.get("duration_ms"), int) else ""
    return ", ".join(filter(None, (str(facts.get("media_type") or ""), sides, length, _bytes(facts.get("bytes")))))


def _list(title: str, rows: object) -> str:
    if not isinstance(rows, list) or not rows:
        return ""
    return f"<h2>{title}</h2><ul class='plain'>{''.join(f'<li>{escape(str(row))}</li>' for row in rows)}</ul>"


def _preview(view: MessageView) -> str:
    if not view.rendition:
        return ""
    source = f"/status/preview?id={quote(view.log.report.message_id, safe='')}"
    frame = f'<iframe src="{source}" title="The message as the phone shows it" sandbox="allow-scripts"></iframe>'
    return f'<h2>Preview</h2><p><a href="{source}">On a page of its own</a></p>{frame}'


def missing_page(what: str) -> str:
    """The page for an id that does not exist."""
    return _document("Not found", f"<p><a href='/status'>All messages</a></p><h1>Not found</h1><p>{escape(what)}</p>")
