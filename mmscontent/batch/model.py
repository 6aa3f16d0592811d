"""The values of a batch: items, settings, tasks and results. All of them can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmscontent.codecs.base import Effort
from mmscontent.ledger import Ledger
from mmscontent.message import Message, Part
from mmscontent.profiles.model import Profile

if TYPE_CHECKING:
    from mmscontent.pipeline.request import IfNotFit

Status = Literal["done", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why an item has no output.

    Attributes:
        code: A code of errors.py, or `batch/crashed` and `batch/timeout` for a worker that died or took too long.
    """

    code: str
    message: str
    part: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One message to compose: files by their paths, or a message.

    Attributes:
        name: The name of its result and its output; unique in a batch.
        message: Instead of files, text and subject.
        recipient: The number or address it is packed for; "" for none.
        profile: The receiver; that of the batch when None.
        fault: A reason, known beforehand, why it cannot be composed; the item fails with it.
    """

    name: str
    files: tuple[Path, ...] = ()
    text: str = ""
    subject: str = ""
    recipient: str = ""
    profile: Profile | None = None
    message: Message | None = field(default=None, repr=False)
    fault: Failure | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of every item of a batch.

    Attributes:
        smil: As for `compose`, like if_not_fit.
        form: Packed messages, or the fitted parts of each as files.
        timeout_s: The time that one item may take, all its parts together.
        memory_bytes: The memory that one worker may map; its sandbox processes have limits of their own.
    """

    profile: Profile
    encoding: str = "pdu"
    effort: Effort = "fast"
    sender: str = ""
    form: Literal["message", "parts"] = "message"
    timeout_s: float = 300.0
    memory_bytes: int = 4 << 30
    smil: bytes | None = field(default=None, repr=False)
    if_not_fit: IfNotFit = "fail"

    def __post_init__(self) -> None:
        if self.form == "parts" and self.if_not_fit == "split":
            raise ValueError("form 'parts' writes the parts of one message, so if_not_fit must not be 'split'")


@dataclass(frozen=True, slots=True)
class Task:
    """An item on its way to a worker."""

    number: int
    item: Item
    settings: Settings


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read; a resumed run compares it with the file then."""

    path: str
    size_bytes: int
    modified_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Output:
    """One file that was written; its path is relative to the output folder."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one item.

    Attributes:
        status: `done`; `refused` when it does not fit or is not allowed (the ledger has options); `failed` otherwise.
        data: The packed message; empty unless done and asked for as a message.
        more: The messages after the first, when it was split.
        parts: The fitted parts, when they were asked for.
        tries: How many workers ran it; more than one when the first ones died.
    """

    item: str
    status: Status
    ledger: Ledger | None = None
    data: bytes = field(default=b"", repr=False)
    content_type: str = ""
    more: tuple[bytes, ...] = field(default=(), repr=False)
    parts: tuple[Part, ...] = field(default=(), repr=False)
    sources: tuple[Source, ...] = ()
    failure: Failure | None = None
    tries: int = 1
    elapsed_ms: int = 0

    @property
    def source_bytes(self) -> int:
        """Size of all files that were read."""
        return sum(s.size_bytes for s in self.sources)

    @property
    def output_bytes(self) -> int:
        """Size of all messages and parts."""
        return len(self.data) + sum(map(len, self.more)) + sum(len(p.data) for p in self.parts)

    @property
    def quality(self) -> float | None:
        """The lowest predicted quality of its parts; None when none was predicted."""
        if self.ledger is None or self.status != "done":
            return None
        return min((p.predicted for p in self.ledger.parts if p.predicted is not None), default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is; reported after every item.

    Attributes:
        total: None when the number of items is not known beforehand.
        elapsed_s: Seconds since the batch started.
    """

    total: int | None
    done: int = 0
    refused: int = 0
    failed: int = 0
    source_bytes: int = 0
    output_bytes: int = 0
    elapsed_s: float = 0.0

    @property
    def finished(self) -> int:
        """Items with a result."""
        return self.done + self.refused + self.failed
