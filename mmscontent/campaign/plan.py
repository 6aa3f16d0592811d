"""Plans a campaign: groups recipients by what their phones accept, and fits the media of every group once.

The media of a group are fitted for the recipient with the longest text, so that every message of the group fits. The
cache keeps fitted media under everything their bytes depend on. The bytes available for media are rounded down, so that
a campaign whose text is a word longer finds the same media.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mmscontent.batch.items import failure_of
from mmscontent.batch.journal import profile_key
from mmscontent.batch.model import Failure, Item, Settings
from mmscontent.batch.run import run_items
from mmscontent.campaign.fitted_media import FittedMedia, compose_with, overhead_bytes
from mmscontent.codecs.base import Effort
from mmscontent.errors import MMSContentError
from mmscontent.ledger import Ledger
from mmscontent.message import Envelope
from mmscontent.profiles.model import Profile
from mmscontent.smil.compose import quirk_for
from mmscontent.version import __version__

if TYPE_CHECKING:
    from mmscontent.batch.resume import PoolOptions
    from mmscontent.campaign.cache import FittedMediaCache
    from mmscontent.campaign.read import CampaignRecipient, MessageTemplate
    from mmscontent.compose import Composed

_STEP_BYTES = 512  # bytes available for media are rounded down to a multiple of it
_MEASURED = 16  # this many recipients with the longest texts are packed to find the largest message


@dataclass(frozen=True, slots=True)
class Campaign:
    """A message template, its recipients, and how the messages are composed."""

    template: MessageTemplate
    recipients: tuple[CampaignRecipient, ...]
    encoding: str = "pdu"
    effort: Effort = "fast"
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class RecipientGroup:
    """Recipients whose phones accept the same.

    Attributes:
        recipients: Indexes into the campaign's list.
        longest: The index of the recipient whose text needs the most bytes.
        overhead_bytes: Size of that recipient's message without its media.
        available_bytes: Bytes available for the media, rounded down.
        key: Key of the media in the cache.
        fitted: The media; None when nothing can be sent to the group.
        ledger: Of the message with the longest text, or of the refusal; None until one was packed.
        cached: The media come from the cache.
        fit_ms: Time that fitting took.
        message_bytes: Size of the packed message with the longest text.
        pack_ms: Time to pack one message.
    """

    profile: Profile
    recipients: tuple[int, ...] = field(repr=False)
    longest: int
    overhead_bytes: int
    available_bytes: int
    key: str
    fitted: FittedMedia | None = None
    ledger: Ledger | None = None
    failure: Failure | None = None
    cached: bool = False
    fit_ms: int = 0
    message_bytes: int = 0
    pack_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """The groups of a campaign and the recipients that cannot get it, before anything is sent."""

    groups: tuple[RecipientGroup, ...]
    faults: tuple[tuple[int, Failure], ...]

    @property
    def encodes(self) -> int:
        """Number of media sets that were fitted for this plan and did not come from the cache."""
        return len({g.key for g in self.groups if not g.cached and g.fitted is not None and g.fitted.size_bytes})

    @property
    def sendable(self) -> int:
        """Number of recipients who can receive the message."""
        return sum(len(g.recipients) for g in self.groups if g.fitted is not None)

    @property
    def most_bytes(self) -> int:
        """Largest size of all packed messages together."""
        return sum(g.message_bytes * len(g.recipients) for g in self.groups)

    @property
    def packing_s(self) -> float:
        """Estimated time to pack all messages, from the one of each group that was packed."""
        return sum(g.pack_ms * len(g.recipients) for g in self.groups) / 1000


def plan_campaign(campaign: Campaign, cache: FittedMediaCache, pool: PoolOptions) -> CampaignPlan:
    """Group the recipients, fit the media that are not in the cache, and count what the campaign needs."""
    faults = tuple((i, r.profile) for i, r in enumerate(campaign.recipients) if isinstance(r.profile, Failure))
    placeholder = FittedMedia.placeholder(campaign.template.message)
    groups = [_group(campaign, placeholder, profile, indexes) for profile, indexes in _by_profile(campaign.recipients)]
    found = [_from_cache(group, cache) for group in groups]
    fitted = _fit(campaign, [g for g in found if g.fitted is None and g.failure is None], cache, pool)
    whole = [replace(g, **fitted[g.key]) if g.key in fitted else g for g in found]
    return CampaignPlan(tuple(_with_sample_message(campaign, g) for g in whole), faults)


def compose_for(campaign: Campaign, fitted: FittedMedia, recipient: CampaignRecipient) -> Composed:
    """Pack the message of one recipient.

    Raises:
        MMSContentError: The message cannot be packed; most likely its text makes it too large.
    """
    assert not isinstance(recipient.profile, Failure)
    message = campaign.template.message_with(recipient.texts, recipient.subject)
    return compose_with(
        fitted,
        message,
        recipient.profile,
        envelope=_envelope(campaign, recipient),
        encoding=campaign.encoding,
        smil=campaign.template.smil,
    )


def _envelope(campaign: Campaign, recipient: CampaignRecipient) -> Envelope:
    return Envelope(sender=campaign.template.sender, to=(recipient.address,))


# --- groups ------------------------------------------------------------------------------------------------------


def effective_key(profile: Profile) -> str:
    """Digest of what a phone accepts, without its name; its SMIL quirks are part of it."""
    nameless = replace(profile, carrier=None, route=None, device=None, content_class=None)
    return f"{profile_key(nameless)} {quirk_for(profile)}"


def _by_profile(recipients: Sequence[CampaignRecipient]) -> Iterable[tuple[Profile, tuple[int, ...]]]:
    keys: dict[int, str] = {}  # most recipients share a profile that was loaded once
    groups: dict[str, tuple[Profile, list[int]]] = {}
    for index, recipient in enumerate(recipients):
        profile = recipient.profile
        if isinstance(profile, Failure):
            continue
        if id(profile) not in keys:
            keys[id(profile)] = effective_key(profile)
        groups.setdefault(keys[id(profile)], (profile, []))[1].append(index)
    return ((profile, tuple(indexes)) for profile, indexes in groups.values())


def _group(campaign: Campaign, placeholder: FittedMedia, profile: Profile, indexes: tuple[int, ...]) -> RecipientGroup:
    """Make a group: find the recipient with the longest text, and the bytes that remain for the media."""
    likely = sorted(indexes, key=lambda i: -_length(campaign.recipients[i]))[:_MEASURED]
    try:
        # Of equal sizes the first recipient is taken, so that the plan is the same in every run.
        overhead, longest = max((_overhead(campaign, placeholder, profile, i), -i) for i in likely)
    except MMSContentError as error:
        return RecipientGroup(profile, indexes, indexes[0], 0, 0, "", failure=failure_of(error))
    # The text alone may be above the target; the media then have nothing left.
    available = max(0, profile.target_bytes - overhead) // _STEP_BYTES * _STEP_BYTES
    return RecipientGroup(profile, indexes, -longest, overhead, available, _fitted_key(campaign, profile, available))


def _length(recipient: CampaignRecipient) -> int:
    return sum(len(t.encode()) for t in (*recipient.texts, recipient.subject, recipient.address))


def _overhead(campaign: Campaign, placeholder: FittedMedia, profile: Profile, index: int) -> int:
    recipient = campaign.recipients[index]
    return overhead_bytes(
        placeholder,
        campaign.template.message_with(recipient.texts, recipient.subject),
        profile,
        envelope=_envelope(campaign, recipient),
        encoding=campaign.encoding,
        smil=campaign.template.smil,
    )


def _fitted_key(campaign: Campaign, profile: Profile, available_bytes: int) -> str:
    """Digest of everything fitted media depend on: sources, receiver, bytes, wire form, effort and version."""
    nameless = replace(profile, carrier=None, route=None, device=None, content_class=None)
    # Texts count only by the bytes that they leave, so another text of about the length finds the same media.
    sources = [
        (p.name, p.media_type, p.content_id, p.alt, hashlib.sha256(p.data).hexdigest())
        for p in campaign.template.message.parts
        if p.kind != "text"
    ]
    kinds = [p.kind for p in campaign.template.message.parts]
    inputs = (__version__, sources, kinds, profile_key(nameless), available_bytes, campaign.encoding, campaign.effort)
    return hashlib.sha256(repr(inputs).encode()).hexdigest()


# --- media -------------------------------------------------------------------------------------------------------


def _from_cache(group: RecipientGroup, cache: FittedMediaCache) -> RecipientGroup:
    fitted = cache.find(group.key) if group.key else None
    return group if fitted is None else replace(group, fitted=fitted, cached=True)


def _fit(
    campaign: Campaign, groups: Sequence[RecipientGroup], cache: FittedMediaCache, pool: PoolOptions
) -> dict[str, dict[str, Any]]:
    """Fit the media of each key on the worker pool; groups that differ only in SMIL share one."""
    by_key = {g.key: g for g in groups}
    if not by_key:
        return {}
    settings = Settings(
        groups[0].profile,
        encoding=campaign.encoding,
        effort=campaign.effort,
        sender=campaign.template.sender,
        form="parts",
        timeout_s=campaign.timeout_s,
        smil=campaign.template.smil,
    )
    fitted: dict[str, dict[str, Any]] = {}
    items = [_item(campaign, g) for g in by_key.values()]
    for result in run_items(items, settings, pool.engine, pool.workers, pool.cluster):
        media = None
        if result.status == "done":
            assert result.ledger is not None
            media = FittedMedia.from_ledger(result.ledger, result.parts)
            cache.keep(result.item, media)
        fitted[result.item] = {
            "fitted": media,
            "ledger": result.ledger,
            "failure": result.failure,
            "fit_ms": result.elapsed_ms,
        }
    return fitted


def _item(campaign: Campaign, group: RecipientGroup) -> Item:
    recipient = campaign.recipients[group.longest]
    aim = min(group.profile.target_bytes, max(1, group.overhead_bytes + group.available_bytes))
    rounded = replace(group.profile, target_bytes=aim)
    message = campaign.template.message_with(recipient.texts, recipient.subject)
    return Item(group.key, recipient=recipient.address, profile=rounded, message=message)


def _with_sample_message(campaign: Campaign, group: RecipientGroup) -> RecipientGroup:
    """Pack the largest message of a group, for its size and time."""
    if group.fitted is None:
        return group
    started = time.perf_counter()
    try:
        composed = compose_for(campaign, group.fitted, campaign.recipients[group.longest])
    except MMSContentError as error:
        return replace(group, fitted=None, failure=failure_of(error))
    took_ms = (time.perf_counter() - started) * 1000
    return replace(group, message_bytes=len(composed.data), pack_ms=took_ms, ledger=composed.ledger)
