"""What the southbound edges cost: translating a submission, posting a webhook under the policy beside a bare client.

    python benchmarks/southbound.py [--rounds 5]

Everything is on loopback and in one process, so the receiving server's share is in every row; ratios of one run count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from typing import TYPE_CHECKING

import httpx

import mmscontent as mms
from gateway_adapter.connectors.base import Connection, OperatorResponse, SubmitRequest
from gateway_adapter.connectors.registry import connector_of
from gateway_adapter.messages.forwarding import choose_configuration
from gateway_adapter.model import Configuration
from gateway_adapter.transport.http_fetcher import Fetcher
from gateway_adapter.transport.url_policy import UrlPolicy, parse_networks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POSTS, TOGETHER = 400, 8
KINDS = {
    "mm7": Connection("mm7", "mm7", url="https://m.example/mm7"),
    "mm7, 8-bit": Connection("mm7", "mm7", url="https://m.example/mm7", options={"binary": "true"}),
    "mm4": Connection("mm4", "mm4", url="smtp://m.example"),
    "infobip": Connection("infobip", "infobip", url="https://a.example", secret="k"),
}


def translate(rounds: int) -> None:
    """Writing a submission of 300 KB, beside joining its bytes."""
    picture = mms.Part(os.urandom(290_000), "image/jpeg", "a.jpg", "a", "a.jpg")
    content = mms.Content((picture, mms.Part(b"Hello", "text/plain", "t.txt", "t", "t.txt", "utf-8")))
    submit = SubmitRequest("T-1", "m-1", "12345", ("12065550100",), content, subject="Hello", expiry_s=3600)
    bare = best(lambda: b"".join((b"head", picture.data, b"tail")), rounds)
    print(f"join the bytes of 290 KB          {bare * 1000:8.3f} ms")
    for name, connection in KINDS.items():
        connector = connector_of(connection)
        took = best(
            lambda connector=connector, connection=connection: connector.write_submit(submit, connection), rounds
        )
        print(f"write a submission, {name:12s}  {took * 1000:8.3f} ms")
    answer = mms.mm7.write_mm7(
        mms.mm7.Mm7("SubmitRsp", "T-1", (("Status", mms.mm7.Status(1000)), ("MessageID", "x"))), mms.mm7.DEFAULT_PEER
    )
    response = OperatorResponse(200, {"content-type": answer.content_type}, answer.data)
    took = best(lambda: connector_of(KINDS["mm7"]).read_answer(response, KINDS["mm7"]), rounds)
    print(f"read an MM7 answer                {took * 1000:8.3f} ms")
    rows = [Configuration("12345", keyword=f"word{n}") for n in range(100)]
    took = best(lambda: choose_configuration(rows, "Word77, please send me one of these"), rounds)
    print(f"find one of 100 keywords          {took * 1000:8.3f} ms")


def best(work: Callable[[], object], rounds: int) -> float:
    """The quickest of many, in seconds."""
    times = []
    for _ in range(rounds * 20):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The smallest customer: takes what is posted."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
        writer.close()


async def posts(post: Callable[[], Awaitable[object]]) -> float:
    """Posts a second, several at once."""

    async def one() -> None:
        for _ in range(POSTS // TOGETHER):
            await post()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(TOGETHER)))
    return POSTS / (time.perf_counter() - started)


async def webhooks(rounds: int) -> None:
    """The policy's client and a bare one, by turns."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    body = 400 * b"x"
    fetcher = Fetcher(UrlPolicy(networks=parse_networks("127.0.0.0/8", "benchmark")))
    async with httpx.AsyncClient(trust_env=False) as bare:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(await posts(lambda: fetcher.post(url, {"Content-Type": "application/json"}, body)))
            theirs.append(await posts(lambda: bare.post(url, content=body)))
    await fetcher.close()
    server.close()
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"webhooks under the policy         {mine:8.0f} a second, {mine / other:.2f} × httpx's {other:.0f}")


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    translate(rounds)
    asyncio.run(webhooks(rounds))


if __name__ == "__main__":
    main()
