"""The lower half of the preview page: the bytes each part takes, and why it was kept, transcoded or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmscontent.message import Content, Message, Part
from mmscontent.preview.markup import bar, data_uri, esc, items, plural, stacked_bar
from mmscontent.preview.views import picture_view

if TYPE_CHECKING:
    from mmscontent.preview.view_model import PartView, PreviewModel

_KINDS = {"image", "video", "audio", "text", "contact", "calendar"}
_DECISIONS = {"keep": "kept", "transcode": "transcoded", "drop": "dropped"}
_VIEW_PX = 1080
_QUOTED = 400


def weight(content: Content, facts: Mapping[str, object]) -> str:
    """The size of the whole in words."""
    packed, target, limit = (facts.get(k) for k in ("packed_bytes", "target_bytes", "limit_bytes"))
    # a message without a ledger: no limit is known
    if not isinstance(packed, int) or not isinstance(target, int):
        return f"{sum(len(p.data) for p in content.parts):,} bytes of media"
    beyond = f", {limit:,} is the limit" if limit != target else ""
    return f"{packed:,} of {target:,} target bytes ({packed / target:.0%}){beyond}"


def whole(content: Content, model: PreviewModel, facts: Mapping[str, object]) -> str:
    """All bytes as one bar, with a legend."""
    bodies = [(len(e.part.data), _kind(e.kind), e.label) for e in model.parts]
    packed, limit, target = (_number(facts, k) for k in ("packed_bytes", "limit_bytes", "target_bytes"))
    smil = len(content.presentation.data) if content.presentation is not None else 0
    # what is not a body: headers, SMIL, and in base64 a third of everything
    rest = max(packed - sum(n for n, _, _ in bodies), smil)
    # the limit is the right edge, unless the message passes it
    scale = max(limit, sum(n for n, _, _ in bodies) + rest, 1)
    pieces = [(n / scale, kind) for n, kind, _ in bodies] + [(rest / scale, "head")]
    summary = "; ".join(f"{label}: {n:,} bytes" for n, _, label in bodies)
    drawn = stacked_bar(pieces, target / scale if target else None, f"{summary}; headers and slides: {rest:,} bytes")
    names = [*dict.fromkeys(kind for _, kind, _ in bodies), "head"]
    words = {"head": f"headers, slides and packing, {rest:,} bytes"}
    legend = "".join(
        f'<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="k-{k}" width="1" height="1"/></svg>'
        f"{esc(words.get(k, k))}</li>"
        for k in names
    )
    return f'{drawn}<ul class="legend">{legend}</ul>'


def part_panels(model: PreviewModel, facts: Mapping[str, object], original: Message | None) -> str:
    """One card a part, in the ledger's order where there is one; a part that was left out has its card too."""
    entries = facts.get("parts")
    # the ledger and the message agree on Content-IDs
    by_id = {e.part.content_id: e for e in model.parts if e.part.content_id}
    total = max(sum(len(e.part.data) for e in model.parts), 1)
    # without a ledger each part has a card with what its bytes say
    if not isinstance(entries, list) or not entries:
        return "".join(_card(e, {}, total, None) for e in model.parts)
    sources = original.parts if original is not None else ()
    return "".join(
        _card(by_id.get(str(entry.get("content_id"))), entry, total, sources[i] if i < len(sources) else None)
        for i, entry in enumerate(entries)
    )


def notes(facts: Mapping[str, object]) -> str:
    """Warnings and options of the ledger, as a section; nothing when there are none."""
    warnings = facts.get("warnings") or []
    options = facts.get("options") or []
    if not isinstance(warnings, list) or not isinstance(options, list) or not (warnings or options):
        return ""
    lines = [str(w) for w in warnings]
    lines += [f"{o.get('do', '')} {o.get('part') or ''}: {_gives(o.get('gives'))}" for o in options]
    return (
        '<section aria-labelledby="notes"><div class="section-head"><h2 id="notes">Warnings and options</h2></div>'
        f"{items(lines, 'plain')}</section>"
    )


