"""Are sounds fitted by us inside their limit, near it, and of the size that was said beforehand?

    python -m benchmarks.sound [--rates 0.8,2,6] [--only TEXT] [--json FILE]

Limits are kilobytes a second of sound. Ours is the codec of sounds as adapt() uses it, for receivers of AMR-NB, of
AAC-LC in M4A, of MP3, and of all three. Peer at the same limit, for M4A: one encode at a computed bit rate, 5 % left
for the container. Use counts where more bytes could have been used: the rendition is below its format's best and
smaller than the source; AMR and MP3 know only steps, so theirs is held against the largest step that fits.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.clips import Clip, run, sounds
from mmscontent.codecs.audio import AudioSource, verify
from mmscontent.errors import DoesNotFit
from mmscontent.profiles.model import AudioFormat, AudioRule
from mmscontent.sniff import sniff

_AMR, _M4A, _MP3 = AudioFormat("audio/amr", "amr-nb"), AudioFormat("audio/mp4", "aac"), AudioFormat("audio/mpeg", "mp3")
RULES = {
    "amr": AudioRule((_AMR,)),
    "m4a": AudioRule((_M4A,)),
    "mp3": AudioRule((_MP3,)),
    "all": AudioRule((_AMR, _M4A, _MP3)),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One sound for one receiver at one limit; bytes 0: nothing fits, as said."""

    sound: str
    rule: str
    kind: str
    limit: int
    bytes: int
    predicted: int
    usable: bool
    encodes: int
    seconds: float
    how: str


def ours(clip: Clip, name: str, rate: float) -> Row:
    started = time.monotonic()
    source = AudioSource(clip.data, sniff(clip.data, clip.name))
    survey = source.survey(RULES[name], "fast")
    limit = int(rate * (survey.info.duration_ms or 0)) + 800
    kind = survey.traits[0]
    try:
        made = source.render(limit)
    except DoesNotFit as exc:
        return Row(clip.name, name, kind, limit, 0, 0, usable=False, encodes=0, seconds=0.0, how=str(exc))
    took = time.monotonic() - started
    verify(made.data, made.info)
    said = int(re.findall(r"([\d,]+) predicted", made.tries[-1])[-1].replace(",", ""))
    last = int(re.findall(r"([\d,]+) bytes", made.tries[-1])[-1].replace(",", ""))
    usable = len(made.data) < 0.9 * min(survey.curve.most_bytes, len(clip.data)) and made.info.codec == "aac"
    error = said * len(made.data) // max(1, last)
    return Row(clip.name, name, kind, limit, len(made.data), error, usable, made.encodes, took, made.tries[-1])


def peer(clip: Clip, rate: float) -> tuple[int, int]:
    """Limit and bytes of one encode at a computed rate."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").write_bytes(clip.data)
        run(["-v", "error", "-i", "in", "-f", "s16le", "-ac", "1", "-ar", "8000", "pcm"], Path(folder))
        pcm = Path(folder) / "pcm"
        if not pcm.exists():
            return 0, 0  # it takes the file for something else
        seconds = pcm.stat().st_size / 16_000
        limit = int(rate * 1000 * seconds) + 800
        bits = str(max(8000, int(limit * 0.95 * 8 / seconds)))
        run(["-v", "error", "-i", "in", "-vn", "-c:a", "aac", "-b:a", bits, "-ac", "1", "out.m4a"], Path(folder))
        out = Path(folder) / "out.m4a"
        return limit, out.stat().st_size if out.exists() else 0


def summary(rows: list[Row], peers: list[tuple[int, int]]) -> None:
    print("\nreceiver  fits    use (median)  size predicted: median error, worst   encodes  seconds (median)")
    for name in RULES:
        mine = [r for r in rows if r.rule == name]
        made = [r for r in mine if r.bytes]
        use = [r.bytes / r.limit for r in made if r.usable]
        errors = [abs(r.predicted / r.bytes - 1) for r in made]
        shown = f"{statistics.median(use):.3f} ({len(use)})" if use else "steps"
        print(
            f"{name:9} {sum(r.bytes <= r.limit for r in made)}/{len(made)} {shown:>15}"
            f" {statistics.median(errors):18.2%}"
            f" {max(errors):9.2%} {statistics.mean(r.encodes for r in made):16.2f}"
            f" {statistics.median(r.seconds for r in made):10.2f}   refused by name: {len(mine) - len(made)}"
        )
    fits = [b / n for n, b in peers if 0 < b <= n]
    print(f"one encode at a computed rate (M4A): {len(fits)}/{len(peers)} fit, use {statistics.median(fits):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="0.8,2,6")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    rates = [float(r) for r in told.rates.split(",")]
    rows: list[Row] = []
    peers: list[tuple[int, int]] = []
    for clip in (c for c in sounds() if told.only in c.name):
        for rate in rates:
            peers.append(peer(clip, rate))
            for name in RULES:
                row = ours(clip, name, rate)
                rows.append(row)
                said = f"{row.bytes:>8,} of {row.limit:>8,}  {row.how[:90]}"
                print(f"{row.sound[:32]:32} {row.rule:4} {row.kind:6} {said}", flush=True)
    summary(rows, peers)
    if told.json:
        told.json.write_text(json.dumps([asdict(r) for r in rows], indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
