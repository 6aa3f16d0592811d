"""mmscontent fits the media of a message to a receiver, packs the message, and says in a ledger what it did.

    import mmscontent as mms

    profile = mms.load_profile(carrier="us/t-mobile", route="long_code", device="apple/iphone")
    parts = mms.read_parts(["beach.heic", "receipt.png"])
    message = mms.Message.of(parts, text="Happy birthday!")
    composed = mms.compose(message, profile, encoding="pdu")
    composed.data, composed.ledger

A name is loaded when it is first used: importing the package costs what `import os` costs, and a program that only
reads messages never loads the modules that compose them. Engines are loaded when the first source needs them.
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

# The module of each name, as importing it loads; tests/test_exports.py compares the three lists of this file.
_MODULES = {
    "compose": "Composed Outcome adapt attempt check compose compose_all",
    "rate_quality": "Curve",
    "errors": "BatchError DamagedMedia DoesNotFit EngineError EngineFailed EngineMissing EngineTimeout JailKilled"
    " MMSContentError MalformedContent NotAllowed OverLimits ProfileError SourceError UnknownMedia",
    "ledger": "Ledger PartEntry SlideEntry",
    "message": "Content Envelope MediaInfo Message Part Slide Unpacked",
    "pack": "mm4 mm7 pdu",
    "pack.registry": "Packed pack unpack",
    "files": "read_parts",
    "preview": "filmstrip preview",
    "profiles.model": "Origin Profile",
    "profiles": "load_profile",
    "smil.lint": "lint",
    "smil.repair": "repair",
    "smil.resolve": "message_of",
    "sniff": "sniff",
}
# Packages that are public themselves: `mms.batch.run`.
_PACKAGES = ("batch",)
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names.split()}


class _LazyPackage(ModuleType):
    """A package whose function `compose` is not replaced by its module `compose` when that is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _MODULE_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _LazyPackage


if not TYPE_CHECKING:  # a checker must go on reporting names that do not exist

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        if name in _PACKAGES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(_MODULE_OF[name])
        value = getattr(module, name, None) or importlib.import_module(f"{module.__name__}.{name}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What is public, loaded or not."""
    return sorted(__all__)
