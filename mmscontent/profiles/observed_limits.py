"""Sizes a network was seen to refuse: a local table a gateway appends to, shown beside the published numbers.

One line an event, `observed.tsv` in the user's folder: carrier, route, bytes, ISO date. Used for the limit only
when the caller says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent.errors import ProfileError
from mmscontent.profiles.merge import Statement
from mmscontent.profiles.model import Origin
from mmscontent.profiles.search_path import table_text

if TYPE_CHECKING:
    import os

__all__ = ["OBSERVED", "observe", "observed_limit"]

OBSERVED = "observed.tsv"


def observe(profiles: str | os.PathLike[str], carrier: str, route: str | None, refused_bytes: int, date: str) -> None:
    """Append one refusal to the user's folder.

    Args:
        profiles: The user's folder of profiles; made when it is not there.
        carrier: Key of the network that refused.
        route: The way the message went, or None when that is not known.
        refused_bytes: Packed size of the message refused.
        date: ISO date of the refusal; no clock is read here.

    Raises:
        ProfileError: The line would not be readable again, or the file cannot be written.
    """
    line = "\t".join((carrier, route or "", str(refused_bytes), date))
    _parse(line, "the observation")
    folder = Path(profiles)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / OBSERVED).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as exc:
        raise ProfileError(f"{folder / OBSERVED} cannot be written: {exc}", file=str(folder / OBSERVED)) from exc


def observed_limit(folders: tuple[Path, ...], carrier: str, route: str | None) -> Statement[int] | None:
    """The largest size below the smallest one refused, or None when nothing was seen."""
    seen = [
        (size, date)
        for folder in folders
        for key, way, size, date in _lines(folder / OBSERVED)
        if key == carrier and (route is None or way in ("", route))
    ]
    if not seen:
        return None
    size, date = min(seen)
    times = f", {len(seen)} refusals in all" if len(seen) > 1 else ""
    stated = f"refused at {size:,} bytes on {date}{times}"
    return Statement("limit_bytes", size - 1, Origin(f"observed at {carrier}", OBSERVED, date, "medium", stated))


def _lines(file: Path) -> list[tuple[str, str, int, str]]:
    lines = table_text(file).splitlines()
    return [_parse(line, f"{file} line {n}") for n, line in enumerate(lines, 1) if line and not line.startswith("#")]


def _parse(line: str, where: str) -> tuple[str, str, int, str]:
    match = re.fullmatch(r"([^\t\n]+)\t([a-z_0-9]*)\t([1-9][0-9]{1,11})\t([0-9]{4}(?:-[0-9]{2}){0,2})", line)
    if match is None:
        raise ProfileError(
            f"{where} should be carrier, route, bytes and date with tabs between, got {line!r}",
            file=OBSERVED,
            value=line,
        )
    return match[1], match[2], int(match[3]), match[4]
