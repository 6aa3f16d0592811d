"""One message to many: recipients are grouped by what their phones accept, each group's media are fitted once.

`read` knows the files, `plan` the groups and their media, `cache` keeps media on the disk, `render` packs each
recipient's words with them.
"""

from mmscontent.campaign.cache import MouldCache, default_folder
from mmscontent.campaign.plan import Campaign, CampaignPlan, Group, make_campaign_plan
from mmscontent.campaign.read import Draft, Recipient, read_draft, read_recipients
from mmscontent.campaign.render import items_of, render

__all__ = [
    "Campaign",
    "CampaignPlan",
    "Draft",
    "Group",
    "MouldCache",
    "Recipient",
    "default_folder",
    "items_of",
    "make_campaign_plan",
    "read_draft",
    "read_recipients",
    "render",
]
