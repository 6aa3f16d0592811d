"""The operators' way in: who may speak for a connection, and what they say, handed to the service.

One endpoint for every connection, `POST /operators/{name}`; a connector translates (carriers/). A connection takes
requests from its own networks, or with its own user and password, or, with neither, none at all.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.carriers.table import carrier_of
from gateway_adapter.log import logger

if TYPE_CHECKING:
    from gateway_adapter.carriers.base import Connection, Request, Response
    from gateway_adapter.service import Service

__all__ = ["may_speak", "receive"]


async def receive(service: Service, connection: Connection, request: Request) -> Response:
    """Take what an operator says; its events are durable before it is answered."""
    carrier = carrier_of(connection)
    try:
        events = carrier.read_events(request, connection)
        for event in events:
            await service.operator_event(connection.name, event)
    except mms.MMSContentError as error:
        logger.warning("operator", connection=connection.name, error=str(error))
        return carrier.write_event_answer((), str(error), connection)
    return carrier.write_event_answer(events, "", connection)


def may_speak(connection: Connection, address: str, authorization: str) -> bool:
    """Whether a request from there, with this header, is the operator's."""
    if connection.inbound_secret and _is_user(connection, authorization):
        return True
    try:
        at = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(at, "ipv4_mapped", None) or at
    return any(mapped in ipaddress.ip_network(network) for network in connection.inbound_networks)


def _is_user(connection: Connection, authorization: str) -> bool:
    scheme, _, said = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(said.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = f"{connection.inbound_user}:{connection.inbound_secret}".encode()
    return hmac.compare_digest(given, expected)
