"""Every exception of the library.

MMSContentError
├─ SourceError          the input is at fault
│  ├─ UnknownMedia      the bytes are of no media type in media_types.py
│  ├─ DamagedMedia      the bytes are of a known type and cannot be decoded
│  ├─ OverLimits        the header announces more than we agree to open
│  └─ MalformedContent  a wire form, SMIL or contact breaks its grammar (with offset)
├─ DoesNotFit           the smallest rendition is over the limit; carries options
├─ NotAllowed           the profile accepts no such kind or type
├─ ProfileError         a profile file or key is wrong or unknown
├─ BatchError           a folder, journal or list of a batch cannot be used as asked
└─ EngineError          our own tools
   ├─ EngineMissing     not installed (cause, cure)
   ├─ EngineFailed      ran and failed (command, status, last lines)
   ├─ EngineTimeout     ran too long; may be tried again
   └─ JailKilled        a sandbox worker passed one of its limits and was ended

A message names the subject, the limit, the actual value and the way out, in two sentences at most.
Encoding something illegal is our own bug and raises ValueError where the value is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "BatchError",
    "DamagedMedia",
    "DoesNotFit",
    "EngineError",
    "EngineFailed",
    "EngineMissing",
    "EngineTimeout",
    "JailKilled",
    "MMSContentError",
    "MalformedContent",
    "NotAllowed",
    "OverLimits",
    "ProfileError",
    "SourceError",
    "UnknownMedia",
]


class MMSContentError(Exception):
    """Base of all our errors.

    Attributes:
        code: Stable word for machines, `source/damaged` and the like.
        retryable: The same call may succeed later without any change.
        user_text: One sentence for the person who sends, free of technical words.
        part: Name of the part it is about, or "".
    """

    code = "error"
    retryable = False
    user_text = "The message could not be prepared."

    def __init__(self, message: str, *, part: str = "") -> None:
        super().__init__(message)
        self.part = part


class SourceError(MMSContentError):
    """The input is at fault."""

    code = "source"
    user_text = "One of the files cannot be used."


class UnknownMedia(SourceError):
    """The bytes are of no media type we know."""

    code = "source/unknown-media"
    user_text = "The kind of one of the files is not known."


class DamagedMedia(SourceError):
    """The bytes are of a known type and cannot be decoded."""

    code = "source/damaged"
    user_text = "One of the files is damaged."


class OverLimits(SourceError):
    """The input is larger than what we agree to open at all (see limits.py)."""

    code = "source/over-limits"
    user_text = "One of the files is too large to be opened."


class MalformedContent(SourceError):
    """Wire input, SMIL or a contact breaks its grammar.

    Attributes:
        offset: Byte offset in the input where reading stopped, or None.
    """

    code = "source/malformed"
    user_text = "The message is damaged."

    def __init__(self, message: str, *, part: str = "", offset: int | None = None) -> None:
        super().__init__(message, part=part)
        self.offset = offset


class DoesNotFit(MMSContentError):
    """No rendition that may be sent is small enough.

    Attributes:
        limit_bytes: What the packed message may have.
        smallest_bytes: The smallest packed size that was found possible.
        tries: What was tried, in order, as sentences.
        options: Remedies that would make it fit, each a mapping with `do`, `part` and `gives`, as in the ledger.
    """

    code = "does-not-fit"
    user_text = "The message is too large for the receiver."

    def __init__(
        self,
        message: str,
        *,
        limit_bytes: int,
        smallest_bytes: int,
        tries: Sequence[str] = (),
        options: Sequence[Mapping[str, object]] = (),
        part: str = "",
    ) -> None:
        super().__init__(message, part=part)
        self.limit_bytes = limit_bytes
        self.smallest_bytes = smallest_bytes
        self.tries = tuple(tries)
        self.options = tuple(options)


class NotAllowed(MMSContentError):
    """The receiver's profile accepts no such kind or type."""

    code = "not-allowed"
    user_text = "The receiver cannot take this kind of content."


class ProfileError(MMSContentError):
    """A profile is unknown, or its file is wrong.

    Attributes:
        file: Path or key of the profile file, or "".
        key: Dotted key inside it, or "".
        value: The offending value as text, or "".
    """

    code = "profile"
    user_text = "The receiver's profile is not known."

    def __init__(self, message: str, *, file: str = "", key: str = "", value: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.key = key
        self.value = value


class BatchError(MMSContentError):
    """A batch or campaign cannot start: its output folder, journal, manifest or list of recipients is not as asked.

    Attributes:
        file: Path of the file or folder at fault, or "".
        line: Line in that file, counted from 1, or None.
    """

    code = "batch"
    user_text = "The messages could not be prepared."

    def __init__(self, message: str, *, file: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class EngineError(MMSContentError):
    """One of the programs or libraries underneath is missing or failed."""

    code = "engine"
    user_text = "The message could not be prepared on this machine."


class EngineMissing(EngineError):
    """A needed engine is not installed; the message names cause and cure."""

    code = "engine/missing"


class EngineFailed(EngineError):
    """An engine ran and failed.

    Attributes:
        command: The quoted command line, or "".
        status: Its exit status, or None.
        last_lines: The end of its output.
    """

    code = "engine/failed"

    def __init__(
        self, message: str, *, command: str = "", status: int | None = None, last_lines: str = "", part: str = ""
    ) -> None:
        super().__init__(message, part=part)
        self.command = command
        self.status = status
        self.last_lines = last_lines


class EngineTimeout(EngineError):
    """An engine ran longer than it may."""

    code = "engine/timeout"
    retryable = True


class JailKilled(EngineError):
    """A sandbox worker passed one of its limits and was ended; the next call gets a new worker.

    Attributes:
        limit: Which limit: `memory`, `cpu time`, `file size`, `system call`, `crash`, `reply` (it broke the protocol),
            `neighbour` (another call in the same worker; a new session may try again) or `unknown`.
    """

    code = "engine/jail-killed"

    def __init__(self, message: str, *, limit: str = "unknown", part: str = "") -> None:
        super().__init__(message, part=part)
        self.limit = limit
