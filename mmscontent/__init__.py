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

from mmscontent.version import __version__ as __version__

if TYPE_CHECKING:  # `as` says to a type checker that the name is public
    from mmscontent import batch as batch
    from mmscontent.compose import Composed as Composed
    from mmscontent.compose import Outcome as Outcome
    from mmscontent.compose import adapt as adapt
    from mmscontent.compose import attempt as attempt
    from mmscontent.compose import check as check
    from mmscontent.compose import compose as compose
    from mmscontent.compose import compose_all as compose_all
    from mmscontent.errors import BatchError as BatchError
    from mmscontent.errors import DamagedMedia as DamagedMedia
    from mmscontent.errors import DoesNotFit as DoesNotFit
    from mmscontent.errors import EngineError as EngineError
    from mmscontent.errors import EngineFailed as EngineFailed
    from mmscontent.errors import EngineMissing as EngineMissing
    from mmscontent.errors import EngineTimeout as EngineTimeout
    from mmscontent.errors import JailKilled as JailKilled
    from mmscontent.errors import MalformedContent as MalformedContent
    from mmscontent.errors import MMSContentError as MMSContentError
    from mmscontent.errors import NotAllowed as NotAllowed
    from mmscontent.errors import OverLimits as OverLimits
    from mmscontent.errors import ProfileError as ProfileError
    from mmscontent.errors import SourceError as SourceError
    from mmscontent.errors import UnknownMedia as UnknownMedia
    from mmscontent.files import read_parts as read_parts
    from mmscontent.ledger import Ledger as Ledger
    from mmscontent.ledger import PartEntry as PartEntry
    from mmscontent.ledger import SlideEntry as SlideEntry
    from mmscontent.message import Content as Content
    from mmscontent.message import Envelope as Envelope
    from mmscontent.message import MediaInfo as MediaInfo
    from mmscontent.message import Message as Message
    from mmscontent.message import Part as Part
    from mmscontent.message import Slide as Slide
    from mmscontent.message import Unpacked as Unpacked
    from mmscontent.pack import mm4 as mm4
    from mmscontent.pack import mm7 as mm7
    from mmscontent.pack import pdu as pdu
    from mmscontent.pack.registry import Packed as Packed
    from mmscontent.pack.registry import pack as pack
    from mmscontent.pack.registry import unpack as unpack
    from mmscontent.preview import filmstrip as filmstrip
    from mmscontent.preview import preview as preview
    from mmscontent.profiles import load_profile as load_profile
    from mmscontent.profiles.model import Origin as Origin
    from mmscontent.profiles.model import Profile as Profile
    from mmscontent.rate_quality import Curve as Curve
    from mmscontent.smil.lint import lint as lint
    from mmscontent.smil.repair import repair as repair
    from mmscontent.smil.resolve import message_of as message_of
    from mmscontent.sniff import sniff as sniff

# The module of each name, as importing it loads; tests/test_exports.py compares this with the imports above.
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
_PUBLIC = sorted((*_MODULE_OF, *_PACKAGES, "__version__"))


class _LazyPackage(ModuleType):
    """A package whose function `compose` is not replaced by its module `compose` when that is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _MODULE_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _LazyPackage


if not TYPE_CHECKING:  # a checker must go on reporting names that do not exist, and cannot read a computed list
    __all__ = list(_PUBLIC)

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
    return _PUBLIC
