"""A simulated operator: accepts submissions, reports delivery, and fails in the ways it is configured to.

Inside the gateway's process it is called directly; as a process of its own (`mms-gateway loopback`) it speaks HTTP. It
honours transaction ids: a repeated submission gets the first response, and no phone gets a message twice.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields

from gateway_adapter.connectors import loopback
from gateway_adapter.connectors.base import OperatorRequest, OperatorResponse
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event

# What may go wrong, each with what it does to a submission or its report.
FAULTS = (
    "fail",  # 503, not accepted
    "fail_taken",  # accepted, but the response is 503: the gateway tries again
    "stall",  # no response for stall_s, then as usual
    "garbage",  # accepted, but the response makes no sense
    "refuse",  # 403 with a status of its own: final
    "lose_report",  # delivered, but never reported
    "double_report",  # reported twice
    "early_report",  # reported before the submission is answered
    "undeliverable",  # reported as not delivered
    "deferred",  # a report of "deferred" before the final one
)
_MAX_SUBMISSIONS = 20_000  # submissions remembered; the oldest go first
_MAX_RECENT_BYTES = 64_000_000  # of what phones got; the bytes of older ones are dropped
_REPORT_TRIES = 40


@dataclass(frozen=True, slots=True)
class OperatorBehaviour:
    """How the operator acts.

    Attributes:
        delay_s: From submission to report.
        refuse_over_bytes: Larger messages are refused, 0 for none; with *name_limit* the refusal names the size.
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
        unknown = sorted({*self.chances, *self.next} - {"", *FAULTS})
        if unknown:
            raise Refused(f"no fault is called {unknown[0]!r}; there are {', '.join(FAULTS)}", field="chances")

    @classmethod
    def of(cls, members: Mapping[str, object]) -> OperatorBehaviour:
        """A behaviour from JSON."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(members) - known)
        if unknown:
            raise Refused(f"a behaviour has no {unknown[0]!r}; it has {', '.join(sorted(known))}", field=unknown[0])
        try:
            return cls(**{**members, "next": tuple(members.get("next") or ())})  # type: ignore[arg-type] # checked by use
        except (TypeError, AttributeError) as error:
            raise Refused(f"the behaviour can not be read: {error}", field="behaviour") from error


@dataclass(slots=True)
class ReceivedSubmission:
    """An accepted submission, with its number of attempts, deliveries and reports."""

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
        deliver: Sends an event to the gateway; status 200 means the gateway has stored it.
    """

    def __init__(
        self,
        deliver: Callable[[OperatorRequest], Awaitable[OperatorResponse]],
        *,
        name: str = "loopback",
        behaviour: OperatorBehaviour | None = None,
    ) -> None:
        self.name = name
        self.counters: Counter[str] = Counter()
        self._deliver = deliver
        self._by_transaction: dict[str, ReceivedSubmission] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._recent: deque[ReceivedSubmission] = deque()
        self._recent_bytes = 0
        self.behave(behaviour or OperatorBehaviour())

    def behave(self, behaviour: OperatorBehaviour) -> None:
        """Act this way from now on."""
        self.behaviour = behaviour
        self._next = list(behaviour.next)
        self._random = random.Random(behaviour.seed)  # noqa: S311 - faults for tests, repeatable on purpose

    @property
    def submissions(self) -> tuple[ReceivedSubmission, ...]:
        """The accepted submissions, oldest first."""
        return tuple(self._by_transaction.values())

    def find(self, message_id: str) -> ReceivedSubmission | None:
        """A submission by the id it was given."""
        return next((one for one in self._by_transaction.values() if one.id == message_id), None)

    # --- submissions --------------------------------------------------------------------------------------------

    async def submit(self, request: OperatorRequest) -> OperatorResponse:
        """Answer a submission."""
        self.counters["submissions"] += 1
        transaction = request.headers.get("X-Transaction-Id", "")
        known = self._by_transaction.get(transaction)
        if known is not None:
            known.tries += 1
            self.counters["repeats"] += 1
            return _json(200, {"id": known.id})
        fault = self._fault()
        if fault == "stall":
            await asyncio.sleep(self.behaviour.stall_s)
        if fault in _NOT_ACCEPTED:
            return _NOT_ACCEPTED[fault]
        limit = self.behaviour.refuse_over_bytes
        if limit and len(request.body) > limit:
            self.counters["too_large"] += 1
            return _json(413, {"limit": limit} if self.behaviour.name_limit else {})
        submission = self._accept(transaction, request)
        await self._schedule(submission, fault)
        return _AFTER_ACCEPTING.get(fault) or _json(200, {"id": submission.id})

    def _fault(self) -> str:
        if self._next:
            return self._next.pop(0)
        for fault, chance in self.behaviour.chances.items():
            if self._random.random() < chance:
                self.counters[fault] += 1
                return fault
        return ""

    def _accept(self, transaction: str, request: OperatorRequest) -> ReceivedSubmission:
        to = tuple(filter(None, request.headers.get("X-To", "").split(",")))
        submission = ReceivedSubmission(f"L{transaction}", transaction, to, request.body, time.time())
        submission.delivered += 1  # a phone has it: this number may never be more than one
        self._by_transaction[transaction] = submission
        while len(self._by_transaction) > _MAX_SUBMISSIONS:
            self._by_transaction.pop(next(iter(self._by_transaction)))
        self._recent.append(submission)
        self._recent_bytes += len(submission.body)
        while self._recent_bytes > _MAX_RECENT_BYTES:
            oldest = self._recent.popleft()
            self._recent_bytes -= len(oldest.body)
            oldest.body = b""
        return submission

    # --- reports ------------------------------------------------------------------------------------------------

    async def _schedule(self, submission: ReceivedSubmission, fault: str) -> None:
        if fault == "lose_report":
            return
        if fault == "deferred":
            self._later(0.0, submission, Event("delivery", status=3, error=15004, final=False))
        status, error = (9, 15003) if fault == "undeliverable" else (5, 0)
        wait_s = 0.0 if fault == "early_report" else self.behaviour.delay_s
        report = Event("delivery", status=status, error=error, at_ms=round((time.time() + wait_s) * 1000))
        if fault == "early_report":
            await self._report(submission, report)
            return
        for _ in range(2 if fault == "double_report" else 1):
            self._later(wait_s, submission, report)

    def _later(self, delay_s: float, submission: ReceivedSubmission, event: Event) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, lambda: self._start(self._report(submission, event)))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, submission: ReceivedSubmission, event: Event) -> None:
        """Send one report per recipient."""
        for number in submission.to:
            accepted = await self.send_event(
                Event(
                    "delivery",
                    operator_message_id=submission.id,
                    to=(number,),
                    status=event.status,
                    error=event.error,
                    final=event.final,
                    at_ms=event.at_ms,
                )
            )
            submission.reports += accepted

    async def send_event(self, event: Event) -> bool:
        """Send an event to the gateway, with retries; False when it was never accepted."""
        request = loopback.write_event(event, self.name)
        for attempt in range(_REPORT_TRIES):
            try:
                response = await self._deliver(request)
            except (OSError, TimeoutError):
                response = OperatorResponse(0)
            if response.status == 200:  # noqa: PLR2004 - the protocol's yes
                return True
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
        self.counters["reports_given_up"] += 1
        return False

    async def close(self) -> None:
        """Stop reporting."""
        for task in self._tasks:
            task.cancel()


def _json(status: int, members: Mapping[str, object]) -> OperatorResponse:
    return OperatorResponse(status, {"Content-Type": "application/json"}, json.dumps(members).encode())


_NOT_ACCEPTED = {"fail": OperatorResponse(503), "refuse": _json(403, {"status": 6, "error": 15011})}
_GARBAGE = b"\x00<html>\xff not what was asked"
_AFTER_ACCEPTING = {"fail_taken": OperatorResponse(503), "garbage": OperatorResponse(200, {}, _GARBAGE)}
