"""Shows the progress of a long run: a bar on standard error while it runs, and totals at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmscontent.batch.journal import Record

_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_MAX_NAMED = 10  # failures a summary names; the journal has all


class RunTotals:
    """Totals over finished items; those of an earlier run count, but not for the rate."""

    def __init__(self, finished: Iterable[Record] = ()) -> None:
        self.statuses: Counter[str] = Counter()
        self.source_bytes = self.output_bytes = 0
        self.named: list[str] = []
        self.earlier = 0
        for record in finished:
            self.add(record)
            self.earlier += 1
        self._started = time.monotonic()

    def add(self, record: Record) -> None:
        """Add one item."""
        self.statuses[record.status] += 1
        if record.status == "done":
            self.source_bytes += record.source_bytes
            self.output_bytes += record.output_bytes
        elif record.failure is not None and len(self.named) < _MAX_NAMED:
            self.named.append(f"{record.item}: {record.failure.message}")

    @property
    def finished(self) -> int:
        """Items with a result."""
        return self.statuses.total()

    @property
    def without_output(self) -> int:
        """Items without an output."""
        return self.finished - self.statuses["done"]

    @property
    def saved_bytes(self) -> int:
        """How much smaller the outputs are than their sources; 0 when no sources were read."""
        return self.source_bytes - self.output_bytes if self.source_bytes else 0

    def rate(self) -> float:
        """Items a second in this run."""
        # The clock may not have moved since the start.
        return (self.finished - self.earlier) / max(1e-9, time.monotonic() - self._started)

    def lines(self, total: int) -> list[str]:
        """The totals in words."""
        counts = ", ".join(f"{self.statuses[status]:,} {status}" for status in ("done", "refused", "failed"))
        saved = f"{self.source_bytes:,} bytes in, {self.saved_bytes:,} saved, " if self.source_bytes else ""
        sizes = f"{saved}{self.output_bytes:,} bytes out"
        lines = [f"{self.finished:,} of {total:,} items: {counts}", f"{sizes}; {self.rate():.1f} items per second"]
        lines += [f"  {line}" for line in self.named]
        if self.without_output > len(self.named):
            lines.append(f"  and {self.without_output - len(self.named):,} more; the journal lists all")
        return lines


@contextmanager
def progress_bar(total: int, totals: RunTotals) -> Iterator[Callable[[RunTotals], None]]:
    """A bar with rate, time left, bytes saved and failures; on a terminal only (rich sees to that)."""
    from rich.console import Console  # noqa: PLC0415 - only long runs need it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[saved]} saved"),
        TextColumn("{task.fields[bad]} failed"),
    )

    def fields(now: RunTotals) -> dict[str, Any]:
        return {"rate": f"{now.rate():.1f}", "saved": _format_size(now.saved_bytes), "bad": f"{now.without_output:,}"}

    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bar:
        task = bar.add_task("", total=total, completed=totals.finished, **fields(totals))
        yield lambda now: bar.update(task, completed=now.finished, **fields(now))


def _format_size(size_bytes: int) -> str:
    """A size in its largest unit."""
    unit, name = next(((u, n) for u, n in _UNITS if abs(size_bytes) >= u), (1, "B"))
    return f"{size_bytes / unit:.1f} {name}" if unit > 1 else f"{size_bytes} B"
