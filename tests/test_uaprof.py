"""Device documents from the wild: the right values, a named finding for each defect, never a crash."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, OverLimits
from mmscontent.profiles.device_capabilities import DeviceCapabilities, device_key, device_profile, is_lower_bound
from mmscontent.profiles.uaprof import read_uaprof
from mmscontent.profiles.uaprof_vocabulary import audio_formats, image_types, types_for, video_formats, words_for
from mmscontent.xml_parser import MAX_BYTES
from tests.conftest import CORPUS

INDEX = CORPUS / "uaprof" / "index.json"
REAL = json.loads(INDEX.read_text(encoding="utf-8")) if INDEX.is_file() else []
IMAGES = {"jpeg", "png", "gif", "bmp", "wbmp", "webp", "tiff", "svg", "jp2"}
VIDEOS = {"3gp", "mp4", "3g2", "mov", "mpeg", "wmv", "asf", "avi", "rv"}
OTHERS = {"h263", "h264", "mpeg4-visual", "vcard", "vcal", "smil"}


@pytest.mark.parametrize("entry", REAL, ids=[entry["file"] for entry in REAL])
def test_a_real_document_gives_its_values(entry):
    document = read_uaprof((CORPUS / "uaprof" / entry["file"]).read_bytes())
    words = words_for(document.accepts)

    assert entry["expected"] == {
        "vendor": document.vendor,
        "model": document.model,
        "screen": list(document.screen_px or ("", "")),
        "mms_max_message_size_raw": document.max_message_stated,
        "mms_max_message_size": document.max_message_bytes,
        "mms_max_image": list(document.max_image_px or ("", "")),
        "mms_version": list(document.versions),
        "content_classes": list(document.content_classes),
        "accept_count": len(document.accepts),
        "image_formats": [w for w in words if w in IMAGES],
        "video_containers": [w for w in words if w in VIDEOS],
        "audio_formats": [w for w in words if w not in IMAGES | VIDEOS | OTHERS],
        "vcard": "text/x-vcard" in document.accepts,
        "smil": "application/smil" in document.accepts,
        "mms_namespace": document.namespace,
    }


FINDINGS = {
    "quirk-not-well-formed-m990.rdf": "not-well-formed",
    "quirk-bad-xmlns-sgh-e350e.xml": "not-well-formed",
    "quirk-tag-mismatch.xml": "not-well-formed",
    "quirk-extra-content.xml": "not-well-formed",
    "quirk-browser-copy-dashes-k1c.rdf": "browser-copy",
    "quirk-size-text-1MBout-2MBin.xml": "size-not-a-number",
    "quirk-resolution-star-sagem.xml": "resolution-spelling",
    "quirk-resolution-spaces.xml": "resolution-spelling",
    "quirk-utf8-bom-hp-ipaq510.xml": "byte-order-mark",
    "no-mms-sonyericsson-t68.xml": "no-mms-part",
    "siemens-al21.xml": "doctype",
    "samsung-gt-i9505-eu.xml": "doctype",
}


@pytest.mark.parametrize("entry", REAL, ids=[entry["file"] for entry in REAL])
def test_a_real_document_has_a_finding_for_its_defect_and_no_other(entry):
    document = read_uaprof((CORPUS / "uaprof" / entry["file"]).read_bytes())

    expected = FINDINGS.get(entry["file"])
    assert [f.rule for f in document.findings] == ([expected] if expected else [])


@pytest.mark.parametrize("entry", REAL, ids=[entry["file"] for entry in REAL])
def test_a_real_document_makes_a_device(entry):
    device = device_profile(read_uaprof((CORPUS / "uaprof" / entry["file"]).read_bytes()), "corpus", "2015")
    stated = {fact.field: fact.value for fact in device.statements}

    assert "/" in device.key
    assert stated.get("limit_bytes") == entry["expected"]["mms_max_message_size"]
    assert stated.get("image.max_long_px", 0) >= stated.get("image.max_short_px", 0)


# -- documents made for the purpose -------------------------------------------------------------------------------


def rdf(mms: str, hardware: str = "") -> str:
    return (
        '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:p="urn:any#">'
        f'<rdf:Description rdf:ID="Profile"><p:component><rdf:Description rdf:ID="HardwarePlatform">{hardware}'
        '</rdf:Description></p:component><p:component><rdf:Description rdf:ID="MMSCharacteristics">'
        f"{mms}</rdf:Description></p:component></rdf:Description></rdf:RDF>"
    )


BAG = "<p:MmsCcppAccept><rdf:Bag>{}</rdf:Bag></p:MmsCcppAccept>"
CASES = [
    ("<p:MmsMaxMessageSize> 307200 </p:MmsMaxMessageSize>", "max_message_bytes", 307_200),
    ("<p:MmsMaxMessageSize></p:MmsMaxMessageSize>", "max_message_bytes", None),
    ("<p:MmsMaxMessageSize>300 KB</p:MmsMaxMessageSize>", "max_message_bytes", None),
    ("<p:MmsMaxMessageSize>0</p:MmsMaxMessageSize>", "max_message_bytes", None),
    ("<p:MmsMaxMessageSize>9999999999999999</p:MmsMaxMessageSize>", "max_message_bytes", None),
    ("<p:MmsMaxMessageSize>٣٠٧٢٠٠</p:MmsMaxMessageSize>", "max_message_bytes", None),
    ("<!-- MmsMaxMessageSize 1 --><p:MmsMaxMessageSize>2</p:MmsMaxMessageSize>", "max_message_bytes", 2),
    ("<p:MmsMaxImageResolution>1600X1200</p:MmsMaxImageResolution>", "max_image_px", (1600, 1200)),
    ("<p:MmsMaxImageResolution>640 * 480</p:MmsMaxImageResolution>", "max_image_px", (640, 480)),
    ("<p:MmsMaxImageResolution>640</p:MmsMaxImageResolution>", "max_image_px", None),
    ("<p:MmsMaxImageResolution>0x0</p:MmsMaxImageResolution>", "max_image_px", None),
    ("<p:MmsVersion>1.0, 1.2</p:MmsVersion>", "versions", ("1.0", "1.2")),
    (BAG.format("<rdf:li> Image/JPEG;q=1 </rdf:li><rdf:li>image/jpeg</rdf:li><rdf:li/>"), "accepts", ("image/jpeg",)),
    ("<p:MmsCcppAccept>image/gif image/png</p:MmsCcppAccept>", "accepts", ("image/gif", "image/png")),
    ("<p:MmsCcppAccept><rdf:Seq><rdf:li>a/b</rdf:li></rdf:Seq></p:MmsCcppAccept>", "accepts", ("a/b",)),
]


@pytest.mark.parametrize(("mms", "field", "value"), CASES)
def test_a_value_is_read_however_it_is_written(mms, field, value):
    assert getattr(read_uaprof(rdf(mms).encode()), field) == value


def test_what_stands_around_the_tags_is_taken_off():
    text = rdf("<p:MmsMaxMessageSize>5000</p:MmsMaxMessageSize>")
    wrapped = [
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("utf-16"),
        b"\n\n  " + text.encode(),
        b"HTTP/1.1 200 OK\r\n\r\n" + text.encode(),
        text.replace("<p:", "\n - <p:").encode(),
        text.replace("<rdf:RDF", "<!DOCTYPE rdf [<!ENTITY p 'urn:any#'>]>\n<rdf:RDF").encode(),
        text.replace("urn:any#", "&p;").replace("<rdf:RDF", "<!DOCTYPE rdf SYSTEM 'x.dtd'><rdf:RDF").encode(),
        text.encode() + b"<p:extra/> and more",
        text.replace("p:", "undeclared:", 2).encode(),
    ]

    assert [read_uaprof(data).max_message_bytes for data in wrapped] == [5000] * len(wrapped)


HOSTILE = [
    b"",
    b"no xml at all",
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"<",
    b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    b"<a>" * 5000,
    b"<!DOCTYPE a [" * 5000,
    b"<?xml version='1.0' encoding='nonsense'?><a/>",
    b"\x00" * 1000,
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:24]))
def test_hostile_bytes_are_refused_or_read_as_empty(data):
    try:
        document = read_uaprof(data)
    except (MalformedContent, OverLimits):
        return

    assert (document.max_message_bytes, document.accepts) == (None, ())
    assert document.findings


def test_an_entity_is_never_expanded():
    text = rdf("<p:MmsMaxMessageSize>&size;</p:MmsMaxMessageSize>", "<p:Model>&name;</p:Model>")
    document = read_uaprof(text.replace("<rdf:RDF", "<!DOCTYPE r [<!ENTITY size '77'>]><rdf:RDF").encode())

    assert document.max_message_bytes is None
    assert document.model == "name"


def test_a_document_too_long_is_refused_at_once():
    with pytest.raises(OverLimits):
        read_uaprof(b"<a>" + b" - <b/>\n" * (MAX_BYTES // 8) + b"</a>")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=300) | st.text(alphabet="<>/&;!-[]=\"' abMms:p\n", max_size=300).map(str.encode))
def test_only_our_errors_leave_the_reader(data):
    try:
        document = read_uaprof(data)
    except (MalformedContent, OverLimits):
        return

    assert document == read_uaprof(data)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.data())
def test_a_damaged_document_is_read_or_refused(data):
    text = bytearray(rdf(BAG.format("<rdf:li>image/jpeg</rdf:li>"), "<p:Model>X</p:Model>").encode())
    for _ in range(data.draw(st.integers(1, 6))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        document = read_uaprof(bytes(text))
    except (MalformedContent, OverLimits):
        return

    device_profile(document)


# -- words and keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vendor", "model", "key"), [
    ("LG Electronics", "LG/GU280/v1.0", "lg/gu280"),
    ("LGE", "LG-KF600", "lg/kf600"),
    ("SAMSUNG", "GT-I9100", "samsung/gt-i9100"),
    ("Nokia", "Nokia C6-00", "nokia/c6-00"),
    ("Nokia", "5800 XpressMusic", "nokia/5800-xpressmusic"),
    ("Sony Ericsson Mobile Communications", "K750i", "sonyericsson/k750i"),
    ("Sony Mobile Communications", "LT18i", "sony/lt18i"),
    ("Research In Motion Ltd.", "BlackBerry 9900", "blackberry/9900"),
    ("HTC Corporation", "HTC_Desire", "htc/desire"),
    ("High Tech Computer Corporation", "MDA Compact", "htc/mda-compact"),
    ("", "Sagem-my721X/1.0", "unknown/sagem-my721x"),
    ("Acme", "", ""),
])  # fmt: skip
def test_vendor_and_model_make_a_key(vendor, model, key):
    assert device_key(vendor, model) == key


def test_words_go_there_and_back():
    types = types_for(["jpeg", "amr-nb", "3gp", "vcard", "nonsense"])

    assert types == ("image/jpeg", "audio/amr", "video/3gpp", "text/x-vcard")
    assert words_for(types) == ("jpeg", "amr-nb", "3gp", "vcard")


def test_formats_are_best_first():
    assert image_types(["gif", "jpeg", "svg"]) == ("image/jpeg", "image/gif")
    assert [f.codec for f in audio_formats(["midi", "mp3", "amr-nb"])] == ["amr-nb", "mp3", "midi"]


LEVELS = [
    (["3gp"], [], [("video/3gpp", "h263", "10", 176)]),
    (["3gp", "h263"], ["video/H263-2000;profile=0;level=45"], [("video/3gpp", "h263", "45", 176)]),
    (["3gp", "h263"], ["video/H263-2000;Profile=0;Level=10", "video/H263-1998;profile=0;level=30"],
     [("video/3gpp", "h263", "30", 352)]),
    (["mp4", "h264"], ["video/H264;profile-level-id=42E00D"], [("video/mp4", "h264", "1.3", 352)]),
    (["mp4", "h264"], ["video/H264;profile-level-id=42F00B"], [("video/mp4", "h264", "1b", 176)]),
    (["mp4", "h264"], ["video/H264;profile-level-id=42E00B"], [("video/mp4", "h264", "1.1", 176)]),
    (["mp4", "h264"], ["video/H264-2000;profile=0;level=10"], [("video/mp4", "h264", "1b", 176)]),
    (["mp4", "mpeg4-visual"], ["video/MP4V-ES;profile_level_id=9"], [("video/mp4", "mpeg4", "0b", 176)]),
    (["mp4", "h263"], [], []),
    ([], [], []),
    (["h264"], [], []),
]  # fmt: skip


@pytest.mark.parametrize(("words", "levels", "formats"), LEVELS)
def test_a_stated_level_bounds_the_frame(words, levels, formats):
    found = video_formats(words, levels)

    assert [(f.media_type, f.codec, f.level, f.max_long_px) for f in found] == formats


def test_a_smartphone_plays_h264_whatever_its_document_says():
    first, *_ = video_formats(["mp4", "3gp", "h263"], smartphone=True)

    assert (first.codec, first.level, first.audio_codec) == ("h264", "1.3", "aac")


@pytest.mark.parametrize(("os_name", "screen", "floor"), [
    ("Android", None, True),
    ("", (1080, 1920), True),
    ("", (800, 480), True),
    ("", (640, 480), False),
    ("Symbian", (360, 640), False),
    ("", None, False),
])  # fmt: skip
def test_android_documents_are_floors(os_name, screen, floor):
    assert is_lower_bound(os_name, screen) is floor


def test_a_missing_size_takes_that_of_the_best_class():
    device = device_profile(DeviceCapabilities(vendor="A", model="B", content_classes=("TX", "VR", "IB")))

    assert {f.field: f.value for f in device.statements}["limit_bytes"] == 307_200
