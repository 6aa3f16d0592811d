"""The table of connectors: one row a protocol, what its connections may say, and how it is spoken."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway_adapter.carriers import infobip, loopback, mm4, mm7

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_adapter.carriers.base import Carrier, Connection

__all__ = ["KINDS", "Kind", "carrier_of", "encoding_of"]

_HTTP = ("https", "http")


@dataclass(frozen=True, slots=True)
class Kind:
    """One protocol.

    Attributes:
        schemes: What the URL of a connection may begin with.
        options: What a connection may set, each with a word about it.
        needs: Options and fields without which nothing can be sent.
        choices: The values an option is limited to.
        inside: Without a URL it is an operator inside this process.
    """

    name: str
    carrier: Carrier
    schemes: tuple[str, ...]
    options: Mapping[str, str]
    needs: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    inside: bool = False


_YES = ("true", "false")
_ROWS = (
    Kind(
        "mm7",
        mm7,
        _HTTP,
        mm7.OPTIONS,
        choices=MappingProxyType(
            {
                "peer": mm7.PEER_NAMES,
                "numbers": ("plus", "digits", "typed"),
                "binary": _YES,
                "auth": ("basic", "digest"),
            },
        ),
    ),
    Kind(
        "mm4",
        mm4,
        ("smtp",),
        mm4.OPTIONS,
        needs=("domain", "from_domain"),
        choices=MappingProxyType({"starttls": _YES}),
    ),
    Kind(
        "infobip",
        infobip,
        _HTTP,
        infobip.OPTIONS,
        needs=("secret",),
        choices=MappingProxyType({"scheme": ("App", "Basic", "IBSSO", "Bearer")}),
    ),
    Kind("loopback", loopback, _HTTP, loopback.OPTIONS, inside=True),
)
KINDS: Mapping[str, Kind] = MappingProxyType({row.name: row for row in _ROWS})


def carrier_of(connection: Connection) -> Carrier:
    """The connector that speaks a connection's protocol."""
    return KINDS[connection.kind].carrier


def encoding_of(connection: Connection) -> str:
    """The wire form whose size counts on a connection."""
    encoding = carrier_of(connection).ENCODING
    if encoding == mm7.ENCODING and mm7.peer_of(connection).binary:
        return "mm7-binary"
    return encoding
