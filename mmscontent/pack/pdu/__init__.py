"""The binary form of MMS (OMA-TS-MMS_ENC 1.0 to 1.3): every message type, both directions.

`read_pdu` and `write_pdu` work on `Pdu` values; `pdu_of` and `unpacked_of` go from and to what composing uses.
"""

from mmscontent.pack.pdu.envelope import as_text, pdu_of, unpacked_of
from mmscontent.pack.pdu.message import Pdu, PduReading, is_pdu, pdu_body_budget, pdu_size, read_pdu, write_pdu
from mmscontent.pack.pdu.multipart import RELATED
from mmscontent.pack.pdu.values import Counted, Element, Flag, Octets, Time, Total

__all__ = [
    "RELATED",
    "Counted",
    "Element",
    "Flag",
    "Octets",
    "Pdu",
    "PduReading",
    "Time",
    "Total",
    "as_text",
    "is_pdu",
    "pdu_body_budget",
    "pdu_of",
    "pdu_size",
    "read_pdu",
    "unpacked_of",
    "write_pdu",
]
