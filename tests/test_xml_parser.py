"""The one XML door: what passes, what is refused, and that nothing but our errors leaves it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent import xml_parser
from mmscontent.errors import MalformedContent, MMSContentError, OverLimits
from tests.conftest import CorpusFile, corpus_files

DOCUMENTS = [c for c in corpus_files("smil", "uaprof") if c.path.suffix != ".json"]
BOMB = b'<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;">]><a>&m;</a>'
REFUSED = [
    (b"", MalformedContent),
    (b"not xml", MalformedContent),
    (b"<a>", MalformedContent),
    (b"<a></b>", MalformedContent),
    (b"<a>&nbsp;</a>", MalformedContent),
    (BOMB, MalformedContent),
    (BOMB.decode().encode("utf-16"), MalformedContent),
    (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', MalformedContent),
    (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a>&x;</a>', MalformedContent),
    (b"<?xml version='1.0' encoding='no-such-charset'?><a/>", MalformedContent),
    (b"<a>" * 40 + b"</a>" * 40, OverLimits),
    (b"<a>" * 4000 + b"</a>" * 4000, MMSContentError),
    (b"<a>" + b"<b/>" * 30_000 + b"</a>", OverLimits),
    (b"<a " + b" ".join(b"x%d='1'" % i for i in range(80)) + b"/>", OverLimits),
    (b"<a>" + b" " * 1_000_000 + b"</a>", OverLimits),
]


@pytest.mark.parametrize(("data", "error"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_plain_xml_within_the_caps_is_refused_by_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        xml_parser.parse(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "euc-kr"])
def test_the_declared_encoding_is_read(encoding: str) -> None:
    text = "été" if encoding == "iso-8859-1" else "한글"  # each charset can write its own

    root = xml_parser.parse(f"<?xml version='1.0' encoding='{encoding}'?><a>{text}</a>".encode(encoding))

    assert root.text == text


def test_a_doctype_without_declarations_is_passed_over() -> None:
    data = b'<!DOCTYPE smil PUBLIC "-//W3C//DTD SMIL 1.0//EN" "http://127.0.0.1:9/SMIL10.dtd"><smil><body/></smil>'

    assert xml_parser.parse(data).tag == "smil"


def test_comments_and_instructions_do_not_reach_the_reader() -> None:
    root = xml_parser.parse(b"<a><!-- c --><?p q?><b/></a>")

    assert [child.tag for child in root] == ["b"]


def test_recover_goes_on_after_an_error() -> None:
    assert [child.tag for child in xml_parser.parse(b"<a><b></a>", recover=True)] == ["b"]


def test_an_error_names_the_part_and_the_offset() -> None:
    with pytest.raises(MalformedContent) as caught:
        xml_parser.parse(b"<a>\n<b></c></a>", part="slide.smil")

    assert caught.value.part == "slide.smil"
    assert caught.value.offset is not None
    assert 4 <= caught.value.offset <= 12


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda c: c.name)
def test_real_documents_are_read_or_named(case: CorpusFile) -> None:
    root = xml_parser.parse(case.path.read_bytes(), recover=True, part=case.name)

    assert len(root) > 0


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    data=st.binary(max_size=200) | st.text(alphabet="<>ab/!&;='\" \n?[]", max_size=200).map(str.encode),
    recover=st.booleans(),
)
def test_nothing_but_our_errors_leaves(*, data: bytes, recover: bool) -> None:
    try:
        root = xml_parser.parse(data, recover=recover)
    except MMSContentError:
        return

    assert isinstance(root.tag, str)


def test_the_worst_document_within_the_caps_takes_less_than_a_second() -> None:
    began = time.perf_counter()
    with pytest.raises(MMSContentError):
        xml_parser.parse(b"<a b='" * 160_000)

    assert time.perf_counter() - began < 1
