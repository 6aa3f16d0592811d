"""Another operator's mail server on loopback: takes mails, or answers as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Peer:
    """What it got, and what it says at each step; the methods' names and shapes are aiosmtpd's."""

    def __init__(self) -> None:
        self.port = 0
        self.sessions = 0
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.replies: dict[str, str] = {}
        self.arrived = asyncio.Event()

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.replies.get("MAIL", "250 ok")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        reply = self.replies.get(address, self.replies.get("RCPT", "250 ok"))
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        reply = self.replies.get("DATA", "250 2.0.0 queued")
        if reply.startswith("250"):
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
            self.arrived.set()
        return reply


@contextlib.asynccontextmanager
async def standing(size_limit: int = 1_000_000) -> AsyncIterator[Peer]:
    """The server, while it stands."""
    peer = Peer()

    def session() -> SMTP:
        peer.sessions += 1
        return SMTP(peer, data_size_limit=size_limit, loop=asyncio.get_running_loop())

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
