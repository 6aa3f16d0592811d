"""Clock values of SMIL 1.0 section 4.2.4 and SMIL 2.1, and what handsets write instead.

`5s`, `5000ms`, `1.5min`, `0.1h`, `00:05`, `0:00:05.5`, `npt=5s`, and numbers without a unit.
"""

from __future__ import annotations

import re

MAX_MS = 24 * 3600 * 1000  # a day; more is a mistake or a joke
_LARGEST_SECONDS = 600  # QUIRK: a number without a unit means seconds, but senders who write 5000 mean milliseconds

# SMIL 1.0 section 4.2.4: Timecount-val = Timecount ("." Fraction)? ("h" | "min" | "s" | "ms")?,
# without a unit seconds
_COUNT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|sec|s|min|h)?", re.IGNORECASE)
# SMIL 1.0 section 4.2.4: Full-clock-val = Hours ":" Minutes ":" Seconds; Partial-clock-val =
# Minutes ":" Seconds
_COLONS = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)")
_UNIT_MS: dict[str, int] = {"ms": 1, "s": 1000, "sec": 1000, "min": 60_000, "h": 3_600_000}


def parse_clock(value: str) -> int | None:
    """Milliseconds, at most a day; None for what is no length of time (`indefinite`, events, nonsense)."""
    # SMIL 1.0 writes npt= in clip-begin; some senders write it everywhere
    value = value.strip().removeprefix("npt=")
    count = _COUNT.fullmatch(value)
    if count is not None:
        number = float(count[1])
        unit = (count[2] or ("s" if number <= _LARGEST_SECONDS else "ms")).lower()
        return min(round(number * _UNIT_MS[unit]), MAX_MS)
    colons = _COLONS.fullmatch(value)
    if colons is not None:
        hours, minutes, seconds = int(colons[1] or 0), int(colons[2]), float(colons[3])
        return min(round(((hours * 60 + minutes) * 60 + seconds) * 1000), MAX_MS)
    return None


def has_unit(value: str) -> bool:
    """Whether a clock value says what it counts."""
    return not value.strip().removeprefix("npt=").replace(".", "").isdigit()
