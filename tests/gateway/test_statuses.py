"""The list of statuses and errors is whole, consistent, and every error of ours has a name on every side."""

from __future__ import annotations

import pytest

import mmscontent as mms
from gateway_adapter import errors, statuses

# Facts of Infobip's list that customers' code relies on: id, group, name.
TOLD_STATUSES = [
    (2, 3, "DELIVERED_TO_OPERATOR"),
    (5, 3, "DELIVERED_TO_HANDSET"),
    (15, 4, "EXPIRED_EXPIRED"),
    (23, 5, "REJECTED_DUPLICATE_MESSAGE_ID"),
    (26, 1, "PENDING_ACCEPTED"),
    (29, 4, "EXPIRED_DLR_UNKNOWN"),
    (56, 5, "REJECTED_INVALID_NOTIFY_URL"),
    (77, 5, "REJECTED_MESSAGE_TEXT_TOO_LONG"),
]
MMS_ERRORS = {15000, *range(15002, 15027), *range(15200, 15204)}


def subclasses(kind: type[mms.MMSContentError]) -> list[type[mms.MMSContentError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in subclasses(child))]


@pytest.mark.parametrize(("status", "group", "name"), TOLD_STATUSES)
def test_a_status_has_the_id_group_and_name_that_customers_know(status, group, name):
    row = statuses.STATUSES[status]

    assert (row.group, row.name) == (group, name)


def test_acceptance_reads_as_it_always_did():
    row = statuses.STATUSES[26]

    assert (row.group_name, row.description) == ("PENDING", "Message sent to next instance")


def test_every_mms_error_of_the_list_has_a_row():
    assert set(statuses.ERRORS) >= MMS_ERRORS


def test_error_groups_are_only_those_that_clients_take():
    words = {row.group_name for row in statuses.ERRORS.values()}

    assert words == {"OK", "HANDSET_ERRORS", "USER_ERRORS", "OPERATOR_ERRORS"}


def test_no_id_stands_twice():
    assert len(statuses.STATUSES) == len({row.name for row in statuses.STATUSES.values()})
    assert sum(1 for _ in statuses.ERRORS) == len(statuses._ERROR_ROWS)


@pytest.mark.parametrize("kind", subclasses(mms.MMSContentError), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_is_called_something_by_its_own_row_or_a_parents(kind):
    row = next(row for row in statuses.FAULTS if issubclass(kind, row.raised))

    earlier = statuses.FAULTS[: statuses.FAULTS.index(row)]
    assert row.status in statuses.STATUSES
    assert row.error in statuses.ERRORS
    assert not any(issubclass(row.raised, other.raised) for other in earlier), "a wider row hides it"


def test_a_named_refusal_is_final_and_a_throttle_is_not():
    refused, throttled = statuses.fault_of(errors.Refused("no")), statuses.fault_of(errors.Throttled("not now"))

    assert refused.http == 400
    assert throttled.http == 429


@pytest.mark.parametrize("word", sorted(statuses.MM_STATUSES))
def test_an_operators_report_is_final_exactly_when_its_status_is(word):
    row = statuses.MM_STATUSES[word]

    assert row.final == statuses.is_final(row.status)
    assert row.error in statuses.ERRORS


def test_what_is_not_in_the_list_keeps_its_number():
    assert statuses.status_row(4711).id == 4711
    assert statuses.error_row(4711).id == 4711
