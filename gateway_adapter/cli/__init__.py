"""The command `mms-gateway`: main.py holds its subcommands, demo.py the demonstration of the whole flow."""

from gateway_adapter.cli.main import main

__all__ = ["main"]
