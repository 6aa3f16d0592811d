"""A gateway between two operators and a customer, all over real sockets of this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiosmtplib
import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

import mmscontent as mms
from gateway_adapter.app import make_app
from gateway_adapter.cli.demo import free_port, serve_in_background
from gateway_adapter.gateway import Gateway
from gateway_adapter.settings import Settings
from tests.gateway.mail.peer import Peer, standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

KEY = "flow-key-0123456789abcdef"
PEER = mms.mm7.Peer("acme", version="6.8.0", vasp_id="gateway", vas_id="news")
PATIENCE_S = 30.0
CONNECTIONS = """
[connections.acme]
kind = "mm7"
url = "{mm7}/mm7"
prefixes = ["1"]
inbound_user = "acme"
inbound_secret = "theirs"
[connections.acme.options]
vasp_id = "gateway"
vas_id = "news"
user = "me"

[connections.other]
kind = "mm4"
url = "smtp://127.0.0.1:{smtp}"
prefixes = ["44"]
inbound_networks = ["127.0.0.0/8"]
[connections.other.options]
domain = "mms.mnc002.mcc001.gprs"
from_domain = "mms.mnc001.mcc001.gprs"

[connections.aggregator]
kind = "infobip"
url = "{aggregator}"
prefixes = ["33"]
secret = "our-key"
inbound_user = "aggregator"
inbound_secret = "theirs"
"""


@dataclass
class Mmsc:
    """An operator that speaks MM7: answers submissions as told, says what it is told to say."""

    gateway_url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=list)
    submissions: list[mms.mm7.Mm7] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(self, request: Request) -> Response:
        body = await request.body()
        message = mms.mm7.read_mm7(body, request.headers["content-type"]).message
        self.submissions.append(message)
        self.sizes.append(len(body))
        self.authorizations.append(request.headers.get("authorization", ""))
        code, text = self.answers.pop(0) if self.answers else (1000, "")
        fields: list[tuple[str, Any]] = [("Status", mms.mm7.Status(code, text))]
        if code == 1000:
            fields.append(("MessageID", f"op-{message.transaction_id}"))
            self.arrived.set()
        said = mms.mm7.write_mm7(mms.mm7.Mm7("SubmitRsp", message.transaction_id, tuple(fields)), PEER)
        return Response(said.data, media_type=said.content_type)

    async def say(self, message: mms.mm7.Mm7, user: str = "acme:theirs") -> tuple[int, mms.mm7.Mm7 | None]:
        """Bring something to the gateway; gives HTTP status and answer."""
        written = mms.mm7.write_mm7(message, PEER)
        headers = {"Content-Type": written.content_type, "SOAPAction": '""'}
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self.gateway_url}/operators/acme"
            answer = await client.post(url, content=written.data, headers=headers)
        with contextlib.suppress(mms.MMSContentError):
            return answer.status_code, mms.mm7.read_mm7(answer.content, answer.headers["content-type"]).message
        return answer.status_code, None

    async def report(self, status: str, to: str = "+12065550101") -> tuple[int, mms.mm7.Mm7 | None]:
        """A delivery report on the last submission."""
        return await self.say(
            mms.mm7.Mm7(
                "DeliveryReportReq",
                "OP-1",
                (
                    ("MessageID", f"op-{self.submissions[-1].transaction_id}"),
                    ("Recipient", mms.mm7.Address("Number", to)),
                    ("Sender", mms.mm7.Address("ShortCode", "12345")),
                    ("Date", "2026-11-22T10:00:00Z"),
                    ("MMStatus", status),
                ),
            )
        )


@dataclass
class Aggregator:
    """An aggregator with the API this gateway itself has: takes uploads and messages, says what it is told to say."""

    gateway_url: str = ""
    uploads: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    upload_statuses: list[int] = field(default_factory=list)

    async def upload(self, request: Request) -> Response:
        if self.upload_statuses:
            return Response(status_code=self.upload_statuses.pop(0))
        self.uploads.append((dict(request.headers), await request.body()))
        return Response(json.dumps({"uploadedContentId": f"UP{len(self.uploads)}"}), media_type="application/json")

    async def send(self, request: Request) -> Response:
        (message,) = (await request.json())["messages"]
        known = [row["destinations"] for row in self.messages]
        self.messages.append(message)
        (to,) = message["destinations"]
        repeated = message["destinations"] in known
        status = (
            {"groupId": 5, "id": 23, "name": "REJECTED_DUPLICATE"}
            if repeated
            else {"groupId": 1, "id": 26, "name": "OK"}
        )
        rows = [{"messageId": to["messageId"], "destination": to["to"], "status": status}]
        return Response(json.dumps({"bulkId": "b", "messages": rows}), media_type="application/json")

    async def say(self, *results: dict[str, Any]) -> int:
        """Post a webhook to the gateway; gives its status."""
        async with httpx.AsyncClient(trust_env=False, auth=("aggregator", "theirs"), timeout=20) as client:
            answer = await client.post(f"{self.gateway_url}/operators/aggregator", json={"results": results})
        return answer.status_code


@dataclass
class Customer:
    """A customer's system: keeps what is posted, serves content."""

    got: asyncio.Queue[tuple[str, dict[str, str], bytes]] = field(default_factory=asyncio.Queue)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    fetched: int = 0

    async def take(self, request: Request) -> Response:
        await self.got.put((request.path_params["what"], dict(request.headers), await request.body()))
        return Response()

    async def file(self, request: Request) -> Response:
        self.fetched += 1
        media_type, data = self.files[request.path_params["name"]]
        return Response(data, media_type=media_type)

    async def next(self) -> tuple[str, dict[str, str], bytes]:
        return await asyncio.wait_for(self.got.get(), PATIENCE_S)

    async def next_result(self) -> dict[str, Any]:
        _, _, body = await self.next()
        found: dict[str, Any] = json.loads(body)["results"][0]
        return found


