"""What a customer gave becomes a message, and the message fitted content: pure but for the library's own engines.

Everything a rendition depends on goes into its key, so that recipients of one kind share one rendition.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

import mmscontent as mms
from gateway_adapter.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway_adapter.model import Order

__all__ = [
    "FittedContent",
    "RenditionTarget",
    "ResolvedSegment",
    "check",
    "fit",
    "lower_limit",
    "message_of",
    "read_rendition",
    "rendition_key",
    "write_rendition",
]

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_UNKNOWN = "application/octet-stream"
# Sizes operators' limits are known to have; the next one below what was refused is tried.
_LADDER = (1_000_000, 600_000, 500_000, 300_000, 150_000, 100_000, 50_000, 30_000)


@dataclass(frozen=True, slots=True)
class ResolvedSegment:
    """One piece of content with its bytes at hand: words or a presentation as text, all else by its blob."""

    kind: Literal["text", "smil", "media"]
    name: str = ""
    text: str = ""
    blob: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class RenditionTarget:
    """For whom it is fitted: keys of the profile, the wire form that counts, and what is known beyond the profile.

    Attributes:
        limit_bytes: A size shown to be refused beyond, 0 for the profile's own.
        recipients: How many see the message's envelope: it takes room too.
        overhead_bytes: What the connection's own ids and names add to the wire form as the library counts it.
    """

    carrier: str = ""
    route: str = ""
    device: str = ""
    encoding: str = "pdu"
    limit_bytes: int = 0
    recipients: int = 1
    overhead_bytes: int = 0

    def profile(self) -> mms.Profile:
        """What the receiver accepts."""
        return _profile(self.carrier, self.route, self.device, self.limit_bytes, self.overhead_bytes)


@lru_cache(512)
def _profile(carrier: str, route: str, device: str, limit_bytes: int, overhead_bytes: int) -> mms.Profile:
    profile = mms.load_profile(
        carrier=carrier or None, route=route or None, device=device or None, max_message_bytes=limit_bytes or None
    )
    room = max(1, profile.limit_bytes - overhead_bytes)
    return replace(profile, limit_bytes=room, target_bytes=min(room, profile.target_bytes))


@lru_cache(512)
def _words(carrier: str, route: str, device: str, limit_bytes: int, overhead_bytes: int) -> str:
    """A profile as a digest: what is fitted by other rules is another rendition."""
    profile = _profile(carrier, route, device, limit_bytes, overhead_bytes)
    return hashlib.sha256(repr(profile).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FittedContent:
    """A rendition: the content, its size packed as the route counts, and the ledger as JSON."""

    content: mms.Content = field(repr=False)
    size_bytes: int
    ledger: bytes = field(repr=False)


def message_of(
    title: str, sources: Sequence[ResolvedSegment], read: Callable[[str], bytes]
) -> tuple[mms.Message, bytes | None]:
    """The message, and the presentation the customer wrote for it."""
    parts = [_part(source, read) for source in sources if source.kind != "smil"]
    smil = next((source.text.encode() for source in sources if source.kind == "smil" and source.text.strip()), None)
    if not parts:
        raise Refused("the message has no content besides its presentation; add a text or a picture", error=15200)
    return mms.Message.of(_captioned(parts), subject=" ".join(title.split())), smil


def _captioned(parts: list[mms.Part]) -> list[mms.Part]:
    """Words that come first go on one slide with the picture or film that follows: most requests mean that."""
    if len(parts) > 1 and parts[0].kind == "text" and parts[1].kind in ("image", "video"):
        return [parts[1], parts[0], *parts[2:]]
    return parts


def _part(source: ResolvedSegment, read: Callable[[str], bytes]) -> mms.Part:
    if source.kind == "text":
        return mms.Part.of_text(source.text, name=source.name)
    declared = source.media_type.partition(";")[0].strip().lower()
    data = read(source.blob)
    if declared == _UNKNOWN or not _TYPE.fullmatch(declared):
        declared = mms.sniff(data, name=source.name or None).media_type
    return mms.Part(data, declared, name=source.name)


def rendition_key(order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget) -> str:
    """What a rendition is known by: a digest of all it depends on."""
    said = [[s.kind, s.name, s.text, s.blob, s.media_type] for s in sources]
    aim = [
        _words(target.carrier, target.route, target.device, target.limit_bytes, target.overhead_bytes),
        target.encoding,
        target.recipients,
        order.if_not_fit,
        mms.__version__,
    ]
    return hashlib.sha256(json.dumps([order.title, said, aim]).encode()).hexdigest()


# The longest a number, a transaction id and a time can be: what fits with these fits with any.
_NUMBER, _LONG_ID = "+" + "9" * 15, "f" * 32


def _envelope(target: RenditionTarget) -> mms.Envelope:
    return mms.Envelope(
        sender=_NUMBER,
        to=(_NUMBER,) * target.recipients,
        transaction_id=_LONG_ID,
        expiry_s=172_800,
        delivery_report=True,
    )


def fit(
    order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget, read: Callable[[str], bytes]
) -> FittedContent:
    """Fit an order's content for a target; runs for milliseconds to seconds, and blocks.

    Raises:
        MMSContentError: It can not be fitted; what a ledger says of why is in the error's `options`.
    """
    message, smil = message_of(order.title, sources, read)
    outcome = _attempt(order, message, smil, target)
    if outcome.composed is None:
        assert outcome.refusal is not None
        raise outcome.refusal
    ledger = json.dumps(outcome.ledger.as_json(), ensure_ascii=False, separators=(",", ":"))
    return FittedContent(outcome.composed.content, outcome.ledger.packed_bytes, ledger.encode())


def check(
    order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget, read: Callable[[str], bytes]
) -> dict[str, object]:
    """The ledger `fit` would give, that of a refusal included."""
    message, smil = message_of(order.title, sources, read)
    return _attempt(order, message, smil, target).ledger.as_json()


def _attempt(order: Order, message: mms.Message, smil: bytes | None, target: RenditionTarget) -> mms.Outcome:
    policy = cast("Literal['fail', 'drop', 'poster']", order.if_not_fit)
    return mms.attempt(
        message, target.profile(), envelope=_envelope(target), encoding=target.encoding, smil=smil, if_not_fit=policy
    )


def lower_limit(refused_bytes: int, named_bytes: int | None) -> int:
    """What to aim at after an operator refused a size: what it named, or the next known step down.

    Raises:
        Refused: There is no smaller step.
    """
    if named_bytes is not None and 0 < named_bytes < refused_bytes:
        return named_bytes
    step = next((one for one in _LADDER if one < refused_bytes), 0)
    if not step:
        raise Refused(
            f"the operator refuses {refused_bytes:,} bytes as too large; there is no smaller step", error=15026
        )
    return step


def write_rendition(content: mms.Content) -> bytes:
    """Content as it is kept."""
    return mms.pack(content, mms.Envelope(), "mime-binary").data


def read_rendition(data: bytes) -> mms.Content:
    """Content as it was kept."""
    return mms.unpack(data).content
