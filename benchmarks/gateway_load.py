"""A lean HTTP client and webhook receiver, so that the load generator takes little of the machine it measures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from dataclasses import dataclass, field

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self.buffer = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, split, rest = self.buffer.partition(b"\r\n\r\n")
        if not split:
            return
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(rest) >= length and self.answer is not None and not self.answer.done():
            self.buffer = rest[length:]
            self.answer.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, _exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionResetError("the server closed"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


async def connect(port: int) -> Client:
    """A client of a server on this machine."""
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    return client


def post(path: str, body: bytes, key: str, content_type: str = "application/json") -> bytes:
    """A request as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: App {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Receiver:
    """A customer's webhook: counts reports by message id, with the time of the first and last."""

    status: int = 200
    counts: dict[str, int] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    posts: int = 0
    first: float = 0.0
    last: float = 0.0
    webhook_ids: set[str] = field(default_factory=set)
    goal: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Listen on this machine."""
        return await asyncio.get_running_loop().create_server(lambda: _Hook(self), "127.0.0.1", port)

    async def until(self, count: int, patience_s: float) -> None:
        """Wait for reports of so many messages, or for as long as patience lasts."""
        self.goal = count
        self.reached.clear()
        if len(self.counts) < count:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reached.wait(), patience_s)

    def take(self, head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        self.first, self.last, self.posts = self.first or now, now, self.posts + 1
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"x-mms-webhook-id:"):
                self.webhook_ids.add(line.partition(b":")[2].strip().decode())
        for report in json.loads(body)["results"]:
            key = report["messageId"]
            self.counts[key] = self.counts.get(key, 0) + 1
            self.final[key] = report.get("status", {}).get("name", "")
        if len(self.counts) >= self.goal:
            self.reached.set()


class _Hook(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, split, rest = self.buffer.partition(b"\r\n\r\n")
            found = LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not split or len(rest) < length:
                return
            self.buffer = rest[length:]
            status = self.receiver.status
            if status == 200:
                self.receiver.take(head, rest[:length])
            self.transport.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)  # type: ignore[attr-defined]


def percentile(values: list[float], share: float) -> float:
    """A percentile of a list."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
