"""The preview page: one self-contained HTML file that plays a message as the phone will, and explains the result.

No network: every byte is in the page, and its Content-Security-Policy allows nothing but its own style and script, by
their hashes. Whatever comes from the message is text or the bytes of a known media type, never markup.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from mmscontent.ledger import Ledger
from mmscontent.message import Content, Message
from mmscontent.preview.markup import bubble, data_uri, esc, json_block, plural
from mmscontent.preview.part_panels import notes, part_panels, weight, whole
from mmscontent.preview.view_model import PartView, PreviewModel, as_mapping, build_preview_model
from mmscontent.preview.views import needs_view, view_of
from mmscontent.smil.lint import lint
from mmscontent.smil.model import Region
from mmscontent.smil.text import decode
from mmscontent.version import __version__

if TYPE_CHECKING:
    from mmscontent.compose import Composed
    from mmscontent.smil.rules import LintFinding

# Screens to look at it on, in device-independent pixels: what a browser or a messaging app there has to draw on.
DEVICES: dict[str, tuple[str, int, int]] = {
    "iphone": ("iPhone, 390 × 844", 390, 844),
    "android": ("Android phone, 412 × 915", 412, 915),
    "small": ("Small smartphone, 360 × 640", 360, 640),
    "feature": ("Feature phone, 240 × 320", 240, 320),
    "first": ("First MMS phones, 128 × 160", 128, 160),
}
# Which of them stands for a profile's device, by the beginning of its key; Android for the rest.
_STANDS_FOR: tuple[tuple[str, str], ...] = (
    ("apple/", "iphone"),
    ("kaios/", "feature"),
    ("nokia/", "feature"),
    ("sonyericsson/xperia", "small"),
    ("sonyericsson/t610", "first"),
    ("sonyericsson/", "feature"),
    ("siemens/", "first"),
    ("samsung/sgh", "first"),
    ("doro/", "small"),
    ("blackberry/", "small"),
)
_MOST_SMIL_CHARACTERS = 40_000
_UNPLAYED = {"image": "this picture", "video": "this clip", "audio": "this sound"}


def preview(
    subject: Content | Composed, *, ledger: Ledger | Mapping[str, object] | None = None, original: Message | None = None
) -> str:
    """The page of a message.

    Args:
        subject: A composed message, or any content.
        ledger: What became of each part, as a ledger or its JSON form; a composed message brings its own.
        original: What it was composed of, for pictures before and after.
    """
    if isinstance(subject, Content):
        content = subject
    else:
        # a composed message brings its own ledger
        content, ledger = subject.content, ledger if ledger is not None else subject.ledger
    facts = as_mapping(ledger)
    model = build_preview_model(content, facts)
    # each view gets what a browser can show of it: the part itself, or a view made in the sandbox
    model = replace(model, parts=tuple(_with_view(view) for view in model.parts))
    findings = lint(content, durations_ms=_durations(content, facts))
    style, script = _asset("page.css"), _asset("page.js")
    subject_line = f'<p class="from" dir="auto">{esc(content.subject)}</p>' if content.subject else ""
    heading = content.subject or "A message without a subject"
    return Template(_asset("page.html")).substitute(
        policy=esc(_policy(style, script)),
        style=style,
        script=script,
        title=esc(f"{heading} · MMS preview"),
        heading=esc(heading),
        facts=_facts(model, facts),
        watching=esc(model.trouble or "Press Play, or drag the time."),
        devices=_devices(facts),
        conversation=subject_line + "".join(_bubble(view) for view in model.parts),
        timeline=_timeline(model),
        weight=esc(weight(content, facts)),
        whole=whole(content, model, facts),
        cards=part_panels(model, facts, original),
        notes=notes(facts),
        verdict=esc(_verdict(findings, content)),
        findings=_findings(findings),
        smil=esc(_smil(content)),
        footer=esc(f"Made by mmscontent {__version__}. This page loads nothing from anywhere."),
        plan=json_block(_plan(model)),
    )


def _asset(name: str) -> str:
    return resources.files("mmscontent.preview").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    # CSP level 2: only the style and the script with these hashes run; a message cannot add its own
    hashes = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode("ascii") for t in (style, script)]
    return (
        # data: alone: the page must not call home, not even for a picture
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def _with_view(view: PartView) -> PartView:
    part = view.part
    if view.kind not in _UNPLAYED:
        return view
    # the bytes as they are sent, so that the page shows what the phone gets
    if not needs_view(part):
        return view.with_media(part.data, part.media_type)
    converted = view_of(part)
    # what no decoder here reads is named, not shown
    if converted is None:
        return view
    playable = view.with_media(converted.data, converted.media_type)
    return replace(playable, detail=f"{view.detail}, shown here as {converted.media_type}")


def _durations(content: Content, facts: Mapping[str, object]) -> dict[int, int]:
    by_id = {}
    parts = facts.get("parts")
    for part in parts if isinstance(parts, list) else []:
        result = part.get("result") or {}
        if isinstance(result.get("duration_ms"), int):
            # the ledger knows parts by Content-ID; the SMIL's order may differ
            by_id[part.get("content_id")] = result["duration_ms"]
    return {i: by_id[p.content_id] for i, p in enumerate(content.parts) if p.content_id in by_id}


def _facts(model: PreviewModel, facts: Mapping[str, object]) -> str:
    # slides play one after the other
    length = sum(s.duration_ms for s in model.slides) / 1000
    rows = [f"<strong>{plural(len(model.slides), 'slide')}</strong>, {length:.1f} s"]
    rows.append(f"<strong>{plural(len(model.parts), 'part')}</strong>")
    if facts.get("packed_bytes"):
        rows.append(f"<strong>{facts['packed_bytes']:,} bytes</strong> as {esc(facts.get('encoding', ''))}")
    profile = facts.get("profile")
    if isinstance(profile, dict):
        named = [str(v).replace("_", " ") for v in profile.values() if v]
        rows.append(f"for <strong>{esc(', '.join(named) or 'any phone')}</strong>")
    return "".join(f"<li>{row}</li>" for row in rows)


def _devices(facts: Mapping[str, object]) -> str:
    profile = facts.get("profile")
    wanted = str(profile.get("device") or "") if isinstance(profile, dict) else ""
    # the phone the message was made for, where the table has one like it
    chosen = next((key for start, key in _STANDS_FOR if wanted.startswith(start)), "android")
    return "".join(
        f'<option value="{key}"{" selected" if key == chosen else ""}>{label}</option>'
        for key, (label, _, _) in DEVICES.items()
    )


def _timeline(model: PreviewModel) -> str:
    return "".join(
        f'<li><button type="button" aria-label="Slide {n}, {s.duration_ms / 1000:.1f} seconds">'
        f"{n}<br>{s.duration_ms / 1000:.1f} s</button></li>"
        for n, s in enumerate(model.slides, start=1)
    )


def _bubble(view: PartView) -> str:
    """One part as a phone shows it that knows nothing of slides; the media here are the only copy in the page."""
    label, about = esc(view.label), esc(view.detail)
    uri = data_uri(view.media_type, view.data) if view.data else ""
    if view.play == "text":
        return bubble(f'<span dir="auto">{esc(view.text)}</span>', "words")
    if view.play == "img":
        return bubble(f'<img id="part-{view.index}" alt="{esc(view.part.alt or view.label)}" src="{uri}">')
    if view.play == "video":
        return bubble(
            f'<video id="part-{view.index}" controls playsinline preload="metadata" aria-label="{label}"'
            f' src="{uri}"></video>'
        )
    if view.play == "audio":
        player = f'<audio id="part-{view.index}" controls preload="metadata" aria-label="{label}" src="{uri}"></audio>'
        return bubble(f"{player}<small>{label}, {about}</small>", "sound")
    what = {"contact": "Contact card", "calendar": "Calendar entry", "audio": "Sound", "video": "Clip"}
    heading = esc(view.text) if view.text else label
    return bubble(f'<strong dir="auto">{heading}</strong><small>{what.get(view.kind, "File")}, {about}</small>', "file")


def _plan(model: PreviewModel) -> dict[str, object]:
    """What the script plays; its keys are the script's own."""
    return {
        "slides": [
            {
                "duration": s.duration_ms,
                "why": s.why,
                "shown": [
                    {"element": i.element, "src": i.src[:200], "region": i.region, "alt": i.alt, "part": i.part}
                    for i in s.items
                ],
            }
            for s in model.slides
        ],
        "parts": [
            {
                "index": e.index,
                "label": e.label,
                "play": e.play,
                "text": e.text if e.play == "text" else "",
                "unplayable": f"{e.detail}: no browser shows {_UNPLAYED.get(e.kind, 'this file')}",
            }
            for e in model.parts
        ],
        "regions": {r.id: _box(r) for r in model.regions},
        "whole": {"left": 0, "top": 0, "width": 100, "height": 100, "fit": "meet"},
        "background": model.background,
        "devices": {key: [width, height] for key, (_, width, height) in DEVICES.items()},
    }


