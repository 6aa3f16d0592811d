"""Thousands at a time: how quick, how steady, and what it survives. `python benchmarks/batch.py [PART…] [--quick]`.

    speed       a plain loop, a naive ProcessPoolExecutor, and mms.batch.run with one and two workers, in turns
    overhead    what the pool adds to an item, over a plain loop of the same messages
    flat        10,000 small pictures: memory of the command's process, its workers and their decoders on the way
    campaign    1,000 recipients over 5 receivers: fits, and packed messages a second
    kills       500 items while a random worker is killed every two seconds
    resume      the command killed three times and gone on with, against an undisturbed run
    cluster     two nodes on loopback, one killed midway, against a local run

Pictures are made at run time. Times are of one run on whatever machine it is; what counts are the ratios within it.
Results are printed and written to results/batch.json, part by part.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import batch_faults
import batch_pictures

import mmscontent as mms
from mmscontent.batch import Item

RESULTS = Path(__file__).parent / "results" / "batch.json"
LIMIT = 100_000
_profile: list[mms.Profile] = []


def profile() -> mms.Profile:
    """The receiver of all parts, loaded once a process."""
    if not _profile:
        _profile.append(mms.load_profile(carrier="us/att", route="toll_free", max_message_bytes=LIMIT))
    return _profile[0]


def compose_one(path: str) -> int:
    """What a plain program does with one file."""
    message = mms.Message.of(mms.read_parts([path]))
    return len(mms.compose(message, profile()).data)


# --- speed -------------------------------------------------------------------------------------------------------


def plain_loop(files: list[str]) -> list[float]:
    """When each item was finished."""
    ends = []
    for path in files:
        compose_one(path)
        ends.append(time.perf_counter())
    return ends


def naive_pool(files: list[str]) -> list[float]:
    with ProcessPoolExecutor(2) as pool:
        return [time.perf_counter() for _ in pool.map(compose_one, files)]


def ours(files: list[str], workers: int) -> list[float]:
    return [time.perf_counter() for r in mms.batch.run(files, profile(), workers=workers) if r.status == "done"]


def steady(ends: list[float]) -> float:
    """Items a second between the fourth and the last: workers have started by then."""
    return (len(ends) - 4) / (ends[-1] - ends[3])


WAYS = {
    "plain loop": plain_loop,
    "ProcessPoolExecutor(2)": naive_pool,
    "batch, 1 worker": lambda files: ours(files, 1),
    "batch, 2 workers": lambda files: ours(files, 2),
}


def speed(place: Path, *, quick: bool) -> dict[str, Any]:
    """All ways in turns over the same pictures; the ratio of each turn, and their median."""
    files = [str(p) for p in batch_pictures.folder(place / "in", 24 if quick else 60, 1600, 1200)]
    plain_loop(files[:2])
    turns = []
    for _ in range(2 if quick else 3):
        turn = {}
        for name, way in WAYS.items():
            started = time.perf_counter()
            ends = way(files)
            turn[name] = {"steady_per_s": steady(ends), "whole_s": ends[-1] - started, "load": os.getloadavg()[0]}
        turns.append(turn)
        ratio = turn["batch, 2 workers"]["steady_per_s"] / turn["batch, 1 worker"]["steady_per_s"]
        print({n: f"{v['steady_per_s']:.2f}/s" for n, v in turn.items()}, f"2 workers ÷ 1: {ratio:.2f}", flush=True)
    ratios = [t["batch, 2 workers"]["steady_per_s"] / t["batch, 1 worker"]["steady_per_s"] for t in turns]
    return {"items": len(files), "turns": turns, "ratio_median": statistics.median(ratios), "ratio_best": max(ratios)}


# --- overhead ----------------------------------------------------------------------------------------------------


def overhead(place: Path, *, quick: bool) -> dict[str, Any]:
    """The same messages of words alone by a plain loop and by one worker: the difference is what the pool costs."""
    del place
    texts = [f"Message number {n}" for n in range(400 if quick else 2000)]
    items = [Item(f"m{n}", text=text) for n, text in enumerate(texts)]
    found = []
    for _ in range(3):
        started, cpu = time.perf_counter(), _cpu_s()
        for text in texts:
            mms.compose(mms.Message.of([], text=text), profile())
        turn = {"loop_ms": _each(started, time.perf_counter(), texts), "loop_cpu_ms": _each(cpu, _cpu_s(), texts)}
        cpu = _cpu_s()
        ends = [time.perf_counter() for _ in mms.batch.run(items, profile(), workers=1)]
        turn |= {"batch_ms": 1000 / steady(ends), "batch_cpu_ms": _each(cpu, _cpu_s(), texts)}
        turn["overhead_ms"] = turn["batch_ms"] - turn["loop_ms"]
        turn["overhead_cpu_ms"] = turn["batch_cpu_ms"] - turn["loop_cpu_ms"]
        print({k: round(v, 2) for k, v in turn.items()}, flush=True)
        found.append(turn)
    medians = {k: statistics.median(f[k] for f in found) for k in ("overhead_ms", "overhead_cpu_ms")}
    return {"items": len(texts), "turns": found, **medians}


def _each(start: float, end: float, items: list[str]) -> float:
    return (end - start) * 1000 / len(items)


def _cpu_s() -> float:
    """Processor time of this process and of its children that have ended: what a busy machine does not change."""
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + below.ru_utime + below.ru_stime


# --- memory ------------------------------------------------------------------------------------------------------


def flat(place: Path, *, quick: bool) -> dict[str, Any]:
    """Resident memory along a long run, by role."""
    count = 1000 if quick else 10_000
    files = [str(p) for p in batch_pictures.folder(place / "in", 50, 96, 72)]
    items = [Item(f"{n}", (Path(files[n % len(files)]),)) for n in range(count)]
    marks = []
    started = time.perf_counter()
    for number, result in enumerate(mms.batch.run(items, profile(), workers=2), 1):
        assert result.status == "done", result.failure
        if number in (50, 200) or number % (count // 10) == 0:
            marks.append({"items": number, **batch_faults.memory_by_role()})
            print(marks[-1], flush=True)
    rates = count / (time.perf_counter() - started)
    first, last = marks[2], marks[-1]
    growth = {role: last[role] - first[role] for role in first if role != "items"}
    return {"items": count, "per_s": rates, "marks_kb": marks, "growth_kb_after_first_tenth": growth}


# --- campaign ----------------------------------------------------------------------------------------------------

RECEIVERS = ("us/t-mobile long_code", "us/att toll_free", "de/o2", "gb/three", "apple/iphone 250000")


def campaign(place: Path, *, quick: bool) -> dict[str, Any]:
    """Plan twice, render once, by the command."""
    people = 200 if quick else 1000
    (picture,) = batch_pictures.folder(place / "in", 1, 3000, 2000)
    message = {"files": [str(picture)], "text": "Hello {name}, your code is {code}.", "subject": "For {name}"}
    (place / "message.json").write_text(json.dumps(message))
    with (place / "people.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["recipient", "profile", "name", "code"])
        rows.writerows(
            [f"+1206555{n:04d}", RECEIVERS[n % 5], "Ada" * (1 + n % 7), f"{n * 7919 % 9999:04d}"] for n in range(people)
        )
    common = ("people.csv", "message.json", "--cache", "cache")
    plans = [json.loads(batch_faults.run("campaign", "plan", *common, "--json", cwd=place).stdout) for _ in range(2)]
    rendered = batch_faults.run("campaign", "render", *common, "-o", "out", cwd=place)
    lines = rendered.stdout.splitlines()
    rate = float(lines[1].rpartition("; ")[2].split()[0])
    written = [p.stat().st_size for p in (place / "out").glob("*.mms")]
    result = {
        "recipients": people,
        "encodes": plans[0]["encodes"],
        "encodes_again": plans[1]["encodes"],
        "packed_per_s": rate,
        "written": len(written),
        "bytes_each": statistics.mean(written),
        "pack_alone_ms": plans[1]["packing_s"] * 1000 / people,
    }
    print(result, flush=True)
    return result


# --- faults ------------------------------------------------------------------------------------------------------


def kills(place: Path, *, quick: bool) -> dict[str, Any]:
    """Random workers killed every two seconds."""
    count = 120 if quick else 500
    files = batch_pictures.folder(place / "in", count, 800, 600)
    undisturbed = batch_faults.undisturbed(place, place / "in")
    result = batch_faults.with_killed_workers(place, place / "in", every_s=2.0)
    result["items"] = len(files)
    result["same_outputs"] = result.pop("outputs") == undisturbed
    print(result, flush=True)
    return result


def resume(place: Path, *, quick: bool) -> dict[str, Any]:
    """The command killed again and again."""
    batch_pictures.folder(place / "in", 60 if quick else 200, 800, 600)
    undisturbed = batch_faults.undisturbed(place, place / "in")
    result = batch_faults.killed_and_resumed(place, place / "in", times=3)
    result["same_outputs"] = result.pop("outputs") == undisturbed
    print(result, flush=True)
    return result


def cluster(place: Path, *, quick: bool) -> dict[str, Any]:
    """Two nodes, one of them killed."""
    batch_pictures.folder(place / "in", 40 if quick else 120, 800, 600)
    undisturbed = batch_faults.undisturbed(place, place / "in")
    result = batch_faults.on_two_nodes(place, place / "in")
    result["same_outputs"] = result.pop("outputs") == undisturbed
    print(result, flush=True)
    return result


PARTS = {part.__name__: part for part in (speed, overhead, flat, campaign, kills, resume, cluster)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="a fraction of the items")
    given = parser.parse_args()
    for name in given.parts or PARTS:
        print(f"--- {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="mmscontent-bench-") as place:
            found = PARTS[name](Path(place), quick=given.quick)
        told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        told["machine"] = {
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
        }
        told[name] = {"quick": given.quick, **found}
        RESULTS.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
