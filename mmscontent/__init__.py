"""mmscontent: a message and a receiver go in; fitted bytes and an honest ledger come out.

    import mmscontent as mms

    profile = mms.load_profile(carrier="us/t-mobile", route="long_code", device="apple/iphone")
    parts = mms.read_parts(["beach.heic", "receipt.png"])
    message = mms.Message.of(parts, text="Happy birthday!")
    composed = mms.compose(message, profile, encoding="pdu")
    composed.data, composed.ledger

A name is loaded when it is first used: importing the package costs what `import os` costs, and a program that only
reads messages never loads what makes them. Engines wait still longer, until a source needs them.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from mmscontent.version import __version__

if TYPE_CHECKING:
    from mmscontent import batch
    from mmscontent.compose import Composed, Outcome, adapt, attempt, check, compose, compose_all
    from mmscontent.errors import (
        BatchError,
        DamagedMedia,
        DoesNotFit,
        EngineError,
        EngineFailed,
        EngineMissing,
        EngineTimeout,
        JailKilled,
        MalformedContent,
        MMSContentError,
        NotAllowed,
        OverLimits,
        ProfileError,
        SourceError,
        UnknownMedia,
    )
    from mmscontent.files import read_parts
    from mmscontent.ledger import Ledger, PartEntry, SlideEntry
    from mmscontent.message import Content, Envelope, MediaInfo, Message, Part, Slide, Unpacked
    from mmscontent.pack import mm4, mm7, pdu
    from mmscontent.pack.registry import Packed, pack, unpack
    from mmscontent.preview import filmstrip, preview
    from mmscontent.profiles import load_profile
    from mmscontent.profiles.model import Origin, Profile
    from mmscontent.rate_quality import Curve
    from mmscontent.smil.lint import lint
    from mmscontent.smil.repair import repair
    from mmscontent.smil.resolve import message_of
    from mmscontent.sniff import sniff

__all__ = [
    "BatchError",
    "Composed",
    "Content",
    "Curve",
    "DamagedMedia",
    "DoesNotFit",
    "EngineError",
    "EngineFailed",
    "EngineMissing",
    "EngineTimeout",
    "Envelope",
    "JailKilled",
    "Ledger",
    "MMSContentError",
    "MalformedContent",
    "MediaInfo",
    "Message",
    "NotAllowed",
    "Origin",
    "Outcome",
    "OverLimits",
    "Packed",
    "Part",
    "PartEntry",
    "Profile",
    "ProfileError",
    "Slide",
    "SlideEntry",
    "SourceError",
    "UnknownMedia",
    "Unpacked",
    "__version__",
    "adapt",
    "attempt",
    "batch",
    "check",
    "compose",
    "compose_all",
    "filmstrip",
    "lint",
    "load_profile",
    "message_of",
    "mm4",
    "mm7",
    "pack",
    "pdu",
    "preview",
    "read_parts",
    "repair",
    "sniff",
    "unpack",
]

# Where each name lives; tests/test_exports.py holds the three lists together.
_HOMES = {
    "compose": ("Composed", "Outcome", "adapt", "attempt", "check", "compose", "compose_all"),
    "rate_quality": ("Curve",),
    "errors": (
        "BatchError",
        "DamagedMedia",
        "DoesNotFit",
        "EngineError",
        "EngineFailed",
        "EngineMissing",
        "EngineTimeout",
        "JailKilled",
        "MMSContentError",
        "MalformedContent",
        "NotAllowed",
        "OverLimits",
        "ProfileError",
        "SourceError",
        "UnknownMedia",
    ),
    "ledger": ("Ledger", "PartEntry", "SlideEntry"),
    "message": ("Content", "Envelope", "MediaInfo", "Message", "Part", "Slide", "Unpacked"),
    "pack": ("mm4", "mm7", "pdu"),
    "pack.registry": ("Packed", "pack", "unpack"),
    "files": ("read_parts",),
    "preview": ("filmstrip", "preview"),
    "profiles.model": ("Origin", "Profile"),
    "profiles": ("load_profile",),
    "smil.lint": ("lint",),
    "smil.repair": ("repair",),
    "smil.resolve": ("message_of",),
    "sniff": ("sniff",),
}
# Rooms that are themselves a face, `mms.batch.run`.
_ROOMS = ("batch",)
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


class _Face(ModuleType):
    """A package whose function `compose` is not replaced by its module `compose` when that is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _HOME_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


if not TYPE_CHECKING:  # a checker must go on reporting names that do not exist

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = importlib.import_module(_HOME_OF[name])
        value = getattr(home, name, None) or importlib.import_module(f"{home.__name__}.{name}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What is public, loaded or not."""
    return sorted(__all__)
