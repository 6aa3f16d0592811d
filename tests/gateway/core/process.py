"""A gateway as a process of its own, and a customer's system it talks to; everything on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx

from gateway_adapter.cli.demo import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "a-key-for-tests-0123"
SECRET = "a-secret-for-tests"
PATIENCE_S = 60.0  # machines may be busy; nothing waits that long where they are not
START_S = 180.0


def until(found: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What *found* gives, once it gives anything."""
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {patience_s:g} s for {what}")


@dataclass
class Running:
    """A process and how to ask it."""

    process: subprocess.Popen[bytes]
    url: str
    client: httpx.Client
    log: Path

    def message(self, message_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/messages/{message_id}")
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def in_state(self, message_id: str, *states: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            said = self.message(message_id)
            return said if said["state"] in states else None

        said: dict[str, Any] = until(found, f"{message_id} to be {' or '.join(states)}")
        return said

    def behave(self, **said: Any) -> None:
        answer = self.client.post("/loopback/behaviour", json={"delay_s": 0.05, **said})
        assert answer.status_code == 200, answer.text


def settings(folder: Path, **more: str) -> dict[str, str]:
    said = {
        "DATA_DIR": str(folder), "API_KEYS": f"tests:{KEY}", "WEBHOOK_SECRET": SECRET, "NETWORKS": "127.0.0.0/8",
        "LOOPBACK_DELAY_S": "0.05", "RETRY_UNIT_S": "0.2", "SWEEP_S": "0.1", "LEASE_S": "2", "HEAD_S": "3", **more,
    }  # fmt: skip
    return {f"MMS_GATEWAY_{name}": value for name, value in said.items()}


def spawn(
    command: list[str], port: int, environment: dict[str, str], log: Path, ready: str = "/readyz"
) -> subprocess.Popen[bytes]:
    """Start `mms-gateway` with these arguments and wait for it to answer."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MMS_GATEWAY_")}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway_adapter", *command], env={**clean, **environment}, stdout=out, stderr=out
        )

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{port}{ready}", timeout=2).status_code in (200, 404)
        return False

    try:
        until(up, f"port {port}", START_S)
    except AssertionError:
        process.kill()
        raise
    return process


@contextlib.contextmanager
def gateway(folder: Path, **more: str) -> Iterator[Running]:
    """A gateway that runs for as long as the block does."""
    port, log = free_port(), folder / "log.txt"
    process = spawn(["serve", "--port", str(port)], port, settings(folder, **more), log)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers={"Authorization": f"App {KEY}"}, timeout=30) as client:
            yield Running(process, url, client, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


# --- the customer ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Got:
    """A request the customer's system got."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    status: int = 200  # what it was answered

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["results"]
        return found


class Customer:
    """A customer's system: takes webhooks, serves files."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: list[int] = []  # statuses of the next answers; 200 after
        self.files: dict[str, tuple[str, bytes]] = {}
        self.fetched: list[str] = []
        customer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # who sent it was killed
                    self.close_connection = True
                    return
                status = customer.answers.pop(0) if customer.answers else 200
                headers = {name.lower(): value for name, value in self.headers.items()}
                customer.got.append(Got(self.path, headers, body, status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                customer.fetched.append(self.path)
                media_type, body = customer.files[self.path]
                self.send_response(200)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # who asked was killed
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reports(self, message_id: str) -> list[tuple[Got, dict[str, Any]]]:
        """Every report of a message, with the request it came in."""
        found = [(got, one) for got in list(self.got) if got.path == "/reports" for one in got.results()]
        return [(got, one) for got, one in found if one["messageId"] == message_id]

    def report(self, message_id: str) -> dict[str, Any]:
        """The first report of a message."""
        found = until(lambda: self.reports(message_id), f"a report of {message_id}")
        said: dict[str, Any] = found[0][1]
        return said