@dataclass
class World:
    """All of them."""

    gateway: Gateway
    client: httpx.AsyncClient
    url: str
    mmsc: Mmsc
    peer: Peer
    aggregator: Aggregator
    customer: Customer
    customer_url: str
    mm4_port: int

    async def send(self, to: str, **options: Any) -> str:
        """A message with a text and a linked picture; gives its id."""
        segments: list[dict[str, Any]] = [{"type": "TEXT", "contentId": "t", "text": "Hello from the flow"}]
        if self.customer.files:
            name, (media_type, _) = next(iter(self.customer.files.items()))
            link = {"type": "LINK", "contentUrl": f"{self.customer_url}/files/{name}", "contentType": media_type}
            segments.append({**link, "contentId": name})
        message = {
            "sender": "12345",
            "destinations": [{"to": to}],
            "content": {"title": "Flow", "messageSegments": segments},
            "webhooks": {"delivery": {"url": f"{self.customer_url}/hooks/reports"}},
            **options,
        }
        answer = (await self.client.post("/mms/2/messages", json={"messages": [message]})).raise_for_status().json()
        assert answer["messages"][0]["status"]["groupId"] == 1, answer
        return str(answer["messages"][0]["messageId"])

    async def until(self, message_id: str, *states: str) -> dict[str, Any]:
        """What the gateway shows of a message once it is in one of these states."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            seen: dict[str, Any] = (await self.client.get(f"/messages/{message_id}")).raise_for_status().json()
            if seen["state"] in states:
                return seen
            assert time.monotonic() < ends, seen
            await asyncio.sleep(0.02)

    async def mail(self, mail: bytes) -> None:
        """Hand a mail to the gateway's listener, as the other operator's server does."""
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.mm4_port, start_tls=False, timeout=10) as client:
            await client.sendmail("mmsc@mms.mnc002.mcc001.gprs", ["system@mms.mnc001.mcc001.gprs"], mail)


@contextlib.asynccontextmanager
async def world(folder: Path, **changes: Any) -> AsyncIterator[World]:
    """Everything, standing."""
    mmsc, customer, aggregator = Mmsc(), Customer(), Aggregator()
    mmsc_app = Starlette(routes=[Route("/mm7", mmsc.submit, methods=["POST"])])
    aggregator_app = Starlette(
        routes=[
            Route("/mms/1/content", aggregator.upload, methods=["POST"]),
            Route("/mms/2/messages", aggregator.send, methods=["POST"]),
        ]
    )
    customer_app = Starlette(
        routes=[Route("/hooks/{what}", customer.take, methods=["POST"]), Route("/files/{name}", customer.file)]
    )
    async with (
        standing() as peer,
        serve_in_background(mmsc_app, Settings(port=free_port())) as mmsc_url,
        serve_in_background(aggregator_app, Settings(port=free_port())) as aggregator_url,
        serve_in_background(customer_app, Settings(port=free_port())) as customer_url,
    ):
        file = folder / "carriers.toml"
        file.write_text(CONNECTIONS.format(mm7=mmsc_url, smtp=peer.port, aggregator=aggregator_url), encoding="utf-8")
        settings = Settings(
            data_dir=folder / "data",
            port=free_port(),
            mm4_port=free_port(),
            api_keys=f"ada:{KEY}",
            carriers=str(file),
            networks="127.0.0.0/8",
            smtp_url=f"smtp://127.0.0.1:{peer.port}",
            retry_unit_s=0.2,
            sweep_s=0.1,
        )
        settings = replace(settings, public_url=f"http://127.0.0.1:{settings.port}", **changes)
        gateway = Gateway(settings)
        async with (
            serve_in_background(make_app(gateway), settings) as url,
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
        ):
            client.headers["Authorization"] = f"App {KEY}"
            mmsc.gateway_url = aggregator.gateway_url = url
            yield World(gateway, client, url, mmsc, peer, aggregator, customer, customer_url, settings.mm4_port)