def _box(region: Region) -> dict[str, object]:
    return {
        "left": region.left,
        "top": region.top,
        # a region that ends beyond the screen is cut there, as on the phone
        "width": min(region.width, 100 - region.left),
        "height": min(region.height, 100 - region.top),
        "fit": region.fit,
    }


def _verdict(findings: tuple[LintFinding, ...], content: Content) -> str:
    if content.presentation is None:
        return "The message has no presentation."
    if not findings:
        return "The presentation has no faults."
    counts = [(s, sum(f.severity == s for f in findings)) for s in ("error", "warning", "info")]
    return ", ".join(plural(n, s) if s != "info" else f"{n} of no effect" for s, n in counts if n)


def _findings(findings: tuple[LintFinding, ...]) -> str:
    rows = "".join(
        f'<li><span class="{f.severity}">{f.severity}</span>'
        f"<span>{esc(f.place)}: {esc(f.sentence)} <code>{f.rule}</code></span></li>"
        for f in findings
    )
    return f'<ul class="findings">{rows}</ul>' if rows else ""


def _smil(content: Content) -> str:
    if content.presentation is None:
        return "(none)"
    # as text, never as markup; a hostile document may be megabytes
    text = decode(content.presentation.data, content.presentation.charset)[:_MOST_SMIL_CHARACTERS]
    return text.replace("><", ">\n<")
