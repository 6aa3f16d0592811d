"""The same flow on PostgreSQL with a broker: what one process accepts, another sends; a killed worker loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway_adapter.cli.demo import free_port
from tests.gateway.core.history import RESULTS, run_statements
from tests.gateway.core.process import KEY, Customer, end, settings, spawn, until
from tests.gateway.core.servers import postgres, redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 60


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as url:
        yield url


def _send(client: httpx.Client, customer: Customer, number: int) -> str:
    message = {
        "sender": "12065550100", "destinations": [{"to": str(12065550000 + number)}],
        "content": {"messageSegments": [{"type": "TEXT", "text": f"Number {number % 5}"}]},
        "webhooks": {"delivery": {"url": f"{customer.url}/reports"}},
    }  # fmt: skip
    answer = client.post("/mms/2/messages", json={"messages": [message]}).json()
    return str(answer["messages"][0]["messageId"])


def test_two_workers_share_the_work_and_one_may_die(tmp_path: Path, database: str, customer: Customer) -> None:
    with redis() as broker, ExitStack() as stack:
        port, operator_port = free_port(), free_port()
        connections = tmp_path / "connections.toml"
        connections.write_text(
            f'[connections.far]\nkind = "loopback"\nurl = "http://127.0.0.1:{operator_port}"\n'
            'inbound_user = "far"\ninbound_secret = "far-secret"\nconcurrency = 8\n'
        )
        said = ["--user", "far", "--secret", "far-secret", "--connection", "far", "--delay", "0.1"]
        operator = ["loopback", "--port", str(operator_port), "--gateway", f"http://127.0.0.1:{port}", *said]
        environment = settings(tmp_path, DATABASE_URL=database, BROKER_URL=broker, CARRIERS=str(connections))
        log = tmp_path / "log.txt"
        stack.callback(end, spawn(operator, operator_port, {}, log, "/loopback/messages"))
        stack.callback(end, spawn(["serve", "--port", str(port)], port, environment, log))
        worker = _worker(environment, log)
        stack.callback(end, _worker(environment, log))
        headers = {"Authorization": f"App {KEY}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            ids = [_send(client, customer, n) for n in range(COUNT)]
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            ids += [_send(client, customer, n) for n in range(COUNT, 2 * COUNT)]

            def told() -> bool:
                reports = [got for got in list(customer.got) if got.path == "/reports" and got.status == 200]
                heard = {report["messageId"] for got in reports for report in got.results()}
                return heard.issuperset(ids)

            until(told, "every report", 120)
            taken = httpx.get(f"http://127.0.0.1:{operator_port}/loopback/messages").json()["messages"]

        phones: dict[str, int] = {}
        for one in taken:
            phones[one["to"][0]] = phones.get(one["to"][0], 0) + one["delivered"]
        assert len(phones) == 2 * COUNT
        assert set(phones.values()) == {1}


def _worker(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        command = [sys.executable, "-m", "gateway_adapter", "worker"]
        return subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)


def test_the_store_says_the_same_on_postgresql(database: str) -> None:
    """Every statement of the core runs on the other database too: the whole story of a message, once through."""
    assert run_statements(database) == RESULTS
