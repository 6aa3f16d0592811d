"""MM7: every operation both ways in every dialect, every quirk with the bytes that show it, real vendors' samples."""

from __future__ import annotations

import base64
import quopri
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, MMSContentError
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import mm7
from mmscontent.pack.mm7 import DEFAULT_PEER, PEERS, QUIRKS, Address, Mm7, Node, Recipient, Sender, Status
from mmscontent.pack.mm7.model import element_kind
from mmscontent.pack.mm7.peers import NAMESPACE
from mmscontent.pack.registry import unpack
from tests.conftest import CorpusFile, corpus_files
from tests.pack.messages import FULL, RICH, steady

REAL = corpus_files("mm7")
every_real = pytest.mark.parametrize("case", REAL, ids=lambda c: c.path.name)
every_peer = pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)

BODY = Content((Part(b"Hi", "text/plain", name="a.txt", content_id="a", content_location="a.txt", charset="utf-8"),))
NUMBER = Address("Number", "+12065550100")
FILLED: dict[str, Any] = {
    "text": "words & <signs>",
    "yes": True,
    "address": NUMBER,
    "recipients": (
        Recipient("To", NUMBER),
        Recipient("To", Address("ShortCode", "12345", display_only=True, id="x1")),
        Recipient("Cc", Address("RFC2822Address", "ada@example.org")),
    ),
    "sender": Sender("vasp", "vas", "relay", NUMBER),
    "status": Status(2004, "Refused", "too & large"),
    "attributes": Node("ReplyCharging", "", (("replyChargingSize", "30720"),)),
}


def _filled(operation: str) -> Mm7:
    """A message of that operation with every element the schema has."""
    kinds = {name: kind for name, kind in mm7.OPERATIONS[operation].items() if kind != "content"}
    fields = tuple(
        (name, replace(FILLED[k], name=name) if k == "attributes" else FILLED[k]) for name, k in kinds.items()
    )
    carries = "Content" in mm7.OPERATIONS[operation]
    version, namespace = ("", "") if operation == "Fault" else ("6.7.0", f"{NAMESPACE}REL-6-MM7-1-4")
    return Mm7(operation, "T-1", fields, BODY if carries else None, True if carries else None, version, namespace)


MESSAGES = [_filled(operation) for operation in mm7.OPERATIONS]
every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.operation)


@every_message
@every_peer
def test_every_operation_with_every_element_goes_both_ways(message: Mm7, peer: mm7.Peer) -> None:
    written = mm7.write_mm7(message, peer)
    reading = mm7.read_mm7(written.data, written.content_type)
    kept = tuple((name, value) for name, value in message.fields if name not in peer.leaves_out)

    assert reading.message == replace(message, fields=kept)
    assert reading.notes == ()
    assert mm7.mm7_size(message, peer) == len(written.data)
    assert unpack(written.data, written.content_type).encoding == "mm7"


@every_message
def test_every_message_cut_anywhere_stays_within_our_errors(message: Mm7) -> None:
    written = mm7.write_mm7(message, DEFAULT_PEER)
    for end in range(0, len(written.data), 7):
        for content_type in (written.content_type, ""):
            try:
                mm7.unpacked_of(mm7.read_mm7(written.data[:end], content_type))
            except MMSContentError:
                continue


@every_peer
def test_the_soap_part_is_well_formed_and_in_the_peers_namespace(peer: mm7.Peer) -> None:
    message = mm7.mm7_of(Content(()), Envelope(sender="+12065550100", to=("+12065550101",)), peer)
    root = ET.fromstring(mm7.write_mm7(message, peer).data)
    request = root.find(f".//{{{peer.namespace}}}SubmitReq")

    assert request is not None
    assert request.findtext(f"{{{peer.namespace}}}MM7Version") == peer.version


@pytest.mark.parametrize(
    ("name", "number"), [("3gpp", "+12065550100"), ("sinch", "12065550100"), ("nokia", "+12065550100/TYPE=PLMN")]
)
def test_each_peer_gets_numbers_its_way_and_they_come_back(name: str, number: str) -> None:
    message = mm7.mm7_of(BODY, Envelope(to=("+12065550100",)), PEERS[name])
    recipients = message.get("Recipients")

    assert recipients == (Recipient("To", Address("Number", number)),)
    read = mm7.unpacked_of(mm7.read_mm7(mm7.write_mm7(message, PEERS[name]).data))
    assert read.envelope.to == (number.removesuffix("/TYPE=PLMN"),)


