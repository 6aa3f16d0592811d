"""Profiles as people load them: effective limits, what is refused, a user's own folder, observed sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mmscontent.errors import NotAllowed, ProfileError
from mmscontent.profiles import ENVIRONMENT_VARIABLE, list_profiles, load_profile, observe

if TYPE_CHECKING:
    from pathlib import Path

# carrier, route, device, limit, target. Handset configurations, provider documents and device documents; where a
# device is named that takes less than the network, the device decides.
WELL_KNOWN = [
    (None, None, None, 300_000, 300_000),
    (None, None, "apple/iphone", 300_000, 300_000),
    (None, None, "nokia/3510", 30_720, 30_720),
    ("us/att", "long_code", "apple/iphone", 1_000_000, 600_000),
    ("us/att", "toll_free", "apple/iphone", 600_000, 525_000),
    ("us/att", "short_code", "apple/iphone", 600_000, 600_000),
    ("us/t-mobile", "long_code", "apple/iphone", 1_500_000, 1_000_000),
    ("us/t-mobile", "toll_free", "apple/iphone", 600_000, 525_000),
    ("us/t-mobile", "short_code", "apple/iphone", 1_000_000, 1_000_000),
    ("us/verizon", "long_code", "apple/iphone", 1_000_000, 675_000),
    ("us/verizon", "toll_free", "apple/iphone", 600_000, 525_000),
    ("us/verizon", "short_code", "apple/iphone", 1_200_000, 1_200_000),
    ("us/uscellular", "long_code", "apple/iphone", 500_000, 500_000),
    ("us/uscellular", "toll_free", "apple/iphone", 525_000, 525_000),
    ("us/sprint", "long_code", "apple/iphone", 1_500_000, 1_500_000),
    # the phone that fails near the network's 1 MB: the device declares 600 KiB and is right
    ("us/att", "p2p", "nokia/220", 614_400, 614_400),
    ("us/att", "long_code", "nokia/220", 614_400, 600_000),
    # a floor: the European build says 300 KiB, the network lets its phones send 1 MiB
    ("us/t-mobile", "p2p", "samsung/gt-i9505-eu", 1_048_576, 1_048_576),
    ("us/t-mobile", "long_code", "google/android-messages", 1_048_576, 1_000_000),
    ("us/verizon", "short_code", "google/android-messages", 1_200_000, 1_200_000),
    # 3 MiB and 600 KiB inside the network, 300 KB across networks
    ("gb/three", "p2p", "apple/iphone", 3_145_728, 300_000),
    ("gb/three", "p2p", "nokia/s40-6th", 614_400, 300_000),
    ("de/o2", "p2p", "apple/iphone", 614_400, 300_000),
    ("fr/free", "p2p", "apple/iphone", 614_400, 600_000),
    # business routes take the country's number, phones the platform's where the network is silent
    ("de/o2", "long_code", "apple/iphone", 300_000, 300_000),
    ("ca/rogers", "long_code", "apple/iphone", 1_000_000, 500_000),
    ("ca/bell", "long_code", "apple/iphone", 614_400, 500_000),
    ("au/telstra", "long_code", "apple/iphone", 2_000_000, 600_000),
    ("kr/skt", "long_code", "apple/iphone", 150_000, 150_000),
    ("gb/ee", "p2p", "apple/iphone", 307_200, 300_000),
    # the newest configuration wins over an older one that says 8 MiB
    ("us/cellcom", "p2p", "apple/iphone", 1_048_576, 1_048_576),
]


@pytest.mark.parametrize(("carrier", "route", "device", "limit_bytes", "target_bytes"), WELL_KNOWN)
def test_a_well_known_receiver_has_its_effective_limit(carrier, route, device, limit_bytes, target_bytes):
    profile = load_profile(carrier, route, device)

    assert (profile.limit_bytes, profile.target_bytes) == (limit_bytes, target_bytes)


# key, bytes, box, recipients, subject, segments: phone to phone, as the handset configurations state it.
PHONE_TO_PHONE = [
    ("us/att", 1_048_576, (2592, 1944), 20, 0, None),
    ("us/t-mobile", 1_048_576, (2592, 1944), 20, 40, 12),
    ("us/metropcs", 1_048_576, (2592, 1944), 20, 40, 12),
    ("us/verizon", 1_258_291, (2592, 1944), 20, 80, 7),
    ("us/visible", 1_258_291, (2592, 1944), 20, 80, 7),
    ("us/spectrum", 1_258_291, (2592, 1944), 20, 80, 7),
    ("us/xfinity", 1_258_291, (2592, 1944), 20, 80, 7),
    ("us/cox", 1_258_291, (2592, 1944), 20, 80, 7),
    ("us/sprint", 2_097_152, (2592, 1944), 40, 80, 6),
    ("us/boost", 2_097_152, (2592, 1944), 40, 80, 6),
    ("us/uscellular", 1_048_576, (2592, 1944), 20, 80, None),
    ("us/carolinawest", 1_048_576, (4320, 2432), 20, 80, 1),
    ("ca/rogers", 1_048_576, (2592, 1944), 20, 80, 6),
    ("ca/fido", 1_048_576, (2592, 1944), 20, 80, 6),
    ("ca/freedommobile", 1_048_576, (2592, 1944), 20, 80, 6),
    ("ca/bell", 614_400, (2592, 1944), 20, 80, 8),
    ("ca/virgin", 614_400, (2592, 1944), 20, 80, 8),
    ("ca/luckymobile", 614_400, (2592, 1944), 20, 80, 8),
    ("ca/telus", 2_097_152, (2592, 1944), 10, 80, 5),
    ("ca/koodo", 2_097_152, (2592, 1944), 10, 80, 5),
    ("ca/videotron", 3_072_000, (2592, 1944), 20, 80, 6),
    ("ca/fizz", 3_072_000, (2592, 1944), 20, 80, 6),
    ("fr/orange", 614_400, (2592, 1944), None, 40, None),
    ("fr/sfr", 614_400, (2592, 1944), None, 40, None),
    ("fr/bouygues", 614_400, (2592, 1944), None, 40, None),
    ("de/1and1", 614_400, (2592, 1944), None, 40, None),
    ("se/telia", 2_097_152, (2592, 1944), None, 40, None),
    ("no/telenor", 2_097_152, (2592, 1944), None, 40, None),
    ("se/telenor", 614_400, (2592, 1944), None, 40, None),
    ("se/vimla", 614_400, (2592, 1944), None, 40, None),
    ("it/iliad", 204_800, (640, 480), None, 40, None),
    ("it/tim", 1_048_576, (2592, 1944), None, 40, None),
    ("es/orange", 1_048_576, (2592, 1944), None, 40, None),
    ("es/movistar", 512_000, (2592, 1944), None, 40, None),
    ("kr/skt", 1_048_576, (2592, 1944), None, 40, None),
    ("jp/softbank", 307_200, (2592, 1944), None, 40, None),
    ("tr/turkcell", 512_000, (2592, 1944), None, 40, None),
    ("nz/spark", 614_400, (2592, 1944), None, 40, None),
    ("mk/telekom", 102_400, (2592, 1944), None, 40, None),
    ("mk/a1", 256_000, (2592, 1944), None, 40, None),
    ("iq/zain", 153_600, (2592, 1944), None, 40, None),
    ("sa/zain", 409_600, (2592, 1944), None, 40, None),
    ("gb/o2", 307_200, (640, 480), None, 40, None),
    ("gb/sky", 307_200, (640, 480), None, 40, None),
]


@pytest.mark.parametrize(("carrier", "limit", "box", "recipients", "subject", "segments"), PHONE_TO_PHONE)
def test_phones_of_a_network_send_what_its_configuration_says(carrier, limit, box, recipients, subject, segments):
    profile = load_profile(carrier, "p2p")

    assert profile.limit_bytes == limit
    assert (profile.image.max_long_px, profile.image.max_short_px) == box
    assert (profile.max_recipients, profile.subject_max_chars) == (recipients, subject)
    assert profile.text.sms_to_mms_segments == segments


PICTURES = [
    ("us/t-mobile", "apple/iphone", (2592, 1944)),  # a floor: 1024×1024 declared, the network's phones send more
    ("gb/ee", "apple/iphone", (1024, 1024)),  # the network is silent
    ("us/t-mobile", "google/android-messages", (2592, 1944)),
    ("us/t-mobile", "nokia/220", (1600, 1200)),  # hard
    ("us/t-mobile", "samsung/sgh-e700", (160, 128)),
    (None, "nokia/s40-6th", (1600, 1200)),
]


@pytest.mark.parametrize(("carrier", "device", "box"), PICTURES)
def test_a_picture_fits_the_phone_and_a_floor_gives_way_to_the_network(carrier, device, box):
    image = load_profile(carrier, None, device).image

    assert (image.max_long_px, image.max_short_px) == box


@pytest.mark.parametrize(
    ("device", "progressive"),
    [
        ("apple/iphone", True),
        ("google/android-messages", True),
        ("samsung/gt-i9100", True),
        ("nokia/s40-6th", False),
        ("blackberry/9900", False),
        ("nokia/6300", False),
    ],
)
def test_progressive_jpeg_is_for_decoders_known_to_read_it(device, progressive):
    assert load_profile(device=device).image.progressive is progressive


CLASSES = [
    ("oma/text", 30_720, None),
    ("oma/image-basic", 30_720, (160, 120)),
    ("oma/image-rich", 102_400, (640, 480)),
    ("oma/video-basic", 102_400, (640, 480)),
    ("oma/video-rich", 307_200, (640, 480)),
    ("oma/megapixel", 614_400, (1600, 1200)),
    ("generic/portable-300", 300_000, (640, 480)),
    ("generic/portable-150", 150_000, (640, 480)),
    ("generic/us-safe-500", 500_000, (2592, 1944)),
    ("generic/us-standard-600", 600_000, (2592, 1944)),
]


@pytest.mark.parametrize(("key", "limit_bytes", "box"), CLASSES)
def test_a_content_class_has_its_size_and_picture(key, limit_bytes, box):
    profile = load_profile(content_class=key)

    assert profile.limit_bytes == profile.target_bytes == limit_bytes
    assert box is None or (profile.image.max_long_px, profile.image.max_short_px) == box


def test_nothing_given_is_the_portable_profile():
    profile = load_profile()

    assert (profile.image.max_long_px, profile.image.max_short_px) == (640, 480)
    assert not profile.image.progressive
    assert [f.codec for f in profile.video.formats] == ["h263"]
    assert [f.codec for f in profile.audio.formats] == ["amr-nb"]
    assert profile.contact.media_type == "text/x-vcard"


def test_oma_text_takes_no_media():
    profile = load_profile(content_class="oma/text")

    assert (profile.image.media_types, profile.video.formats, profile.audio.formats) == ((), (), ())


def test_a_class_binds_a_device_that_takes_more():
    profile = load_profile(device="samsung/sm-g900t", content_class="oma/image-rich")

    assert profile.limit_bytes == 102_400
    assert profile.image.media_types == ("image/jpeg", "image/gif")
    assert profile.video.formats == ()


def test_an_unknown_phone_gets_600_kb_unless_the_carriers_number_is_of_high_confidence():
    unsure, sure = load_profile("us/t-mobile", "long_code"), load_profile("us/att", "p2p")

    assert (unsure.limit_bytes, unsure.target_bytes) == (1_500_000, 600_000)
    assert "name the device" in unsure.notes[0]
    assert sure.target_bytes == 1_000_000


def test_without_a_route_the_tightest_of_the_carrier_holds_and_a_note_says_so():
    profile = load_profile("us/att", device="apple/iphone")

    assert (profile.limit_bytes, profile.target_bytes) == (600_000, 525_000)
    assert "toll_free" in profile.notes[0]


def test_a_business_route_the_carrier_is_silent_on_never_passes_its_own_phone_limit():
    profile = load_profile("us/cricket", "long_code", "apple/iphone")

    assert (profile.limit_bytes, profile.target_bytes) == (1_048_576, 500_000)


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("carrier", "says"),
    [
        ("de/vodafone", "2023-01-17"),
        ("ch/swisscom", "2023-01-01"),
        ("ch/salt", "2023-01-10"),
        ("nl/vodafone", "2025-01"),
        ("jp/docomo", "2025-01"),
        ("jp/linemo", "2025-01"),
        ("in/vodafone", "2025-01"),
        ("sg/starhub", "2025-01"),
    ],
)
def test_a_network_that_takes_no_mms_stops_with_a_date_unless_told_otherwise(carrier, says):
    with pytest.raises(NotAllowed, match=says):
        load_profile(carrier)

    assert any(says in note for note in load_profile(carrier, allow_inactive=True).notes)


def test_46_networks_and_more_are_known_to_have_ended_mms_or_switched_it_off():
    ended = [row for row in list_profiles("carrier") if row.status in ("disabled", "discontinued")]

    assert len(ended) >= 46


def test_a_network_in_doubt_is_noted():
    assert any("may have ended MMS" in note for note in load_profile("de/telekom", "p2p").notes)


UNKNOWN = [
    ({"carrier": "de/atlantis"}, "carrier", "de/o2"),
    ({"carrier": "atlantis"}, "carrier", "us/t-mobile"),
    ({"carrier": "../../etc/passwd"}, "carrier", "not known"),
    ({"carrier": "us/../us/att"}, "carrier", "not known"),
    ({"device": "nokia/9999"}, "device", "nokia/220"),
    ({"device": "nokia/6300@0123456789abcdef"}, "device", "not known"),
    ({"content_class": "oma/cinema"}, "class", "oma/megapixel"),
    ({"carrier": "us/att", "route": "pigeon"}, "route", "toll_free"),
    ({"carrier": "us/att", "route": "any"}, "route", "toll_free"),
    ({"max_message_bytes": 0}, "max_message_bytes", "1 or more"),
]


@pytest.mark.parametrize(("arguments", "key", "advice"), UNKNOWN)
def test_what_is_not_known_is_an_error_with_advice(arguments, key, advice):
    with pytest.raises(ProfileError) as caught:
        load_profile(**arguments)

    assert caught.value.key == key
    assert advice in str(caught.value)


# -- the caller's own limit ---------------------------------------------------------------------------------------


def test_the_callers_limit_replaces_limit_and_target():
    profile = load_profile("us/att", "long_code", "apple/iphone", max_message_bytes=200_000)

    assert (profile.limit_bytes, profile.target_bytes) == (200_000, 200_000)
    origin = profile.origin("limit_bytes")
    assert origin is not None
    assert origin.source == "caller"
    assert any("1,000,000" in text for text in origin.competing)
    assert profile.notes == ()


def test_a_callers_limit_above_the_receivers_is_noted():
    profile = load_profile(device="nokia/3510", max_message_bytes=100_000)

    assert profile.limit_bytes == 100_000
    assert "30,720" in profile.notes[0]


def test_a_value_may_be_set_for_one_call():
    own = {
        "image.max_long_px": 800,
        "image.media_types": ("image/jpeg",),
        "subject_max_chars": 0,
        "limit_bytes": 90_000,
    }
    profile = load_profile("us/att", "long_code", "apple/iphone", overrides=own)

    assert (profile.image.max_long_px, profile.image.max_short_px) == (800, 1944)
    assert profile.image.media_types == ("image/jpeg",)
    assert (profile.limit_bytes, profile.target_bytes) == (90_000, 90_000)
    origin = profile.origin("image.max_long_px")
    assert origin is not None
    assert (origin.source, origin.competing) == ("caller", ("carrier us/att: 2,592",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image.colour", 1),
        ("limit", 1),
        ("message.limit_bytes", 1),
        ("limit_bytes", "1"),
        ("image.media_types", "image/jpeg"),
        ("", 1),
        ("smil.src", "elsewhere"),
    ],
)
def test_a_wrong_value_for_one_call_is_named(name, value):
    with pytest.raises(ProfileError) as caught:
        load_profile(overrides={name: value})

    assert caught.value.key == name


# -- a user's own folder ------------------------------------------------------------------------------------------

OWN = """
name = "AT&T through our aggregator"
extends = "us/att"
source = "contract, annex 3"
date = "2026-11-22"

