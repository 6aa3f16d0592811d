"""Composes thousands of messages, on the processors of this machine or of a cluster.

    for result in mms.batch.run(sorted(Path("photos").iterdir()), profile, workers=2):
        print(result.item, result.status, len(result.data))

Every item gets exactly one result; a crash, a hang or a memory-hungry file costs that item alone.
"""

from mmscontent.batch.model import Failure, Item, Progress, Result, Settings, Source
from mmscontent.batch.run import run

__all__ = ["Failure", "Item", "Progress", "Result", "Settings", "Source", "run"]
