"""Thirty mixed messages at four limits: do they fit, is the room used, and who shares it better?

    python -m benchmarks.message [--messages 0-29] [--limits 100,300,600,1000] [--minutes 4] [--table]

The rules of others share the same room over the same codecs, so that only the sharing differs: an equal split (AOSP
Messaging), by source bytes (QUIK), the largest first, its sides divided by two, by three … (mms-engine). Rows are added
to results/message.jsonl and those that stand there are not made again, so it can be run in pieces. Qualities are those
the codecs predict of what they made, 0 for a part that a rule cannot send. Public face only.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

import mmscontent as mms
from benchmarks.clips import films, sounds
from benchmarks.pictures import CORPUS, pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = Path(__file__).parent / "results" / "message.jsonl"
CACHE = Path(os.environ.get("MMSCONTENT_BENCH_CACHE", Path.home() / ".cache" / "mmscontent-bench"))
VERSION = 1  # of the choice
FIXTURES = Path(__file__).parents[1] / "fixtures"
LIMITS = (100_000, 300_000, 600_000, 1_000_000)
NO_LIMIT = 4_000_000  # what the sources could use
COUNT = 30
CAPTION = "Greetings from the harbour! The boat leaves at nine, see you at the old market hall."
# How often a part is of which kind, in parts of a hundred; a message has one film at most.
KINDS = {"photo": 46, "graphic": 12, "gif": 10, "film": 10, "sound": 10, "card": 9, "calendar": 3}
_GRAPHICS = ("page.png", "text.png", "logo.png", "density_plot.png", "clock_motion.png")
_SMALL_FILM = 1_500_000
_VETTED = ("card", "sound")  # among these are files that are damaged on purpose


@dataclass(frozen=True, slots=True)
class Row:
    """One message under one limit by one rule; qualities by part, without words and what is only carried."""

    message: int
    limit_bytes: int
    rule: str
    fits: bool
    packed_bytes: int
    qualities: dict[str, float]
    options: int
    seconds: float


# --- the messages --------------------------------------------------------------------------------------------------


@cache
def sources() -> dict[str, list[mms.Part]]:
    """Real files by kind, in a fixed order."""
    stills = [part for p in pictures() if (part := _part(p.name, p.data)) is not None]
    graphics = [p for p in stills if p.name.endswith(_GRAPHICS)]
    photos = [p for p in stills if len(p.data) > 60_000 and p not in graphics and len(p.data) < 12_000_000]
    gifs = sorted((CORPUS / "image" / "pillow").glob("*.gif"))
    cards = [p for p in sorted((CORPUS / "vcard").rglob("*.vcf")) if 300 < p.stat().st_size < 200_000]
    files = {
        "gif": [*(g for g in gifs if g.stat().st_size > 60_000), *FIXTURES.glob("gif-anim*.gif")],
        "card": cards[::7],
        "calendar": [FIXTURES / "icalendar-20.ics"],
    }
    found = {
        kind: [q for p in paths if (q := _part(p.name, p.read_bytes())) is not None] for kind, paths in files.items()
    }
    moving = [q for c in films() if len(c.data) < _SMALL_FILM and (q := _part(c.name, c.data)) is not None]
    heard = [q for c in sounds() if (q := _part(c.name, c.data)) is not None]
    receipt = list(mms.read_parts(FIXTURES.glob("png-screenshot-receipt*")))
    return found | {"photo": photos, "graphic": [*graphics, *receipt], "film": moving, "sound": heard}


def _part(name: str, data: bytes) -> mms.Part | None:
    name = name.rpartition("/")[2]
    try:
        info = mms.sniff(data, name)
        part = mms.Part(data, info.media_type, name=name)
    except mms.MMSContentError:
        return None
    return part


def message(number: int) -> mms.Message:
    """The message of a number; its parts are kept outside the repository, since choosing them takes long."""
    kept = CACHE / f"message-{VERSION}-{number}.pickle"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(_chosen(number)))
    return mms.Message.of(pickle.loads(kept.read_bytes()), text=CAPTION)


def _chosen(number: int) -> list[mms.Part]:
    """Parts by dice that fall alike on every machine with the same files."""
    dice = random.Random(f"mixed message {number}")
    kinds = dice.choices(list(KINDS), list(KINDS.values()), k=dice.randint(2, 8))
    if kinds.count("film") > 1:
        kinds = [k for k in kinds if k != "film"] + ["film"]
    chosen: list[mms.Part] = []
    for kind in kinds:
        pool = [p for p in sources()[kind] if p not in chosen]
        dice.shuffle(pool)
        chosen += next(([p] for p in pool if kind not in _VETTED or _can_be_sent(p)), [])
    return [mms.Part(p.data, p.media_type, name=f"{i}-{p.name}") for i, p in enumerate(chosen)]


def _can_be_sent(part: mms.Part) -> bool:
    """It is not damaged and the receiver takes it in some form."""
    try:
        return mms.check(mms.Message.of([part]), receiver(NO_LIMIT)).fits
    except mms.MMSContentError:
        return False


def receiver(limit_bytes: int) -> mms.Profile:
    """A phone of today behind a limit."""
    return mms.load_profile(device="apple/iphone", max_message_bytes=limit_bytes)


# --- the rules -----------------------------------------------------------------------------------------------------


def ours(subject: mms.Message, limit_bytes: int) -> tuple[bool, int, dict[str, float], int]:
    """One budget over all parts."""
    ledger = mms.attempt(subject, receiver(limit_bytes)).ledger
    return ledger.fits, ledger.packed_bytes, _qualities(ledger) if ledger.fits else {}, len(ledger.options)


def _qualities(ledger: mms.Ledger) -> dict[str, float]:
    return {p.name: p.predicted for p in ledger.parts if p.predicted is not None}


def equal_split(sizes: list[int], room: int) -> list[int]:
    """AOSP Messaging: everybody the same."""
    return [room // len(sizes)] * len(sizes)


def by_source_bytes(sizes: list[int], room: int) -> list[int]:
    """QUIK: in proportion to what came in."""
    return [room * size // sum(sizes) for size in sizes]


def largest_first(sizes: list[int], room: int) -> list[int]:
    """mms-engine: the largest has its sides divided by two, by three and so on, until all of it fits."""
    divided = [1] * len(sizes)
    while sum(shares := [size // d**2 for size, d in zip(sizes, divided, strict=True)]) > room:
        divided[max(range(len(shares)), key=shares.__getitem__)] += 1
    return shares


RULES: dict[str, Callable[[list[int], int], list[int]]] = {
    "equal split": equal_split,
    "by source bytes": by_source_bytes,
    "largest first": largest_first,
}


def theirs(subject: mms.Message, limit_bytes: int, rule: str) -> tuple[bool, int, dict[str, float], int]:
    """Each part alone in the share a rule gives it."""
    media = [p for p in subject.parts if p.kind != "text"]
    words = sum(len(p.data) for p in subject.parts if p.kind == "text")
    overhead = 700 + 120 * len(media) + words
    shares = RULES[rule]([len(p.data) for p in media], limit_bytes - overhead)
    qualities, packed, fits = {}, overhead, True
    for part, share in zip(media, shares, strict=True):
        size, quality = alone(part.data, part.media_type, share)
        fits &= size > 0
        packed += size
        qualities[part.name] = quality
    return fits, packed, qualities, 0


@cache
def alone(data: bytes, media_type: str, share: int) -> tuple[int, float]:
    """Bytes and quality of one part in so many bytes; nothing and 0 when it does not go."""
    subject = mms.Message((), (mms.Part(data, media_type, name="alone"),))
    made = mms.attempt(subject, receiver(max(1_000, share) + 350)).ledger
    if not made.fits or made.parts[0].result is None:
        return 0, 0.0
    predicted = made.parts[0].predicted
    return made.parts[0].result.size_bytes, 100.0 if predicted is None else predicted


# --- running and telling -------------------------------------------------------------------------------------------


def rows() -> list[Row]:
    """What was made so far."""
    if not RESULTS.exists():
        return []
    found = [Row(**json.loads(line)) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return list({(r.message, r.limit_bytes, r.rule): r for r in found}.values())


def run(numbers: range, limits: list[int], minutes: float) -> None:
    """Make what is missing, until the time is over."""
    until = time.monotonic() + minutes * 60
    done = {(r.message, r.limit_bytes, r.rule) for r in rows()}
    for limit, rule in _cases(limits):
        for number in numbers:
            if (number, limit, rule) in done:
                continue
            if time.monotonic() > until:
                return
            subject, started = message(number), time.monotonic()
            answer = ours(subject, limit) if rule == "ours" else theirs(subject, limit, rule)
            row = Row(number, limit, rule, *answer, round(time.monotonic() - started, 2))
            with RESULTS.open("a", encoding="utf-8") as out:
                fields = {name: getattr(row, name) for name in Row.__dataclass_fields__}
                out.write(json.dumps(fields, ensure_ascii=False) + "\n")


def _cases(limits: list[int]) -> Iterator[tuple[int, str]]:
    yield from ((limit, "ours") for limit in limits)
    yield from ((limit, rule) for limit in limits for rule in RULES)
    yield NO_LIMIT, "ours"


def table(some: list[Row]) -> str:
    """Fit rate, use, and quality beside the other rules, a line a limit."""
    by = {(r.message, r.limit_bytes, r.rule): r for r in some}
    lines = [
        "| limit | messages | fit | refused with options | use, median (least) | mean · least quality |",
        "|---|---|---|---|---|---|",
    ]
    against: dict[str, list[str]] = defaultdict(list)
    for limit in sorted({r.limit_bytes for r in some if r.limit_bytes != NO_LIMIT}):
        mine = [r for r in some if r.limit_bytes == limit and r.rule == "ours"]
        fit = [r for r in mine if r.fits]
        full = [r.packed_bytes / limit for r in fit if _could_use(r, some)]
        scores = [(mean(r.qualities.values()), min(r.qualities.values())) for r in fit if r.qualities]
        use = f"{median(full):.1%} ({min(full):.1%}), of {len(full)}" if full else "–"
        priced = sum(1 for r in mine if not r.fits and r.options)
        lines.append(
            f"| {limit // 1000} KB | {len(mine)} | {len(fit)} | {priced} of {len(mine) - len(fit)} | {use} |"
            f" {mean(s[0] for s in scores):.1f} · {mean(s[1] for s in scores):.1f} |"
        )
        for rule in RULES:
            pairs = [(r, by[r.message, limit, rule]) for r in fit if (r.message, limit, rule) in by]
            against[rule].append(_beside(limit, pairs))
    head = [
        "",
        "| rule | limit | all parts sent | ours ahead by, mean quality: mean (least) | least quality | ours behind |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *head, *(f"| {rule} | {line}" for rule, found in against.items() for line in found)])


def _could_use(row: Row, some: list[Row]) -> bool:
    """With the next larger limit that was run it took more than this one has."""
    larger = [r for r in some if r.message == row.message and r.rule == "ours" and r.limit_bytes > row.limit_bytes]
    return bool(larger) and min(larger, key=lambda r: r.limit_bytes).packed_bytes > row.limit_bytes


def _beside(limit: int, pairs: list[tuple[Row, Row]]) -> str:
    """How far ahead we are of a rule: of the mean over parts, and of the worst part."""
    means = [mean(a.qualities.values()) - mean(b.qualities.values()) for a, b in pairs if a.qualities]
    worst = [min(a.qualities.values()) - min(b.qualities.values()) for a, b in pairs if a.qualities]
    if not means:
        return f"{limit // 1000} KB | – | – | – | – |"
    sent = sum(b.fits for _, b in pairs)
    behind = sum(m < -0.5 for m in means)
    return (
        f"{limit // 1000} KB | {sent} of {len(pairs)} | {mean(means):+.1f} ({min(means):+.1f}) |"
        f" {mean(worst):+.1f} | {behind} of {len(means)} |"
    )


def main() -> None:
    """Run or tell."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", default=f"0-{COUNT - 1}")
    asked.add_argument("--limits", default=",".join(str(limit // 1000) for limit in LIMITS))
    asked.add_argument("--minutes", type=float, default=4.0)
    asked.add_argument("--table", action="store_true", help="only tell what was made so far")
    told = asked.parse_args()
    if not told.table:
        first, _, last = told.messages.partition("-")
        run(range(int(first), int(last or first) + 1), [int(n) * 1000 for n in told.limits.split(",")], told.minutes)
    print(table(rows()))


if __name__ == "__main__":
    main()
