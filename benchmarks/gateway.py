"""How fast is the gateway: accepted a second, whole flows a second, time to accept under a steady load, memory.

    python benchmarks/gateway.py [--messages 4000] [--url postgresql+psycopg://…] [--json]

One machine: the gateway is a process of its own, the load generator and the customer's webhook are this one. A bare
reference (gateway_reference.py: FastAPI, the same flow, nothing checked, nothing fitted) runs in the same minute.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_load import Client, Receiver, connect, percentile, post

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
KEY = "bench-key-0123456789"
CONNECTIONS = 48


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str], folder: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server of a process of its own, once it answers."""
    log = Path(folder, f"log-{port}").open("wb")  # noqa: SIM115 - lives as long as the process
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=log, stdout=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command} did not start:\n{Path(folder, f'log-{port}').read_text()[-3000:]}")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        log.close()


def gateway(folder: str, port: int, **more: str) -> tuple[list[str], dict[str, str]]:
    """Command and settings of the gateway."""
    settings = {
        "DATA_DIR": folder, "API_KEYS": f"bench:{KEY}", "NETWORKS": "127.0.0.0/8", "LOOPBACK_DELAY_S": "0.05",
        "LOG_LEVEL": "error", **more,
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway_adapter", "serve", "--port", str(port)]
    return command, {f"MMS_GATEWAY_{name}": value for name, value in settings.items()}


def message(n: int, hook: int, *, text: str = "Your parcel is on its way.", upload: str = "") -> bytes:
    segments: list[dict[str, str]] = [{"type": "TEXT", "text": text}]
    if upload:
        segments.append({"type": "UPLOADED_REFERENCE", "uploadedContentId": upload})
    said = {
        "sender": "12065550100",
        "destinations": [{"to": str(12065000000 + n)}],
        "content": {"messageSegments": segments},
        "webhooks": {"delivery": {"url": f"http://127.0.0.1:{hook}/reports"}},
    }
    return post("/mms/2/messages", json.dumps({"messages": [said]}).encode(), KEY)


async def upload(port: int) -> str:
    """A small picture, uploaded once."""
    client = await connect(port)
    body = (HERE.parent / "fixtures" / "jpeg-160x120-444.jpg").read_bytes()
    head = (
        f"POST /mms/1/content HTTP/1.1\r\nHost: x\r\nAuthorization: App {KEY}\r\nX-Content-Id: photo.jpg\r\n"
        f"X-Media-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    _, answer = await client.ask(head.encode() + body)
    return str(json.loads(answer)["uploadedContentId"])


async def burst(port: int, count: int, pid: int, *, picture: bool = True) -> dict[str, float]:
    """Send as fast as it takes them, and wait for every report."""
    receiver = Receiver()
    server = await receiver.serve()
    hook = server.sockets[0].getsockname()[1]
    content = await upload(port) if picture else ""
    clients = [await connect(port) for _ in range(CONNECTIONS)]
    numbers = iter(range(count))
    times: list[float] = []

    async def send(client: Client) -> None:
        for n in numbers:
            began = time.perf_counter()
            status, body = await client.ask(message(n, hook, upload=content))
            times.append(time.perf_counter() - began)
            assert status == 200, body

    warm = message(10**6, hook, upload=content)
    await clients[0].ask(warm)
    await receiver.until(1, 60)
    receiver.counts.clear()
    began, spent = time.perf_counter(), cpu_s(pid)
    await asyncio.gather(*(send(client) for client in clients))
    accepted = time.perf_counter() - began
    await receiver.until(count, 180)
    done = receiver.last - began
    server.close()
    assert len(receiver.counts) == count, f"{len(receiver.counts)} of {count} reported"
    return {
        "accepted_per_s": count / accepted, "flows_per_s": count / done, "accept_p50_ms": percentile(times, 0.5) * 1e3,
        "accept_p99_ms": percentile(times, 0.99) * 1e3, "posts": receiver.posts,
        "cpu_ms_per_flow": (cpu_s(pid) - spent) / count * 1e3,
    }  # fmt: skip


async def accept_only(port: int, count: int, pid: int) -> dict[str, float]:
    """Messages for tomorrow: taking them in, and nothing else."""
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(time.time() + 86_400))
    options = json.dumps({"schedule": {"sendAt": tomorrow}})
    clients = [await connect(port) for _ in range(CONNECTIONS)]
    numbers = iter(range(count))

    async def send(client: Client) -> None:
        for n in numbers:
            head, _, body = message(n, 9).partition(b"\r\n\r\n")
            asked = post("/mms/2/messages", body[:-1] + b', "options": ' + options.encode() + b"}", KEY)
            status, answer = await client.ask(asked)
            assert status == 200, (head, answer)

    began, spent = time.perf_counter(), cpu_s(pid)
    await asyncio.gather(*(send(client) for client in clients))
    return {
        "accepted_per_s": count / (time.perf_counter() - began),
        "cpu_ms_per_accept": (cpu_s(pid) - spent) / count * 1e3,
    }  # fmt: skip


async def steady(port: int, rate: int, seconds: float) -> dict[str, float]:
    """Send at a steady rate, whatever the answers take."""
    receiver = Receiver()
    server = await receiver.serve()
    hook = server.sockets[0].getsockname()[1]
    free = [await connect(port) for _ in range(CONNECTIONS)]
    times: list[float] = []

    async def one(n: int, planned: float) -> None:
        client = free.pop() if free else await connect(port)
        status, body = await client.ask(message(n, hook))
        times.append(time.perf_counter() - planned)
        assert status == 200, body
        free.append(client)

    began, count, tasks = time.perf_counter(), int(rate * seconds), []
    for n in range(count):
        planned = began + n / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(n, planned)))
    await asyncio.gather(*tasks)
    await receiver.until(count, 60)
    server.close()
    names = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {**{name: percentile(times, share) * 1e3 for name, share in names.items()}, "flows": len(receiver.counts)}


