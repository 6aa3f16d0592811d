"""Traffic through a gateway that is killed while it works, an operator that misbehaves, a customer that is away.

The gateway and the operator are processes of their own. What is counted at the end: accepted messages that are lost or
not ended, messages a phone got twice, messages whose end was never told.
"""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from gateway_adapter.cli.demo import free_port
from tests.gateway.core.process import KEY, Customer, end, settings, spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

CHANCES = {
    "fail": 0.06, "fail_taken": 0.06, "stall": 0.02, "garbage": 0.06, "refuse": 0.03, "lose_report": 0.03,
    "double_report": 0.08, "early_report": 0.08, "undeliverable": 0.05, "deferred": 0.05,
}  # fmt: skip
FINAL = {"delivered", "undeliverable", "expired", "rejected", "cancelled"}
VALIDITY_S = 40


@dataclass
class Count:
    """What came of it."""

    kills: int = 0
    accepted: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    open: int = 0
    twice: int = 0
    untold: int = 0
    told_again: int = 0
    strange_repeats: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def is_clean(self) -> bool:
        """Nothing lost, nothing twice, nothing open, nothing untold, and every repeat can be dropped by its id."""
        return not (self.lost or self.open or self.twice or self.untold or self.strange_repeats)


class World:
    """One run."""

    def __init__(self, folder: Path, seed: int, validity_s: int = VALIDITY_S) -> None:
        self.folder, self.validity_s = folder, validity_s
        self.dice = random.Random(seed)
        self.customer = Customer()
        self.port, self.operator_port = free_port(), free_port()
        self.accepted: dict[str, str] = {}
        self.stop = threading.Event()
        self.count = Count()
        connections = folder / "connections.toml"
        connections.write_text(
            f'[connections.far]\nkind = "loopback"\nurl = "http://127.0.0.1:{self.operator_port}"\n'
            'inbound_user = "far"\ninbound_secret = "far-secret"\ntimeout_s = 2\nconcurrency = 16\n'
        )
        self.environment = settings(folder, CARRIERS=str(connections), LOG_LEVEL="error", RETRY_UNIT_S="0.1")

    def start_gateway(self) -> subprocess.Popen[bytes]:
        return spawn(["serve", "--port", str(self.port)], self.port, self.environment, self.folder / "log.txt")

    @contextlib.contextmanager
    def operator(self) -> Iterator[httpx.Client]:
        url = f"http://127.0.0.1:{self.port}"
        said = ["--gateway", url, "--connection", "far", "--user", "far", "--secret", "far-secret", "--delay", "0.1"]
        command = ["loopback", "--port", str(self.operator_port), *said]
        process = spawn(command, self.operator_port, {}, self.folder / "operator.txt", "/loopback/messages")
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{self.operator_port}", timeout=30) as client:
                client.post("/loopback/behaviour", json={"chances": CHANCES, "delay_s": 0.1, "stall_s": 3, "seed": 7})
                yield client
        finally:
            end(process)

    # --- traffic ------------------------------------------------------------------------------------------------

    def send(self, first: int) -> None:
        """Send until told to stop; a request without an answer is sent again with the same key."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10) as client:
            number = first
            while not self.stop.is_set():
                to, message_id = str(12060000000 + number), f"m-{number}"
                message = {
                    "sender": "12065550100", "destinations": [{"to": to, "messageId": message_id}],
                    "content": {"messageSegments": [{"type": "TEXT", "text": f"Number {number % 7}"}]},
                    "webhooks": {"delivery": {"url": f"{self.customer.url}/reports"}},
                    "options": {"validityPeriod": {"amount": self.validity_s, "timeUnit": "SECONDS"}},
                }  # fmt: skip
                headers = {"Authorization": f"App {KEY}", "Idempotency-Key": message_id}
                while not self.stop.is_set():
                    with contextlib.suppress(httpx.HTTPError):
                        answer = client.post("/mms/2/messages", json={"messages": [message]}, headers=headers)
                        if answer.status_code == 200 and answer.json()["messages"][0]["status"]["id"] == 26:
                            self.accepted[message_id] = to
                            break
                    time.sleep(0.05)
                number += 1
                time.sleep(0.01)

    def run(self, kills: int, between_s: tuple[float, float]) -> Count:
        """Kill the gateway so many times, then let everything end, and count."""
        with self.operator() as operator:
            self.process = self.start_gateway()
            senders = [threading.Thread(target=self.send, args=(n * 1_000_000,), daemon=True) for n in range(3)]
            for sender in senders:
                sender.start()
            try:
                for _ in range(kills):
                    self._kill_once(between_s)
                time.sleep(1)
                self.stop.set()
                for sender in senders:
                    sender.join()
                self._count(operator)
            finally:
                self.stop.set()
                end(self.process)
        self.customer.close()
        return self.count

    def _kill_once(self, between_s: tuple[float, float]) -> None:
        self.customer.answers[:] = [503] * self.dice.choice((0, 0, 3, 10))
        time.sleep(self.dice.uniform(*between_s))
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.count.kills += 1
        self.process = self.start_gateway()

    # --- counting -----------------------------------------------------------------------------------------------

    def _count(self, operator: httpx.Client) -> None:
        states = self._states()
        told: dict[tuple[str, str], list[str]] = {}
        heard: set[str] = set()
        for got in list(self.customer.got):
            for report in got.results():
                told.setdefault((report["messageId"], report["status"]["name"]), []).append(
                    got.headers["x-mms-webhook-id"]
                )
                heard |= {report["messageId"]} if got.status == 200 else set()
        taken = operator.get("/loopback/messages").json()
        phones: dict[str, int] = {}
        for one in taken["messages"]:
            for number in one["to"]:
                phones[number] = phones.get(number, 0) + one["delivered"]
        count = self.count
        count.accepted = len(self.accepted)
        count.lost = sum(one not in states for one in self.accepted)
        count.open = sum(state not in FINAL for state in states.values())
        count.twice = sum(phones.get(number, 0) > 1 for number in self.accepted.values())
        count.untold = sum(one not in heard for one in self.accepted)
        count.told_again = sum(len(ids) > 1 for ids in told.values())
        count.strange_repeats = sum(len(set(ids)) > 1 for ids in told.values())
        count.faults = taken["seen"]
        for state in states.values():
            count.ended[state] = count.ended.get(state, 0) + 1

    def _states(self) -> dict[str, str]:
        """Where every accepted message is, once all have ended and all was told, or patience has."""
        ends = time.monotonic() + self.validity_s + 40
        headers = {"Authorization": f"App {KEY}"}
        states: dict[str, str] = {}
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30) as client:
            while time.monotonic() < ends:
                for one in self.accepted:
                    if states.get(one) not in FINAL:
                        found = client.get(f"/messages/{one}")
                        if found.status_code == 200:
                            states[one] = found.json()["state"]
                told = {r["messageId"] for got in list(self.customer.got) if got.status == 200 for r in got.results()}
                if len(states) == len(self.accepted) and FINAL.issuperset(states.values()) and told.issuperset(states):
                    break
                time.sleep(0.5)
        return states


def told(count: Count) -> dict[str, Any]:
    """The count as a row."""
    return asdict(count)
