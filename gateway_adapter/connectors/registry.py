"""The table of connectors: one row a protocol, what its connections may say, and how it is spoken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

import mmscontent as mms
from gateway_adapter.connectors import infobip, loopback, mm4, mm7
from gateway_adapter.connectors.base import Connection, Connector, SubmitRequest
from gateway_adapter.connectors.common import envelope_of
from gateway_adapter.errors import Refused

_HTTP = ("https", "http")


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """One protocol.

    Attributes:
        schemes: What the URL of a connection may begin with.
        options: What a connection may set, each with a word about it.
        needs: Options and fields without which nothing can be sent.
        choices: The values an option is limited to.
        inside: Without a URL it is an operator inside this process.
    """

    name: str
    connector: Connector
    schemes: tuple[str, ...]
    options: Mapping[str, str]
    needs: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    inside: bool = False


_YES = ("true", "false")
_NUMBERS, _AUTH, _SCHEMES = ("plus", "digits", "typed"), ("basic", "digest"), ("App", "Basic", "IBSSO", "Bearer")
_MM7_CHOICES = MappingProxyType({"peer": mm7.PEER_NAMES, "numbers": _NUMBERS, "binary": _YES, "auth": _AUTH})
_MM4_CHOICES = MappingProxyType({"starttls": _YES})
_INFOBIP_CHOICES = MappingProxyType({"scheme": _SCHEMES})
_ROWS = (
    ConnectorKind("mm7", mm7, _HTTP, mm7.OPTIONS, (), _MM7_CHOICES),
    ConnectorKind("mm4", mm4, ("smtp",), mm4.OPTIONS, ("domain", "from_domain"), _MM4_CHOICES),
    ConnectorKind("infobip", infobip, _HTTP, infobip.OPTIONS, ("secret",), _INFOBIP_CHOICES),
    ConnectorKind("loopback", loopback, _HTTP, loopback.OPTIONS, inside=True),
)
CONNECTORS: Mapping[str, ConnectorKind] = MappingProxyType({row.name: row for row in _ROWS})


def connector_of(connection: Connection) -> Connector:
    """The connector that speaks a connection's protocol."""
    return CONNECTORS[connection.kind].connector


def encoding_of(connection: Connection) -> str:
    """The wire form whose size counts on a connection."""
    encoding = connector_of(connection).ENCODING
    if encoding == mm7.ENCODING and mm7.connection_peer(connection).binary:
        return "mm7-binary"
    return encoding


# The longest that numbers, ids and times can be: what is counted with these holds for any.
_LONGEST = SubmitRequest(
    "f" * 32, "", "9" * 15, (), mms.Content((mms.Part(b"x", "text/plain", "t.txt", "t", "t.txt"),)), "x", 172_800
)


def overhead_of(connection: Connection, recipients: int = 1) -> int:
    """How many bytes a submission may have beyond what the library counts: for our ids and names there."""
    return _overhead(
        connection.kind, connection.url, connection.secret, tuple(sorted(connection.options.items())), recipients
    )


@lru_cache(256)
def _overhead(kind: str, url: str, secret: str, options: tuple[tuple[str, str], ...], recipients: int) -> int:
    connection = Connection("", kind, url, secret=secret, options=MappingProxyType(dict(options)))
    # Real submissions are never longer: 15 digits is E.164's longest number
    submit = replace(_LONGEST, to=("9" * 15,) * recipients, date_s=4_000_000_000)
    try:
        request = connector_of(connection).write_submit(submit, connection)
    except Refused:  # it takes no so many recipients; nothing will be sent
        return 0
    content = replace(submit.content, subject=submit.subject)
    # The library counts a message with its default names; the rest is ours
    counted = mms.pack(content, envelope_of(submit), encoding_of(connection)).data
    return max(0, len(request.body) - len(counted))
