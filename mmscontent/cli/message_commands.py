"""The commands `lint`, `preview` and `adapt`: check, show or refit a message that exists."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mmscontent.cli.compose import output_options, require_one_stdout_document, write_outcome
from mmscontent.cli.message_input import open_message
from mmscontent.cli.options import (
    encoding_option,
    json_option,
    policy_from,
    policy_option,
    profile_from,
    profile_options,
)
from mmscontent.cli.output import print_status, write_file, write_json
from mmscontent.compose import attempt
from mmscontent.errors import MalformedContent
from mmscontent.message import Content
from mmscontent.pack.registry import ENCODINGS, pack
from mmscontent.preview import filmstrip, preview
from mmscontent.smil.lint import lint
from mmscontent.smil.repair import Repaired, repair
from mmscontent.smil.resolve import message_of

FOUND_FAULTS = 3


@click.command("adapt")
@click.argument("message", metavar="MESSAGE", type=click.Path(path_type=Path))
@encoding_option("mime")
@click.option("--json", "as_json", is_flag=True, help="The ledger as JSON on standard output.")
@policy_option
@profile_options
@output_options
def adapt_command(message: Path, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit an existing message to another receiver; slides, order and timing are kept."""
    require_one_stdout_document(options)
    opened = open_message(message)
    whole = message_of(opened.content)
    profile = profile_from(options)
    own = opened.content.presentation
    outcome = attempt(
        whole,
        profile,
        envelope=opened.envelope,
        encoding=options["encoding"],
        smil=own.data if own is not None else None,
        if_not_fit=policy_from(options),
    )
    return write_outcome(outcome, f"{message.stem}-adapted", options, whole)


@click.command("lint")
@click.argument("source", metavar="SMIL_OR_MESSAGE", type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Print what a repair changes; -o writes the repaired document or message.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the repaired document or message.")
@json_option
def lint_command(source: Path, output: Path | None, *, fix: bool, as_json: bool) -> int:
    """Report defects of a SMIL document or a whole message; exit status 3 when an error remains."""
    opened = open_message(source)
    shown = opened.content.presentation
    if shown is None and not opened.content.parts:
        raise MalformedContent(f"{source} holds no presentation and no parts")
    is_smil_file = opened.encoding == "smil" and shown is not None
    subject: bytes | Content = shown.data if is_smil_file and shown is not None else opened.content
    findings = lint(subject)
    repaired = repair(subject) if fix else None
    if as_json:
        write_json({"findings": [asdict(f) for f in findings], "diff": repaired.diff if repaired else None})
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(repaired.diff if repaired else f"{len(findings)} findings")
    if repaired is not None and output is not None:
        _write_repaired(repaired, opened.encoding, opened.envelope, output)
    remaining = repaired.remaining if repaired is not None else findings
    return FOUND_FAULTS if any(f.severity == "error" for f in remaining) else 0


def _write_repaired(repaired: Repaired, encoding: str, envelope: Any, output: Path) -> None:  # noqa: ANN401 - an Envelope
    if repaired.content is None or encoding not in ENCODINGS:
        write_file(output, repaired.data)
    else:
        write_file(output, pack(repaired.content, envelope, encoding).data)
    print_status(f"wrote {output}")


@click.command("preview")
@click.argument("message", metavar="MESSAGE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File of the page; by default MESSAGE.html.")
@click.option("--filmstrip", "strip", type=click.Path(path_type=Path), help="Also write a PNG that shows every slide.")
def preview_command(message: Path, output: Path | None, strip: Path | None) -> None:
    """Write an HTML page that plays the message as a phone does."""
    content = open_message(message).content
    page = output or Path(message.stem + ".html")
    write_file(page, preview(content).encode("utf-8"))
    print_status(f"wrote {page}")
    if strip is not None:
        write_file(strip, filmstrip(content))
        print_status(f"wrote {strip}")