async def inline_media(port: int, pid: int) -> dict[str, float]:
    """24 MB of media inside requests at once: 8 × 3 MB as base64."""
    hook = 9
    octets = base64.b64encode(os.urandom(3_000_000)).decode()
    segment = {"contentType": "application/pdf", "contentBase64": octets, "contentId": "a.pdf"}
    one = {"from": "12065550100", "destinations": [{"to": "12065550101"}], "messageSegments": [segment],
           "notifyUrl": f"http://127.0.0.1:{hook}/"}  # fmt: skip
    request = post("/mms/1/advanced", json.dumps({"messages": [one]}).encode(), KEY)
    before, most = rss(pid), 0
    clients = [await connect(port) for _ in range(8)]
    work = asyncio.gather(*(client.ask(request) for client in clients))
    while not work.done():
        most = max(most, rss(pid))
        await asyncio.sleep(0.01)
    assert {status for status, _ in await work} == {200}
    await asyncio.sleep(1)
    return {
        "before_MB": before / 1e6,
        "most_MB": max(most, rss(pid)) / 1e6,
        "grown_MB": (max(most, rss(pid)) - before) / 1e6,
    }


def cpu_s(pid: int) -> float:
    """What a process has used of the machine: less noisy than the clock where others work too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only or ("reference", "gateway", "reference again"):
            port = free_port()
            if name.startswith("reference"):
                command = [sys.executable, str(HERE / "gateway_reference.py"), str(port), f"{folder}/{port}.db"]
                with running(command, port, {}, folder) as process:
                    found[name] = {"burst": await burst(port, arguments.messages, process.pid, picture=False)}
                continue
            more = {"DATABASE_URL": arguments.url} if arguments.url else {}
            command, environment = gateway(f"{folder}/{port}", port, **more)
            with running(command, port, environment, folder) as process:
                found[name] = {
                    "burst": await burst(port, arguments.messages, process.pid),
                    "later": await accept_only(port, arguments.messages, process.pid),
                    "steady": await steady(port, 100, arguments.seconds),
                    "inline": await inline_media(port, process.pid),
                }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--url", default="", help="database of the gateway; its own SQLite file without")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments))
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, groups in found.items():
        for group, numbers in groups.items():
            told = "  ".join(f"{key} {value:,.1f}" for key, value in numbers.items())
            print(f"{name:16} {group:7} {told}")


if __name__ == "__main__":
    main()
