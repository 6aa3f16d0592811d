"""The command `batch`: many workers fit a folder, a pattern or a list of messages into a folder with a journal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import click

from mmscontent.batch.contact_sheet import write_contact_sheet
from mmscontent.batch.folder import OWN_NAMES
from mmscontent.batch.inputs import InputDefaults, read_inputs
from mmscontent.batch.model import Settings
from mmscontent.batch.receivers import Receiver, Receivers
from mmscontent.batch.resume import BatchRun, ResumeState
from mmscontent.cli.options import (
    effort_option,
    encoding_option,
    policy_from,
    policy_option,
    pool_from,
    pool_options,
    profile_from,
    profile_options,
    resume_option,
    single_line,
)
from mmscontent.cli.output import print_status, reserved_stdout
from mmscontent.cli.progress import RunTotals, progress_bar

FAILED = 1
_RECEIVER = tuple(f.name for f in fields(Receiver))  # the options are named as its fields
_PATH = click.Path(path_type=Path)


@click.command("batch")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", required=True, type=_PATH, help="Folder for outputs, journal and contact sheet.")
@profile_options
@encoding_option()
@effort_option
@click.option("--text", default="", help="Text of every item that has none of its own.")
@click.option("--subject", default="", help="Subject of every item that has none of its own.")
@click.option("--from", "sender", default="", metavar="NUMBER", help="Sender, such as +12065550100.")
@policy_option
@click.option("--parts", is_flag=True, help="Write the fitted parts as files instead of packed messages.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300, show_default=True, help="Seconds that one item may take."
)
@pool_options
@resume_option
@click.option("--jsonl", is_flag=True, help="Print the journal line of each item on standard output as it is finished.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first item that fails.")
def batch_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit every file or row of INPUT... and write messages, a journal and a contact sheet.

    INPUT is a folder, a file, a pattern, or a list: JSON lines or CSV with the columns name, files, text, subject,
    recipient, profile, carrier, route, device, class, max_bytes. Exit status 1 when any item failed.
    """
    if options["parts"] and options["if_not_fit"] == "split":
        raise click.UsageError("--parts cannot be used with --if-not-fit split; leave out one of them")
    folder: Path = options["output"]
    settings = _settings(options)
    lists = InputDefaults(receivers_from(options), options["text"], options["subject"], folder, OWN_NAMES)
    items = read_inputs(options["inputs"], lists)
    with (
        BatchRun(folder, settings, _output_options(options), resumes=options["resume"]) as batch,
        sigterm_as_interrupt(),
        reserved_stdout() as stdout,
    ):
        state = batch.resume_state(items)
        totals = RunTotals(state.finished)
        _print_resume_state(state)
        try:
            with (
                progress_bar(len(items), totals) as show,
                closing(batch.compose_items(state.remaining, pool_from(options))) as records,
            ):
                for record in records:
                    totals.add(record)
                    show(totals)
                    if options["jsonl"]:
                        click.echo(record.line(), file=stdout)
                    if options["fail_fast"] and record.status != "done":
                        print_status(f"stopped at the first failure, {record.item}; continue with --resume")
                        break
        finally:
            sheet = write_contact_sheet(folder)
            _print_summary(totals, len(items), folder, sheet, sys.stderr if options["jsonl"] else stdout)
    return FAILED if totals.without_output else 0


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(
        profile_from(options),
        encoding=options["encoding"],
        effort=options["effort"],
        sender=single_line("--from", options["sender"]),
        form="parts" if options["parts"] else "message",
        timeout_s=options["timeout"],
        if_not_fit=policy_from(options),
    )


def receivers_from(options: dict[str, Any]) -> Receivers:
    """The receiver that the options name; rows of a list may change it."""
    base = Receiver(**{name: options[name] for name in _RECEIVER})
    return Receivers(base, **{name: options[name] for name in ("profiles", "allow_inactive", "use_observed")})


def _output_options(options: dict[str, Any]) -> dict[str, str]:
    """The options that every output depends on, for the journal."""
    # Workers, engine and time limit are free to differ: they change no byte of an output.
    names = (*_RECEIVER, "encoding", "effort", "sender", "parts", "if_not_fit")
    return {name: str(options[name]) for name in names if options[name]}


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM stop the command as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # One way to stop means one way to clean up: workers end, the summary is printed, status 130.
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_resume_state(state: ResumeState) -> None:
    if state.finished:
        print_status(f"{len(state.finished):,} items are finished in the journal, {len(state.remaining):,} remain")
    if state.unlisted:
        first = ", ".join(state.unlisted[:3])
        print_status(f"{len(state.unlisted):,} items of the journal are not among the inputs any more: {first}, …")


def _print_summary(totals: RunTotals, total: int, folder: Path, sheet: Path | None, out: TextIO) -> None:
    lines = [*totals.lines(total), f"outputs and journal: {folder}"]
    if sheet is not None:
        lines.append(f"lowest predicted qualities: {sheet}")
    click.echo("\n".join(lines), file=out)
