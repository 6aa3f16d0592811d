"""`compose` and `check`: files, a text and a receiver become a message, or an answer whether they can."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mmscontent.cli.output import print_status, write_file, write_json
from mmscontent.compose import attempt
from mmscontent.files import read_file, read_parts
from mmscontent.message import Content, Envelope, Message, Part
from mmscontent.pack.registry import ENCODINGS
from mmscontent.pipeline.request import POLICIES
from mmscontent.preview import filmstrip, preview
from mmscontent.profiles import load_profile
from mmscontent.smil.resolve import message_of
from mmscontent.smil.template import is_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmscontent.codecs.base import Effort
    from mmscontent.compose import Outcome
    from mmscontent.pipeline.request import IfNotFit
    from mmscontent.profiles.model import Profile

__all__ = [
    "check_command",
    "compose_command",
    "deliver",
    "output_options",
    "policy_of",
    "policy_option",
    "profile_from",
    "profile_options",
    "refuse_two_documents",
]

Command = TypeVar("Command", bound="Callable[..., object]")
REFUSED = 1
# How a message is called when the caller names no file; everything that is not binary is a mail-like text.
SUFFIXES = {"pdu": ".mms", "mm7": ".mm7"}
ROUTES = ("p2p", "long_code", "toll_free", "short_code")


def profile_options(command: Command) -> Command:
    """The options that name a receiver, alike on every command that has one."""
    options = [
        click.option("--carrier", metavar="KEY", help="Receiver's carrier, us/t-mobile and the like."),
        click.option("--route", type=click.Choice(ROUTES), help="How it reaches the carrier."),
        click.option("--device", metavar="KEY", help="Receiver's phone, apple/iphone and the like."),
        click.option("--class", "content_class", metavar="KEY", help="Content class, oma/image-rich and the like."),
        click.option("--max-bytes", type=click.IntRange(min=1), help="Largest packed message, in bytes."),
        click.option(
            "--profiles", type=click.Path(exists=True, file_okay=False), help="Your own folder of profiles, read first."
        ),
        click.option("--allow-inactive", is_flag=True, help="Also for a network that has ended or switched off MMS."),
        click.option("--use-observed", is_flag=True, help="Let sizes the network was seen to refuse lower the limit."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def profile_from(options: dict[str, Any]) -> Profile:
    """The profile that the options name."""
    return load_profile(
        carrier=options["carrier"],
        route=options["route"],
        device=options["device"],
        content_class=options["content_class"],
        max_message_bytes=options["max_bytes"],
        profiles=options["profiles"],
        allow_inactive=options["allow_inactive"],
        use_observed=options["use_observed"],
    )


policy_option = click.option(
    "--if-not-fit",
    type=click.Choice(tuple(p.replace("_", "-") for p in POLICIES)),
    default="fail",
    show_default=True,
    help="What may be given up when it does not fit; said in the ledger. split writes OUT-1, OUT-2, …",
)


def policy_of(options: dict[str, Any]) -> IfNotFit:
    """The policy as the library calls it."""
    policy: IfNotFit = options["if_not_fit"].replace("-", "_")
    return policy


def message_options(command: Command) -> Command:
    """The options that make up a message."""
    options = [
        click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path)),
        click.option("--text", default="", help="Caption of the first picture, or a slide of its own."),
        click.option("--subject", default="", help="Subject line."),
        click.option("--from", "sender", default="", metavar="NUMBER", help="Sender, +12065550100 and the like."),
        click.option("--to", "to", multiple=True, metavar="NUMBER", help="Receiver; may be given several times."),
        click.option(
            "--encoding", type=click.Choice(tuple(ENCODINGS)), default="pdu", show_default=True, help="Wire form."
        ),
        click.option(
            "--effort",
            type=click.Choice(("fast", "best")),
            default="fast",
            show_default=True,
            help="best spends up to four times the time for the last point of quality.",
        ),
        click.option(
            "--smil",
            type=click.Path(path_type=Path),
            help="Your own presentation: it names the files it plays, or has places {{0}}, {{text}} for them.",
        ),
        policy_option,
        click.option("--measure", is_flag=True, help="Measure the quality of each result, not only predict it."),
        click.option("--json", "as_json", is_flag=True, help="The ledger as JSON on standard output."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """The options that say where a made message and what is told of it go."""
    path = click.Path(path_type=Path)
    options = [
        click.option("-o", "--output", type=path, help="Where the message goes; `-` is standard output."),
        click.option("--ledger", "ledger_path", type=path, help="Write the ledger here as JSON."),
        click.option("--preview", "preview_path", type=path, help="Write a page that plays the message."),
        click.option("--filmstrip", "strip_path", type=path, help="Write every slide into one PNG."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("compose")
@message_options
@profile_options
@output_options
def compose_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit files and a text to a receiver and write the message."""
    refuse_two_documents(options)
    message = _message(options)
    outcome = _attempt(message, options)
    stem = options["files"][0].stem if options["files"] else "message"
    return deliver(outcome, stem, options, message)


