"""An operator to test against, part of the product: takes submissions, reports delivery, misbehaves as it is told to.

Inside the gateway's process it is called directly; as a process of its own (`mms-gateway loopback`) it is HTTP. It
honours transaction ids: a submission it knows gets the answer it had, and no phone gets it twice.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from gateway_adapter.connectors import loopback
from gateway_adapter.connectors.base import Request, Response
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["OperatorBehaviour", "ReceivedSubmission", "SimulatedOperator"]

# What may go wrong, each with what it does to a submission or its report.
FAULTS = (
    "fail",  # 503, not taken
    "fail_taken",  # taken, but the answer is 503: the gateway comes again
    "stall",  # nothing is said for stall_s, then as usual
    "garbage",  # taken, but the answer makes no sense
    "refuse",  # 403 with a status of its own: final
    "lose_report",  # delivered, but never reported
    "double_report",  # reported twice
    "early_report",  # reported before the submission is answered
    "undeliverable",  # reported as not delivered
    "deferred",  # a report of "deferred" before the final one
)
_MOST_KEPT = 20_000  # submissions remembered; the oldest go first
_MOST_SHOWN_BYTES = 64_000_000  # of what phones got; older ones can no longer be looked at
_REPORT_TRIES = 40


@dataclass(frozen=True, slots=True)
class OperatorBehaviour:
    """How the operator is told to act.

    Attributes:
        delay_s: From submission to report.
        refuse_over_bytes: Larger messages are refused by size, 0 for none; *name_limit* says which size it is.
        chances: For each of FAULTS how often it happens, 0 to 1.
        next: Faults of the next submissions, in order, before chances count; "" for none.
        stall_s: How long a stall is.
    """

    delay_s: float = 1.0
    refuse_over_bytes: int = 0
    name_limit: bool = True
    chances: Mapping[str, float] = field(default_factory=dict)
    next: tuple[str, ...] = ()
    stall_s: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        strange = sorted({*self.chances, *self.next} - {"", *FAULTS})
        if strange:
            raise Refused(f"no fault is called {strange[0]!r}; there are {', '.join(FAULTS)}", field="chances")

    @classmethod
    def of(cls, said: Mapping[str, object]) -> OperatorBehaviour:
        """A behaviour from JSON."""
        known = {f.name for f in fields(cls)}
        strange = sorted(set(said) - known)
        if strange:
            raise Refused(f"a behaviour has no {strange[0]!r}; it has {', '.join(sorted(known))}", field=strange[0])
        try:
            return cls(**{**said, "next": tuple(said.get("next") or ())})  # type: ignore[arg-type] # checked by use
        except (TypeError, AttributeError) as error:
            raise Refused(f"the behaviour can not be read: {error}", field="behaviour") from error


@dataclass(slots=True)
class ReceivedSubmission:
    """A submission the operator has: what it got, and how often."""

    id: str
    transaction_id: str
    to: tuple[str, ...]
    body: bytes = field(repr=False)
    at: float
    tries: int = 1
    delivered: int = 0
    reports: int = 0


class SimulatedOperator:
    """The operator itself.

    Args:
        tell: Brings an event to the gateway; a status of 200 means it has it.
    """

    def __init__(
        self,
        tell: Callable[[Request], Awaitable[Response]],
        *,
        name: str = "loopback",
        behaviour: OperatorBehaviour | None = None,
    ) -> None:
        self.name = name
        self.seen: Counter[str] = Counter()
        self._tell = tell
        self._by_transaction: dict[str, ReceivedSubmission] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._shown: deque[ReceivedSubmission] = deque()
        self._shown_bytes = 0
        self.behave(behaviour or OperatorBehaviour())

    def behave(self, behaviour: OperatorBehaviour) -> None:
        """Act this way from now on."""
        self.behaviour = behaviour
        self._next = list(behaviour.next)
        self._dice = random.Random(behaviour.seed)  # noqa: S311 - faults for tests, repeatable on purpose

    @property
    def taken(self) -> tuple[ReceivedSubmission, ...]:
        """What it has, oldest first."""
        return tuple(self._by_transaction.values())

    def find(self, message_id: str) -> ReceivedSubmission | None:
        """A submission by the id it was given."""
        return next((one for one in self._by_transaction.values() if one.id == message_id), None)

    # --- submissions --------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> Response:
        """Answer a submission."""
        self.seen["submissions"] += 1
        transaction = request.headers.get("X-Transaction-Id", "")
        known = self._by_transaction.get(transaction)
        if known is not None:
            known.tries += 1
            self.seen["repeats"] += 1
            return _json(200, {"id": known.id})
        fault = self._fault()
        if fault == "stall":
            await asyncio.sleep(self.behaviour.stall_s)
        if fault in _NOT_TAKEN:
            return _NOT_TAKEN[fault]
        limit = self.behaviour.refuse_over_bytes
        if limit and len(request.body) > limit:
            self.seen["too_large"] += 1
            return _json(413, {"limit": limit} if self.behaviour.name_limit else {})
        taken = self._take(transaction, request)
        await self._schedule(taken, fault)
        return _AFTER_TAKING.get(fault) or _json(200, {"id": taken.id})

    def _fault(self) -> str:
        if self._next:
            return self._next.pop(0)
        for fault, chance in self.behaviour.chances.items():
            if self._dice.random() < chance:
                self.seen[fault] += 1
                return fault
        return ""

    def _take(self, transaction: str, request: Request) -> ReceivedSubmission:
        to = tuple(filter(None, request.headers.get("X-To", "").split(",")))
        taken = ReceivedSubmission(f"L{transaction}", transaction, to, request.body, time.time())
        taken.delivered += 1  # a phone has it: this number may never be more than one
        self._by_transaction[transaction] = taken
        while len(self._by_transaction) > _MOST_KEPT:
            self._by_transaction.pop(next(iter(self._by_transaction)))
        self._shown.append(taken)
        self._shown_bytes += len(taken.body)
        while self._shown_bytes > _MOST_SHOWN_BYTES:
            oldest = self._shown.popleft()
            self._shown_bytes -= len(oldest.body)
            oldest.body = b""
        return taken

    # --- reports ------------------------------------------------------------------------------------------------

    async def _schedule(self, taken: ReceivedSubmission, fault: str) -> None:
        if fault == "lose_report":
            return
        if fault == "deferred":
            self._later(0.0, taken, Event("delivery", status=3, error=15004, final=False))
        status, error = (9, 15003) if fault == "undeliverable" else (5, 0)
        wait_s = 0.0 if fault == "early_report" else self.behaviour.delay_s
        said = Event("delivery", status=status, error=error, at_ms=round((time.time() + wait_s) * 1000))
        if fault == "early_report":
            await self._report(taken, said)
            return
        for _ in range(2 if fault == "double_report" else 1):
            self._later(wait_s, taken, said)

    def _later(self, delay_s: float, taken: ReceivedSubmission, event: Event) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, lambda: self._start(self._report(taken, event)))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, taken: ReceivedSubmission, event: Event) -> None:
        """One report a recipient, until the gateway has it."""
        for number in taken.to:
            told = await self.say(
                Event(
                    "delivery",
                    operator_message_id=taken.id,
                    to=(number,),
                    status=event.status,
                    error=event.error,
                    final=event.final,
                    at_ms=event.at_ms,
                )
            )
            taken.reports += told

    async def say(self, event: Event) -> bool:
        """Bring an event to the gateway, again and again for a while; False when it never took it."""
        request = loopback.write_event(event, self.name)
        for attempt in range(_REPORT_TRIES):
            try:
                response = await self._tell(request)
            except (OSError, TimeoutError):
                response = Response(0)
            if response.status == 200:  # noqa: PLR2004 - the protocol's yes
                return True
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
        self.seen["reports_given_up"] += 1
        return False

    async def close(self) -> None:
        """Stop reporting."""
        for task in self._tasks:
            task.cancel()


def _json(status: int, said: Mapping[str, object]) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(said).encode())


_NOT_TAKEN = {"fail": Response(503), "refuse": _json(403, {"status": 6, "error": 15011})}
_AFTER_TAKING = {"fail_taken": Response(503), "garbage": Response(200, {}, b"\x00<html>\xff not what was asked")}
