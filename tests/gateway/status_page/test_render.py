"""The status page: what it shows, and that nothing of a message is ever markup."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.model import MessageView
from gateway_adapter.status_page.render import STATES, list_page, message_page, missing_page, policy
from tests.gateway.status_page.views import ALL, DELIVERED, EVIL, HOSTILE, REFUSED, WAITING


class Elements(HTMLParser):
    """Names and attributes of every element, and the text between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {
    *("html", "head", "meta", "title", "style", "body", "main", "p", "a", "h1", "h2", "div", "table", "thead", "tbody"),
    *("tr", "th", "td", "span", "dl", "dt", "dd", "ul", "li", "details", "summary", "pre", "iframe", "form", "label"),
    *("select", "option", "input", "button"),
}
PAGES = [
    list_page("ada", ALL, "", 100),
    *(message_page(view) for view in ALL),
    missing_page(EVIL),
    list_page(EVIL, (), "", 1),
]


@pytest.mark.parametrize("page", PAGES)
def test_only_our_elements_are_in_a_page_and_none_asks_for_anything(page: str) -> None:
    found = Elements(page)

    assert set(found.names) <= OURS
    for name, value in found.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "action"):
            assert (value or "").startswith("/status")


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_words_stay_words(words: str) -> None:
    from dataclasses import replace

    log = replace(HOSTILE.log, title=words, report=replace(HOSTILE.log.report, message_id=words, to=words))
    view = replace(HOSTILE, log=log, connection=words, operator_message_id=words)

    for page in (list_page(words, (view,), "", 1), message_page(view)):
        assert set(Elements(page).names) <= OURS


def test_the_policy_allows_the_style_that_is_in_the_page_and_nothing_else() -> None:
    style = re.search(r"<style>(.*?)</style>", PAGES[0], re.DOTALL)

    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy()
    assert policy().startswith("default-src 'none'")
    assert "unsafe" not in policy()
    assert "script-src" not in policy()


def test_a_list_leads_to_each_message_by_its_id_whatever_is_in_it() -> None:
    page = list_page("ada", ALL, "delivered", 100)

    assert 'href="/status/message?id=m-1"' in page
    assert "%22%3E%3Cscript%3E" in page
    assert "<option selected>delivered</option>" in page
    assert [name for name in STATES if f">{name}</option>" in page] == list(STATES)


def test_a_message_is_told_line_by_line_with_its_ledger() -> None:
    text = Elements(message_page(DELIVERED)).text

    for words in (
        "Summer at the sea",
        "5 DELIVERED_TO_HANDSET",
        "2026-11-22 10:00:00",
        "+355 ms",
        "+4.2 s",
        "the operator's report",
        "image/heic, 4032 × 3024, 2,811,034 bytes",
        "image/jpeg, 1536 × 2048, 611,020 bytes",
        "audio/amr, 8.4 s, 14,022 bytes",
        "99.1%",
        "carrier us/t-mobile route long_code",
        "the sound is mono",
    ):
        assert words in text


def test_a_refused_message_says_why() -> None:
    assert "15009 EC_RECIPIENT_NOT_FOUND: Recipient not found" in Elements(message_page(REFUSED)).text


def test_what_was_not_fitted_has_no_preview() -> None:
    assert "<iframe" in message_page(DELIVERED)
    assert "<iframe" not in message_page(WAITING)
    assert "not been fitted yet" in message_page(WAITING)


LEDGERS: list[dict[str, object]] = [
    {},
    {"parts": None},
    {"parts": [None, {}, {"source": 3, "result": [], "reasons": "x"}]},
    {"utilisation": "much", "limit_bytes": "none", "limit_source": [], "fits": "perhaps"},
    {"warnings": "x"},
]


@pytest.mark.parametrize("ledger", LEDGERS, ids=repr)
def test_a_ledger_of_another_version_is_shown_as_far_as_it_goes(ledger: dict[str, object]) -> None:
    view = MessageView(DELIVERED.log, "delivered", "acme", (), ledger)

    assert "Ledger" in message_page(view)
