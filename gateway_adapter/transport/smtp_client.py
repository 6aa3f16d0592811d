"""Mails handed over by SMTP: MM4 to other operators, messages from phones to people.

A session is kept and used again while it is fresh. What the server says is the answer, whatever it is: a reply of a
server is never an exception, a server that cannot be spoken with is `Unreachable`. A server that announces a size is
not sent what is larger. Where TLS is asked for, the server's name is checked; where it is not, none is tried.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from types import MappingProxyType
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from gateway_adapter.connectors.base import Connection, Request, Response
from gateway_adapter.errors import Misconfigured, Unreachable

__all__ = ["SmtpClient", "parse_smarthost"]

_FRESH_S = 20.0  # servers close idle sessions after 30 seconds at the earliest
_MOST_IDLE = 8
_SMTP_PORT = 25
_NEVER, _TOO_LARGE = 554, 552


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

    async def send(self, request: Request, connection: Connection) -> Response:
        """Hand over a mail; its request is `MAIL` with the fields `from` and `to`.

        Raises:
            Unreachable: The server could not be spoken with.
        """
        client = await self._session(connection)
        clean = False
        try:
            response = await _handed_over(client, request)
            clean = True
        except aiosmtplib.SMTPResponseException as exc:
            return Response(exc.code, {}, exc.message.encode("utf-8", "replace"))
        except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
            raise Unreachable(f"connection {connection.name}: the mail server broke off: {exc}") from exc
        finally:
            if clean:
                self._keep(connection, client)
            else:
                client.close()
        return response

    async def _session(self, connection: Connection) -> aiosmtplib.SMTP:
        idle = self._idle[_key(connection)]
        while idle:
            client, since = idle.pop()
            if client.is_connected and time.monotonic() - since < _FRESH_S:
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
        idle.append((client, time.monotonic()))
        while len(idle) > _MOST_IDLE:
            idle.popleft()[0].close()


def _key(connection: Connection) -> tuple[str, str]:
    return (connection.name, connection.url)


async def _handed_over(client: aiosmtplib.SMTP, request: Request) -> Response:
    """One mail transaction; recipients that are refused are left out unless all are."""
    most = client.esmtp_extensions.get("size", "").strip()
    if most.isdecimal() and 0 < int(most) < len(request.body):
        return Response(_TOO_LARGE, {}, f"5.3.4 the server takes {most} bytes".encode("ascii"))
    await client.mail(request.headers["from"])
    refusal: aiosmtplib.SMTPResponseException | None = None
    taken = 0
    for recipient in filter(None, request.headers["to"].split(",")):
        try:
            await client.rcpt(recipient.strip())
            taken += 1
        except aiosmtplib.SMTPResponseException as exc:
            refusal = exc
    if not taken:
        await client.rset()
        if refusal is None:
            return Response(_NEVER, {}, b"5.1.3 the mail has no recipient")
        return Response(refusal.code, {}, refusal.message.encode("utf-8", "replace"))
    said = await client.data(request.body)
    return Response(
        said.code, {"message-id": request.headers.get("message-id", "")}, said.message.encode("utf-8", "replace")
    )


def parse_smarthost(url: str, setting: str) -> Connection:
    """The mail server of a setting `smtp://[user:password@]host[:port][?starttls=true]`.

    Raises:
        Misconfigured: It is none.
    """
    try:
        split = urlsplit(url)
        bad = split.scheme != "smtp" or not split.hostname or split.port == 0
    except ValueError:
        bad = True
    if bad:
        raise Misconfigured(f"{setting} is no smtp://[user:password@]host[:port][?starttls=true]", file=setting)
    options = {"user": unquote(split.username)} if split.username else {}
    if parse_qs(split.query).get("starttls") == ["true"]:
        options["starttls"] = "true"
    place = f"smtp://{f'[{split.hostname}]' if ':' in (split.hostname or '') else split.hostname}"
    return Connection(
        "mail",
        "mm4",
        url=f"{place}:{split.port or _SMTP_PORT}",
        secret=unquote(split.password or ""),
        options=MappingProxyType(options),
    )
