"""mmscontent: a message and a receiver go in; fitted bytes and an honest ledger come out.

    import mmscontent as mms

    profile = mms.load_profile(carrier="us/t-mobile", route="long_code", device="apple/iphone")
    parts = mms.read_parts(["beach.heic", "receipt.png"])
    message = mms.Message.of(parts, text="Happy birthday!")
    composed = mms.compose(message, profile, encoding="pdu")
    composed.data, composed.ledger

Engines are imported where they are used, so that this import stays light.
"""

from mmscontent.compose import Composed, Outcome, adapt, attempt, check, compose
from mmscontent.curve import Curve
from mmscontent.errors import (
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
from mmscontent.ledger import Ledger, PartEntry, SlideEntry
from mmscontent.message import Content, Envelope, MediaInfo, Message, Part, Slide, Unpacked
from mmscontent.pack.table import unpack
from mmscontent.parts import read_parts
from mmscontent.preview import preview
from mmscontent.profile import Origin, Profile
from mmscontent.profile_files import load_profile
from mmscontent.smil.lint import lint
from mmscontent.smil.repair import repair
from mmscontent.sniff import sniff
from mmscontent.version import __version__

__all__ = [
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
    "check",
    "compose",
    "lint",
    "load_profile",
    "preview",
    "read_parts",
    "repair",
    "sniff",
    "unpack",
]
