"""The command `doctor`: which engines this machine has, and whether the sandbox holds."""

from __future__ import annotations

import click

from mmscontent.cli.options import json_option
from mmscontent.cli.output import write_json
from mmscontent.doctor import examine

ENGINE_MISSING = 4  # as main.EXIT_STATUS has it for every EngineError


@click.command("doctor")
@json_option
def doctor_command(*, as_json: bool) -> int:
    """Show which engines are installed, whether they are safe, and which layers of the sandbox are in force.

    The exit status is 4 when something that is needed is missing, broken or too old.
    """
    report = examine()
    if as_json:
        write_json(report.as_json())
    else:
        click.echo(report.text())
    return 0 if report.healthy else ENGINE_MISSING
