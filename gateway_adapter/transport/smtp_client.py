"""Sends mails by SMTP: MM4 to other operators, messages from phones to mailboxes.

Sessions are reused for a while. Every reply of a server is an OperatorResponse, never an exception; a server without a
session is `Unreachable`. A mail larger than the announced SIZE (RFC 1870) is not sent. `starttls` checks the
certificate and its name; without it, TLS is not tried.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from types import MappingProxyType
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse
from gateway_adapter.errors import Misconfigured, Unreachable

_IDLE_S = 20.0  # servers close idle sessions after 30 seconds at the earliest
_MAX_IDLE = 8
_SMTP_PORT = 25
_FAILED, _TOO_LARGE = 554, 552  # RFC 5321 4.2.3


class SmtpClient:
    """Sends mails; belongs to one event loop."""

    def __init__(self) -> None:
        self._idle: defaultdict[tuple[str, str], deque[tuple[aiosmtplib.SMTP, float]]] = defaultdict(deque)

    async def close(self) -> None:
        """End all sessions."""
        for sessions in self._idle.values():
            for client, _ in sessions:
                client.close()
        self._idle.clear()

    async def send(self, request: OperatorRequest, connection: Connection) -> OperatorResponse:
        """Send a mail; its request has the method `MAIL` and the headers `from` and `to`.

        Raises:
            Unreachable: There is no session with the server, or it broke off.
        """
        client = await self._session(connection)
        finished = False
        try:
            response = await _transfer(client, request)
            finished = True
        except aiosmtplib.SMTPResponseException as exc:
            return OperatorResponse(exc.code, {}, exc.message.encode("utf-8", "replace"))
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            raise Unreachable(f"connection {connection.name}: the mail server broke off: {exc}") from exc
        finally:
            if finished:
                self._keep(connection, client)
            else:
                client.close()
        return response

    async def _session(self, connection: Connection) -> aiosmtplib.SMTP:
        idle = self._idle[_key(connection)]
        while idle:
            client, since = idle.pop()
            if client.is_connected and time.monotonic() - since < _IDLE_S:
                return client
            client.close()
        split = urlsplit(connection.url)
        user = connection.options.get("user") or None
        client = aiosmtplib.SMTP(
            hostname=split.hostname,
            port=split.port or _SMTP_PORT,
            timeout=connection.timeout_s,
            start_tls=connection.options.get("starttls") == "true",
            username=user,
            password=connection.secret if user else None,
            local_hostname=connection.options.get("from_domain", "mms-gateway.invalid"),
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            client.close()
            raise Unreachable(f"connection {connection.name}: no session with the mail server: {exc}") from exc
        return client

    def _keep(self, connection: Connection, client: aiosmtplib.SMTP) -> None:
        idle = self._idle[_key(connection)]
        # Only a session that ended its transaction is reused: the state of any other is unknown.
        idle.append((client, time.monotonic()))
        while len(idle) > _MAX_IDLE:
            idle.popleft()[0].close()


def _key(connection: Connection) -> tuple[str, str]:
    return (connection.name, connection.url)


async def _transfer(client: aiosmtplib.SMTP, request: OperatorRequest) -> OperatorResponse:
    """Run one mail transaction; refused recipients are left out unless all are refused."""
    most = client.esmtp_extensions.get("size", "").strip()
    # RFC 1870 section 4: a SIZE of 0 means that the server has no fixed limit.
    if most.isdecimal() and 0 < int(most) < len(request.body):
        return OperatorResponse(_TOO_LARGE, {}, f"5.3.4 the server accepts {most} bytes".encode("ascii"))
    # RFC 5321 section 3.3: MAIL, one RCPT per recipient, DATA.
    await client.mail(request.headers["from"])
    refusal: aiosmtplib.SMTPResponseException | None = None
    accepted = 0
    for recipient in filter(None, request.headers["to"].split(",")):
        try:
            await client.rcpt(recipient.strip())
            accepted += 1
        except aiosmtplib.SMTPResponseException as exc:
            refusal = exc
    if not accepted:
        # RFC 5321 4.1.1.5: RSET ends the transaction, and the session stays usable.
        await client.rset()
        if refusal is None:
            return OperatorResponse(_FAILED, {}, b"5.1.3 the mail has no recipient")
        return OperatorResponse(refusal.code, {}, refusal.message.encode("utf-8", "replace"))
    reply = await client.data(request.body)
    return OperatorResponse(
        reply.code, {"message-id": request.headers.get("message-id", "")}, reply.message.encode("utf-8", "replace")
    )


def parse_smarthost(url: str, setting: str) -> Connection:
    """The mail server of a setting `smtp://[user:password@]host[:port][?starttls=true]`.

    Raises:
        Misconfigured: The setting is not such a URL.
    """
    try:
        split = urlsplit(url)
        # Reading the port raises ValueError when it is no number up to 65535.
        bad = split.scheme != "smtp" or not split.hostname or split.port == 0
    except ValueError:
        bad = True
    if bad:
        raise Misconfigured(f"{setting} must be smtp://[user:password@]host[:port][?starttls=true]", file=setting)
    options = {"user": unquote(split.username)} if split.username else {}
    if parse_qs(split.query).get("starttls") == ["true"]:
        options["starttls"] = "true"
    server = f"smtp://{f'[{split.hostname}]' if ':' in (split.hostname or '') else split.hostname}"
    return Connection(
        "mail",
        "mm4",
        url=f"{server}:{split.port or _SMTP_PORT}",
        secret=unquote(split.password or ""),
        options=MappingProxyType(options),
    )