[routes.toll_free]
limit_bytes = 750_000
counts = "base64"
"""


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_users_file_lies_over_the_shipped_one_and_may_extend_it(tmp_path):
    write(tmp_path, "carriers/us/att.toml", OWN)

    toll_free = load_profile("us/att", "toll_free", "apple/iphone", profiles=tmp_path)
    long_code = load_profile("us/att", "long_code", "apple/iphone", profiles=tmp_path)

    assert (toll_free.limit_bytes, toll_free.counts) == (750_000, "base64")
    assert (long_code.limit_bytes, long_code.target_bytes) == (1_000_000, 600_000)
    assert toll_free.subject_max_chars == 0


def test_the_environment_names_the_users_folder(tmp_path, monkeypatch):
    write(tmp_path, "carriers/us/att.toml", OWN)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))

    assert load_profile("us/att", "toll_free", "apple/iphone").limit_bytes == 750_000


def test_a_users_device_may_extend_the_shipped_one(tmp_path):
    write(
        tmp_path,
        "devices/apple/iphone.toml",
        'extends = "apple/iphone"\nsource = "own"\ndate = "2026"\n[image]\nmax_long_px = 2000\nmax_short_px = 2000\n',
    )

    profile = load_profile(device="apple/iphone", profiles=tmp_path)

    assert profile.image.max_long_px == 2000
    assert profile.image.media_types == load_profile(device="apple/iphone").image.media_types


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProfileError, match="nowhere"):
        load_profile(profiles=tmp_path / "nowhere")


HEAD = 'source = "s"\ndate = "2026"\n'
WRONG = [
    ("[routes.p2p]\nlimit_bytes = 5\n", "routes.p2p.source"),
    ('source = "s"\n[routes.p2p]\nlimit_bytes = 5\n', "routes.p2p.date"),
    (HEAD + "[routes.p2p]\nlimit_bites = 5\n", "routes.p2p.limit_bites"),
    (HEAD + "[routes.p2p]\ntarget_bytes = 5\n", "routes.p2p"),
    (HEAD + "[routes.p2p]\nlimit_bytes = 5\ntarget_bytes = 6\n", "routes.p2p.target_bytes"),
    (HEAD + '[routes.p2p]\nlimit_bytes = "5"\n', "routes.p2p.limit_bytes"),
    (HEAD + "[routes.p2p]\nlimit_bytes = true\n", "routes.p2p.limit_bytes"),
    (HEAD + "[routes.pigeon]\nlimit_bytes = 5\n", "routes.pigeon"),
    (HEAD + "colour = 5\n", "colour"),
    (HEAD + "[image]\nmedia_types = ['JPEG']\n", "image.media_types"),
    (HEAD + "[video]\nformats = [{ codec = 'h264' }]\n", "video.formats"),
    (HEAD + "[video]\nformats = [{ media_type = 'video/mp4', codec = 'h264', hue = 1 }]\n", "video.formats"),
    (HEAD + "[message]\ncounts = 'words'\n", "message.counts"),
    ("source = 's'\ndate = 'yesterday'\n", "date"),
    (HEAD + "confidence = 'certain'\n", "confidence"),
    (HEAD + "image = 5\n", "image"),
    (HEAD + "routes = { p2p = 5 }\n", "p2p"),
    (HEAD + "key = 'us/other'\n", "key"),
    ("[[[", ""),
    ("\ufeff\x00", ""),
]


@pytest.mark.parametrize(("text", "key"), WRONG)
def test_a_wrong_file_is_an_error_naming_file_and_key(tmp_path, text, key):
    file = write(tmp_path, "carriers/xx/test.toml", text)

    with pytest.raises(ProfileError) as caught:
        load_profile("xx/test", profiles=tmp_path)

    assert caught.value.file == str(file)
    assert caught.value.key == key
    assert str(file) in str(caught.value)


def test_profiles_that_extend_each_other_are_an_error(tmp_path):
    write(tmp_path, "carriers/xx/a.toml", 'extends = "xx/b"\n')
    write(tmp_path, "carriers/xx/b.toml", 'extends = "xx/a"\n')

    with pytest.raises(ProfileError, match="extends more than"):
        load_profile("xx/a", profiles=tmp_path)


# -- observed sizes -----------------------------------------------------------------------------------------------


def test_a_size_the_network_refused_is_shown_and_used_only_when_the_caller_says_so(tmp_path):
    observe(tmp_path, "us/att", "long_code", 640_000, "2026-11-21")
    observe(tmp_path, "us/att", "long_code", 612_000, "2026-11-22")

    shown = load_profile("us/att", "long_code", "apple/iphone", profiles=tmp_path)
    used = load_profile("us/att", "long_code", "apple/iphone", profiles=tmp_path, use_observed=True)
    other = load_profile("us/att", "toll_free", "apple/iphone", profiles=tmp_path, use_observed=True)

    origin = shown.origin("limit_bytes")
    assert origin is not None
    assert shown.limit_bytes == 1_000_000
    assert any("refused at 612,000 bytes on 2026-11-22" in text for text in origin.competing)
    assert (used.limit_bytes, used.target_bytes) == (611_999, 600_000)
    assert other.limit_bytes == 600_000


@pytest.mark.parametrize(
    "line", [("us/att", "x\ty", 5, "2026"), ("us/att", "p2p", 0, "2026"), ("us/att", "p2p", 5, "now")]
)
def test_an_observation_that_could_not_be_read_again_is_refused(tmp_path, line):
    with pytest.raises(ProfileError):
        observe(tmp_path, *line)

    assert not (tmp_path / "observed.tsv").exists()
