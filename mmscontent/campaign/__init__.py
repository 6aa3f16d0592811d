"""Campaigns: one message to many recipients, grouped by what their phones accept; media are fitted once per group.

`read` reads the files, `plan` groups the recipients and fits their media, `cache` keeps fitted media on the disk, and
`render` packs them with each recipient's text.
"""

from mmscontent.campaign.cache import FittedMediaCache, default_folder
from mmscontent.campaign.plan import Campaign, CampaignPlan, RecipientGroup, plan_campaign
from mmscontent.campaign.read import CampaignRecipient, MessageTemplate, read_recipients, read_template
from mmscontent.campaign.render import items_of, render_messages

__all__ = [
    "Campaign",
    "CampaignPlan",
    "CampaignRecipient",
    "FittedMediaCache",
    "MessageTemplate",
    "RecipientGroup",
    "default_folder",
    "items_of",
    "plan_campaign",
    "read_recipients",
    "read_template",
    "render_messages",
]
