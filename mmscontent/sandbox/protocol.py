"""The protocol between us and a sandboxed worker: values as frames over a socket; never pickle.

A frame is a prefix, the lengths of its blobs, a JSON header and the blobs as they are. A worker may have been taken
over, so nothing in its answer is trusted: every length is checked before memory is allocated, only registered
dataclasses are constructed, and the type of each field must be the annotated one.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import math
import struct
import time
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent import errors
from mmscontent.media_types import Kind

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from _typeshed import WriteableBuffer as Buffer

_MAGIC = b"MMSJ"
_PREFIX = struct.Struct(">4sII")  # magic, bytes of the header, number of blobs
# Longer strings travel as blobs: JSON would escape each non-ASCII character to six bytes.
_LONG_TEXT = 4096
# Deeper than any value of ours, far from the recursion limit.
_MAX_DEPTH = 24
_BLOCK = 1 << 16
# Buffers per sendmsg(2); IOV_MAX is 1024 on Linux and macOS.
_MAX_IOV = 512


class ProtocolError(ValueError):
    """What the other side sent is not a valid frame."""


class PeerClosed(EOFError):
    """The other side has closed the socket."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """How large one frame may be, checked before any memory is allocated."""

    blob_bytes: int = 1 << 30
    # Bulk travels as blobs, the header holds numbers and names.
    header_bytes: int = 4 << 20
    blobs: int = 4096


class Serializer:
    """Packs values into frames and unpacks them; knows the registered dataclasses and their fields' types.

    Raises:
        ValueError: A class is no dataclass, or a field's annotation cannot be checked (can: None, bool, int, float,
            str, bytes, tuples, dicts by str, literals, unions, registered classes).
    """

    def __init__(self, classes: Iterable[type] = ()) -> None:
        self._classes = {c.__name__: c for c in classes}
        names: dict[str, object] = {"Kind": Kind, "Sequence": Sequence, "Mapping": Mapping, **self._classes}
        self._fields = {name: _field_hints(c, names, self) for name, c in self._classes.items()}
        self._errors = {name: _error_hints(getattr(errors, name), names, self) for name in errors.__all__}

    def __contains__(self, cls: object) -> bool:
        return isinstance(cls, type) and self._classes.get(cls.__name__) is cls

    def pack(self, value: object) -> list[bytes | memoryview]:
        """A value as the buffers of one frame.

        Raises:
            TypeError: It holds something that cannot be sent.
        """
        blobs: list[bytes | memoryview] = []
        header = json.dumps(self._plain(value, blobs, 0), separators=(",", ":")).encode("ascii")
        lengths = struct.pack(f">{len(blobs)}Q", *(len(b) for b in blobs))
        return [_PREFIX.pack(_MAGIC, len(header), len(blobs)) + lengths + header, *blobs]

    def unpack(self, header: bytes, blobs: Sequence[bytes]) -> object:
        """The value of a frame's header and blobs; lists come back as tuples.

        Raises:
            ProtocolError: A class is unknown, a field has another type than annotated, or the header is not ours.
        """
        try:
            return self._value(json.loads(header), blobs, 0)
        except ProtocolError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as exc:
            raise ProtocolError(f"the header cannot be read: {type(exc).__name__} {exc}"[:300]) from exc

    def pack_error(self, error: errors.MMSContentError) -> dict[str, object]:
        """One of our errors as a value."""
        # A codec may raise a subclass; the parent gets the nearest class of errors.py.
        name = next(c.__name__ for c in type(error).__mro__ if c.__name__ in self._errors)
        attributes = {key: getattr(error, key, None) for key in self._errors[name]}
        return {"class": name, "message": str(error), "attributes": attributes, "retryable": bool(error.retryable)}

    def unpack_error(self, packed: object) -> errors.MMSContentError:
        """The error that a worker sent.

        Raises:
            ProtocolError: It is none of ours, or an attribute has the wrong type.
        """
        if not isinstance(packed, dict) or packed.keys() != {"class", "message", "attributes", "retryable"}:
            raise ProtocolError("an error came without class, message and attributes")
        name, message, values = packed["class"], packed["message"], packed["attributes"]
        hints = self._errors.get(name) if isinstance(name, str) else None
        well_formed = isinstance(message, str) and isinstance(values, dict)
        if hints is None or not well_formed or values.keys() != hints.keys():
            raise ProtocolError(f"an error of class {name!r} is none of ours"[:200])
        for key, hint in hints.items():
            if not self.conforms(values[key], hint):
                raise ProtocolError(f"{name}.{key} of an error is of the wrong type")
        error: errors.MMSContentError = getattr(errors, name)(message, **values)
        error.retryable = packed["retryable"] is True
        return error

    def conforms(self, value: object, hint: object) -> bool:
        """Whether a value has the annotated type, exactly: a subclass could carry code."""
        if hint is object or hint is typing.Any:
            return True
        if hint is None or hint is types.NoneType:
            return value is None
        # An int will do for a float (PEP 484); bool is no int here, as types are compared exactly.
        if hint is float:
            return type(value) in (float, int)
        if isinstance(hint, type) and not typing.get_args(hint):
            return type(value) is hint
        return self._conforms_to_form(value, typing.get_origin(hint), typing.get_args(hint))

    def _conforms_to_form(self, value: object, origin: object, args: tuple[object, ...]) -> bool:
        if origin in (typing.Union, types.UnionType):
            return any(self.conforms(value, a) for a in args)
        if origin is typing.Literal:
            return any(type(value) is type(a) and value == a for a in args)
        if origin is dict or origin is Mapping:
            return isinstance(value, dict) and all(self.conforms(v, args[1]) for v in value.values())
        if not isinstance(value, tuple):
            return False
        if origin is Sequence or args[-1] is Ellipsis:
            return all(self.conforms(v, args[0]) for v in value)
        return len(value) == len(args) and all(map(self.conforms, value, args))

    def check(self, hint: object, where: str) -> None:
        """Refuse an annotation that conforms() cannot check."""
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        simple = (None, types.NoneType, bool, int, float, str, bytes, object, typing.Any)
        if origin is typing.Literal or any(hint is s for s in simple) or hint in self:
            return
        if origin in (typing.Union, types.UnionType, tuple, dict, Sequence, Mapping):
            for arg in args:
                if arg is not Ellipsis:
                    self.check(arg, where)
            return
        raise ValueError(
            f"{where} is annotated {hint!r}, which cannot be checked on arrival; register its class or simplify it"
        )

    def _plain(self, value: object, blobs: list[bytes | memoryview], depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise TypeError(f"a value nests deeper than {_MAX_DEPTH} and cannot be sent")
        match value:
            case None | bool():
                return value
            case int() | float():
                if not _is_plain(value):
                    raise TypeError(f"the number {value:.3g} cannot be sent; only finite numbers of 64 bits can")
                return value
            case str() if len(value) <= _LONG_TEXT:
                return str(value)
            case str():
                return {"s": _append(blobs, value.encode("utf-8", "surrogatepass"))}
            case bytes() | bytearray() | memoryview():
                return {"b": _append(blobs, memoryview(value).cast("B") if value else b"")}
            case tuple() | list():
                return [self._plain(v, blobs, depth + 1) for v in value]
            case dict():
                if not all(isinstance(k, str) for k in value):
                    raise TypeError("only dicts with text keys can be sent")
                return {"d": {k: self._plain(v, blobs, depth + 1) for k, v in value.items()}}
        name = type(value).__name__
        if type(value) not in self:
            raise TypeError(f"a value of type {name} cannot be sent; add its dataclass to the pool's classes")
        return {"c": name, "f": {k: self._plain(getattr(value, k), blobs, depth + 1) for k in self._fields[name]}}

    def _value(self, tree: object, blobs: Sequence[bytes], depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise ProtocolError(f"a value nests deeper than {_MAX_DEPTH}")
        match tree:
            case None | bool() | str():
                return tree
            case int() | float() if _is_plain(tree):
                return tree
            case list():
                return tuple(self._value(v, blobs, depth + 1) for v in tree)
            case dict():
                return self._tagged(tree, blobs, depth + 1)
        raise ProtocolError("the header holds a form we do not know")

    def _tagged(self, tree: dict[str, object], blobs: Sequence[bytes], depth: int) -> object:
        """What JSON has no form for: `b` bytes, `s` long text, `d` dict, `c` class with its fields `f`."""
        match tuple(tree), tree:
            case ("b",), {"b": int(at)}:
                return blobs[at]
            case ("s",), {"s": int(at)}:
                return blobs[at].decode("utf-8", "surrogatepass")
            case ("d",), {"d": dict(items)}:
                return {k: self._value(v, blobs, depth) for k, v in items.items()}
            case ("c", "f"), {"c": str(name), "f": dict(fields)}:
                return self._instance(name, {k: self._value(v, blobs, depth) for k, v in fields.items()})
        raise ProtocolError("the header holds a form we do not know")

    def _instance(self, name: str, fields: dict[str, object]) -> object:
        hints = self._fields.get(name)
        if hints is None:
            raise ProtocolError(f"class {name!r} is not registered"[:200])
        if fields.keys() != hints.keys():
            raise ProtocolError(f"{name} came with other fields than it has")
        for key, hint in hints.items():
            if not self.conforms(fields[key], hint):
                raise ProtocolError(f"{name}.{key} is of the wrong type: {type(fields[key]).__name__}")
        return self._classes[name](**fields)


def _is_plain(number: float) -> bool:
    """Whether it is finite and fits 64 bits; a taken-over worker could upset our arithmetic with others."""
    return math.isfinite(number) if isinstance(number, float) else -(1 << 63) <= number < 1 << 64


def _append(blobs: list[bytes | memoryview], blob: bytes | memoryview) -> int:
    blobs.append(blob)
    return len(blobs) - 1


def _field_hints(cls: type, names: dict[str, object], registry: Serializer) -> dict[str, object]:
    if not dataclasses.is_dataclass(cls):
        raise ValueError(f"{cls!r} is no dataclass and cannot be sent")
    hints = _resolve(cls, cls.__name__, names)
    fields = {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init}
    for name, hint in fields.items():
        registry.check(hint, f"{cls.__name__}.{name}")
    return fields


def _error_hints(cls: type, names: dict[str, object], registry: Serializer) -> dict[str, object]:
    init: object = cls.__init__  # type: ignore[misc]  # the class is one of errors.__all__, its constructor is known
    hints = _resolve(init, cls.__name__, names)
    keys = [p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for key in keys:
        registry.check(hints[key], f"{cls.__name__}.{key}")
    return {key: hints[key] for key in keys}


def _resolve(thing: object, label: str, names: dict[str, object]) -> dict[str, object]:
    try:
        return typing.get_type_hints(thing, localns=names)
    except NameError as exc:
        raise ValueError(f"{label} names {exc.name!r} in an annotation; that class must be registered too") from exc


class Transport:
    """One end of the socket between us and a worker; sends and receives whole frames."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def write(self, buffers: Sequence[bytes | memoryview], *, until: float | None = None) -> None:
        """Send one packed frame whole.

        Raises:
            TimeoutError: *until* (in time.monotonic()) passed.
            PeerClosed: The other side is gone.
        """
        left = [memoryview(b).cast("B") for b in buffers if len(b)]
        while left:
            _set_deadline(self._end, until)
            try:
                sent = self._end.sendmsg(left[:_MAX_IOV])
            # EPIPE: it has closed its end; ECONNRESET: it died with our bytes unread.
            except (BrokenPipeError, ConnectionResetError) as exc:
                raise PeerClosed("the other side is gone") from exc
            left = _without(left, sent)

    def read(self, limits: FrameLimits, *, until: float | None = None) -> tuple[bytes, list[bytes]]:
        """Read one frame: its header and its blobs.

        Raises:
            ProtocolError: It is no valid frame, or over *limits*.
            TimeoutError: *until* (in time.monotonic()) passed.
            PeerClosed: The other side is gone.
        """
        magic, header_bytes, count = _PREFIX.unpack(self._exactly(_PREFIX.size, until))
        if magic != _MAGIC:
            raise ProtocolError(f"a frame begins with {magic!r}")
        if header_bytes > limits.header_bytes or count > limits.blobs:
            raise ProtocolError(f"a frame announces {header_bytes} header bytes and {count} blobs, over its limits")
        # All lengths come first, so that their sum is checked before the first blob is read.
        lengths = struct.unpack(f">{count}Q", self._exactly(8 * count, until))
        if sum(lengths) > limits.blob_bytes:
            raise ProtocolError(f"a frame announces {sum(lengths)} bytes, at most {limits.blob_bytes} are allowed")
        header = self._exactly(header_bytes, until)
        return header, [self._exactly(n, until) for n in lengths]

    def close(self) -> None:
        """Close this end; the other end then reads the end of file."""
        self._end.close()

    def _exactly(self, count: int, until: float | None) -> bytes:
        try:
            # BufferedReader fills its result in place, without chunks to join. It is not kept, as its lock would not
            # survive a fork in the middle of a call.
            data = io.BufferedReader(_BoundedReader(self._end, count, until), _BLOCK).read(count)
        except ConnectionResetError as exc:
            raise PeerClosed("the other side is gone") from exc
        if len(data) < count:
            raise PeerClosed("the other side is gone")
        return data


class _BoundedReader(io.RawIOBase):
    """Reads the next *count* bytes of a socket and not one more, until a deadline."""

    def __init__(self, end: socket.socket, count: int, until: float | None) -> None:
        super().__init__()
        self._end = end
        self._left = count
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._left:
            return 0
        _set_deadline(self._end, self._until)
        got = self._end.recv_into(buffer, min(len(memoryview(buffer)), self._left))
        self._left -= got
        return got


def _without(buffers: list[memoryview], sent: int) -> list[memoryview]:
    """The buffers without the first *sent* bytes."""
    done = 0
    while done < len(buffers) and sent >= len(buffers[done]):
        sent -= len(buffers[done])
        done += 1
    left = buffers[done:]
    if sent:
        left[0] = left[0][sent:]
    return left


def _set_deadline(end: socket.socket, until: float | None) -> None:
    """Let the next wait on the socket end at *until*, in time.monotonic()."""
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        end.settimeout(left)
