"""Connections and messages that every connector is tried with."""

from __future__ import annotations

import mmscontent as mms
from gateway_adapter.connectors.base import Connection, SubmitRequest
from gateway_adapter.connectors.connections_file import connections_of

_FILE = """
[connections.mm7]
kind = "mm7"
url = "https://mmsc.example/mm7"
secret = "hush"
prefixes = ["1"]
[connections.mm7.options]
vasp_id = "gateway"
vas_id = "news"
user = "me"
service_code = "S1"
charged_party = "Sender"

[connections.mm4]
kind = "mm4"
url = "smtp://mmsc.other.example:2525"
prefixes = ["2"]
[connections.mm4.options]
domain = "mms.mnc002.mcc001.gprs"
from_domain = "mms.mnc001.mcc001.gprs"

[connections.infobip]
kind = "infobip"
url = "https://acme.api.example"
secret = "hush"
prefixes = ["3"]

[connections.loopback]
kind = "loopback"
url = "http://127.0.0.1:9901"
prefixes = ["4"]
"""
CONNECTIONS: dict[str, Connection] = {row.name: row for row in connections_of(_FILE, "test", {})}

SMIL = (
    b'<smil><head><layout><root-layout/><region id="Image"/></layout></head><body><par dur="5s">'
    b'<img src="a-beach-in-the-summer-of-2026.jpg" region="Image"/><text src="hello.txt"/></par></body></smil>'
)
CONTENT = mms.Content(
    (
        mms.Part(
            b"\xff\xd8\xff\xe0 not decoded here",
            "image/jpeg",
            name="a-beach-in-the-summer-of-2026.jpg",
            content_id="a-beach-in-the-summer-of-2026",
            content_location="a-beach-in-the-summer-of-2026.jpg",
        ),
        mms.Part(
            "Grüße".encode(),
            "text/plain",
            name="hello.txt",
            content_id="hello",
            content_location="hello.txt",
            charset="utf-8",
        ),
    ),
    mms.Part(SMIL, "application/smil", name="smil.xml", content_id="smil", content_location="smil.xml"),
)
SUBMIT = SubmitRequest(
    "T-0001",
    "m-1",
    "12345",
    ("12065550100",),
    CONTENT,
    subject="Summer",
    expiry_s=3600,
    report_url="https://gw.example/operators/infobip",
)
