"""Handing over by HTTP: authorization by challenge, answers that are too long, broken or none."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import mmscontent as mms
from gateway_adapter.errors import Unreachable
from gateway_adapter.transport.operator_client import OperatorClient
from gateway_adapter.transport.rate_limits import ProcessRateLimiter
from tests.gateway.connectors.rows import CONNECTIONS, SUBMIT
from tests.gateway.transport.planted import Planted, Serve, planted, text

if TYPE_CHECKING:
    from gateway_adapter.connectors.base import Connection, SubmitResult


def taken() -> tuple[bytes, str]:
    fields = (("Status", mms.mm7.Status(1000)), ("MessageID", "op-1"))
    written = mms.mm7.write_mm7(mms.mm7.Mm7("SubmitRsp", "T-0001", fields), mms.mm7.DEFAULT_PEER)
    return written.data, f"Content-Type: {written.content_type}"


async def nobody(*_: Any) -> Any:
    raise AssertionError("no mail is sent here")


def submitted(serve: Serve, count: int = 1, **changes: Any) -> tuple[list[SubmitResult], Planted]:
    async def work() -> tuple[list[SubmitResult], Planted]:
        async with planted(serve) as server:
            options = {**CONNECTIONS["mm7"].options, **changes.pop("options", {})}
            row: Connection = replace(
                CONNECTIONS["mm7"], url=f"http://127.0.0.1:{server.port}/mm7", options=options, timeout_s=3, **changes
            )
            sender = OperatorClient(inside={}, mail=nobody, wait=ProcessRateLimiter().wait)
            try:
                return [await sender.submit(SUBMIT, row) for _ in range(count)], server
            finally:
                await sender.close()

    return asyncio.run(asyncio.wait_for(work(), 20))


def test_a_submission_is_answered_over_one_connection() -> None:
    body, kind = taken()
    answers, server = submitted(text(body, kind), 3)

    assert [answer.operator_message_id for answer in answers] == ["op-1"] * 3
    assert server.connections == 1
    assert b"Authorization: Basic" in server.heads[0]


async def _challenging(head: bytes, writer: asyncio.StreamWriter) -> None:
    """RFC 7616: only who knows the secret gets an answer."""
    found = dict(re.findall(r'(\w+)="?([^",]*)"?', head.decode().partition("Digest ")[2].partition("\r\n")[0]))
    if found:
        ha1 = hashlib.md5(b"me:operators:hush").hexdigest()
        ha2 = hashlib.md5(b"POST:/mm7").hexdigest()
        parts = (ha1, found["nonce"], found["nc"], found["cnonce"], found["qop"], ha2)
        if hashlib.md5(":".join(parts).encode()).hexdigest() == found["response"]:
            body, kind = taken()
            await text(body, kind)(head, writer)
            return
    challenge = 'WWW-Authenticate: Digest realm="operators", nonce="n1", qop="auth", algorithm=MD5'
    await text(b"", challenge, status="401 Unauthorized")(head, writer)


def test_a_challenge_is_answered_and_asked_for_once() -> None:
    answers, server = submitted(_challenging, 3, options={"auth": "digest"})

    assert [answer.outcome for answer in answers] == ["taken"] * 3
    assert len(server.heads) == 4
    assert b"hush" not in b"".join(server.heads)


def test_a_wrong_secret_is_our_account_and_not_the_message() -> None:
    (answer,), _ = submitted(_challenging, options={"auth": "digest"}, secret="guess")

    assert (answer.outcome, answer.error) == ("again", 15023)


async def _endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100_000):
        writer.write(b"4000\r\n" + 0x4000 * b"x" + b"\r\n")
        await writer.drain()


async def _silent(_: bytes, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(10)


async def _broken(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("serve", [_endless, _silent, _broken])
def test_an_answer_that_is_none_is_unreachable(serve: Serve) -> None:
    with pytest.raises(Unreachable, match="connection mm7"):
        submitted(serve)


def test_a_redirect_of_an_operator_is_not_followed() -> None:
    (answer,), server = submitted(text(b"", "Location: /elsewhere", status="302 Found"))

    assert (answer.outcome, len(server.heads)) == ("again", 1)