def test_what_a_peer_refuses_is_left_out_or_refused_here() -> None:
    charged = Mm7("SubmitReq", "T", (("ChargedParty", "Sender"),))
    assert b"ChargedParty" not in mm7.write_mm7(charged, PEERS["sinch"]).data
    with pytest.raises(ValueError, match="1 recipients"):
        mm7.mm7_of(BODY, Envelope(to=("+1234567", "+2345678")), PEERS["sinch"])


def test_a_delivery_to_an_application_is_a_deliver_req() -> None:
    envelope = Envelope(sender="+12065550100", to=("12345",), message_id="L1", message_type="m-retrieve-conf")
    message = mm7.mm7_of(RICH, envelope, DEFAULT_PEER)

    assert message.operation == "DeliverReq"
    assert message.get("LinkedID") == "L1"
    written = mm7.write_mm7(message, DEFAULT_PEER)
    assert unpack(written.data, written.content_type).envelope == envelope


@pytest.mark.parametrize("value", [5, True, None])
def test_a_value_of_the_wrong_kind_is_our_own_mistake(value: Any) -> None:
    with pytest.raises(ValueError, match="Subject"):
        mm7.write_mm7(Mm7("SubmitReq", "T", (("Subject", value),)), DEFAULT_PEER)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT5S", 5), ("P1D", 86_400), ("P1DT2H3M4S", 93_784), ("P", None), ("PT", None), ("P1Y", None), ("soon", None)],
)
def test_a_time_to_live_is_read_as_seconds_or_kept_as_text(text: str, seconds: int | None) -> None:
    read = mm7.unpacked_of(mm7.read_mm7(_soap(_submit(more=f"<ExpiryDate>{text}</ExpiryDate>"))))

    assert read.envelope.expiry_s == seconds
    assert (("ExpiryDate", text) in read.headers) == (seconds is None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2023-11-14T22:13:20Z", 1_700_000_000), ("2023-11-14T23:13:20+01:00", 1_700_000_000), ("yesterday", None)],
)
def test_a_time_stamp_is_read_as_seconds_or_kept_as_text(text: str, seconds: int | None) -> None:
    read = mm7.unpacked_of(mm7.read_mm7(_soap(_submit(more=f"<TimeStamp>{text}</TimeStamp>"))))

    assert read.envelope.date_s == seconds
    assert (("TimeStamp", text) in read.headers) == (seconds is None)


def test_an_element_that_cannot_be_read_gives_way_to_one_that_can() -> None:
    twice = "<Subject><x/></Subject><Subject>Hi</Subject><Priority><x/></Priority>"
    message = mm7.read_mm7(_soap(_submit(more=twice))).message
    again = mm7.read_mm7(mm7.write_mm7(message, DEFAULT_PEER).data).message

    assert [value for name, value in message.fields if name == "Subject"] == ["Hi"]
    assert isinstance(message.get("Priority"), Node)
    assert again == message


def test_the_status_of_an_answer_is_at_hand() -> None:
    assert Mm7("SubmitRsp", fields=(("Status", Status(1000)),)).status == Status(1000)
    assert Mm7("SubmitRsp").status is None


def test_an_unknown_operation_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="SubmitRequest"):
        Mm7("SubmitRequest")
    with pytest.raises(ValueError, match="m-notification-ind"):
        mm7.mm7_of(BODY, Envelope(message_type="m-notification-ind"), DEFAULT_PEER)


# --- quirks --------------------------------------------------------------------------------------------------------


def _soap(inside: str, header: str = "<TransactionID>T</TransactionID>", namespace: str = "REL-6-MM7-1-4") -> bytes:
    declared = f' xmlns="{NAMESPACE}{namespace}"' if namespace else ""
    return (
        '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        f"{declared}><e:Header>{header}</e:Header><e:Body>{inside}</e:Body></e:Envelope>"
    ).encode()


def _related(soap: bytes, *parts: bytes, start: str = "<s>", first: bool = True) -> tuple[bytes, str]:
    root = b"Content-Type: text/xml\r\nContent-ID: <s>\r\n\r\n" + soap
    entities = (root, *parts) if first else (*parts, root)
    body = b"".join(b"--B\r\n" + entity + b"\r\n" for entity in entities) + b"--B--\r\n"
    return body, f'multipart/related; type="text/xml"; start="{start}"; boundary=B'


