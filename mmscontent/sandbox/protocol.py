"""Values to bytes and back over the wall between us and a jailed worker; never pickle.

A frame is a prefix, the lengths of its blobs, a JSON header and the blobs themselves as they are. What comes back
from a worker is hostile until proven otherwise: every length is bounded before memory is taken, only dataclasses of
a stated registry are made, and each field must be what its annotation says.
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

__all__ = ["FrameLimits", "PeerClosed", "ProtocolError", "Serializer", "Transport"]

_MAGIC = b"MMSJ"
_PREFIX = struct.Struct(">4sII")  # magic, bytes of the header, number of blobs
_LONG_TEXT = 4096  # longer strings travel as blobs: JSON would escape them
_MAX_DEPTH = 24
_BLOCK = 1 << 16
_MAX_IOV = 512  # buffers per sendmsg; Linux takes 1024, macOS as well


class ProtocolError(ValueError):
    """What came over the wall is no frame we agreed on."""


class PeerClosed(EOFError):
    """The other side is gone."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """What one frame may hold, checked before any memory is taken."""

    blob_bytes: int = 1 << 30
    header_bytes: int = 4 << 20
    blobs: int = 4096


class Serializer:
    """The frozen dataclasses that may cross, by name, and what each field must be.

    Raises:
        ValueError: A class is no dataclass, or a field's annotation is outside what can be checked
            (None, bool, int, float, str, bytes, tuples, dicts by str, literals, unions, classes of this registry).
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
            TypeError: It holds something that may not cross.
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
        name = next(c.__name__ for c in type(error).__mro__ if c.__name__ in self._errors)
        held = {key: getattr(error, key, None) for key in self._errors[name]}
        return {"class": name, "message": str(error), "attributes": held, "retryable": bool(error.retryable)}

    def unpack_error(self, told: object) -> errors.MMSContentError:
        """The error a worker told of.

        Raises:
            ProtocolError: It is none of ours, or carries what it may not.
        """
        if not isinstance(told, dict) or told.keys() != {"class", "message", "attributes", "retryable"}:
            raise ProtocolError("an error came without class, message and attributes")
        name, message, held = told["class"], told["message"], told["attributes"]
        hints = self._errors.get(name) if isinstance(name, str) else None
        if hints is None or not isinstance(message, str) or not isinstance(held, dict) or held.keys() != hints.keys():
            raise ProtocolError(f"an error of class {name!r} is none of ours"[:200])
        for key, hint in hints.items():
            if not self.conforms(held[key], hint):
                raise ProtocolError(f"{name}.{key} of an error is of the wrong type")
        error: errors.MMSContentError = getattr(errors, name)(message, **held)
        error.retryable = told["retryable"] is True
        return error

    def conforms(self, value: object, hint: object) -> bool:
        """Whether a value is what an annotation says; exact types, no subclasses."""
        if hint is object or hint is typing.Any:
            return True
        if hint is None or hint is types.NoneType:
            return value is None
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
        """Refuse an annotation that conforms() could not judge."""
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
            f"{where} is annotated {hint!r}, which cannot be checked on the wall; add its class or simplify"
        )

    def _plain(self, value: object, blobs: list[bytes | memoryview], depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise TypeError(f"a value nests deeper than {_MAX_DEPTH} and may not cross the wall")
        match value:
            case None | bool():
                return value
            case int() | float():
                if not _is_plain(value):
                    raise TypeError(f"the number {value:.3g} may not cross the wall; only finite ones of 64 bits do")
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
                    raise TypeError("only dicts with text keys may cross the wall")
                return {"d": {k: self._plain(v, blobs, depth + 1) for k, v in value.items()}}
        name = type(value).__name__
        if type(value) not in self:
            raise TypeError(f"a value of type {name} may not cross the wall; add its dataclass to the jail's registry")
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
            case ("d",), {"d": dict(held)}:
                return {k: self._value(v, blobs, depth) for k, v in held.items()}
            case ("c", "f"), {"c": str(name), "f": dict(held)}:
                return self._instance(name, {k: self._value(v, blobs, depth) for k, v in held.items()})
        raise ProtocolError("the header holds a form we do not know")

    def _instance(self, name: str, held: dict[str, object]) -> object:
        hints = self._fields.get(name)
        if hints is None:
            raise ProtocolError(f"class {name!r} is not in the registry"[:200])
        if held.keys() != hints.keys():
            raise ProtocolError(f"{name} came with other fields than it has")
        for key, hint in hints.items():
            if not self.conforms(held[key], hint):
                raise ProtocolError(f"{name}.{key} is of the wrong type: {type(held[key]).__name__}")
        return self._classes[name](**held)


def _is_plain(number: float) -> bool:
    """Whether it is finite and no wider than 64 bits: what a taken-over worker must not plant in our arithmetic."""
    return math.isfinite(number) if isinstance(number, float) else -(1 << 63) <= number < 1 << 64


def _append(blobs: list[bytes | memoryview], blob: bytes | memoryview) -> int:
    blobs.append(blob)
    return len(blobs) - 1


def _field_hints(cls: type, names: dict[str, object], registry: Serializer) -> dict[str, object]:
    if not dataclasses.is_dataclass(cls):
        raise ValueError(f"{cls!r} is no dataclass and may not cross the wall")
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
        raise ValueError(
            f"{label} names {exc.name!r} in an annotation; that class must be in the registry too"
        ) from exc


class Transport:
    """One end of the socket between us and a worker; frames go out and come in whole."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def write(self, buffers: Sequence[bytes | memoryview], *, until: float | None = None) -> None:
        """Send one packed frame whole.

        Raises:
            TimeoutError: *until* (of time.monotonic) came first.
            PeerClosed: The other side is gone.
        """
        left = [memoryview(b).cast("B") for b in buffers if len(b)]
        while left:
            _set_deadline(self._end, until)
            try:
                sent = self._end.sendmsg(left[:_MAX_IOV])
            except (BrokenPipeError, ConnectionResetError) as exc:
                raise PeerClosed("the other side is gone") from exc
            left = _without(left, sent)

    def read(self, bounds: FrameLimits, *, until: float | None = None) -> tuple[bytes, list[bytes]]:
        """Read one frame: its header and its blobs.

        Raises:
            ProtocolError: No frame of ours, or over the bounds.
            TimeoutError: *until* (of time.monotonic) came first.
            PeerClosed: The other side is gone.
        """
        magic, header_bytes, count = _PREFIX.unpack(self._exactly(_PREFIX.size, until))
        if magic != _MAGIC:
            raise ProtocolError(f"a frame begins with {magic!r}")
        if header_bytes > bounds.header_bytes or count > bounds.blobs:
            raise ProtocolError(f"a frame announces {header_bytes} header bytes and {count} blobs, over its bounds")
        lengths = struct.unpack(f">{count}Q", self._exactly(8 * count, until))
        if sum(lengths) > bounds.blob_bytes:
            raise ProtocolError(f"a frame announces {sum(lengths)} bytes, at most {bounds.blob_bytes} are taken")
        header = self._exactly(header_bytes, until)
        return header, [self._exactly(n, until) for n in lengths]

    def close(self) -> None:
        """Close this end; the other one then reads that we are gone."""
        self._end.close()

    def _exactly(self, count: int, until: float | None) -> bytes:
        try:
            # Fills the bytes it hands out in place; never kept, as its lock would not survive a fork under a call.
            data = io.BufferedReader(_BoundedReader(self._end, count, until), _BLOCK).read(count)
        except ConnectionResetError as exc:
            raise PeerClosed("the other side is gone") from exc
        if len(data) < count:
            raise PeerClosed("the other side is gone")
        return data


class _BoundedReader(io.RawIOBase):
    """The next *count* bytes of a socket and not one more, with an end to each wait."""

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
    """What is left of the buffers after so many bytes of them went out."""
    done = 0
    while done < len(buffers) and sent >= len(buffers[done]):
        sent -= len(buffers[done])
        done += 1
    left = buffers[done:]
    if sent:
        left[0] = left[0][sent:]
    return left


def _set_deadline(end: socket.socket, until: float | None) -> None:
    """Let the next wait on the socket end at *until*."""
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        end.settimeout(left)
