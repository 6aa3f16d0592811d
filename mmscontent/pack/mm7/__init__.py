"""MM7, the interface of value-added services (3GPP TS 23.140 section 8.7): SOAP 1.1 with attachments over HTTP.

`read_mm7` and `write_mm7` work on `Mm7` values, for every request and response; `mm7_of` and `unpacked_of` go from
and to what composing uses. Dialects and quirks are rows of peers.py, status codes of statuses.py.
"""

from mmscontent.pack.mm7.envelope import mm7_of, unpacked_of
from mmscontent.pack.mm7.model import OPERATIONS, Address, Mm7, Recipient, Sender, Status
from mmscontent.pack.mm7.nodes import Node
from mmscontent.pack.mm7.peers import DEFAULT_PEER, PEERS, QUIRKS, Peer
from mmscontent.pack.mm7.read import Reading, is_soap, read_mm7
from mmscontent.pack.mm7.statuses import STATUSES, StatusRow, status_row
from mmscontent.pack.mm7.write import Written, mm7_room, mm7_size, write_mm7

__all__ = [
    "DEFAULT_PEER",
    "OPERATIONS",
    "PEERS",
    "QUIRKS",
    "STATUSES",
    "Address",
    "Mm7",
    "Node",
    "Peer",
    "Reading",
    "Recipient",
    "Sender",
    "Status",
    "StatusRow",
    "Written",
    "is_soap",
    "mm7_of",
    "mm7_room",
    "mm7_size",
    "read_mm7",
    "status_row",
    "unpacked_of",
    "write_mm7",
]
