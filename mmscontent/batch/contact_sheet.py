"""Writes the contact sheet: a page with the ten outputs of the lowest predicted quality, which to check first."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import Any

from mmscontent.batch.folder import CONTACT_SHEET, JOURNAL
from mmscontent.batch.journal import Record, read_records
from mmscontent.errors import SourceError
from mmscontent.files import atomic_write
from mmscontent.pack.registry import unpack
from mmscontent.preview.markup import data_uri, esc, plural, tag

_MAX_ENTRIES = 10
_MEDIA_TAGS = {
    "image": '<img alt="the fitted image" src="{}">',
    "video": '<video controls src="{}"></video>',
    "audio": '<audio controls src="{}"></audio>',
}
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1.5rem; padding: 0; }
li { list-style: none; border: 1px solid #8886; border-radius: .6rem; padding: .8rem; }
img, video { width: 100%; height: 14rem; object-fit: contain; background: #8882; border-radius: .3rem; }
audio { width: 100%; }
h2 { font-size: 1rem; margin: .6rem 0 .2rem; overflow-wrap: anywhere; }
p { margin: .2rem 0; }
.score { font-weight: 600; }
"""


def lowest_records(folder: Path) -> list[Record]:
    """The ten records with the lowest predicted quality, the lowest first; of an item made twice, the last record."""
    lowest: dict[str, Record] = {}
    for record in read_records(folder / JOURNAL):
        lowest.pop(record.item, None)
        if record.quality is not None:
            lowest[record.item] = record
        # Cut back now and then, so that memory stays flat over a journal of any length.
        if len(lowest) > 4 * _MAX_ENTRIES:
            lowest = {r.item: r for r in _first(lowest)}
    return _first(lowest)


def _first(records: dict[str, Record]) -> list[Record]:
    return heapq.nsmallest(_MAX_ENTRIES, records.values(), key=lambda r: (r.quality, r.item))


def write_contact_sheet(folder: Path) -> Path | None:
    """Write the page into the folder of a batch; None when no output has a predicted quality."""
    records = lowest_records(folder)
    if not records:
        return None
    entries = "".join(tag("li", _entry_html(folder, r)) for r in records)
    heading = f"The lowest predicted quality of this batch: {plural(len(records), 'output')}"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(heading)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{esc(heading)}</h1><ol>{entries}</ol></body></html>\n"
    )
    atomic_write(folder / CONTACT_SHEET, page.encode("utf-8"), fsync=False)
    return folder / CONTACT_SHEET


def _entry_html(folder: Path, record: Record) -> str:
    parts = [p for p in (record.ledger or {}).get("parts", ()) if (p["quality"] or {}).get("predicted") is not None]
    worst = min(parts, key=lambda p: p["quality"]["predicted"], default=None)
    lines = [tag("h2", esc(record.item)), tag("p", f"predicted {record.quality:.0f}", class_="score")]
    if worst is not None:
        lines += [tag("p", esc(f"{_facts(worst['source'])} → {_facts(worst['result'])}"))]
        lines += [tag("p", esc(reason)) for reason in worst["reasons"]]
    return (_media(folder, record, worst) if worst is not None else "") + "".join(lines)


def _facts(info: dict[str, Any]) -> str:
    sides = f" {info['width_px']}×{info['height_px']}" if info.get("width_px") else ""
    return f"{info['media_type']}{sides}, {info['bytes']:,} bytes"


def _media(folder: Path, record: Record, entry: dict[str, Any]) -> str:
    """The HTML of the part that an entry of the ledger describes, read from the outputs in the folder."""
    media_type = entry["result"]["media_type"]
    for output in record.outputs:
        data = (folder / output.path).read_bytes()
        if len(data) != entry["result"]["bytes"]:  # a packed message, or another part
            try:
                found = [p.data for p in unpack(data).content.parts if p.content_id == entry["content_id"]]
            except SourceError:
                continue
            data = found[0] if found else b""
        if data and entry["kind"] in _MEDIA_TAGS:
            return _MEDIA_TAGS[entry["kind"]].format(esc(data_uri(media_type, data)))
    return ""
