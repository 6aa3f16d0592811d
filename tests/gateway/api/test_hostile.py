"""Hostile requests: whatever arrives, a reader raises only our errors, and a slow or endless body is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmscontent as mms
from gateway_adapter.api import inbound_configurations, messages_api, mms_v1_advanced, mms_v1_single, mms_v2
from gateway_adapter.api.common_fields import InlineContent
from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.fields import read_json
from gateway_adapter.api.multipart import MultipartLimits, boundary_of, iter_parts
from gateway_adapter.api.routes import request_body

NOW_MS = 1795336502996
QUICK = settings(max_examples=120, derandomize=True, deadline=None)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.sampled_from(
    ["messages", "destinations", "to", "group", "content", "messageSegments", "type", "text", "contentUrl", "options",
     "schedule", "sendAt", "from", "channel", "body", "deliveryTimeWindow", "days", "number", "contentBase64", "x"]
)  # fmt: skip
BODIES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=15
)
READERS = {
    "single": lambda body: mms_v1_single.submission_from_single(read_json(mms_v1_single.SingleHead, body), (), NOW_MS),
    "advanced": lambda body: mms_v1_advanced.submission_from_advanced(
        mms_v1_advanced.read_advanced_json(body), NOW_MS, InlineContent()
    ),
    "advanced, XML": lambda body: mms_v1_advanced.submission_from_advanced(
        mms_v1_advanced.read_advanced_xml(body), NOW_MS, InlineContent()
    ),
    "v2": lambda body: mms_v2.submission_from_v2(read_json(mms_v2.MessagesRequest, body), NOW_MS),
    "messages api": lambda body: messages_api.submission_from_channels(
        read_json(messages_api.MessagesApiRequest, body), messages_api.ConversionContext(NOW_MS, InlineContent())
    ),
    "configurations": lambda body: inbound_configurations.apply_change(
        read_json(inbound_configurations.ConfigurationRequest, body), None
    ),
}


def only_our_errors(reader, body: bytes) -> None:
    with contextlib.suppress(mms.MMSContentError):
        reader(body)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@QUICK
@given(body=BODIES)
def test_any_json_is_read_or_refused(reader, body):
    only_our_errors(reader, json.dumps(body).encode())


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@QUICK
@given(body=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(reader, body):
    only_our_errors(reader, body)


async def _whole(body: bytes, boundary: bytes, limits: MultipartLimits) -> int:
    async def stream():
        for at in range(0, len(body), 17):
            yield body[at : at + 17]

    return sum([len(await part.read(10_000)) async for part in iter_parts(stream(), boundary, limits)])


PIECES = st.lists(
    st.sampled_from(
        [b"--b", b"--b--", b"\r\n", b"\n", b"--", b":", b"Content-Type", b"Content-Transfer-Encoding: base64", b"AAAA",
         b"\x00", b"name=", b'Content-Disposition: form-data; name="head"', b"\r\n\r\n", b"\xff" * 5]
    ),
    max_size=25,
)  # fmt: skip


@QUICK
@given(pieces=PIECES)
def test_any_multipart_body_is_read_or_refused(pieces):
    only_our_errors(lambda body: asyncio.run(_whole(body, b"b", MultipartLimits())), b"".join(pieces))


@QUICK
@given(kind=st.text(max_size=60))
def test_any_content_type_has_a_boundary_or_none_or_is_refused(kind):
    only_our_errors(boundary_of, kind)
    only_our_errors(boundary_of, f"multipart/form-data; boundary={kind}")


# --- slow and endless ------------------------------------------------------------------------------------------


async def _drain(stream) -> int:
    return sum([len(chunk) async for chunk in stream])


def test_a_body_that_pauses_too_long_is_cut_off(monkeypatch):
    async def slow():
        yield b"x"
        await asyncio.sleep(5)
        yield b"y"

    monkeypatch.setattr(request_body, "_PAUSE_S", 0.05)
    with pytest.raises(HttpRefusal, match="did not arrive in time") as refused:
        asyncio.run(_drain(request_body._timed(slow(), 100)))

    assert refused.value.http == 408


def test_a_body_that_trickles_for_too_long_is_cut_off(monkeypatch):
    async def trickle():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    monkeypatch.setattr(request_body, "_BODY_S", 0.1)
    with pytest.raises(HttpRefusal, match="did not arrive in time"):
        asyncio.run(_drain(request_body._timed(trickle(), 10**9)))


def test_a_body_without_end_is_cut_off_at_the_most_there_may_be():
    async def endless():
        while True:
            yield bytes(1000)

    with pytest.raises(HttpRefusal, match="more than 5,000 bytes") as refused:
        asyncio.run(_drain(request_body._timed(endless(), 5000)))

    assert refused.value.http == 413


def test_bodies_held_at_once_have_a_bound_and_wait_for_their_turn():
    async def crowd() -> int:
        held, now, most = request_body._MemoryBudget(100), 0, 0

        async def one(weight: int) -> None:
            nonlocal now, most
            async with held.reserve(weight):
                now += min(weight, 100)
                most = max(most, now)
                await asyncio.sleep(0.001)
                now -= min(weight, 100)

        await asyncio.gather(*(one(weight) for weight in (30, 60, 500, 10, 90, 40, 100)))
        return most

    assert asyncio.run(crowd()) <= 100


def test_a_form_that_opens_parts_without_end_is_refused():
    bomb = b"--b\r\n\r\n\r\n" * 100_000

    with pytest.raises(HttpRefusal, match="more than 64 parts"):
        asyncio.run(_whole(bomb, b"b", MultipartLimits()))


def test_a_body_in_memory_whose_length_nobody_said_has_a_lower_cap(gateway, monkeypatch):
    async def unannounced():
        for _ in range(5):
            yield b" " * 1000

    monkeypatch.setattr(request_body, "_SMALL_BYTES", 0)
    monkeypatch.setattr(request_body, "_UNANNOUNCED_BYTES", 4000)
    answer = gateway.http.post("/mms/2/messages", content=unannounced(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, "more than 4,000 bytes" in answer.text) == (413, True)


@pytest.mark.parametrize("path", ["/mms/1/single", "/mms/1/content"])
def test_content_goes_to_the_disk_as_it_arrives(gateway, path):
    async def body():
        if path == "/mms/1/single":
            yield b'--b\r\nContent-Disposition: form-data; name="head"\r\n\r\n{"from":"1","to":"41793026727"}\r\n'
            yield b'--b\r\nContent-Disposition: form-data; name="media"; filename="m"\r\n\r\n'
        for _ in range(60):
            yield os.urandom(32_000)
        if path == "/mms/1/single":
            yield b"\r\n--b--"

    headers = {"Content-Type": "multipart/form-data; boundary=b", "X-Content-Id": "a", "X-Media-Type": "image/png"}
    tracemalloc.start()
    answer = gateway.http.post(path, content=body(), headers=headers)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert answer.status_code == 200, answer.text
    assert most < 700_000, "1.9 MB of content were held in memory"
