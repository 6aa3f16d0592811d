"""For the drivers: runs steps one by one and says of each how it went, a line of JSON a step.

A driver runs in an environment of its own with the client it drives and nothing of this project.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass

TIMEOUT_S = 120.0  # ends a run that hangs; every wait ends as soon as its condition holds


@dataclass(frozen=True)
class Place:
    """What a driver is told on its command line."""

    base_url: str
    key: str
    link: str
    notify_url: str
    image: str
    inbox: str


def place() -> Place:
    return Place(*sys.argv[1:7])


def expect(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


def until(look, what):
    """What *look* finds, as soon as it finds something."""
    ends = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"no {what} within {TIMEOUT_S:g} s")


def run(steps) -> None:
    """Run each (name, function); every failure is told, none ends the run."""
    for name, step in steps:
        began = time.monotonic()
        try:
            step()
            told = {"step": name, "ok": True, "s": round(time.monotonic() - began, 2)}
        except Exception:  # noqa: BLE001 - whatever a client raises is told
            told = {"step": name, "ok": False, "why": traceback.format_exc()[-1500:]}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