def refuse_two_documents(options: dict[str, Any]) -> None:
    """Standard output holds one thing."""
    if options["output"] == Path("-") and options["as_json"]:
        raise click.UsageError("-o - and --json both want standard output; give one of them a file")


def deliver(outcome: Outcome, stem: str, options: dict[str, Any], original: Message | None = None) -> int:
    """Write and show what came of an attempt; the exit status."""
    output: Path = options["output"] or Path(stem + SUFFIXES.get(options["encoding"], ".eml"))
    if len(outcome.messages) > 1 and output == Path("-"):
        raise click.UsageError(f"the message takes {len(outcome.messages)}; give -o the name of a file for them")
    if options["ledger_path"] is not None:
        write_file(
            options["ledger_path"], json.dumps(_document(outcome), indent=2, ensure_ascii=False).encode() + b"\n"
        )
    for number, one in enumerate(outcome.messages, start=1):
        place = number if len(outcome.messages) > 1 else None
        if options["preview_path"] is not None:
            page = preview(one, original=original if place is None else None)
            write_file(_numbered(options["preview_path"], place), page.encode("utf-8"))
        if options["strip_path"] is not None:
            write_file(_numbered(options["strip_path"], place), filmstrip(one))
        _write_message(one.data, _numbered(output, place))
    _show(outcome, as_json=options["as_json"], quiet=output == Path("-"))
    return 0 if outcome.composed is not None else REFUSED


def _numbered(path: Path, number: int | None) -> Path:
    """OUT.mms as OUT-2.mms for the second of several."""
    return path if number is None else path.with_name(f"{path.stem}-{number}{path.suffix}")


def _document(outcome: Outcome) -> dict[str, object]:
    """The ledger; of several messages the first one's, with all of them beneath it."""
    document = outcome.ledger.as_json()
    return document | {"messages": [one.ledger.as_json() for one in outcome.messages]} if outcome.more else document


@click.command("check")
@message_options
@profile_options
def check_command(**options: Any) -> int:  # noqa: ANN401 - click's own
    """Tell what compose would do, and write nothing; the exit status answers."""
    outcome = _attempt(_message(options), options)
    _show(outcome, as_json=options["as_json"], quiet=False)
    return 0 if outcome.ledger.fits else REFUSED


def _message(options: dict[str, Any]) -> Message:
    if not options["files"] and not options["text"]:
        raise click.UsageError("nothing to send: give at least one FILE or --text")
    parts, subject = read_parts(options["files"]), _one_line(options["subject"])
    smil = _smil(options)
    if smil is None or is_template(smil):
        return Message.of(parts, text=options["text"], subject=subject)
    if options["text"]:
        raise click.UsageError("--smil and --text: a presentation plays files; put the text into one and name it there")
    shown = Part(smil, "application/smil")
    return message_of(Content(tuple(replace(p, content_location=p.name) for p in parts), shown, subject))


def _smil(options: dict[str, Any]) -> bytes | None:
    return read_file(options["smil"]) if options["smil"] is not None else None


def _attempt(message: Message, options: dict[str, Any]) -> Outcome:
    profile = profile_from(options)
    envelope = Envelope(sender=_one_line(options["sender"]), to=tuple(_one_line(n) for n in options["to"]))
    effort: Effort = options["effort"]
    return attempt(
        message,
        profile,
        envelope=envelope,
        encoding=options["encoding"],
        effort=effort,
        measure=options["measure"],
        smil=_smil(options),
        if_not_fit=policy_of(options),
    )


def _one_line(value: str) -> str:
    if any(c in value for c in "\r\n\0"):
        raise click.UsageError(f"a subject or number must be one line, got {value!r}")
    return value


def _write_message(data: bytes, output: Path) -> None:
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    write_file(output, data)
    print_status(f"wrote {output} ({len(data):,} bytes)")


def _show(outcome: Outcome, *, as_json: bool, quiet: bool) -> None:
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
