"""The commands `compose` and `check`: fit files and a text to a receiver, or only report whether they fit."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mmscontent.cli.options import (
    effort_option,
    encoding_option,
    policy_from,
    policy_option,
    profile_from,
    profile_options,
    single_line,
    with_options,
)
from mmscontent.cli.output import print_status, write_file, write_json
from mmscontent.codecs.base import Effort
from mmscontent.compose import Outcome, attempt
from mmscontent.files import read_file, read_parts
from mmscontent.message import Content, Envelope, Message, Part
from mmscontent.preview import filmstrip, preview
from mmscontent.smil.resolve import message_of
from mmscontent.smil.template import is_template

REFUSED = 1
# The suffix of a message when the caller names no file; every wire form beside these is text like a mail.
SUFFIXES = {"pdu": ".mms", "mm7": ".mm7"}


message_options = with_options(
    click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path)),
    click.option("--text", default="", help="Text below the first picture, or a slide of its own."),
    click.option("--subject", default="", help="Subject line."),
    click.option("--from", "sender", default="", metavar="NUMBER", help="Sender, such as +12065550100."),
    click.option("--to", "to", multiple=True, metavar="NUMBER", help="Receiver; may be given several times."),
    encoding_option(),
    effort_option,
    click.option(
        "--smil",
        type=click.Path(path_type=Path),
        help="Your own presentation: it names the files it plays, or has placeholders {{0}}, {{text}} for them.",
    ),
    policy_option,
    click.option("--measure", is_flag=True, help="Measure the quality of each result instead of only predicting it."),
    click.option("--json", "as_json", is_flag=True, help="The ledger as JSON on standard output."),
)
_OUT = click.Path(path_type=Path)
output_options = with_options(
    click.option("-o", "--output", type=_OUT, help="File of the message; `-` is standard output."),
    click.option("--ledger", "ledger_path", type=_OUT, help="Write the ledger into this file, as JSON."),
    click.option("--preview", "preview_path", type=_OUT, help="Write an HTML page that plays the message."),
    click.option("--filmstrip", "strip_path", type=_OUT, help="Write one PNG that shows every slide."),
)


@click.command("compose")
@message_options
@profile_options
@output_options
def compose_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit files and a text to a receiver and write the message."""
    require_one_stdout_document(options)
    message = _message(options)
    outcome = _attempt(message, options)
    stem = options["files"][0].stem if options["files"] else "message"
    return write_outcome(outcome, stem, options, message)


def require_one_stdout_document(options: dict[str, Any]) -> None:
    """Refuse two options that both write a document to standard output."""
    if options["output"] == Path("-") and options["as_json"]:
        raise click.UsageError("-o - and --json both write to standard output; give -o a file")


def write_outcome(outcome: Outcome, stem: str, options: dict[str, Any], original: Message | None = None) -> int:
    """Write the files of an outcome, print its ledger, and return the exit status."""
    output: Path = options["output"] or Path(stem + SUFFIXES.get(options["encoding"], ".eml"))
    if len(outcome.messages) > 1 and output == Path("-"):
        raise click.UsageError(f"-o - holds one message, the content takes {len(outcome.messages)}; give a file name")
    if options["ledger_path"] is not None:
        write_file(
            options["ledger_path"], json.dumps(_document(outcome), indent=2, ensure_ascii=False).encode() + b"\n"
        )
    for number, one in enumerate(outcome.messages, start=1):
        place = number if len(outcome.messages) > 1 else None
        if options["preview_path"] is not None:
            # Beside one of several messages the whole original would look as if most of it were lost.
            page = preview(one, original=original if place is None else None)
            write_file(_numbered(options["preview_path"], place), page.encode("utf-8"))
        if options["strip_path"] is not None:
            write_file(_numbered(options["strip_path"], place), filmstrip(one))
        _write_message(one.data, _numbered(output, place))
    _print_ledgers(outcome, as_json=options["as_json"], quiet=output == Path("-"))
    return 0 if outcome.composed is not None else REFUSED


def _numbered(path: Path, number: int | None) -> Path:
    """Name the second of several messages OUT-2.mms when the output is OUT.mms."""
    return path if number is None else path.with_name(f"{path.stem}-{number}{path.suffix}")


def _document(outcome: Outcome) -> dict[str, object]:
    """The ledger as JSON; for several messages that of the first one, with a list of all."""
    document = outcome.ledger.as_json()
    return document | {"messages": [one.ledger.as_json() for one in outcome.messages]} if outcome.more else document


@click.command("check")
@message_options
@profile_options
def check_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Report what compose would do, and write nothing; the exit status says whether it fits."""
    outcome = _attempt(_message(options), options)
    _print_ledgers(outcome, as_json=options["as_json"], quiet=False)
    return 0 if outcome.ledger.fits else REFUSED


def _message(options: dict[str, Any]) -> Message:
    if not options["files"] and not options["text"]:
        raise click.UsageError("nothing to send; give at least one FILE or --text")
    parts, subject = read_parts(options["files"]), single_line("--subject", options["subject"])
    smil = _smil(options)
    if smil is None or is_template(smil):
        return Message.of(parts, text=options["text"], subject=subject)
    if options["text"]:
        raise click.UsageError("--smil cannot be used with --text; put the text into a file that the SMIL names")
    shown = Part(smil, "application/smil")
    return message_of(Content(tuple(replace(p, content_location=p.name) for p in parts), shown, subject))


def _smil(options: dict[str, Any]) -> bytes | None:
    return read_file(options["smil"]) if options["smil"] is not None else None


def _attempt(message: Message, options: dict[str, Any]) -> Outcome:
    profile = profile_from(options)
    envelope = Envelope(
        sender=single_line("--from", options["sender"]), to=tuple(single_line("--to", n) for n in options["to"])
    )
    effort: Effort = options["effort"]
    return attempt(
        message,
        profile,
        envelope=envelope,
        encoding=options["encoding"],
        effort=effort,
        measure=options["measure"],
        smil=_smil(options),
        if_not_fit=policy_from(options),
    )


def _write_message(data: bytes, output: Path) -> None:
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    write_file(output, data)
    print_status(f"wrote {output} ({len(data):,} bytes)")


def _print_ledgers(outcome: Outcome, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        write_json(_document(outcome))
    elif not quiet:
        for ledger in [one.ledger for one in outcome.messages] or [outcome.ledger]:
            click.echo(ledger.table())
            click.echo()
            click.echo(ledger.explain())
            click.echo()
    if outcome.refusal is not None:
        print_status(f"mmscontent: {outcome.refusal}")
