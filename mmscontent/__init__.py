"""mmscontent: a message and a receiver go in; fitted bytes and an honest ledger come out."""

from mmscontent.version import __version__

__all__ = ["__version__"]
