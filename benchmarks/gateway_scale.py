"""PostgreSQL and Redis: how much more do two processes finish than one?

    python benchmarks/gateway_scale.py [--messages 3000]

Messages are accepted for a moment that has not come; when it has, one process (`serve`) or two (`serve` and a `worker`)
work them off to the customer's webhook. Needs PostgreSQL and Redis on the machine (tests/gateway/core/servers.py). On a
machine of two cores the database and the load generator take part of both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from gateway import CONNECTIONS, KEY, free_port, gateway, running
from gateway_load import Client, Receiver, connect, post

from tests.gateway.core.servers import postgres, redis


async def drain(port: int, count: int, lead_s: float) -> float:
    """Flows a second, counted from the moment all of them are due."""
    receiver = Receiver()
    server = await receiver.serve()
    hook = server.sockets[0].getsockname()[1]
    due = time.time() + lead_s
    send_at = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(due))
    clients = [await connect(port) for _ in range(CONNECTIONS)]
    numbers = iter(range(count // 10))

    async def send(client: Client) -> None:
        for n in numbers:
            message = {
                "sender": "12065550100",
                "destinations": [{"to": str(12065000000 + 10 * n + k)} for k in range(10)],
                "content": {"messageSegments": [{"type": "TEXT", "text": "Your parcel is on its way."}]},
                "webhooks": {"delivery": {"url": f"http://127.0.0.1:{hook}/reports"}},
            }
            said = {"messages": [message], "options": {"schedule": {"sendAt": send_at}}}
            status, answer = await client.ask(post("/mms/2/messages", json.dumps(said).encode(), KEY))
            assert status == 200, answer

    await asyncio.gather(*(send(client) for client in clients))
    if time.time() > due:
        raise SystemExit(f"accepting took longer than the {lead_s:g} s until all are due; take fewer messages")
    await receiver.until(count, 300)
    server.close()
    assert len(receiver.counts) == count, f"{len(receiver.counts)} of {count} were reported"
    return count / (time.time() - due)


def measure(processes: int, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder, postgres() as database, redis() as broker:
        port = free_port()
        command, environment = gateway(f"{folder}/data", port, DATABASE_URL=database, BROKER_URL=broker)
        with running(command, port, environment, folder), contextlib.ExitStack() as stack:
            for _ in range(processes - 1):
                more = [sys.executable, "-m", "gateway_adapter", "worker"]
                worker = subprocess.Popen(more, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
                stack.callback(worker.wait)
                stack.callback(worker.terminate)
            return asyncio.run(drain(port, count, 25))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=3000)
    arguments = parser.parse_args()
    one, two = measure(1, arguments.messages), measure(2, arguments.messages)
    print(f"one process {one:,.0f} flows/s, two {two:,.0f}: {two / one:.2f} times")


if __name__ == "__main__":
    main()
