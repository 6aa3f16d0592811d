"""The shape of a connector, and the values it turns into wire requests and back. No connector opens a socket.

A connector is a module with the functions of `Connector`; transport/ and ingress/ do the talking. Adding an operator
protocol is one module of this shape and one row of registry.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from gateway_adapter.model import Event

if TYPE_CHECKING:
    import mmscontent as mms

# one shared empty mapping, so that a default costs nothing
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Connection:
    """One row of the connections file: how one operator is reached.

    Attributes:
        kind: A row of connectors/registry.py: `mm7`, `mm4`, `infobip`, `loopback`.
        url: Where submissions go (`https://…`, `smtp://host:port`); "" for a loopback operator inside this process.
        carrier, route: Keys of mmscontent profiles: what its phones and network accept.
        prefixes: Recipient numbers that begin with one of these go here; the longest match wins, "" takes the rest.
        per_second: Submissions a second, 0 for no limit.
        concurrency: Submissions in flight at once.
        options: What only this kind understands; the rows of connectors/registry.py list them.
        inbound_user, inbound_secret: What the operator's own requests must carry as Basic authorization.
        inbound_networks: Where the operator's own requests may come from, as CIDR; with neither this nor a secret
            none is accepted.
    """

    name: str
    kind: str
    url: str = ""
    carrier: str = ""
    route: str = ""
    prefixes: tuple[str, ...] = ("",)
    per_second: float = 0.0
    concurrency: int = 8
    timeout_s: float = 30.0
    secret: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    inbound_user: str = ""
    inbound_secret: str = field(default="", repr=False)
    inbound_networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A fitted message on its way to an operator; everything that must not change between tries is in here.

    Attributes:
        date_s: When it was to be sent, seconds since 1970.
    """

    transaction_id: str
    message_id: str
    sender: str
    to: tuple[str, ...]
    content: mms.Content
    subject: str = ""
    expiry_s: int | None = None
    delivery_report: bool = True
    report_url: str = ""
    date_s: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A request that goes before another one, and whose answer has a value the other needs.

    Attributes:
        key: Stands for what is uploaded: the same key need not be sent again for a while.
        member: Name of the value in the JSON answer.
        place: What stands in the other request's body where the value is to stand.
    """

    request: OperatorRequest
    key: str
    member: str
    place: bytes


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """What is sent. For SMTP, *method* is `MAIL` and *headers* holds `from` and `to` (comma-separated)."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    uploads: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatorResponse:
    """What came back, or what an operator's request is answered with.

    Over SMTP the status is the reply's code, and a body is a mail of its own: *headers* holds its `from` and `to`.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The result of a submission, from the operator's response.

    Attributes:
        outcome: `taken`: accepted; `again`: try later with the same transaction id; `too_large`: fit it
            smaller once; `refused`: final.
        status, error: Ids of statuses.py for a refusal.
        limit_bytes: The size the operator named with `too_large`, or None.
        retry_after_s: When it named a time.
    """

    outcome: Literal["taken", "again", "too_large", "refused"]
    operator_message_id: str = ""
    status: int = 0
    error: int = 0
    limit_bytes: int | None = None
    retry_after_s: float | None = None
    text: str = ""


class Connector(Protocol):
    """What each connector module has."""

    ENCODING: str
    """The row of mmscontent's wire forms whose size counts on this route."""

    def write_submit(self, submit: SubmitRequest, connection: Connection) -> OperatorRequest:
        """Write the request that submits the message.

        Raises:
            Refused: The operator's protocol can not carry this; nothing was sent.
        """

    def read_answer(self, response: OperatorResponse, connection: Connection) -> SubmitResult:
        """Interpret the response; garbage is `again`, never an exception."""

    def read_events(self, request: OperatorRequest, connection: Connection) -> tuple[Event, ...]:
        """Read the events of the operator's own request; an aggregator may put many reports into one.

        Raises:
            Refused: It is malformed; `write_event_answer` writes the operator's error response.
        """

    def write_event_answer(self, events: tuple[Event, ...], error: str, connection: Connection) -> OperatorResponse:
        """Write the response to an operator's request.

        Args:
            events: What was read, empty when it could not be.
            error: Why it was not stored or not read; "" when all is well.
            connection: Whose request it was.
        """
