"""The root of the command: its subcommands, and the one place that turns an error into an exit status."""

from __future__ import annotations

import json
import os
import sys

import click

from mmscontent.cli.batch import batch_command
from mmscontent.cli.campaign import campaign_group
from mmscontent.cli.compose import check_command, compose_command
from mmscontent.cli.doctor import doctor_command
from mmscontent.cli.inspect import sniff_command, unpack_command
from mmscontent.cli.message_commands import adapt_command, lint_command, preview_command
from mmscontent.cli.profiles import profiles_group
from mmscontent.errors import (
    BatchError,
    DoesNotFit,
    EngineError,
    MMSContentError,
    NotAllowed,
    ProfileError,
    SourceError,
)
from mmscontent.version import __version__

# The first row that matches decides: 0 done · 1 does not fit · 2 usage · 3 input · 4 engine · 130 interrupted.
EXIT_STATUS: tuple[tuple[type[MMSContentError], int], ...] = (
    (DoesNotFit, 1),
    (NotAllowed, 1),
    (ProfileError, 2),
    (BatchError, 2),
    (SourceError, 3),
    (EngineError, 4),
    (MMSContentError, 3),
)
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="mmscontent")
def cli() -> None:
    """Fit media into MMS messages, and report in a ledger what was changed and why.

    Exit status: 0 done, 1 does not fit or is not allowed, 2 wrong usage, 3 the input is damaged or unknown,
    4 an engine is missing or failed, 130 interrupted.
    """


COMMANDS = (
    compose_command,
    check_command,
    adapt_command,
    sniff_command,
    unpack_command,
    lint_command,
    preview_command,
    batch_command,
    campaign_group,
    profiles_group,
    doctor_command,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with arguments and return its exit status."""
    try:
        # Not cli.main(): it turns a reader that went away into status 1, which means "does not fit" here.
        with cli.make_context("mmscontent", list(arguments)) as context:
            result = cli.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help and --version
        return done.exit_code
    except MMSContentError as error:
        return _report(error, as_json="--json" in arguments)
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output went away (`| head`): no error, and standard output cannot be written any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _report(error: MMSContentError, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(_error_json(error), indent=2, ensure_ascii=False))
    click.echo(f"mmscontent: {error}", err=True)
    return next(status for kind, status in EXIT_STATUS if isinstance(error, kind))


def _error_json(error: MMSContentError) -> dict[str, object]:
    return {
        "schema": "mmscontent.error/1",
        "code": error.code,
        "message": str(error),
        "user_text": error.user_text,
        "part": error.part or None,
        "retryable": error.retryable,
    }
