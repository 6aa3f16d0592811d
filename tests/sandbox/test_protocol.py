"""Values cross the transport unchanged, and nothing that is no value of ours is ever made from bytes."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent import errors
from mmscontent.sandbox.protocol import FrameLimits, PeerClosed, ProtocolError, Serializer, Transport
from tests.sandbox.conftest import LONG_S

ours = settings(max_examples=150, deadline=None, derandomize=True)


@dataclass(frozen=True, slots=True)
class Leaf:
    size: int
    kind: Literal["image", "video"]
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    leaf: Leaf
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    data: bytes
    notes: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Odd:
    thing: set[int]


@dataclass(frozen=True, slots=True)
class Far:
    leaf: Leaf


class Plain:
    pass


SERIALIZER = Serializer((Leaf, Tree))
integers, floats = st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)
leaves = st.builds(Leaf, integers, st.sampled_from(["image", "video"]), st.none() | floats)
text = st.text(st.characters(), max_size=20)
trees = st.builds(
    Tree,
    leaves,
    st.lists(leaves, max_size=3).map(tuple),
    st.tuples(integers, text),
    st.binary(max_size=300),
    st.dictionaries(text, st.none() | text, max_size=3),
)
atoms = st.none() | st.booleans() | integers | floats | text | st.binary(max_size=50)
values = st.recursive(
    atoms | leaves | trees,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def through(value: object) -> object:
    """Over a real socket pair, from another thread as a frame may be larger than the socket holds."""
    near, far = socket.socketpair()
    with near, far:
        sending = threading.Thread(target=lambda: Transport(near).write(SERIALIZER.pack(value)))
        sending.start()
        try:
            return SERIALIZER.unpack(*Transport(far).read(FrameLimits(), until=time.monotonic() + LONG_S))
        finally:
            far.close()
            sending.join()


@ours
@given(values)
def test_what_goes_in_comes_out(value):
    assert through(value) == value


def test_lists_come_back_as_tuples_and_long_text_whole():
    assert through([1, [2, "x" * 100_000], "ü" * 50_000]) == (1, (2, "x" * 100_000), "ü" * 50_000)


@pytest.mark.parametrize("blob", [bytes(20_000_000), bytearray(b"abc"), memoryview(b"abcdef")[::1]])
def test_blobs_come_back_as_bytes(blob):
    assert through((blob, blob)) == (bytes(blob), bytes(blob))


def test_more_blobs_than_one_system_call_takes():
    many = tuple(bytes([n % 256]) * (n % 7) for n in range(3000))

    assert through(many) == many


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, Plain(), Odd({1}), 1j, print, 2**64, float("nan")])
def test_what_is_not_agreed_on_does_not_leave(value):
    with pytest.raises(TypeError, match=r"can(not)? be sent"):
        SERIALIZER.pack((value,))


def test_a_value_nested_without_end_does_not_leave():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="nests deeper"):
        SERIALIZER.pack(loop)


@pytest.mark.parametrize(
    ("classes", "why"),
    [((Odd,), "Odd.thing is annotated set"), ((Far,), "Far.leaf is annotated .*Leaf"), ((Plain,), "no dataclass")],
)
def test_a_class_that_cannot_be_checked_is_refused_at_once(classes, why):
    with pytest.raises(ValueError, match=why):
        Serializer(classes)


trees_of_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["b", "s", "d", "c", "f", "x"]), inner, max_size=3)
        | st.fixed_dictionaries({"c": st.sampled_from(["Leaf", "Tree", "Popen"]), "f": inner})
    ),
    max_leaves=10,
)


@ours
@given(
    trees_of_json.map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=60),
    st.lists(st.binary(), max_size=2),
)
def test_any_header_is_a_value_of_ours_or_a_broken_frame(header, blobs):
    try:
        value = SERIALIZER.unpack(header, blobs)
    except ProtocolError:
        return
    assert only_ours(value)


def only_ours(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(only_ours, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) and only_ours(v) for k, v in value.items())
    if type(value) is Leaf:
        return (
            type(value.size) is int
            and value.kind in ("image", "video")
            and type(value.share) in (int, float, type(None))
        )
    return type(value) in (Tree, type(None), bool, int, float, str, bytes)


@ours
@given(st.binary(max_size=100))
def test_any_bytes_on_the_wire_are_a_frame_a_broken_frame_or_an_end(data):
    near, far = socket.socketpair()
    with near, far:
        near.sendall(data)
        near.close()
        with pytest.raises((ProtocolError, PeerClosed)):
            Transport(far).read(
                FrameLimits(blob_bytes=1000, header_bytes=1000, blobs=10), until=time.monotonic() + LONG_S
            )


ERRORS = [
    errors.DamagedMedia("beach.jpg ends early", part="beach.jpg"),
    errors.MalformedContent("bad octet", offset=17),
    errors.DoesNotFit(
        "no", limit_bytes=1, smallest_bytes=2, tries=["a"], options=[{"do": "drop", "gives": {"bytes": 1}}]
    ),
    errors.ProfileError("unknown", file="x.toml", key="a.b", value="1"),
    errors.EngineFailed("failed", command="x", status=1, last_lines="y"),
    errors.EngineTimeout("slow"),
    errors.JailKilled("died", limit="memory"),
    errors.MMSContentError("something"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_each_of_our_errors_crosses_whole(error):
    crossed = SERIALIZER.unpack_error(through(SERIALIZER.pack_error(error)))

    assert type(crossed) is type(error)
    assert (str(crossed), crossed.retryable, crossed.part) == (str(error), error.retryable, error.part)
    assert {k: v for k, v in vars(crossed).items() if k != "retryable"} == vars(error)


def test_a_subclass_of_our_errors_crosses_as_the_one_of_ours_it_is():
    class Special(errors.DamagedMedia):
        pass

    assert type(SERIALIZER.unpack_error(SERIALIZER.pack_error(Special("x")))) is errors.DamagedMedia


def test_time_runs_out_on_a_side_that_neither_sends_nor_reads():
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(TimeoutError):
            Transport(far).read(FrameLimits(), until=time.monotonic() + 0.05)
        with pytest.raises(TimeoutError):
            Transport(near).write([bytes(10_000_000)], until=time.monotonic() + 0.05)
