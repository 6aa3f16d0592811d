"""MM7, the interface of value-added services (3GPP TS 23.140 section 8.7): SOAP 1.1 with attachments over HTTP.

`read_mm7` and `write_mm7` work on `Mm7` values, for every request and response; `mm7_of` and `unpacked_of` convert
from and to what composing uses. Dialects and quirks are rows of peers.py, status codes of model.py.
"""

from mmscontent.pack.mm7.elements import Address, Node, Status
from mmscontent.pack.mm7.elements import Mm7Recipient as Recipient
from mmscontent.pack.mm7.elements import SenderIdentification as Sender
from mmscontent.pack.mm7.envelope import mm7_of, unpacked_of
from mmscontent.pack.mm7.model import OPERATIONS, STATUSES, Mm7, Mm7StatusCode, status_row
from mmscontent.pack.mm7.peers import DEFAULT_PEER, PEERS, QUIRKS
from mmscontent.pack.mm7.peers import Mm7Peer as Peer
from mmscontent.pack.mm7.read import Mm7Reading as Reading
from mmscontent.pack.mm7.read import is_soap, read_mm7
from mmscontent.pack.mm7.write import SerializedMm7, mm7_body_budget, mm7_size, write_mm7

__all__ = [
    "DEFAULT_PEER",
    "OPERATIONS",
    "PEERS",
    "QUIRKS",
    "STATUSES",
    "Address",
    "Mm7",
    "Mm7StatusCode",
    "Node",
    "Peer",
    "Reading",
    "Recipient",
    "Sender",
    "SerializedMm7",
    "Status",
    "is_soap",
    "mm7_body_budget",
    "mm7_of",
    "mm7_size",
    "read_mm7",
    "status_row",
    "unpacked_of",
    "write_mm7",
]