def _gives(gives: object) -> str:
    pairs = gives.items() if isinstance(gives, dict) else ()
    return ", ".join(f"{str(k).replace('_', ' ')} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in pairs)


def _card(view: PartView | None, entry: Mapping[str, object], total: int, source: Part | None) -> str:
    label = str(entry.get("name") or (view.label if view else "a part"))
    decision = str(entry.get("decision", ""))
    tag = f'<span class="tag {esc(decision)}">{esc(_DECISIONS.get(decision, decision))}</span>' if decision else ""
    size = len(view.part.data) if view else 0
    kind = _kind(view.kind if view else str(entry.get("kind", "other")))
    rows = [
        f'<header><h3 dir="auto">{esc(label)}</h3>{tag}</header>',
        bar(size / total, kind, f"{size / total:.0%} of the media bytes"),
        f'<p class="bytes"><span><strong>{size:,} bytes</strong>{_came(entry)}</span>',
        f"<span>{_quality(entry)}</span></p>",
        f'<p class="quiet">{esc(_what(view, entry))}</p>',
        _quote(view),
        items(_why(entry), "why"),
        _compare(view, source),
        _tries(entry),
    ]
    return f'<article class="card">{"".join(rows)}</article>'


def _quote(view: PartView | None) -> str:
    """The first words of a text, or what a card is about."""
    if view is None or not view.text:
        return ""
    # a long text is quoted by its first words only
    cut = view.text if len(view.text) <= _QUOTED else f"{view.text[:_QUOTED]}…"
    return f'<blockquote dir="auto">{esc(cut)}</blockquote>'


def _came(entry: Mapping[str, object]) -> str:
    source = entry.get("source")
    came = source.get("bytes") if isinstance(source, dict) else None
    return f" of {came:,}" if isinstance(came, int) and entry.get("decision") != "keep" else ""


def _quality(entry: Mapping[str, object]) -> str:
    quality = entry.get("quality")
    if not isinstance(quality, dict):
        return ""
    # what was measured wins over what was predicted
    value = quality.get("measured") if quality.get("measured") is not None else quality.get("predicted")
    how = "measured" if quality.get("measured") is not None else "predicted"
    return f"quality {min(value, 100):.0f} of 100, {how}" if isinstance(value, int | float) else ""


def _what(view: PartView | None, entry: Mapping[str, object]) -> str:
    source = entry.get("source")
    before = _facts(source) if isinstance(source, dict) else ""
    after = view.detail if view else "not sent"
    return after if not before or entry.get("decision") == "keep" else f"{before} → {after}"


def _facts(source: Mapping[str, object]) -> str:
    words = [str(source.get("media_type", ""))]
    if source.get("width_px") and source.get("height_px"):
        words.append(f"{source['width_px']} × {source['height_px']} px")
    return ", ".join(words)


def _why(entry: Mapping[str, object]) -> list[str]:
    lines = [str(r) for key in ("reasons", "notes") for r in _list(entry, key)]
    stripped = [str(s) for s in _list(entry, "stripped")]
    return lines + ([f"Removed: {', '.join(stripped)}"] if stripped else [])


def _tries(entry: Mapping[str, object]) -> str:
    tries = [str(t) for t in _list(entry, "tries")]
    if not tries:
        return ""
    return f"<details><summary>{plural(len(tries), 'step')} of the search</summary>{items(tries, 'why')}</details>"


def _compare(view: PartView | None, source: Part | None) -> str:
    """Before and after, one over the other, with a slider between; the after is the conversation's own picture."""
    if view is None or source is None or view.play != "img" or source.data == view.part.data:
        return ""
    # the source may be of a type no browser shows, and is far larger than the page needs
    before = picture_view(source, _VIEW_PX)
    if before is None:
        return ""
    label = esc(view.label)
    return (
        '<div><figure class="compare">'
        f'<img alt="{label}, before" src="{data_uri(before.media_type, before.data)}">'
        f'<img alt="{label}, after" data-from="part-{view.index}">'
        '<i class="edge"></i><span class="on left" aria-hidden="true">before</span>'
        '<span class="on right" aria-hidden="true">after</span>'
        "</figure>"
        f'<input class="wipe" type="range" min="0" max="100" value="50" aria-label="Where before ends: {label}"></div>'
    )


def _kind(kind: str) -> str:
    return kind if kind in _KINDS else "other"


def _list(entry: Mapping[str, object], key: str) -> list[object]:
    value = entry.get(key)
    return value if isinstance(value, list) else []


def _number(facts: Mapping[str, object], key: str) -> int:
    value = facts.get(key)
    return value if isinstance(value, int) else 0
