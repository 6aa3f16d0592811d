"""How long check() takes beside compose(), for one still each: `python -m benchmarks.check_time`.

Both with warm workers, in turn, the best of five each; stills of 0.9 megapixels and more. Public face only.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import mmscontent as mms
from benchmarks.pictures import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_PX, MOST_BYTES, TURNS, LIMIT = 900_000, 12_000_000, 5, 300_000


def main() -> None:
    """A line a picture, and the median."""
    profile = mms.load_profile(device="apple/iphone", max_message_bytes=LIMIT)
    ratios = []
    for picture in pictures():
        info = mms.sniff(picture.data, picture.name)
        if (info.width_px or 0) * (info.height_px or 0) < LEAST_PX or len(picture.data) > MOST_BYTES:
            continue
        message = mms.Message.of([mms.Part(picture.data, info.media_type, name=picture.name)])
        took = {"check": 1e9, "compose": 1e9}
        for _ in range(TURNS):
            took["check"] = min(took["check"], _timed(lambda m=message: mms.check(m, profile)))
            took["compose"] = min(took["compose"], _timed(lambda m=message: mms.compose(m, profile)))
        ratios.append(took["check"] / took["compose"])
        print(f"{picture.name:50} {took['check'] * 1000:7.1f} ms of {took['compose'] * 1000:7.1f} ms: {ratios[-1]:.3f}")
    print(f"median of {len(ratios)}: {median(ratios):.3f}, under a tenth: {sum(r < 0.1 for r in ratios)}")


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
