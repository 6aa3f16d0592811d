"""The command `mmscontent`: one module for each group of commands; main.py puts them together."""

from mmscontent.cli.main import main

__all__ = ["main"]