def _submit(content: str = "", more: str = "") -> str:
    return f"<SubmitReq><MM7Version>6.8.0</MM7Version>{more}{content}</SubmitReq>"


TEXT = b"Content-Type: text/plain\r\nContent-ID: <c>\r\n\r\nHi"
HREF = '<Content href="cid:c"/>'
ERROR = "<RSErrorRsp><MM7Version>5.3.0</MM7Version><Status><StatusCode>4006</StatusCode></Status></RSErrorRsp>"
FAULT = f"<e:Fault><e:faultcode>e:Client</e:faultcode><e:detail>{ERROR}</e:detail></e:Fault>"
TWO_IDS = "<SenderIdentification><VASPID>a</VASPID><VASID/><VASPID>b</VASPID></SenderIdentification>"
TWICE = "<Recipients><To><Number>1</Number><Number>1</Number></To></Recipients>"
# quirk -> (bytes, content type, what must still be understood: operation and number of parts)
SAMPLES: dict[str, tuple[tuple[bytes, str], str, int]] = {
    "no-namespace": ((_soap(_submit(), namespace=""), "text/xml"), "SubmitReq", 0),
    "not-well-formed": ((_soap(_submit()).replace(b"</e:Header>", b"</e::Header>"), "text/xml"), "SubmitReq", 0),
    "no-boundary": ((_soap(_submit()), 'multipart/related; type="text/xml"'), "SubmitReq", 0),
    "root-not-first": (_related(_soap(_submit(HREF)), TEXT, start="<zz>", first=False), "SubmitReq", 1),
    "content-missing": ((_soap(_submit(HREF)), "text/xml"), "SubmitReq", 0),
    "href-missing": (_related(_soap(_submit("<Content/>")), TEXT), "SubmitReq", 1),
    "href-unmatched": (_related(_soap(_submit('<Content href="cid:zz"/>')), TEXT), "SubmitReq", 1),
    "href-without-cid": (_related(_soap(_submit('<Content href="c"/>')), TEXT), "SubmitReq", 1),
    "id-without-brackets": (_related(_soap(_submit(HREF)), TEXT.replace(b"<c>", b"c")), "SubmitReq", 1),
    "unknown-content-id": (
        _related(_soap(_submit("<Content/>")), b"Content-Type: text/plain\r\n\r\nHi"),
        "SubmitReq",
        1,
    ),
    "extra-parts": (_related(_soap(_submit(HREF)), TEXT, b"Content-Type: image/gif\r\n\r\nGIF"), "SubmitReq", 2),
    "qualified-fault": ((_soap(FAULT), "text/xml"), "RSErrorRsp", 0),
    "error-outside-fault": ((_soap(ERROR), "text/xml"), "RSErrorRsp", 0),
    "misspelt-element": (
        (_soap(_submit(more="<EarlistDeliveryTime>PT5S</EarlistDeliveryTime>")), "text/xml"),
        *("SubmitReq", 0),
    ),
    "odd-boolean": ((_soap(_submit(more="<DeliveryReport>True</DeliveryReport>")), "text/xml"), "SubmitReq", 0),
    "spaced-text": ((_soap(_submit(), "<TransactionID>\n T\n</TransactionID>"), "text/xml"), "SubmitReq", 0),
    "twice": ((_soap(_submit(more="<Subject>a</Subject><Subject>b</Subject>")), "text/xml"), "SubmitReq", 0),
    "vasp-id-twice": ((_soap(_submit(more=TWO_IDS.replace("<VASID/>", ""))), "text/xml"), "SubmitReq", 0),
    "unknown-element": ((_soap(_submit(more="<Odd><x y='z'>w</x></Odd>")), "text/xml"), "SubmitReq", 0),
    "same-recipient": ((_soap(_submit(more=TWICE)), "text/xml"), "SubmitReq", 0),
}


def test_every_quirk_of_the_table_has_a_sample() -> None:
    assert set(SAMPLES) == set(QUIRKS)


@pytest.mark.parametrize("name", QUIRKS)
def test_a_quirk_is_told_and_the_message_understood(name: str) -> None:
    (data, content_type), operation, parts = SAMPLES[name]
    reading = mm7.read_mm7(data, content_type)

    assert any(note.startswith(QUIRKS[name]) for note in reading.notes), reading.notes
    assert reading.message.operation == operation
    assert reading.message.transaction_id == "T"
    assert len(reading.message.content.parts if reading.message.content else ()) == parts
    written = mm7.write_mm7(reading.message, DEFAULT_PEER)
    again = mm7.read_mm7(written.data, written.content_type).message
    assert replace(again, namespace="", version="") == replace(reading.message, namespace="", version="")


