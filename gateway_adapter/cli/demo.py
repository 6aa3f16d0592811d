"""`mms-gateway demo`: sends one message, receives its report and a message from a phone, and prints each step.

Only the operator and the customer are simulated: a gateway with its own store talks HTTP to both on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import io
import json
import mimetypes
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_adapter.app import make_app, make_server
from gateway_adapter.gateway import Gateway
from gateway_adapter.settings import Settings
from gateway_adapter.webhooks.delivery_worker import sign

_KEY, _SECRET = "demo-key-0123456789", "demo-webhook-secret"
_PHONE, _OURS = "12065550101", "12065550100"
_TIMEOUT_S = 60.0
_BUSY, _OK = 503, 200


class _Customer:
    """A customer's system that is down for the first report and up afterwards."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[str, dict[str, Any], int]] = asyncio.Queue()
        self._refused = False

    def app(self) -> Starlette:
        """Its HTTP server."""
        return Starlette(routes=[Route("/{what}", self.receive, methods=["POST"])])

    async def receive(self, request: Request) -> Response:
        """Accept a webhook if its signature is right."""
        body = await request.body()
        signature = sign(_SECRET, int(request.headers["x-mms-timestamp"]), body)
        if not hmac.compare_digest(signature, request.headers["x-mms-signature"]):
            return Response(status_code=401)
        first = request.path_params["what"] == "reports" and not self._refused
        self._refused = True
        status = _BUSY if first else _OK
        await self.got.put((request.path_params["what"], json.loads(body), status))
        return Response(status_code=status)


def _step_printer(echo: Callable[[str], object]) -> Callable[..., None]:
    """A function that prints a step with the time since now."""
    began = time.monotonic()

    def step(number: int, title: str, *details: str) -> None:
        echo(f"{number}  {time.monotonic() - began:6.2f} s  {title}")
        for detail in details:
            echo(f"             {detail}")

    return step


async def run_demo(files: Sequence[Path], delay_s: float, echo: Callable[[str], object]) -> int:
    """Run the nine steps; gives the exit status."""
    customer = _Customer()
    with tempfile.TemporaryDirectory(prefix="mms-gateway-demo-") as folder:
        async with serve_in_background(customer.app(), Settings(port=free_port())) as customer_url:
            settings = Settings(
                data_dir=Path(folder),
                port=free_port(),
                api_keys=f"demo:{_KEY}",
                webhook_secret=_SECRET,
                networks="127.0.0.0/8",
                retry_unit_s=0.5,
                loopback_delay_s=delay_s,
            )
            gateway = Gateway(replace(settings, public_url=f"http://127.0.0.1:{settings.port}"))
            async with (
                serve_in_background(make_app(gateway), settings) as url,
                httpx.AsyncClient(base_url=url, timeout=30) as client,
            ):
                client.headers["Authorization"] = f"App {_KEY}"
                step = _step_printer(echo)
                await _send_message(client, files, customer, customer_url, step)
                await _receive_message(client, customer, customer_url, step)
    return 0


async def _send_message(
    client: httpx.AsyncClient, files: Sequence[Path], customer: _Customer, customer_url: str, step: Callable[..., None]
) -> None:
    parts = [(path.name, path.read_bytes()) for path in files] or [("hello.jpg", _picture())]
    head = {
        "from": _OURS,
        "to": _PHONE,
        "subject": "Hello",
        "notifyUrl": f"{customer_url}/reports",
        "callbackData": "demo",
    }
    form: list[tuple[str, tuple[str | None, bytes, str]]] = [
        ("head", (None, json.dumps(head).encode(), "application/json")),
        ("text", (None, "Greetings from the summit! ☀".encode(), "text/plain")),
        *(("media", (name, data, mimetypes.guess_type(name)[0] or "application/octet-stream")) for name, data in parts),
    ]
    sizes = ", ".join(f"{name} {len(data):,} bytes" for name, data in parts)
    step(1, "customer → gateway: POST /mms/1/single, parts in the request", sizes)
    answer = (await client.post("/mms/1/single", files=form)).raise_for_status().json()
    message = answer["messages"][0]
    step(2, f"gateway → customer: 200 {message['status']['name']}", f"messageId {message['messageId']}")
    view = await _wait_for_state(client, message["messageId"], "submitted", "rejected", "delivered", "undeliverable")
    decisions = [f"{p['name']}: {p['decision']}, {_bytes_of(p)}" for p in (view.get("ledger") or {}).get("parts", [])]
    step(3, f"gateway → operator {view['connection']}: fitted to {view['sizeBytes']:,} bytes, submitted", *decisions)
    view = await _wait_for_state(client, message["messageId"], "delivered", "undeliverable", "rejected")
    step(4, f"operator → gateway: delivery report, {view['report']['status']['name']}")
    _, body, status = await asyncio.wait_for(customer.got.get(), _TIMEOUT_S)
    report = body["results"][0]
    step(5, f"gateway → customer: POST /reports, {report['status']['name']}", f"the customer is down: {status}")
    _, body, status = await asyncio.wait_for(customer.got.get(), _TIMEOUT_S)
    same = body["results"][0]["messageId"] == message["messageId"]
    step(6, f"gateway → customer: the same report again, {status} ends it", f"same message: {'yes' if same else 'no'}")


