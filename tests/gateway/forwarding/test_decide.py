"""Which configuration a message's words name, and what it brings about."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.errors import Refused
from gateway_adapter.messages.forwarding import BlockChange, Decision, choose_configuration, decide, webhook_of
from gateway_adapter.model import (
    AutoResponse,
    Configuration,
    Destination,
    Event,
    Forwarding,
    InboundMail,
    InboundWebhook,
    Order,
    Segment,
    Window,
)

NUMBER = "12345"
KEYWORDS = ("", "stop", "Stop all", "Größe", "win!", "1", "日本")
ROWS = tuple(Configuration(NUMBER, keyword=keyword) for keyword in KEYWORDS)

WORDS = {
    "stop": "stop",
    "STOP": "stop",
    "  Stop.": "stop",
    "*stop*": "stop",
    "«Stop» please": "stop",
    "stop\nnow": "stop",
    "stop all": "Stop all",
    "Stop   ALL!": "Stop all",
    "stop, all": "stop",
    "stopall": "",
    "stopping": "",
    "please stop": "",
    "größe XL": "Größe",
    "GRÖSSE": "Größe",
    "Gro\u0308ße": "Größe",
    "win! now": "win!",
    "win!now": "win!",
    "win now": "",
    "1": "1",
    "10": "",
    "1 2": "1",
    "\uff11": "1",
    "日本 へ": "日本",
    "": "",
    " \n ": "",
    "!?": "",
}


@pytest.mark.parametrize(("text", "keyword"), WORDS.items(), ids=repr)
def test_the_words_name_the_longest_keyword_they_begin_with(text: str, keyword: str) -> None:
    found = choose_configuration(ROWS, text)

    assert found is not None
    assert found.keyword == keyword


def test_the_subject_is_looked_at_when_the_text_names_nothing() -> None:
    found = choose_configuration(ROWS, "Look at this", "Stop all")

    assert found is not None
    assert found.keyword == "Stop all"


def test_the_text_goes_before_the_subject() -> None:
    found = choose_configuration(ROWS, "1", "Stop all")

    assert found is not None
    assert found.keyword == "1"


def test_without_a_default_other_words_name_nothing() -> None:
    assert choose_configuration(ROWS[1:], "hello") is None


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=8), max_size=5), st.text(max_size=20))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_words_and_keywords_come_to_a_choice(text: str, keywords: list[str], subject: str) -> None:
    rows = tuple(Configuration(NUMBER, keyword=keyword) for keyword in ["", *keywords])

    assert choose_configuration(rows, text, subject) in rows


@given(
    st.sampled_from(KEYWORDS[1:]), st.sampled_from(["", " ", "\n", "-- "]), st.sampled_from(["", " more", ".", "\n!"])
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_marks_and_case_around_a_keyword_change_nothing(keyword: str, before: str, after: str) -> None:
    for written in (keyword, keyword.upper(), keyword.lower()):
        assert choose_configuration((Configuration(NUMBER, keyword=keyword),), before + written + after) is not None


# --- what it brings about ------------------------------------------------------------------------------------------


def event(text: str = "stop", sender: str = "12065550100") -> Event:
    return Event("inbound", "T", "M", sender, (NUMBER,), text=text)


def test_a_message_to_a_number_nobody_configured_is_kept_for_whoever_asks() -> None:
    assert decide(NUMBER, (), event()) == Decision(None, "", Forwarding("pull"))


def test_a_message_no_keyword_fits_is_seen_in_the_logs_alone() -> None:
    assert decide(NUMBER, ROWS[1:], event("hello")) == Decision(None, "", Forwarding("none"))


def test_a_configuration_forwards_one_way() -> None:
    forwarding = Forwarding("http", "https://example.org/mo", "MULTIPART")
    row = Configuration(NUMBER, keyword="stop", forwarding=forwarding)

    decision = decide(NUMBER, (*ROWS[:1], row), event())

    assert (decision.configuration, decision.keyword, decision.forwarding) == (row, "stop", forwarding)
    assert (decision.reply, decision.block) == (None, None)


def test_an_auto_response_is_an_order_from_the_number_to_the_phone_within_its_window() -> None:
    window = Window((0, 1), 540, 1020)
    response = AutoResponse("Thank you", window=window)
    row = Configuration(NUMBER, auto_response=response, entity_id="e")

    reply = decide(NUMBER, (row,), event()).reply

    assert reply == Order(
        "v2",
        NUMBER,
        (Destination("12065550100"),),
        (Segment("text", "text", text="Thank you"),),
        notify=False,
        window=window,
        entity_id="e",
    )


def test_an_auto_response_may_come_from_another_number() -> None:
    row = Configuration(NUMBER, auto_response=AutoResponse("Thank you", sender="99999"))

    reply = decide(NUMBER, (row,), event()).reply

    assert reply is not None
    assert reply.sender == "99999"


@pytest.mark.parametrize("sender", ["54321", "ada@example.org", "", NUMBER, "Bank"])
def test_nothing_answers_what_may_be_a_machine_that_answers(sender: str) -> None:
    row = Configuration(NUMBER, auto_response=AutoResponse("Thank you"))

    assert decide(NUMBER, (row,), event(sender=sender)).reply is None


BLOCKS = {
    "from_sender": BlockChange("12065550100", NUMBER, on=True),
    "from_any_sender": BlockChange("12065550100", "", on=True),
    "unblock_from_sender": BlockChange("12065550100", NUMBER, on=False),
    "unblock_from_any_sender": BlockChange("12065550100", "", on=False),
    "": None,
}


@pytest.mark.parametrize(("said", "block"), BLOCKS.items())
def test_a_keyword_puts_a_phone_on_the_block_list_or_takes_it_off(said: str, block: BlockChange | None) -> None:
    assert decide(NUMBER, (Configuration(NUMBER, keyword="stop", block=said),), event()).block == block


URL = "https://example.org/mo"
WEBHOOKS = {
    Forwarding("http", URL): InboundWebhook(URL, "MO_MMS_2"),
    Forwarding("http", URL, "MULTIPART"): InboundWebhook(URL, "MULTIPART"),
    Forwarding("http", URL, "XML"): InboundWebhook(URL, "XML"),
    Forwarding("email", "ada@example.org"): InboundMail("ada@example.org"),
    Forwarding("pull"): None,
    Forwarding("none"): None,
}


@pytest.mark.parametrize(("forwarding", "webhook"), WEBHOOKS.items(), ids=repr)
def test_each_forwarding_has_its_webhook(forwarding: Forwarding, webhook: InboundWebhook | InboundMail | None) -> None:
    assert webhook_of(forwarding) == webhook


@pytest.mark.parametrize("address", ["", "ada", "a@b,c@d", "a b@c", "<a@b>", "a@b\r\nBcc: c@d", "@b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        webhook_of(Forwarding("email", address))


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="use one of MO_MMS_2, MULTIPART, XML"):
        webhook_of(Forwarding("http", URL, "MO_MMS_1"))
