"""Requests from operators, `POST /operators/{name}`: authorises them and hands their events to the service.

A connector translates. A connection accepts requests from its own networks, or with its own user and password; with
neither configured it accepts none.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.connectors.registry import connector_of
from gateway_adapter.errors import Refused
from gateway_adapter.logging import logger
from gateway_adapter.model import Event, InboundPart

if TYPE_CHECKING:
    from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse
    from gateway_adapter.messages.service import Service
    from gateway_adapter.transport.http_fetcher import Fetcher


async def receive_operator_request(
    service: Service, connection: Connection, request: OperatorRequest, fetcher: Fetcher | None = None
) -> OperatorResponse:
    """Handle an operator's request; its events are durable before the response.

    Args:
        service: Stores the events.
        connection: The operator's connection.
        request: The operator's request.
        fetcher: Fetches media an aggregator only links to; without one the customer gets the link.
    """
    connector = connector_of(connection)
    try:
        events = connector.read_events(request, connection)
    except mms.MMSContentError as error:
        logger.warning("operator", connection=connection.name, error=str(error))
        return connector.write_event_answer((), str(error), connection)
    try:
        for event in events:
            await service.operator_event(connection.name, await _fetch_parts(service, event, fetcher))
    except mms.MMSContentError as error:
        logger.warning("operator", connection=connection.name, error=str(error))
        return connector.write_event_answer(events, str(error), connection)
    return connector.write_event_answer(events, "", connection)


_MAX_LINKS = 32


async def _fetch_parts(service: Service, event: Event, fetcher: Fetcher | None) -> Event:
    """The event with the bytes of the parts that are still to be fetched.

    Raises:
        Unreachable: A link does not answer now; the operator has to send the request again.
    """
    if not any(part.url for part in event.parts):
        return event
    links = sum(1 for part in event.parts if part.url)
    parts = [await _with_bytes(service, part, fetcher if links <= _MAX_LINKS else None) for part in event.parts]
    return replace(event, parts=tuple(parts))


async def _with_bytes(service: Service, part: InboundPart, fetcher: Fetcher | None) -> InboundPart:
    """A part with its bytes; one that must not be fetched becomes a text part that says so."""
    if not part.url:
        return part
    why = "links are not followed here"
    if fetcher is not None:
        try:
            async with fetcher.open(part.url, max_bytes=service.settings.max_media_bytes) as opened:
                data = b"".join([chunk async for chunk in opened.chunks])
                return replace(part, data=data, url="")
        except Refused as error:
            why = str(error)
    text = f"{part.media_type} at {part.url} was left out: {why}"
    return InboundPart("text/plain", part.content_id, text.encode("utf-8", "replace"), text)


def is_authorized_operator(connection: Connection, address: str, authorization: str) -> bool:
    """Whether a request from this address, with this header, is the operator's."""
    if connection.inbound_secret and _is_user(connection, authorization):
        return True
    try:
        at = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A dual-stack socket shows IPv4 callers as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2)
    mapped = getattr(at, "ipv4_mapped", None) or at
    return any(mapped in ipaddress.ip_network(network) for network in connection.inbound_networks)


def _is_user(connection: Connection, authorization: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = f"{connection.inbound_user}:{connection.inbound_secret}".encode()
    # in constant time, so that the secret can not be guessed byte by byte
    return hmac.compare_digest(given, expected)
