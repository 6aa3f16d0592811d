"""Renders the messages of a campaign: packs each recipient's text with the media of the group, one by one."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from mmscontent.batch.items import failure_of, rejected
from mmscontent.batch.model import Failure, Item, Result
from mmscontent.campaign.plan import Campaign, CampaignPlan, compose_for
from mmscontent.errors import MMSContentError

if TYPE_CHECKING:
    from mmscontent.campaign.fitted_media import FittedMedia
    from mmscontent.campaign.read import CampaignRecipient


def items_of(campaign: Campaign) -> tuple[Item, ...]:
    """One item for each row, named after the recipient; a row without a usable receiver is an item with a fault."""
    return tuple(_item(r) for r in campaign.recipients)


def _item(recipient: CampaignRecipient) -> Item:
    if isinstance(recipient.profile, Failure):
        return Item(f"line-{recipient.line}", recipient=recipient.address, fault=recipient.profile)
    return Item(
        _name(recipient.address),
        # The unit separator keeps the journal's key of ("a", "b") apart from that of ("ab",).
        text="\x1f".join(recipient.texts),
        subject=recipient.subject,
        recipient=recipient.address,
        profile=recipient.profile,
    )


def _name(address: str) -> str:
    """File name of a recipient's message; mail addresses may hold characters that file systems refuse."""
    name = re.sub(r"[^\w.+@-]", "_", address)
    return name if name == address else f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def render_messages(campaign: Campaign, plan: CampaignPlan, remaining: Sequence[Item]) -> Generator[Result]:
    """Yield a result for every remaining item, in the order of the list."""
    media_by_index: dict[int, FittedMedia | Failure | None] = {
        index: group.fitted or group.failure for group in plan.groups for index in group.recipients
    }
    wanted = {item.name: item for item in remaining}
    for index, recipient in enumerate(campaign.recipients):
        item = wanted.get(_item(recipient).name)
        if item is not None:
            yield _rendered(campaign, item, recipient, media_by_index.get(index))


def _rendered(
    campaign: Campaign, item: Item, recipient: CampaignRecipient, fitted: FittedMedia | Failure | None
) -> Result:
    if item.fault is not None:
        return rejected(item, item.fault)
    if fitted is None or isinstance(fitted, Failure):
        return rejected(item, fitted or Failure("campaign/group", "the media of its group could not be fitted"))
    started = time.perf_counter()
    try:
        composed = compose_for(campaign, fitted, recipient)
    except MMSContentError as error:
        return rejected(item, failure_of(error))
    took_ms = round((time.perf_counter() - started) * 1000)
    return Result(item.name, "done", composed.ledger, composed.data, composed.content_type, elapsed_ms=took_ms)