def test_what_a_quirk_hides_is_found() -> None:
    def value(name: str, element: str) -> Any:
        (data, content_type), _, _ = SAMPLES[name]
        return mm7.read_mm7(data, content_type).message.get(element)

    assert value("misspelt-element", "EarliestDeliveryTime") == "PT5S"
    assert value("odd-boolean", "DeliveryReport") is True
    assert value("twice", "Subject") == "a"
    assert value("vasp-id-twice", "SenderIdentification") == Sender("a", "b")
    assert value("error-outside-fault", "Status") == Status(4006)
    assert value("unknown-element", "Odd") == Node("Odd", children=(Node("x", "w", (("y", "z"),)),))


@pytest.mark.parametrize("prefix", ["", "mm7", "mm7p6a0", "ns1"])
@pytest.mark.parametrize("release", ["REL-5-MM7-1-0", "REL-5-MM7-1-2", "REL-6-MM7-1-4", "REL-6-MM7-6-7", "odd"])
@pytest.mark.parametrize("version", ["5.3.0", "6.8.0", ""])
def test_version_namespace_and_prefix_are_free_of_each_other(prefix: str, release: str, version: str) -> None:
    peer = mm7.Peer("x", version, f"{NAMESPACE}{release}", prefix)
    written = mm7.write_mm7(mm7.mm7_of(BODY, FULL, peer), peer)
    reading = mm7.read_mm7(written.data, written.content_type)

    assert (reading.message.version, reading.message.namespace) == (version, peer.namespace)
    assert reading.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "euc-kr", "utf-16", "iso-8859-1"])
def test_the_declared_encoding_of_the_envelope_is_read(encoding: str) -> None:
    subject = "été" if encoding == "iso-8859-1" else "안녕"
    text = _soap(_submit(more=f"<Subject>{subject}</Subject>")).decode()
    data = text.replace('version="1.0"', f'version="1.0" encoding="{encoding}"').encode(encoding)

    assert mm7.read_mm7(data, "text/xml").message.get("Subject") == subject


@pytest.mark.parametrize(("charset", "subject"), [("euc-kr", "안녕"), ("iso-8859-1", "été"), ("utf-8", "été")])
def test_a_charset_that_only_the_content_type_states_is_read(charset: str, subject: str) -> None:
    data = _soap(_submit(more=f"<Subject>{subject}</Subject>")).decode().encode(charset)

    assert mm7.read_mm7(data, f"text/xml; charset={charset}").message.get("Subject") == subject


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_soap_part_in_a_transfer_encoding_is_read(encoding: str) -> None:
    soap = _soap(_submit(HREF, "<Subject>été</Subject>"))
    encoded = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)(soap)
    data, content_type = _related(b"", TEXT)
    head = f"Content-Type: text/xml\r\nContent-Transfer-Encoding: {encoding}\r\nContent-ID: <s>\r\n\r\n".encode()
    data = data.replace(b"Content-Type: text/xml\r\nContent-ID: <s>\r\n\r\n", head + encoded)
    message = mm7.read_mm7(data, content_type).message

    assert message.get("Subject") == "été"
    assert message.content is not None
    assert [p.data for p in message.content.parts] == [b"Hi"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"<Envelope/>",
        b"<Envelope><Body/></Envelope>",
        b"<Envelope><Body><Ping/></Body></Envelope>",
        b"--B\r\n\r\nhello\r\n--B--",
        b'<!DOCTYPE Envelope [<!ENTITY x SYSTEM "file:///etc/passwd">]><Envelope><Body>&x;</Body></Envelope>',
    ],
)
def test_what_is_no_mm7_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(MalformedContent):
        mm7.read_mm7(data, "")


# --- statuses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        *((1000, "done"), (1100, "done"), (2002, "fix"), (3000, "later"), (4001, "route"), (4006, "later")),
        *((4008, "route"), (1999, "done"), (2999, "fix"), (3999, "later"), (4999, "later"), (9999, "fix")),
        *((2560, "fix"), (3510, "later")),
    ],
)
def test_a_status_says_whether_to_try_again(code: int, retry: str) -> None:
    row = mm7.status_row(code)

    assert (row.code, row.retry) == (code, retry)
    assert row.text


def test_the_statuses_of_the_specification_are_all_there() -> None:
    assert {*range(2000, 2010), *range(3000, 3005), *range(4000, 4009), 1000, 1100} <= set(mm7.STATUSES)


