"""`doctor`: what this machine has, and what that costs."""

from __future__ import annotations

import click

from mmscontent.cli.output import write_json
from mmscontent.doctor import examine

__all__ = ["doctor_command"]

ENGINE_MISSING = 4


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def doctor_command(*, as_json: bool) -> int:
    """Tell which engines are installed, whether they are safe, and which layers of the jail are in force."""
    report = examine()
    if as_json:
        write_json(report.as_json())
    else:
        click.echo(report.text())
    return 0 if report.healthy else ENGINE_MISSING
