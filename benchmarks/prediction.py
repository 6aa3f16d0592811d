"""What is predicted of a part before it is encoded, beside what comes of it: bytes and quality, kind by kind.

    python -m benchmarks.prediction [--kinds still,graphic,gif,film,sound,card] [--minutes 4] [--table]

Every source is fitted to shares of its own size. *Bytes* is the first full encode against what it was to have,
*quality* what the ledger predicts against what is measured of the result (SSIMULACRA2, VMAF; sound's scale is a table
and a card's its steps, there is nothing to measure). Rows are added to results/prediction.jsonl and not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import time
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import mmscontent as mms
from benchmarks.message import COUNT, message

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).parent / "results" / "prediction.jsonl"
KINDS = ("still", "graphic", "gif", "film", "sound", "card")
GRAPHICS = ("page.png", "text.png", "logo.png", "density_plot.png", "clock_motion.png", "receipt-540x870.png")
SHARES = (0.5, 0.15, 0.04)  # of the source's bytes, and never more than the largest message
MOST_BYTES, LEAST_BYTES = 1_000_000, 4_000
_FIRST = re.compile(r"→ ([\d,]+) bytes(?:, ([\d,]+) predicted)?")


def cases(kinds: list[str]) -> Iterator[tuple[str, mms.Part, int]]:
    """Every part of the mixed messages at each of its limits, the kinds by turns, so that a piece tells of all."""
    parts = {part.data: part for number in range(COUNT) for part in message(number).parts if part.kind != "text"}
    rows = [[(k, part, n) for part in parts.values() if kind_of(part) == k for n in _limits(part)] for k in kinds]
    mixed = (random.Random(kind).sample(some, len(some)) for kind, some in zip(kinds, rows, strict=True))
    for turn in itertools.zip_longest(*mixed):
        yield from (case for case in turn if case is not None)


def kind_of(part: mms.Part) -> str:
    """What the table calls it; "" for what is only carried."""
    if part.kind == "image":
        return "gif" if part.media_type == "image/gif" else "graphic" if part.name.endswith(GRAPHICS) else "still"
    return {"video": "film", "audio": "sound", "contact": "card"}.get(part.kind, "")


def _limits(part: mms.Part) -> list[int]:
    return list(dict.fromkeys(max(LEAST_BYTES, min(MOST_BYTES, round(len(part.data) * s))) for s in SHARES))


@cache
def receiver(limit_bytes: int) -> mms.Profile:
    """A phone of today behind a limit."""
    return mms.load_profile(device="apple/iphone", max_message_bytes=limit_bytes)


def measured(kind: str, part: mms.Part, limit: int) -> dict[str, object] | None:
    """One row; None for what goes as it is or cannot go at all."""
    alone = mms.Message((), (mms.Part(part.data, part.media_type, name="alone"),))
    ledger = mms.attempt(alone, receiver(limit + 400), measure=kind not in ("sound", "card")).ledger
    entry = ledger.parts[0]
    found = [m for t in entry.tries if (m := _FIRST.search(t)) is not None]
    if not ledger.fits or entry.decision != "transcode" or not found or entry.result is None:
        return None
    real, said = found[0][1], found[0][2]
    actual = int(real.replace(",", ""))
    wanted = int(said.replace(",", "")) if said else round((entry.share_bytes or 0) * 0.98)
    if kind == "card":  # every step of its photo is written on the first look; what check says is what is sent
        told = mms.check(alone, receiver(limit + 400)).parts[0].result
        wanted, actual = told.size_bytes if told else 0, entry.result.size_bytes
    return {
        "kind": kind,
        "name": part.name,
        "limit_bytes": limit,
        "predicted_bytes": wanted,
        "first_bytes": actual,
        "bytes": entry.result.size_bytes,
        "share_bytes": entry.share_bytes,
        "predicted": entry.predicted,
        "measured": entry.measured,
    }


def rows() -> list[dict[str, object]]:
    """What was made so far."""
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()] if RESULTS.exists() else []


def run(kinds: list[str], minutes: float) -> None:
    """Make what is missing, until the time is over."""
    until = time.monotonic() + minutes * 60
    done = {(r["kind"], r["name"], r["limit_bytes"]) for r in rows()}
    for kind, part, limit in cases(kinds):
        if (kind, part.name, limit) in done:
            continue
        if time.monotonic() > until:
            return
        try:
            row = measured(kind, part, limit)
        except mms.MMSContentError:
            row = None
        row = row or {"kind": kind, "name": part.name, "limit_bytes": limit, "predicted_bytes": None}
        with RESULTS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def table(some: list[dict[str, object]]) -> str:
    """A line a kind: median and nine in ten of the errors."""
    lines = [
        "| kind | fits made | bytes, median error (nine in ten) | bias | quality, median error (nine in ten) | bias |",
        "|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        made = [r for r in some if r["kind"] == kind and r["predicted_bytes"]]
        off = [float(r["first_bytes"]) / float(r["predicted_bytes"]) - 1 for r in made]  # type: ignore[arg-type]
        seen = [
            float(r["predicted"]) - float(r["measured"])  # type: ignore[arg-type]
            for r in made
            if r["measured"] is not None and r["predicted"] is not None
        ]
        lines.append(f"| {kind} | {len(made)} | {_errors(off, '{:.1%}')} | {_errors(seen, '{:.1f}')} |")
    return "\n".join(lines)


def _errors(off: list[float], form: str) -> str:
    if len(off) < 2:
        return "– | –"
    sizes = sorted(abs(o) for o in off)
    return f"{form.format(median(sizes))} ({form.format(quantiles(sizes, n=10)[-1])}) | {form.format(median(off))}"


def main() -> None:
    """Run or tell."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kinds", default=",".join(KINDS))
    asked.add_argument("--minutes", type=float, default=4.0)
    asked.add_argument("--table", action="store_true", help="only tell what was made so far")
    told = asked.parse_args()
    if not told.table:
        run(told.kinds.split(","), told.minutes)
    print(table(rows()))


if __name__ == "__main__":
    main()
