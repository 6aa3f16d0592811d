"""`batch`: a folder, a pattern or a list of messages, fitted by many workers into a folder with a journal."""

from __future__ import annotations

import signal
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmscontent.batch.contact_sheet import write_contact_sheet
from mmscontent.batch.folder import OWN_NAMES
from mmscontent.batch.inputs import InputDefaults, read_inputs
from mmscontent.batch.model import Settings
from mmscontent.batch.receivers import Receiver, Receivers
from mmscontent.batch.resume import BatchRun, PoolOptions
from mmscontent.batch.run import ENGINES
from mmscontent.cli.compose import policy_of, policy_option, profile_from, profile_options
from mmscontent.cli.output import print_status, reserved_stdout
from mmscontent.cli.progress import RunTotals, progress_bar
from mmscontent.pack.registry import ENCODINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from mmscontent.batch.resume import ResumeState

__all__ = ["batch_command", "pool_options", "receivers_from", "sigterm_as_interrupt"]

FAILED = 1


def pool_options(command: Any) -> Any:  # noqa: ANN401 - as click's own decorators
    """The options that say who does the work."""
    options = [
        click.option("--workers", type=click.IntRange(min=1), help="Processes; one a processor when not given."),
        click.option(
            "--engine", type=click.Choice(tuple(ENGINES)), default="local", show_default=True, help="Who does the work."
        ),
        click.option("--cluster", metavar="ADDRESS", help="A running Ray cluster; a local one is started without it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("batch")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for outputs, journal and sheet."
)
@profile_options
@click.option("--encoding", type=click.Choice(tuple(ENCODINGS)), default="pdu", show_default=True, help="Wire form.")
@click.option("--effort", type=click.Choice(("fast", "best")), default="fast", show_default=True, help="As compose.")
@click.option("--text", default="", help="Caption of every item that has none of its own.")
@click.option("--subject", default="", help="Subject of every item that has none of its own.")
@click.option("--from", "sender", default="", metavar="NUMBER", help="Sender, +12065550100 and the like.")
@policy_option
@click.option("--parts", is_flag=True, help="Write the fitted parts as files instead of packed messages.")
@click.option("--timeout", type=click.FloatRange(min=1), default=300, show_default=True, help="Seconds for one item.")
@pool_options
@click.option("--resume", is_flag=True, help="Go on with the journal in the folder; nothing is done twice.")
@click.option("--jsonl", is_flag=True, help="Each item's line on standard output as it is finished.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first item that fails.")
def batch_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit every file or row of INPUT... and write messages, a journal and a contact sheet.

    INPUT is a folder, a file, a pattern, or a list: JSON lines or CSV with the columns name, files, text, subject,
    recipient, profile, carrier, route, device, class, max_bytes. Exit status 1 when any item failed.
    """
    if options["parts"] and options["if_not_fit"] == "split":
        raise click.UsageError("--parts and --if-not-fit split: write messages, or choose another policy")
    folder: Path = options["output"]
    settings = _settings(options)
    lists = InputDefaults(receivers_from(options), options["text"], options["subject"], folder, OWN_NAMES)
    items = read_inputs(options["inputs"], lists)
    pool = PoolOptions(options["engine"], options["workers"], options["cluster"])
    with (
        BatchRun(folder, settings, _said(options), resumes=options["resume"]) as desk,
        sigterm_as_interrupt(),
        reserved_stdout() as ours,
    ):
        standing = desk.standing(items)
        tally = RunTotals(standing.kept)
        _tell_standing(standing)
        try:
            with progress_bar(len(items), tally) as show, closing(desk.fit(standing.left, pool)) as records:
                for record in records:
                    tally.add(record)
                    show(tally)
                    if options["jsonl"]:
                        click.echo(record.line(), file=ours)
                    if options["fail_fast"] and record.status != "done":
                        print_status(f"stopped at the first failure, {record.item}; --resume goes on")
                        break
        finally:
            sheet = write_contact_sheet(folder)
            _tell(tally, len(items), folder, sheet, sys.stderr if options["jsonl"] else ours)
    return FAILED if tally.bad else 0


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(
        profile_from(options),
        encoding=options["encoding"],
        effort=options["effort"],
        sender=_one_line(options["sender"]),
        form="parts" if options["parts"] else "message",
        timeout_s=options["timeout"],
        if_not_fit=policy_of(options),
    )


def receivers_from(options: dict[str, Any]) -> Receivers:
    """The receiver the options name, which rows of a list may change."""
    base = Receiver(
        options["carrier"], options["route"], options["device"], options["content_class"], options["max_bytes"]
    )
    return Receivers(
        base,
        profiles=options["profiles"],
        allow_inactive=options["allow_inactive"],
        use_observed=options["use_observed"],
    )


def _said(options: dict[str, Any]) -> dict[str, str]:
    """What every output depends on, in the caller's words."""
    names = (
        "carrier",
        "route",
        "device",
        "content_class",
        "max_bytes",
        "encoding",
        "effort",
        "sender",
        "parts",
        "if_not_fit",
    )
    return {name: str(options[name]) for name in names if options[name]}


def _one_line(value: str) -> str:
    if any(c in value for c in "\r\n\0"):
        raise click.UsageError(f"a number must be one line, got {value!r}")
    return value


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """A polite end (SIGTERM) stops us as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell_standing(standing: ResumeState) -> None:
    if standing.kept:
        print_status(f"{len(standing.kept):,} items stand in the journal, {len(standing.left):,} are left")
    if standing.strangers:
        first = ", ".join(standing.strangers[:3])
        print_status(f"{len(standing.strangers):,} items of the journal are not among the inputs any more: {first}, …")


def _tell(tally: RunTotals, total: int, folder: Path, sheet: Path | None, out: TextIO) -> None:
    lines = [*tally.lines(total), f"outputs and journal: {folder}"]
    if sheet is not None:
        lines.append(f"lowest predicted qualities: {sheet}")
    click.echo("\n".join(lines), file=out)