async def _receive_message(
    client: httpx.AsyncClient, customer: _Customer, customer_url: str, step: Callable[..., None]
) -> None:
    forwarding = {"type": "HTTP_FORWARD", "url": f"{customer_url}/inbound"}
    configuration = {"channel": "MMS", "number": _OURS, "forwarding": forwarding}
    (await client.post("/resource-management/1/inbound-message-configurations", json=configuration)).raise_for_status()
    phone = {"from": _PHONE, "to": _OURS, "text": "Wow! Where is that?"}
    (await client.post("/loopback/inbound", json=phone)).raise_for_status()
    step(7, "operator → gateway: a message from a phone", f"{_PHONE} to {_OURS}: {phone['text']!r}")
    _, body, status = await asyncio.wait_for(customer.got.get(), _TIMEOUT_S)
    got = body["results"][0]
    words = next((part["value"] for part in got["message"] if "value" in part), "")
    step(8, "gateway → customer: POST /inbound, by the forward action of the number", f"{words!r}")
    step(9, f"customer → gateway: {status} ends it")


async def _wait_for_state(client: httpx.AsyncClient, message_id: str, *states: str) -> dict[str, Any]:
    """The message once it is in one of these states."""
    ends = time.monotonic() + _TIMEOUT_S
    while True:
        view: dict[str, Any] = (await client.get(f"/messages/{message_id}")).raise_for_status().json()
        if view["state"] in states or time.monotonic() > ends:
            return view
        await asyncio.sleep(0.02)


def _bytes_of(part: dict[str, Any]) -> str:
    result = part["result"] or {"bytes": 0}
    shape = f", {result['width_px']}×{result['height_px']}" if "width_px" in result else ""
    return f"{part['source']['bytes']:,} → {result['bytes']:,} bytes{shape}"


@contextlib.asynccontextmanager
async def serve_in_background(app: object, settings: Settings) -> AsyncIterator[str]:
    """Serve an application on this machine for as long as the block runs."""
    server = make_server(app, settings)
    task = asyncio.ensure_future(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        yield f"http://{settings.host}:{settings.port}"
    finally:
        server.should_exit = True
        await task


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    # Port 0 lets the system choose; the port is free again when the block ends.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _picture() -> bytes:
    """A photo-like image that is too large for any carrier: sky, sun, mountains."""
    size = (3000, 2250)
    picture = Image.radial_gradient("L").resize(size)
    picture = Image.merge(
        "RGB", (picture.point(lambda v: 255 - v // 3), picture.point(lambda v: 210 - v // 4), picture)
    )
    draw = ImageDraw.Draw(picture)
    draw.ellipse((1250, 600, 1750, 1100), fill=(255, 240, 190))
    for n, shade in enumerate((150, 110, 70)):
        points = [(x, 1500 + 250 * n - (x * (n + 3) * 7919) % 400) for x in range(0, 3001, 125)]
        draw.polygon([(0, 2250), *points, (3000, 2250)], fill=(shade // 2, shade, shade + 30))
    # Noise makes the JPEG as large as a photo of this size.
    noise = Image.effect_noise(size, 24).convert("RGB")
    out = io.BytesIO()
    Image.blend(picture, noise, 0.15).save(out, "JPEG", quality=95)
    return out.getvalue()
