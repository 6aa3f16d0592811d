"""What every connector keeps to, row by row of the table: a new row is tested the day it is added."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmscontent as mms
from gateway_adapter.connectors.base import OperatorRequest, OperatorResponse, SubmitResult
from gateway_adapter.connectors.registry import CONNECTORS, connector_of, encoding_of, overhead_of
from gateway_adapter.errors import Refused
from gateway_adapter.messages.renditions import RenditionTarget
from gateway_adapter.model import Event
from gateway_adapter.statuses import ERRORS, STATUSES
from tests.gateway.connectors.rows import CONNECTIONS, SUBMIT

OUTCOMES = {"taken", "again", "too_large", "refused"}
REMOTE = [name for name, kind in CONNECTORS.items() if kind.schemes]
GARBAGE = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"{", b"<", b"<a/>", b'{"results":1}', b'{"messages":[1]}']),
    st.binary(max_size=60).map(lambda tail: b'<?xml version="1.0"?><e:Envelope xmlns:e="x"><e:Body>' + tail),
    st.binary(max_size=60).map(lambda tail: b"X-Mms-Message-Type: MM4_forward.REQ\r\n" + tail),
)
TYPES = st.sampled_from(
    ["", "text/xml", "application/json", "multipart/related; boundary=b", "multipart/mixed", "\x00"]
)
MODEST = settings(max_examples=150, deadline=None, derandomize=True)


def test_every_row_that_talks_to_someone_has_a_connection_here() -> None:
    assert set(REMOTE) == set(CONNECTIONS)


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_encoding_is_a_wire_form_whose_size_can_be_counted(name: str) -> None:
    content = mms.Content((mms.Part(b"x", "image/jpeg"),))

    assert mms.pack(content, mms.Envelope(to=("+12065550100",)), CONNECTORS[name].connector.ENCODING).data


@pytest.mark.parametrize("name", REMOTE)
def test_a_submission_goes_to_the_connection_and_holds_every_part(name: str) -> None:
    connection = CONNECTIONS[name]
    request = connector_of(connection).write_submit(SUBMIT, connection)

    assert request.url.startswith(connection.url)
    bodies = (request.body, *(upload.request.body for upload in request.uploads))
    whole = b"".join(bodies)
    for part in SUBMIT.content.parts:
        assert part.data in whole or base64.b64encode(part.data) in whole, part.content_location


@pytest.mark.parametrize("name", REMOTE)
def test_two_tries_are_the_same_octet_for_octet(name: str) -> None:
    connection = CONNECTIONS[name]
    connector = connector_of(connection)

    assert connector.write_submit(SUBMIT, connection) == connector.write_submit(SUBMIT, connection)


@pytest.mark.parametrize("name", REMOTE)
def test_another_submission_is_another_transaction(name: str) -> None:
    connection = CONNECTIONS[name]
    connector = connector_of(connection)

    first = connector.write_submit(SUBMIT, connection)
    second = connector.write_submit(replace(SUBMIT, transaction_id="T-0002"), connection)

    assert b"T-0001" in first.body
    assert first.body.replace(b"T-0001", b"T-0002").count(b"T-0002") == second.body.count(b"T-0002")


@pytest.mark.parametrize("name", REMOTE)
def test_no_secret_is_shown_in_a_submission(name: str) -> None:
    connection = CONNECTIONS[name]
    request = connector_of(connection).write_submit(SUBMIT, connection)

    assert b"hush" not in request.body
    assert "hush" not in request.url


@pytest.mark.parametrize("name", CONNECTORS)
@given(
    status=st.one_of(st.integers(0, 999), st.sampled_from([200, 250, 400, 413, 429, 500, 552])),
    body=GARBAGE,
    kind=TYPES,
)
@MODEST
def test_a_garbage_answer_is_an_answer_and_never_an_exception(name: str, status: int, body: bytes, kind: str) -> None:
    connector, connection = CONNECTORS[name].connector, CONNECTIONS.get(name) or next(iter(CONNECTIONS.values()))

    answer = connector.read_answer(OperatorResponse(status, {"content-type": kind}, body), connection)

    assert isinstance(answer, SubmitResult)
    assert answer.outcome in OUTCOMES
    assert answer.error == 0 or answer.error in ERRORS
    assert answer.status == 0 or answer.status in STATUSES


@pytest.mark.parametrize("name", CONNECTORS)
@given(body=GARBAGE, kind=TYPES)
@MODEST
def test_a_garbage_request_is_refused_and_raises_nothing_else(name: str, body: bytes, kind: str) -> None:
    connector, connection = CONNECTORS[name].connector, CONNECTIONS.get(name) or next(iter(CONNECTIONS.values()))

    with contextlib.suppress(Refused):
        events = connector.read_events(OperatorRequest("POST", "/", {"content-type": kind}, body), connection)
        assert all(isinstance(event, Event) for event in events)
        assert connector.write_event_answer(events, "", connection).status in range(200, 300)


@pytest.mark.parametrize("name", CONNECTORS)
def test_what_cannot_be_read_is_answered_with_no_success(name: str) -> None:
    connector, connection = CONNECTORS[name].connector, CONNECTIONS.get(name) or next(iter(CONNECTIONS.values()))

    assert connector.write_event_answer((), "it is nonsense", connection).status not in range(200, 300)


@pytest.mark.parametrize("name", REMOTE)
def test_half_of_its_own_submission_is_refused_or_read(name: str) -> None:
    """Whatever is cut off a well-formed request, only Refused leaves the reader."""
    connection = CONNECTIONS[name]
    connector = connector_of(connection)
    request = connector.write_submit(SUBMIT, connection)

    for stop in range(0, len(request.body), 37):
        with contextlib.suppress(Refused):
            connector.read_events(replace(request, body=request.body[:stop]), connection)


LONG = replace(SUBMIT, transaction_id="f" * 32, sender="9" * 15, expiry_s=172_800, date_s=4_000_000_000)


@pytest.mark.parametrize("name", ["mm7", "mm4"])
@pytest.mark.parametrize("recipients", [1, 20])
@pytest.mark.parametrize("options", [{}, {"peer": "nokia"}, {"namespace": "http://" + 80 * "x", "vasp_id": 40 * "v"}])
def test_what_is_counted_and_the_overhead_cover_the_whole_submission(
    name: str, recipients: int, options: dict[str, str]
) -> None:
    """A message fitted to a limit less the overhead is within the limit as it goes out, whatever our names are."""
    connection = CONNECTIONS[name]
    if name == "mm7":
        connection = replace(connection, options={**connection.options, **options})
    submit = replace(LONG, to=("9" * 15,) * recipients)
    number = "+" + "9" * 15
    envelope = mms.Envelope(
        sender=number, to=(number,) * recipients, transaction_id="f" * 32, expiry_s=172_800, delivery_report=True
    )

    counted = len(mms.pack(replace(submit.content, subject="Summer"), envelope, encoding_of(connection)).data)
    sent = len(connector_of(connection).write_submit(submit, connection).body)

    assert counted < sent <= counted + overhead_of(connection, recipients)


def test_a_rendition_leaves_room_for_the_overhead() -> None:
    plain, less = RenditionTarget().profile(), RenditionTarget(overhead_bytes=107).profile()

    assert (less.limit_bytes, less.target_bytes) == (plain.limit_bytes - 107, plain.target_bytes - 107)


def test_a_careful_aim_is_not_raised_by_the_overhead() -> None:
    plain = RenditionTarget("us/t-mobile", "long_code").profile()
    less = RenditionTarget("us/t-mobile", "long_code", overhead_bytes=107).profile()

    assert (less.limit_bytes, less.target_bytes) == (plain.limit_bytes - 107, plain.target_bytes)


def test_the_size_that_counts_follows_the_dialect() -> None:
    mm7 = CONNECTIONS["mm7"]

    assert encoding_of(mm7) == "mm7"
    assert encoding_of(replace(mm7, options={"peer": "8bit"})) == "mm7-binary"
    assert encoding_of(replace(mm7, options={"binary": "true"})) == "mm7-binary"
    assert encoding_of(CONNECTIONS["mm4"]) == "mm4"
