"""SMTP listener for MM4 (3GPP TS 23.140 section 8.4): takes mails from other MMSCs, sends RES mails back.

A sender is known by its network: the `inbound_networks` of the connections of kind mm4. A mail is answered 250 once its
events are durable; the connector's own response (a RES) goes out as a mail.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse
from gateway_adapter.errors import GatewayError
from gateway_adapter.ingress.operator_callbacks import is_authorized_operator
from gateway_adapter.logging import logger

if TYPE_CHECKING:
    Receive = Callable[[Connection, OperatorRequest], Awaitable[OperatorResponse]]
    Send = Callable[[OperatorRequest, Connection], Awaitable[OperatorResponse]]

_KIND = "mm4"
_MAX_RECIPIENTS = 1000
_MAX_SESSIONS = 64  # each may hold a mail of the largest size
_IDLE_S = 120.0


class Mm4Server:
    """Takes mails for the connections of kind mm4; belongs to one event loop.

    Args:
        connections: Of any kind; those of kind mm4 count.
        receive: Stores a mail's events and returns the response (operator_callbacks.py).
        send: Sends a mail to a connection's server (transport/smtp_client.py).
        max_bytes: Of a mail; what is larger is refused with 552.
    """

    def __init__(
        self, connections: Sequence[Connection], receive: Receive, send: Send, *, max_bytes: int = 30_000_000
    ) -> None:
        self._connections = tuple(row for row in connections if row.kind == _KIND)
        self._receive, self._send = receive, send
        self._max_bytes = max_bytes
        self._server: asyncio.Server | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._open = 0

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, which is of use when 0 was asked for."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port)
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    async def stop(self) -> None:
        """Listen no more; answers under way are given a moment."""
        if self._server is not None:
            self._server.close()
        if self._answers:
            _, late = await asyncio.wait(self._answers, timeout=5)
            for task in late:
                task.cancel()

    def _session(self) -> SMTP:
        return _Session(self, self._max_bytes)

    def admit(self, address: str) -> str:
        """The SMTP refusal of a caller; "" when it is admitted, until it calls `leave`."""
        if not any(is_authorized_operator(row, address, "") for row in self._connections):
            return "554 5.7.1 no connection takes mails from here"
        if self._open >= _MAX_SESSIONS:
            return "421 4.3.2 too many sessions, come again"
        self._open += 1
        return ""

    def leave(self) -> None:
        """An admitted session has ended."""
        self._open -= 1

    def connection_of(self, address: str, sender: str) -> Connection | None:
        """The connection of a mail: by network, and by the sender's domain where several connections share one."""
        found = [row for row in self._connections if is_authorized_operator(row, address, "")]
        domain = sender.rpartition("@")[2].lower()
        named = [row for row in found if row.options.get("domain", "").lower() == domain]
        return next(iter(named or found), None)

    async def take(self, connection: Connection, mail: bytes) -> str:
        """The SMTP reply to a mail."""
        request = OperatorRequest("MAIL", "", {}, mail)
        response = await self._receive(connection, request)
        if response.body and "to" in response.headers:
            # RFC 5322 section 3.6: a mail has a Date
            dated = f"Date: {formatdate()}\r\n".encode("ascii") + response.body  # RFC 5322 3.6 wants one
            answer = OperatorRequest("MAIL", connection.url, response.headers, dated)
            task = asyncio.ensure_future(self._answer(answer, connection))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
            return f"{response.status} 2.0.0 taken"
        return f"{response.status} {response.body.decode('ascii', 'replace') or 'taken'}"

    async def _answer(self, answer: OperatorRequest, connection: Connection) -> None:
        """Send a RES; one that is lost is asked for again by whoever waits for it, with the same request."""
        try:
            async with asyncio.timeout(connection.timeout_s):
                response = await self._send(answer, connection)
        except (GatewayError, TimeoutError) as error:
            logger.warning("mm4 answer", connection=connection.name, error=str(error) or "timeout")
            return
        if response.status not in range(200, 300):
            logger.warning("mm4 answer", connection=connection.name, status=response.status)


class _Session(SMTP):
    """One session; unknown callers are refused before anything of theirs is read."""

    def __init__(self, server: Mm4Server, max_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            _Handler(server), data_size_limit=max_bytes, hostname="mms-gateway", ident="MM4", timeout=_IDLE_S, loop=loop
        )
        self._server = server
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit callers from a connection's networks."""
        refusal = self._server.admit(_address(transport.get_extra_info("peername")))
        if refusal:
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(f"{refusal}\r\n".encode("ascii"))
            transport.close()
            return
        self._admitted = True
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count the session off."""
        if self._admitted:
            self._server.leave()
            super().connection_lost(error)


class _Handler:
    """aiosmtpd's callbacks; their names and signatures are its own."""

    def __init__(self, server: Mm4Server) -> None:
        self._server = server

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse unknown senders before they send anything."""
        del server
        if self._server.connection_of(_address(session.peer), address) is None:
            return "550 5.7.1 no connection takes mails from here"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 go on"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept recipients; the mail itself says whose numbers they are."""
        del server, session
        if len(envelope.rcpt_tos) >= _MAX_RECIPIENTS:
            # RFC 3463 X.5.3: too many recipients
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 go on"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail's events, then acknowledge."""
        del server
        connection = self._server.connection_of(_address(session.peer), envelope.mail_from or "")
        if connection is None:
            return "550 5.7.1 no connection takes mails from here"
        content = envelope.content
        mail = content if isinstance(content, bytes) else (content or "").encode("utf-8", "surrogateescape")
        return await self._server.take(connection, mail)

    async def handle_exception(self, error: Exception) -> str:
        """An error of ours: the peer has to send the mail again."""
        logger.error("mm4", error=repr(error))
        # RFC 3463 X.3.0: mail system status
        return "451 4.3.0 come again"


def _address(peer: object) -> str:
    """The address of a caller, "" when it has none."""
    address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return ""
