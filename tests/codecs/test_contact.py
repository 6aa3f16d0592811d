"""Contacts: every real export read, written in the version the receiver opens, and read again by another reader."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmscontent.codecs.content_lines import folded, quoted_printable, read_lines, split_fields, unescaped
from mmscontent.codecs.registry import codec_for
from mmscontent.codecs.vcard import ContactSource, verify
from mmscontent.codecs.vcard.read import read_contacts
from mmscontent.errors import DoesNotFit, EngineFailed, MalformedContent, NotAllowed
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ContactRule
from mmscontent.sniff import sniff
from tests.conftest import corpus_files

INFO = MediaInfo("text/x-vcard", "contact", 0)
CARDS = corpus_files("vcard")


def card(*lines, version="3.0"):
    return "\r\n".join(("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", "")).encode()


def converted(data, *versions, limit=100_000):
    source = ContactSource(data, INFO)
    survey = source.survey(ContactRule(versions=versions), "fast")
    return survey, source.render(limit)


def read_by_another(data):
    """Cards as vobject reads them: (name, telephones, addresses) each."""
    return [
        (
            spaced(c.fn.value) if hasattr(c, "fn") else "",
            sorted(spaced(t.value) for t in c.contents.get("tel", [])),
            sorted(spaced(e.value) for e in c.contents.get("email", [])),
        )
        for c in vobject.readComponents(data.decode("utf-8"), allowQP=True)
    ]


def spaced(text):
    return " ".join(text.split())


def photo(side=600, mode="JPEG", **options):
    y, x = np.mgrid[:side, : side + 120]
    pixels = np.dstack([x * 255 / x.max(), y * 255 / y.max(), (x * y) % 256]).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, mode, **options)
    return target.getvalue()


def with_photo(data, version="3.0"):
    coded = base64.b64encode(data).decode()
    rows = "\r\n ".join(coded[i : i + 70] for i in range(0, len(coded), 70))
    return card("N:Lovelace;Ada;;;", "FN:Ada Lovelace", f"PHOTO;ENCODING=b;TYPE=JPEG:{rows}", version=version)


def photo_of(data):
    line = read_contacts(data)[0][0].first("PHOTO")
    return None if line is None else Image.open(io.BytesIO(line.data))


# --- real cards ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
@pytest.mark.parametrize("file", CARDS, ids=lambda f: f.name)
def test_every_real_contact_is_read_and_written_in_every_version(file, version):
    data = file.path.read_bytes()
    assert codec_for(sniff(data)) == "contact"
    cards, _ = read_contacts(data)

    _, made = converted(data, version)

    verify(made.data, made.info)
    again, notes = read_contacts(made.data)
    assert not notes
    assert len(again) == len(cards)
    assert [facts(c) for c in again] == [facts(c) for c in cards]


def facts(card):
    """What a person would miss: numbers, addresses, employer, title, the note, in plain words."""
    wanted = ("TEL", "EMAIL", "ORG", "TITLE", "ADR", "URL", "NOTE", "NICKNAME")
    return sorted(
        (line.name, plain(line, card.version))
        for line in card.lines
        if line.name in wanted and plain(line, card.version)
    )


def plain(line, version):
    text = line.value if version == "2.1" else unescaped(line.value)
    text = text.removeprefix("tel:") if line.name == "TEL" else text
    return spaced(text.replace("\\;", ";").replace("\\:", ":").replace("\\,", ","))


# vobject asks for FN, and reads the backslashes of 3.0 into 2.1, where they mean themselves.
SHARED = [f for f in CARDS if b"\nFN" in f.path.read_bytes() and "backslash" not in f.name]


@pytest.mark.parametrize("file", SHARED, ids=lambda f: f.name)
@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_another_reader_finds_the_same_people_in_it(file, version):
    made = converted(file.path.read_bytes(), version, limit=3_700)[1]

    assert read_by_another(made.data) == [
        (named(c, version), sorted(of(c, "TEL")), sorted(of(c, "EMAIL"))) for c in read_contacts(made.data)[0]
    ]
    before, after = (read_contacts(d)[0] for d in (file.path.read_bytes(), made.data))
    assert [(of(c, "FN"), of(c, "TEL"), of(c, "EMAIL")) for c in after if of(c, "FN")] == [
        (of(c, "FN") or of(a, "FN"), of(c, "TEL"), of(c, "EMAIL"))
        for c, a in zip(before, after, strict=True)
        if of(a, "FN")
    ]


def named(card, version):
    """The name; vobject ends it at a comma in 2.1, where a comma means nothing."""
    name = next(iter(of(card, "FN")), "")
    return spaced(name.partition(",")[0]) if version == "2.1" else name


def of(card, name):
    values = (line.value for line in card.lines if line.name == name)
    clean = (v.replace("\\;", ";") if card.version == "2.1" else unescaped(v) for v in values)
    return [spaced(v.removeprefix("tel:") if name == "TEL" else v) for v in clean]


# --- versions ------------------------------------------------------------------------------------------------------

CONVERSIONS = [
    # in, version, a line that must be there
    (
        card("FN:Jürgen Groß", "N:Groß;Jürgen;;;"),
        "2.1",
        b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen Gro=C3=9F",
    ),
    (card("FN:A", "N:A;;;;", "TEL;TYPE=HOME,VOICE:1"), "2.1", b"TEL;HOME;VOICE:1"),
    (card("FN:A", "N:A;;;;", "NOTE:one\\ntwo\\, three"), "2.1", b"NOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo, three"),
    (card("FN:A\\;B", "N:A\\;B;;;;"), "2.1", b"N:A\\;B;;;;"),
    (card("TEL;CELL;PREF:1", "N:A;;;;", "FN:A", version="2.1"), "3.0", b"TEL;TYPE=CELL;TYPE=PREF:1"),
    (card("N:B;A;;;", "NOTE;ENCODING=QUOTED-PRINTABLE:x=0D=0A=", "y", version="2.1"), "3.0", b"NOTE:x\\ny"),
    (card("N:B;A;;;", version="2.1"), "3.0", b"FN:A B"),
    (card("FN:A", "TEL;VALUE=uri;TYPE=cell:tel:+1-2", version="4.0"), "3.0", b"TEL;TYPE=cell:+1-2"),
    (card("FN:A", "TEL;PREF=1:5", version="4.0"), "2.1", b"TEL;PREF:5"),
    (card("FN:A", "N:A;;;;", "TEL;TYPE=pref,cell:5"), "4.0", b"TEL;TYPE=cell;PREF=1:5"),
    (card("FN:A", "GENDER:F", version="4.0"), "3.0", b"X-GENDER:F"),
    (
        card("FN:A", "N:A;;;;", "item1.URL:http\\://a.example", "item1.X-ABLabel:_$!<HomePage>!$_"),
        "2.1",
        b"item1.URL:http://a.example",
    ),
    (card("FN:A", "N:A;;;;", "GEO:37.4;-122.1"), "2.1", b"GEO:37.4;-122.1"),
]


@pytest.mark.parametrize(("data", "version", "line"), CONVERSIONS)
def test_a_property_is_written_as_its_version_wants_it(data, version, line):
    _, made = converted(data, version)

    assert line in made.data.splitlines(), made.data.decode()
    assert made.info.profile == version


LOST = [
    (card("FN:A", "N:A;;;;", "CLASS:PRIVATE"), "2.1", "CLASS was left out: vCard 2.1 has no such property"),
    (card("FN:A", "ANNIVERSARY:20091010", version="4.0"), "3.0", "ANNIVERSARY is written as X-ANNIVERSARY"),
    (card("FN:A", "BDAY:--0203", version="4.0"), "3.0", "BDAY was left out: it has no year"),
    (
        card("FN:A", "N:A;;;;", 'TEL;X-UUID="1:2":5'),
        "2.1",
        "parameter X-UUID was left out: vCard 2.1 has no such parameter",
    ),
    (
        card("N:A;;;;", "PHOTO;ENCODING=BASE64:AAAA", "", version="2.1"),
        "3.0",
        "a photo that cannot be opened was left out",
    ),
    (
        card("FN:A", "N:A;;;;", "PHOTO;VALUE=uri:https://a.example/b.jpg"),
        "2.1",
        "a photo is given only as an address; it was not fetched",
    ),
]


@pytest.mark.parametrize(("data", "version", "note"), LOST)
def test_what_a_version_cannot_carry_is_noted(data, version, note):
    assert note in converted(data, version)[1].notes


def test_a_contact_in_an_accepted_version_passes_through_under_the_wanted_label():
    data = card("FN:A", "N:A;;;;")
    source = ContactSource(data, INFO)
    survey = source.survey(ContactRule("text/vcard", ("2.1", "3.0")), "fast")

    assert survey.keep_bytes == len(data)
    assert source.keep().data == data
    assert source.keep().info.media_type == "text/vcard"
    assert source.keep().info.profile == "3.0"


NOT_KEPT = [
    (card("FN:A", "N:A;;;;", version="4.0"), "the receiver opens vCard 2.1, 3.0, not 4.0"),
    (card("FN:A", "N:A;;;;") + card("N:A;;;;", version="2.1"), "the file mixes versions"),
    (card("FN:A", "N:A;;;;").replace(b"FN:A", b"FN:\xe4"), "its text is not in UTF-8"),
    (card("FN:A", "N:A;;;;", "# odd"), "the file had to be repaired"),
]


@pytest.mark.parametrize(("data", "reason"), NOT_KEPT)
def test_why_a_contact_does_not_pass_through(data, reason):
    survey, _ = converted(data, "2.1", "3.0")

    assert survey.keep_bytes is None
    assert reason in survey.reasons


# --- photos --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_a_photo_is_shrunk_square_to_its_share_and_dropped_last(version):
    data = with_photo(photo())
    source = ContactSource(data, INFO)
    survey = source.survey(ContactRule(versions=(version,)), "fast")
    sides = []
    for limit in (*reversed(survey.curve.sizes_bytes[1:]), survey.minimum_bytes):
        made = source.render(limit)
        assert len(made.data) <= limit
        shown = photo_of(made.data)
        sides.append(0 if shown is None else shown.width)
        assert shown is None or shown.width in (shown.height, 720)

    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == 0
    assert sides[-2] >= 64
    assert b"Lovelace" in made.data


def test_a_photo_loses_its_position_even_when_it_keeps_its_size():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 0.0)
    exif[0x010F] = "Maker"
    data = with_photo(photo(200, exif=exif))
    survey, made = converted(data, "3.0")

    assert survey.keep_bytes is None
    assert survey.stripped
    assert not photo_of(made.data).getexif()


def test_a_contact_too_large_even_without_its_photo_is_refused_with_its_size():
    source = ContactSource(with_photo(photo()), INFO)
    survey = source.survey(ContactRule(), "fast")

    with pytest.raises(DoesNotFit) as refused:
        source.render(40)

    assert refused.value.smallest_bytes == survey.minimum_bytes
    assert len(refused.value.tries) > 3


# --- odd input -----------------------------------------------------------------------------------------------------

REFUSED = [
    b"",
    b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    b"\0\1\2",
    b"BEGIN:VCARD\nEND:VCARD\n" * 2_001,
    b"\n" * 100_001,
]


@pytest.mark.parametrize("data", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_contact_is_refused_by_name(data):
    with pytest.raises(MalformedContent):
        ContactSource(data, INFO)


def test_a_receiver_of_no_version_we_write_gets_none():
    with pytest.raises(NotAllowed):
        ContactSource(card("FN:A"), INFO).survey(ContactRule(versions=("1.0",)), "fast")


def test_a_false_claim_about_a_contact_is_caught():
    _, made = converted(card("FN:A", "N:A;;;;"), "2.1")

    with pytest.raises(EngineFailed):
        verify(made.data, replace(made.info, profile="3.0"))
    with pytest.raises(EngineFailed):
        verify(b"nothing", made.info)


@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                b"BEGIN:VCARD",
                b"END:VCARD",
                b"N;CHARSET=x;ENCODING=B:=",
                b" a",
                b"PHOTO;BASE64:/9j/",
                b"X:\\",
                b'A;B="',
                b"\r",
            ]
        )
    ).map(b"\n".join)
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_only_our_errors_leave_the_reader(data):
    try:
        cards, _ = read_contacts(data)
    except MalformedContent:
        return
    for version in ("2.1", "3.0", "4.0"):
        made = converted(data, version)[1]
        assert len(read_contacts(made.data)[0]) == len(cards)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=120)


@given(TEXT, st.sampled_from(["2.1", "3.0", "4.0"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_note_survives_every_version_and_back(text, version):
    text = f"a{text}\nz"
    data = card("N:A;;;;", "FN:A", "NOTE:" + escape(text))
    there = converted(data, version)[1].data
    back = converted(there, "3.0")[1].data

    assert unescaped(read_contacts(back)[0][0].first("NOTE").value) == text


def escape(text):
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


@given(TEXT)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_folding_and_quoted_printable_are_undone_by_the_reader(text):
    for data in (folded([f"NOTE:{text}"]), f"NOTE;ENCODING=QUOTED-PRINTABLE:{quoted_printable(text, 32)}\r\n".encode()):
        lines, _ = read_lines(data)
        assert lines[0].value == text
        assert all(len(row) <= 76 for row in data.split(b"\r\n")) or b"QUOTED" not in data


def test_fields_are_split_where_no_backslash_stands():
    assert split_fields("a;b\\;c;\\\\;d") == ("a", "b\\;c", "\\\\", "d")