# --- real samples --------------------------------------------------------------------------------------------------


@every_real
def test_a_real_sample_is_read_and_means_the_same_written_again(case: CorpusFile) -> None:
    read = unpack(case.path.read_bytes())
    body = case.path.read_bytes().replace(b"\r\n", b"\n")
    if body.startswith((b"POST", b"HTTP")):
        head, _, body = body.partition(b"\n\n")
        stated = next(
            (line[13:].decode() for line in head.split(b"\n") if line.lower().startswith(b"content-type:")), ""
        )
        stated += "".join(line.decode() for line in head.split(b"\n") if line.startswith((b" ", b"\t")))
    else:
        stated = ""
    message = mm7.read_mm7(body, stated).message

    assert read.encoding == "mm7"
    assert read.envelope.transaction_id
    written = mm7.write_mm7(message, DEFAULT_PEER)
    again = mm7.read_mm7(written.data, written.content_type).message
    assert replace(again, namespace=message.namespace) == message


# file -> operation or message type, sender, recipients, subject, [(type, octets)], a word the notes must hold
FACTS: dict[str, tuple[str, str, tuple[str, ...], str, list[str], str]] = {
    "deliver-req-post.txt": (
        "m-retrieve-conf",
        "97254265781@OMMS.com",
        (),
        "Weather Forecast",
        ["text/plain 24"],
        "not there",
    ),
    "deliver-req2.txt": (
        "m-retrieve-conf",
        "97254265781@OMMS.com",
        (),
        "Weather Forecast",
        ["text/plain 37", "image/gif 57"],
        "boundary",
    ),
    "fault.xml": ("RSErrorRsp", "", (), "", [], ""),
    "fault_02.xml": ("RSErrorRsp", "", (), "", [], "qualified"),
    "mm7_submit_3.http": (
        "m-send-req",
        "111122",
        ("16179593069",),
        "My first MM7 Message",
        ["text/plain 13"],
        "namespace",
    ),
    "mm7_deliver_2.http": (
        "m-retrieve-conf",
        "1617423433",
        ("111122",),
        "",
        ["image/jpeg 18", "text/plain 17"],
        "well-formed",
    ),
    "mm7_deliveryreport_2.http": ("DeliveryReportReq", "111122", ("16175550123",), "", [], "multipart"),
}


@pytest.mark.parametrize("case", [c for c in REAL if c.path.name in FACTS], ids=lambda c: c.path.name)
def test_what_a_real_sample_says_is_understood(case: CorpusFile) -> None:
    message_type, sender, to, subject, parts, note = FACTS[case.path.name]
    read = unpack(case.path.read_bytes())

    assert (read.envelope.message_type, read.envelope.sender, read.envelope.to) == (message_type, sender, to)
    assert read.content.subject == subject
    assert [f"{p.media_type} {len(p.data)}" for p in read.content.parts] == parts
    assert note in " ".join(read.notes)


# --- properties ----------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Zl", "Zp")), max_size=20).map(str.strip)
ADDRESSES = st.builds(
    Address, st.sampled_from(["Number", "RFC2822Address", "ShortCode"]), WORDS, st.booleans(), st.just("")
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": WORDS,
    "yes": st.booleans(),
    "address": ADDRESSES,
    "recipients": st.lists(ADDRESSES, max_size=4).map(lambda found: tuple(Recipient("To", a) for a in found)),
    "sender": st.builds(Sender, WORDS, WORDS, WORDS, st.none() | ADDRESSES),
    "status": st.builds(Status, st.integers(0, 9999), WORDS, WORDS),
}


@steady
@given(st.data())
def test_every_message_made_of_legal_values_comes_back(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([name for name in mm7.OPERATIONS if name != "Fault"]))
    names = [name for name in mm7.OPERATIONS[operation] if element_kind(operation, name) in VALUES]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    fields = tuple((name, data.draw(VALUES[element_kind(operation, name)])) for name in chosen)
    carries = "Content" in mm7.OPERATIONS[operation]
    message = Mm7(operation, data.draw(WORDS), fields, BODY if carries else None, None, "6.8.0", DEFAULT_PEER.namespace)

    written = mm7.write_mm7(message, DEFAULT_PEER)

    assert mm7.read_mm7(written.data, written.content_type).message == message
    assert mm7.mm7_size(message, DEFAULT_PEER) == len(written.data)
