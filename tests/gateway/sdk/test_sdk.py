"""Real clients drive a running gateway: every call parses, nothing is known to them but its address."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
from PIL import Image

from gateway_adapter.api.responses import MessagesApiReportsResponse, ReportsV1PushResponse
from tests.gateway.api.bodies import parse
from tests.gateway.sdk.environments import CLIENTS, Client, Unreachable, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
KEY = "sdk-key-0123456789"
NUMBER = "10950"  # what phones write to
PHONE = "41793026700"
_HANGS_S = 180.0  # ends a test that hangs; every wait ends as soon as its condition holds


def _png() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").save(out, "PNG")
    return out.getvalue()


@dataclass
class Customer:
    """A customer's web server: it hosts a picture and takes webhooks."""

    server: ThreadingHTTPServer
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def posts_since(self, before: int, path: str) -> list[tuple[str, dict[str, str], bytes]]:
        """What was posted after the first *before* posts, once something came to *path*."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: any(one[0] == path for one in self.posts[before:]), _HANGS_S)
            assert arrived, "no report came to the URL it was asked for"
            return self.posts[before:]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def customer() -> Iterator[Customer]:
    picture = _png()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(picture, "image/png")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(b"", "text/plain")
            with told.changed:
                told.posts.append((self.path, dict(self.headers), body))
                told.changed.notify_all()

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    told = Customer(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=told.server.serve_forever, daemon=True)
    thread.start()
    yield told
    told.server.shutdown()
    told.server.server_close()
    thread.join()


@contextlib.contextmanager
def _running(home: Path, scheme: str = "http", **settings: object) -> Iterator[httpx.Client]:
    """A gateway as a process of its own, with the operator to test against inside."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"DATA_DIR": home / "data", "API_KEYS": f"sdk:{KEY}", "NETWORKS": "127.0.0.0/8",
                "LOOPBACK_DELAY_S": "0.2", "RETRY_UNIT_S": "1", "LOG_LEVEL": "warning", **settings}  # fmt: skip
    environment = {**os.environ, **{f"MMS_GATEWAY_{name}": str(value) for name, value in settings.items()}}
    log = (home / "log").open("wb")
    command = [sys.executable, "-m", "gateway_adapter", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    trusted = ssl.create_default_context(cafile=home / "authority.pem") if scheme == "https" else True
    headers = {"Authorization": f"App {KEY}"}
    with httpx.Client(base_url=f"{scheme}://localhost:{port}", headers=headers, verify=trusted) as client:
        try:
            _until_ready(client, process, home / "log")
            yield client
        finally:
            client.close()
            process.terminate()
            process.wait(20)
            log.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with _running(tmp_path_factory.mktemp("sdk")) as client:
        yield client


def _until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    endpoints = time.monotonic() + 30
    while time.monotonic() < endpoints and process.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the gateway did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _arrive(gateway: httpx.Client) -> None:
    """Let a phone write to the number, whose messages wait to be fetched."""
    path = "/resource-management/1/inbound-message-configurations"
    body = {"channel": "MMS", "number": NUMBER, "forwarding": {"type": "PULL"}}
    assert gateway.post(path, json=body).status_code in {200, 429}
    said = {"from": PHONE, "to": NUMBER, "subject": "Hi", "text": "Sample text"}
    assert gateway.post("/loopback/inbound", json=said).status_code == 200


def _drive(client: Client, gateway: httpx.Client, customer: Customer, home: Path, **environment: str) -> None:
    """Run a client's driver against a gateway; every one of its steps has to go well."""
    try:
        python = python_of(client)
    except Unreachable as exc:
        pytest.skip(f"{client.name}: {exc}")
    (image := home / "picture.png").write_bytes(_png())
    before = len(customer.posts)
    _arrive(gateway)
    place = [str(gateway.base_url).rstrip("/"), KEY, f"{customer.url}/picture.png", f"{customer.url}/reports",
             str(image), NUMBER]  # fmt: skip
    command = [python, HERE / client.driver, *place]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment}
    )
    steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]
    sys.stdout.write(done.stdout)  # shown when something fails, or with -s
    failed = [f"{step['step']}: {step['why']}" for step in steps if not step["ok"]]
    assert not failed, "\n".join(failed)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(steps) >= 10
    assert _ends(gateway) <= {"delivered"}, "what was taken did not reach the phone"
    if client.is_told:
        _check_reports(customer, before)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_real_client_gets_through_everything_it_can_do(client: Client, gateway, customer, tmp_path):
    _drive(client, gateway, customer, tmp_path)


def test_a_real_client_gets_through_over_tls(customer, tmp_path):
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    files = {"TLS_CERT": tmp_path / "own.pem", "TLS_KEY": tmp_path / "own.pem"}
    with _running(tmp_path, "https", **files) as gateway:
        _drive(CLIENTS[0], gateway, customer, tmp_path, REQUESTS_CA_BUNDLE=str(tmp_path / "authority.pem"))


def _ends(gateway: httpx.Client) -> set[str]:
    """States of all messages that are due, once none of them is on its way any more."""
    late = time.monotonic() + _HANGS_S
    while time.monotonic() < late:
        found = gateway.get("/messages", params={"limit": 1000}).json()["results"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        due = [one for one in found if one.get("dueAt", "") < now or one["state"] not in {"accepted", "ready"}]
        if not any(one["state"] in {"accepted", "ready", "submitted"} for one in due):
            break
        time.sleep(0.2)
    return {one["state"] for one in due}


def _check_reports(customer: Customer, before: int) -> None:
    """What came since to the URL that a client named is signed, carries an id, and is what the documents promise."""
    posts = customer.posts_since(before, "/reports")
    for _, headers, body in posts:
        model = MessagesApiReportsResponse if b'"event"' in body else ReportsV1PushResponse
        assert parse(model, json.loads(body)).results
        assert headers["X-MMS-Signature"].startswith("v1=")
        assert headers["X-MMS-Webhook-Id"]
