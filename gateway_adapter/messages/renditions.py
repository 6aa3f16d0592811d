"""Builds a message from an order's content and fits it; pure but for the library's engines.

The key of a rendition covers everything that it depends on, so recipients with equal needs share one rendition.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, cast

import mmscontent as mms
from gateway_adapter.errors import Refused
from gateway_adapter.model import Order

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_UNKNOWN = "application/octet-stream"
# Size limits that operators are known to have; after a refusal the next smaller one is tried.
_KNOWN_LIMITS = (1_000_000, 600_000, 500_000, 300_000, 150_000, 100_000, 50_000, 30_000)


@dataclass(frozen=True, slots=True)
class ResolvedSegment:
    """A segment whose bytes are available: text and presentation in *text*, everything else in *blob*."""

    kind: Literal["text", "smil", "media"]
    name: str = ""
    text: str = ""
    blob: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class RenditionTarget:
    """What a rendition is fitted to: profile keys, wire form, and what is known beyond the profile.

    Attributes:
        limit_bytes: The size beyond which the operator was seen to refuse, 0 for the profile's own limit.
        recipients: Number of recipients in the envelope, which counts toward the size.
        overhead_bytes: Bytes of the connection's own ids and names in the wire form.
    """

    carrier: str = ""
    route: str = ""
    device: str = ""
    encoding: str = "pdu"
    limit_bytes: int = 0
    recipients: int = 1
    overhead_bytes: int = 0

    def profile(self) -> mms.Profile:
        """The profile of the receiver."""
        return _profile(self.carrier, self.route, self.device, self.limit_bytes, self.overhead_bytes)


@lru_cache(512)
def _profile(carrier: str, route: str, device: str, limit_bytes: int, overhead_bytes: int) -> mms.Profile:
    profile = mms.load_profile(
        carrier=carrier or None, route=route or None, device=device or None, max_message_bytes=limit_bytes or None
    )
    available_bytes = max(1, profile.limit_bytes - overhead_bytes)
    target_bytes = min(available_bytes, profile.target_bytes)
    return replace(profile, limit_bytes=available_bytes, target_bytes=target_bytes)


@lru_cache(512)
def _profile_digest(carrier: str, route: str, device: str, limit_bytes: int, overhead_bytes: int) -> str:
    """A digest of the profile: content fitted to other rules is another rendition."""
    profile = _profile(carrier, route, device, limit_bytes, overhead_bytes)
    return hashlib.sha256(repr(profile).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FittedContent:
    """A rendition: its key, the content, its size packed as the route counts, and the ledger as JSON."""

    key: str
    content: mms.Content = field(repr=False)
    size_bytes: int
    ledger: bytes = field(repr=False)

    @property
    def memory_bytes(self) -> int:
        """Approximate memory use."""
        # 2,000 bytes stand for the objects around the bytes.
        return sum(len(part.data) for part in self.content.parts) + len(self.ledger) + 2000


def build_message(
    title: str, sources: Sequence[ResolvedSegment], read: Callable[[str], bytes]
) -> tuple[mms.Message, bytes | None]:
    """The message, and the presentation (SMIL) that the customer gave for it, if any."""
    parts = [_part(source, read) for source in sources if source.kind != "smil"]
    smil = next((source.text.encode() for source in sources if source.kind == "smil" and source.text.strip()), None)
    if not parts:
        raise Refused("the message has no content besides its presentation; add a text or a picture", error=15200)
    return mms.Message.of(_with_leading_text_as_caption(parts), subject=" ".join(title.split())), smil


def _with_leading_text_as_caption(parts: list[mms.Part]) -> list[mms.Part]:
    """Put a leading text on the slide of the image or video that follows: most requests mean it so."""
    if len(parts) > 1 and parts[0].kind == "text" and parts[1].kind in ("image", "video"):
        return [parts[1], parts[0], *parts[2:]]
    return parts


def _part(source: ResolvedSegment, read: Callable[[str], bytes]) -> mms.Part:
    if source.kind == "text":
        return mms.Part.of_text(source.text, name=source.name)
    declared = source.media_type.partition(";")[0].strip().lower()
    data = read(source.blob)
    # A declared type is trusted only where it says something; otherwise the bytes decide.
    if declared == _UNKNOWN or not _TYPE.fullmatch(declared):
        declared = mms.sniff(data, name=source.name or None).media_type
    return mms.Part(data, declared, name=source.name)


def rendition_key(order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget) -> str:
    """The digest of everything that a rendition depends on."""
    content = [[s.kind, s.name, s.text, s.blob, s.media_type] for s in sources]
    options = [
        _profile_digest(target.carrier, target.route, target.device, target.limit_bytes, target.overhead_bytes),
        target.encoding,
        target.recipients,
        order.if_not_fit,
        mms.__version__,
    ]
    return hashlib.sha256(json.dumps([order.title, content, options]).encode()).hexdigest()


# The longest values that a number and a transaction id can have: what fits with these fits with any.
# E.164: 15 digits at most.
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
    key: str, order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget, read: Callable[[str], bytes]
) -> FittedContent:
    """Fit an order's content for a target; runs for milliseconds to seconds, and blocks.

    Raises:
        MMSContentError: It cannot be fitted; the error's `options` say why.
    """
    message, smil = build_message(order.title, sources, read)
    outcome = _attempt(order, message, smil, target)
    if outcome.composed is None:
        assert outcome.refusal is not None
        raise outcome.refusal
    ledger = json.dumps(outcome.ledger.as_json(), ensure_ascii=False, separators=(",", ":"))
    return FittedContent(key, outcome.composed.content, outcome.ledger.packed_bytes, ledger.encode())


def check(
    order: Order, sources: Sequence[ResolvedSegment], target: RenditionTarget, read: Callable[[str], bytes]
) -> dict[str, object]:
    """The ledger that `fit` would give, also when the content cannot fit."""
    message, smil = build_message(order.title, sources, read)
    return _attempt(order, message, smil, target).ledger.as_json()


def _attempt(order: Order, message: mms.Message, smil: bytes | None, target: RenditionTarget) -> mms.Outcome:
    policy = cast("Literal['fail', 'drop', 'poster']", order.if_not_fit)
    return mms.attempt(
        message, target.profile(), envelope=_envelope(target), encoding=target.encoding, smil=smil, if_not_fit=policy
    )


def lower_limit(refused_bytes: int, named_bytes: int | None) -> int:
    """The limit to fit to after an operator refused a size: the one it named, or the next smaller known limit.

    Raises:
        Refused: There is no smaller limit.
    """
    if named_bytes is not None and 0 < named_bytes < refused_bytes:
        return named_bytes
    step = next((one for one in _KNOWN_LIMITS if one < refused_bytes), 0)
    if not step:
        raise Refused(
            f"the operator refuses {refused_bytes:,} bytes as too large; no smaller limit is known", error=15026
        )
    return step


def write_rendition(content: mms.Content) -> bytes:
    """The stored form of content."""
    return mms.pack(content, mms.Envelope(), "mime-binary").data


def read_rendition(data: bytes) -> mms.Content:
    """Content from its stored form."""
    return mms.unpack(data).content
