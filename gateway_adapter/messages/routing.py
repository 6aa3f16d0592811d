"""Chooses a recipient's connection and the profile of its phone and network.

The connection with the longest matching prefix wins. A lookup, a function that the setting LOOKUP names, may know more
of a number (that it was ported, or which phone it has). What the customer's order says comes before both.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from gateway_adapter.connectors.base import Connection
from gateway_adapter.connectors.registry import encoding_of, overhead_of
from gateway_adapter.errors import Misconfigured, Refused
from gateway_adapter.messages.renditions import RenditionTarget
from gateway_adapter.model import Order


@dataclass(frozen=True, slots=True)
class Known:
    """The result of a lookup; "" where it knows nothing.

    Attributes:
        connection: Name of the connection to use.
        carrier, route, device: Keys of mmscontent profiles.
    """

    connection: str = ""
    carrier: str = ""
    route: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """The connection of a message, and the keys of the profile it is fitted to."""

    connection: Connection
    carrier: str = ""
    route: str = ""
    device: str = ""


_NOTHING = Known()


class Router:
    """Finds the connection of a number."""

    def __init__(self, connections: Sequence[Connection], lookup: Callable[[str], Known | None] | None = None) -> None:
        self._by_name = {connection.name: connection for connection in connections}
        self._by_prefix = {prefix: row for row in connections for prefix in row.prefixes}
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)
        self._lookup = lookup

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All connections."""
        return tuple(self._by_name.values())

    @property
    def looks_up(self) -> bool:
        """Whether there is a lookup, which may block."""
        return self._lookup is not None

    def connection(self, name: str) -> Connection | None:
        """The connection of a name."""
        return self._by_name.get(name)

    def find_connection(self, number: str) -> Connection | None:
        """The connection with the longest matching prefix of a number."""
        for length in self._lengths:
            found = self._by_prefix.get(number[:length])
            if found is not None:
                return found
        return None

    def route(self, number: str, order: Order | None = None) -> Route:
        """The route of a number's messages.

        Raises:
            Refused: No connection takes the number; the error is 15023.
        """
        known = (self._lookup(number) if self._lookup is not None else None) or _NOTHING
        if known.connection and known.connection not in self._by_name:
            names = ", ".join(self._by_name)
            # An error of the lookup function: sending by another connection would hide it.
            raise Refused(f"the lookup names connection {known.connection!r}; known are {names}", error=15023)
        connection = self._by_name.get(known.connection) or self.find_connection(number)
        if connection is None:
            raise Refused("no connection takes this recipient's prefix", field="to", error=15023)
        return Route(
            connection,
            (order.carrier if order else "") or known.carrier or connection.carrier,
            (order.route if order else "") or known.route or connection.route,
            (order.device if order else "") or known.device,
        )


def target_of(route: Route, connection: Connection, recipients: int, limit_bytes: int = 0) -> RenditionTarget:
    """What a message of this route is fitted to when it goes by this connection to so many recipients."""
    encoding, overhead = encoding_of(connection), overhead_of(connection, recipients)
    return RenditionTarget(route.carrier, route.route, route.device, encoding, limit_bytes, recipients, overhead)


def load_lookup(name: str) -> Callable[[str], Known | None]:
    """The lookup of a setting `package.module:function`.

    Raises:
        Misconfigured: There is no such function.
    """
    module, colon, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function) if colon and module and function else None
    except (ImportError, AttributeError) as exc:
        raise Misconfigured(
            f"MMS_GATEWAY_LOOKUP is {name!r}: {exc}; write package.module:function",
            file="MMS_GATEWAY_LOOKUP",
            value=name,
        ) from exc
    if not callable(found):
        raise Misconfigured(
            f"MMS_GATEWAY_LOOKUP is {name!r}; write package.module:function", file="MMS_GATEWAY_LOOKUP", value=name
        )
    return cast("Callable[[str], Known | None]", found)
