"""The command `mmscontent`: arguments in, ledger out. One module per group of commands; main.py ties them."""

from mmscontent.cli.main import main

__all__ = ["main"]
