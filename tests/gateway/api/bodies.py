"""Requests that several tests of the endpoints send."""

from __future__ import annotations

import json
from typing import Any

from gateway_adapter.api.responses import adapter_of


def parse(shape: Any, members: object) -> Any:
    """The members of a response as their shape; fails where they do not match."""
    return adapter_of(shape).validate_python(members)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
V2 = "/mms/2/messages"


def v2_body(**message: object) -> dict:
    return {
        "messages": [
            {
                "sender": "10950",
                "destinations": [{"to": "41793026727"}],
                "content": {"title": "T", "messageSegments": [{"type": "TEXT", "text": "hi"}]},
                **message,
            }
        ]
    }


def form(head: dict | None = None, **parts: tuple) -> list[tuple[str, tuple]]:
    named = {"head": (None, json.dumps(head or {"from": "10950", "to": "41793026727"}), "application/json"), **parts}
    return list(named.items())


def send(gateway, path: str = V2, **more: object) -> tuple[str, str]:
    if path == "/messages-api/1/messages":
        body = {"messages": [{"channel": "MMS", "sender": "10950", "destinations": [{"to": "41793026727"}],
                              "content": {"body": {"type": "TEXT", "text": "hi"}}, **more}]}  # fmt: skip
    else:
        body = v2_body(**more)
    answer = gateway.http.post(path, json=body).json()
    return answer["bulkId"], answer["messages"][0]["messageId"]
