"""Values to MM7 messages: SOAP with attachments in the peer's dialect, strict, and sized without building bodies.

A message with content is multipart/related, the SOAP part first; one without is the SOAP envelope alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmscontent.message import Envelope
from mmscontent.pack.mime.write import MEASURED_BOUNDARY, Multipart, body_budget, body_size, multipart_of, write_body
from mmscontent.pack.mm7.elements import ELEMENT_CODECS, Node, Value, to_text
from mmscontent.pack.mm7.model import OPERATIONS, Mm7, element_kind

if TYPE_CHECKING:
    from mmscontent.pack.mm7.peers import Mm7Peer

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
# ids of our own: the content's parts keep theirs
_START = "mm7-soap"
_CONTENT = "mm7-content"
# SOAP 1.1 section 4.4: these go inside a fault
_ERRORS = ("RSErrorRsp", "VASPErrorRsp")


@dataclass(frozen=True, slots=True)
class SerializedMm7:
    """A message as HTTP carries it; SOAPAction is always `""`, quoted and empty."""

    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """All but the content's own bytes."""

    head: bytes
    tail: bytes
    content_type: str
    body: Multipart | None


def write_mm7(message: Mm7, peer: Mm7Peer) -> SerializedMm7:
    """The bytes of a message and their Content-Type.

    Raises:
        ValueError: A value is not of its element's kind, or the peer takes fewer recipients.
    """
    frame = _wrapper(message, peer, measured=False)
    body = write_body(frame.body) if frame.body is not None else []
    return SerializedMm7(b"".join((frame.head, *body, frame.tail)), frame.content_type)


def mm7_size(message: Mm7, peer: Mm7Peer) -> int:
    """How many bytes `write_mm7` gives."""
    frame = _wrapper(message, peer, measured=True)
    body = body_size(frame.body) if frame.body is not None else 0
    return len(frame.head) + body + len(frame.tail)


def mm7_body_budget(limit_bytes: int, message: Mm7, peer: Mm7Peer) -> int:
    """What the bodies of the parts may have together so that `write_mm7` never passes *limit_bytes*."""
    frame = _wrapper(message, peer, measured=True)
    if frame.body is None:
        return 0
    return body_budget(frame.body, limit_bytes - len(frame.head) - len(frame.tail))


def _wrapper(message: Mm7, peer: Mm7Peer, *, measured: bool) -> _Wrapper:
    content = message.content
    # a message without parts is sent as SOAP alone (8.7)
    if content is None or not (content.parts or content.presentation):
        soap = _envelope(message, peer, with_content=False).encode("utf-8")
        return _Wrapper(soap, b"", 'text/xml; charset="utf-8"', None)
    soap = _envelope(message, peer, with_content=True).encode("utf-8")
    # for counting, any boundary of the right length does
    if measured:
        body = Multipart(content, MEASURED_BOUNDARY, peer.binary)
    # the transaction id is part of the digest, so that two messages of one content differ
    else:
        body = multipart_of(content, Envelope(transaction_id=message.transaction_id), binary=peer.binary)
    # what makes it unique stands in no body
    boundary = "=_mm7_" + body.boundary.removeprefix("=_mms_")
    # the field is on one line here: it stands inside another multipart's part header
    inner = body.content_type.replace("\r\n", "")
    head = (
        # SOAP with Attachments section 3: the SOAP envelope is the root part, text/xml
        f'--{boundary}\r\nContent-Type: text/xml; charset="utf-8"\r\nContent-ID: <{_START}>\r\n\r\n'.encode("ascii")
        + soap
        + f"\r\n--{boundary}\r\nContent-Type: {inner}\r\nContent-ID: <{_CONTENT}>\r\n\r\n".encode("ascii")
    )
    # SOAP with Attachments section 3: type is text/xml, start the id of the SOAP part
    content_type = f'multipart/related; boundary="{boundary}"; type="text/xml"; start="<{_START}>"'
    return _Wrapper(head, f"\r\n--{boundary}--\r\n".encode("ascii"), content_type, body)


def _envelope(message: Mm7, peer: Mm7Peer, *, with_content: bool) -> str:
    namespace = message.namespace or peer.namespace
    prefix = peer.prefix
    # 8.7: TransactionID with mustUnderstand="1" in the SOAP header
    transaction = to_text(
        Node("TransactionID", message.transaction_id, (("env:mustUnderstand", "1"),)), prefix, namespace
    )
    body = to_text(_message_node(message, peer, with_content=with_content), prefix, namespace)
    if message.operation in _ERRORS:
        # SOAP 1.1 section 4.4.1: Client is the sender's fault, Server the receiver's
        side = "Client" if message.operation == "RSErrorRsp" else "Server"
        body = _fault(f"env:{side}", f"{side} error", f"<detail>{body}</detail>")
    elif message.operation == "Fault":
        children = (to_text(_node("Fault", name, value)) for name, value in message.fields)
        body = f"<env:Fault>{''.join(children)}</env:Fault>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<env:Envelope xmlns:env="{_SOAP}"><env:Header>{transaction}</env:Header>'
        f"<env:Body>{body}</env:Body></env:Envelope>"
    )


def _fault(code: str, text: str, detail: str) -> str:
    rows = to_text(Node("faultcode", code)) + to_text(Node("faultstring", text))
    return f"<env:Fault>{rows}{detail}</env:Fault>"


def _message_node(message: Mm7, peer: Mm7Peer, *, with_content: bool) -> Node:
    children = [Node("MM7Version", message.version or peer.version)]
    children += [_node(message.operation, name, value) for name, value in message.fields if name not in peer.leaves_out]
    # 8.7: Content href names the multipart of the parts; allowAdaptations defaults to true
    if with_content and "Content" in OPERATIONS[message.operation]:
        attributes = [("href", _CONTENT if peer.bare_href else f"cid:{_CONTENT}")]
        if message.allow_adaptations is not None:
            attributes.append(("allowAdaptations", "true" if message.allow_adaptations else "false"))
        children.append(Node("Content", attributes=tuple(attributes)))
    return Node(message.operation, children=tuple(children))


def _node(operation: str, name: str, value: Value) -> Node:
    kind = "node" if isinstance(value, Node) else element_kind(operation, name)
    try:
        written = ELEMENT_CODECS[kind].write(name, value)
    except (AttributeError, TypeError, ValueError) as exc:
        raise ValueError(f"{name} cannot be {value!r}: {exc}") from exc
    # a number or a boolean in a text element would be written in Python's own spelling
    if kind in ("text", "node") and not isinstance(value, (str, Node)):
        raise ValueError(f"{name} is text, got {value!r}")
    return written
