"""`lint`, `preview` and `adapt`: a message that exists, judged, shown, or fitted to another receiver."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmscontent.cli.compose import (
    deliver,
    output_options,
    policy_of,
    policy_option,
    profile_from,
    profile_options,
    refuse_two_documents,
)
from mmscontent.cli.message_input import open_message
from mmscontent.cli.output import print_status, write_file, write_json
from mmscontent.compose import attempt
from mmscontent.errors import MalformedContent
from mmscontent.pack.registry import ENCODINGS, pack
from mmscontent.preview import filmstrip, preview
from mmscontent.smil.lint import lint
from mmscontent.smil.repair import Repaired, repair
from mmscontent.smil.resolve import message_of

if TYPE_CHECKING:
    from mmscontent.message import Content

__all__ = ["adapt_command", "lint_command", "preview_command"]

FOUND_FAULTS = 3


@click.command("adapt")
@click.argument("message", metavar="MESSAGE", type=click.Path(path_type=Path))
@click.option(
    "--encoding", type=click.Choice(tuple(ENCODINGS)), default="mime", show_default=True, help="Wire form to write."
)
@click.option("--json", "as_json", is_flag=True, help="The ledger as JSON on standard output.")
@policy_option
@profile_options
@output_options
def adapt_command(message: Path, **options: Any) -> int:  # noqa: ANN401 - click's own
    """Fit an existing message to another receiver; its slides, order and timing stay."""
    refuse_two_documents(options)
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
        if_not_fit=policy_of(options),
    )
    return deliver(outcome, f"{message.stem}-adapted", options, whole)


@click.command("lint")
@click.argument("source", metavar="SMIL_OR_MESSAGE", type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Print what a repair changes; with -o write the mended document or message.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the mended one goes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def lint_command(source: Path, output: Path | None, *, fix: bool, as_json: bool) -> int:
    """Say what is wrong with a SMIL document or a whole message; status 3 when an error stands."""
    opened = open_message(source)
    shown = opened.content.presentation
    if shown is None and not opened.content.parts:
        raise MalformedContent(f"{source} holds no presentation and no parts")
    alone = opened.encoding == "smil" and shown is not None
    subject: bytes | Content = shown.data if alone and shown is not None else opened.content
    findings = lint(subject)
    mended = repair(subject) if fix else None
    if as_json:
        write_json({"findings": [asdict(f) for f in findings], "diff": mended.diff if mended else None})
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(mended.diff if mended else f"{len(findings)} findings")
    if mended is not None and output is not None:
        _write_mended(mended, opened.encoding, opened.envelope, output)
    standing = mended.remaining if mended is not None else findings
    return FOUND_FAULTS if any(f.severity == "error" for f in standing) else 0


def _write_mended(mended: Repaired, encoding: str, envelope: Any, output: Path) -> None:  # noqa: ANN401 - an Envelope
    if mended.content is None or encoding not in ENCODINGS:
        write_file(output, mended.data)
    else:
        write_file(output, pack(mended.content, envelope, encoding).data)
    print_status(f"wrote {output}")


@click.command("preview")
@click.argument("message", metavar="MESSAGE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page; beside the message when not given.")
@click.option("--filmstrip", "strip", type=click.Path(path_type=Path), help="Also every slide in one PNG.")
def preview_command(message: Path, output: Path | None, strip: Path | None) -> None:
    """Write one page that plays the message as a phone will."""
    content = open_message(message).content
    page = output or Path(message.stem + ".html")
    write_file(page, preview(content).encode("utf-8"))
    print_status(f"wrote {page}")
    if strip is not None:
        write_file(strip, filmstrip(content))
        print_status(f"wrote {strip}")
