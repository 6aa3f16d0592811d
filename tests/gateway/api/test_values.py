"""Single values of the wire: dates, numbers, error bodies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.api import errors, fields
from gateway_adapter.api.responses import to_members
from gateway_adapter.api.routes.http_responses import error_body

MOMENTS = [
    ("2017-07-20T06:47:45.777+0000", 1500533265777),  # the form of the documents
    ("2026-11-22T08:40:58.000000Z", 1795336858000),  # microseconds and Z: the community SDK
    ("2026-11-22T08:35:02.996+0000", 1795336502996),  # Java
    ("2025-01-20T13:06:33.968+0100", 1737374793968),
    ("2025-01-20T13:06:33.968+01:00", 1737374793968),
    ("2025-01-20T13:06:33.968 0100", 1737374793968),  # a plus that was not escaped in a query string
    ("2025-01-20T12:06:33", 1737374793000),
    ("1970-01-01T00:00:00.5Z", 500),
    ("2016-12-31T23:59:60Z", 1483228800000),  # a leap second is the next second
]
NO_MOMENTS = ["", "tomorrow", "2026-11-22", "2026-13-01T00:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22T08:35:02.996+"]


@pytest.mark.parametrize(("text", "at_ms"), MOMENTS)
def test_dates_of_every_client_are_read(text, at_ms):
    assert fields.parse_timestamp(text) == at_ms


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"date-time|range|month|hour|must be"):
        fields.parse_timestamp(text)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.integers(min_value=0, max_value=253402300799999))
def test_a_date_that_is_written_is_read_back(at_ms):
    text = fields.format_timestamp(at_ms)

    assert fields.parse_timestamp(text) == at_ms
    assert text.endswith("+0000")


@pytest.mark.parametrize(
    ("given_as", "number"),
    [
        ("+41793026727", "41793026727"),
        ("0041793026727", "41793026727"),
        (" +1 (206) 555-0100 ", "12065550100"),
        ("10950", "10950"),
        ("InfoSMS", "InfoSMS"),
        ("Ada & Co.", "Ada & Co."),
        ("", ""),
    ],
)
def test_numbers_lose_everything_but_digits_and_names_stay(given_as, number):
    assert fields.normalize_number(given_as) == number


ERROR_BODIES = [
    ("/mms/1/single", 400, "messages"),
    ("/mms/1/content", 400, "messages"),
    ("/mms/1/single", 401, "requestError"),
    ("/mms/1/content", 401, "requestError"),
    ("/mms/1/advanced", 400, "requestError"),
    ("/mms/1/reports", 403, "requestError"),
    ("/mms/1/inbox/reports", 500, "requestError"),
    ("/mms/2/messages", 400, "errorCode"),
    ("/mms/2/logs", 429, "errorCode"),
    ("/messages-api/1/messages", 401, "errorCode"),
    ("/resource-management/1/inbound-message-configurations", 404, "errorCode"),
]


@pytest.mark.parametrize(("path", "http", "member"), ERROR_BODIES)
def test_an_error_body_has_the_shape_of_its_path(path, http, member):
    body = to_members(error_body(path, http, "text", (errors.Violation("a.b", "wrong"),)))

    assert member in body


def test_the_newer_error_body_has_its_five_members_always():
    body = to_members(error_body("/mms/2/messages", 401, ""))

    assert set(body) == {"errorCode", "description", "action", "violations", "resources"}
    assert body["errorCode"] == "E401"


def test_the_older_error_body_lists_what_is_wrong_by_field():
    wrong = (errors.Violation("to", "too long"), errors.Violation("to", "empty"))
    body = to_members(error_body("/mms/1/advanced", 400, "Bad request", wrong))

    assert body["requestError"]["serviceException"] == {
        "messageId": "BAD_REQUEST",
        "text": "Bad request",
        "validationErrors": {"to": ["too long", "empty"]},
    }
