"""Sizes that a network was refusals to refuse: a table in the user's folder, shown beside the published limits.

Each line of `observed.tsv` is one refusal: carrier, route, bytes, ISO date. The table lowers a limit only when the
caller asks for that (`use_observed`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mmscontent.errors import ProfileError
from mmscontent.profiles.merge import Statement
from mmscontent.profiles.model import Origin
from mmscontent.profiles.search_path import table_text

OBSERVED = "observed.tsv"


def observe(profiles: str | os.PathLike[str], carrier: str, route: str | None, refused_bytes: int, date: str) -> None:
    """Append one refusal to the user's folder.

    Args:
        profiles: The user's folder of profiles; created when it is missing.
        carrier: Key of the network that refused.
        route: The route of the message, or None when it is unknown.
        refused_bytes: Packed size of the refused message.
        date: ISO date of the refusal; no clock is read here.

    Raises:
        ProfileError: A value would make the line unreadable, or the file cannot be written.
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
    """One byte less than the smallest refused size; None when no refusal is recorded."""
    refusals = [
        (size, date)
        for folder in folders
        for key, line_route, size, date in _lines(folder / OBSERVED)
        if key == carrier and (route is None or line_route in ("", route))
    ]
    if not refusals:
        return None
    size, date = min(refusals)
    times = f", {len(refusals)} refusals in all" if len(refusals) > 1 else ""
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
