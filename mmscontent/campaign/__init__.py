"""One message to many: recipients are grouped by what their phones accept, each group's media are fitted once.

`read` knows the files, `plan` the groups and their media, `cache` keeps media on the disk, `render` packs each
recipient's words with them.
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
