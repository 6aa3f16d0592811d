"""From a SIM, a User-Agent or a UAProf address to the right key."""

from __future__ import annotations

import pytest

from mmscontent.errors import MalformedContent, ProfileError
from mmscontent.profiles import load_profile
from mmscontent.profiles.match import match_profiles
from tests.conftest import CORPUS

NETWORKS = [
    ({"plmn": "311480"}, "us/verizon"),
    ({"plmn": "311-480"}, "us/verizon"),
    ({"plmn": "310 260"}, "us/t-mobile"),
    ({"plmn": "310410"}, "us/att"),
    ({"plmn": "23420"}, "gb/three"),
    ({"plmn": "26207"}, "de/o2"),
    ({"plmn": "302610"}, "ca/bell"),
    ({"plmn": "20811"}, "fr/sfr"),
    # brands on a host's code, by what else the SIM says
    ({"plmn": "311480", "gid1": "BAE1000000000000"}, "us/visible"),
    ({"plmn": "311480", "gid1": "bae1000000000000ff"}, "us/visible"),
    ({"plmn": "311480", "gid1": "BA00040000000000"}, "us/cellcom"),
    ({"plmn": "310410", "gid1": "53FF"}, "us/att5g"),
    ({"plmn": "23410", "spn": "giffgaff"}, "gb/giffgaff"),
    ({"plmn": "26207", "imsi": "262074912345678"}, "de/o2prepaid"),
    ({"plmn": "302720", "imsi": "302720184000000"}, "ca/chatr"),
    ({"plmn": "20801", "iccid": "8949361234"}, "de/1and1"),
    # a qualifier nobody asks for leaves the host
    ({"plmn": "311480", "gid1": "1234"}, "us/verizon"),
    ({"plmn": "23410", "spn": "giffgaff but not quite"}, "gb/o2"),
]


@pytest.mark.parametrize(("known", "key"), NETWORKS, ids=str)
def test_a_network_is_found_by_its_code_and_sim(known, key):
    assert [m.key for m in match_profiles(**known) if m.certain] == [key]


def test_brands_on_the_same_code_are_told_as_possible():
    possible = {m.key: m.how for m in match_profiles(plmn="311480") if not m.certain}

    assert {"us/visible", "us/cellcom", "us/xfinity"} <= set(possible)
    assert "gid1=BAE1" in possible["us/visible"]


def test_a_code_nobody_has_matches_nothing():
    assert match_profiles(plmn="99999") == ()


@pytest.mark.parametrize("plmn", ["", "31048x", "1234", "1234567", "३११४८०"])
def test_a_code_that_is_none_is_an_error(plmn):
    with pytest.raises(ProfileError, match="five or six digits"):
        match_profiles(plmn=plmn)


USER_AGENTS = [
    ("Nokia6300/2.0 (04.20) Profile/MIDP-2.0 Configuration/CLDC-1.1", "nokia/6300"),
    ("NokiaE71-1/110.07.127; Series60/3.1", "nokia/e71-1"),
    ("Nokia220/10.03.11", "nokia/220"),
    ("SonyEricssonK750i/R1AA Browser/SEMC-Browser/4.2", "sonyericsson/k750i"),
    ("SAMSUNG-GT-S5230/S523MXEJB2 SHP/VPP/R5", "samsung/gt-s5230"),
    ("Mozilla/5.0 (Linux; U; Android 2.3.3; de-de; GT-I9100 Build/GINGERBREAD)", "samsung/gt-i9100"),
    ("BlackBerry9900/7.0.0.540 Profile/MIDP-2.1", "blackberry/9900"),
    ("MOT-L6/0A.53.14R MIB/2.2.1", "motorola/l6"),
    ("LG-KP500 Teleca/WAP2.0", "lg/kp500"),
    ("HTC Desire S Build/GRI40", "htc/desire-s"),
    ("SAMSUNG-ANDROID-MMS/SM-G900T", "samsung/sm-g900t"),
    ("SAMSUNG-ANDROID-MMS/SM-S918U", "samsung/messages"),
    ("iPhoneOS/26.1 (23B85)", "apple/iphone"),
    ("Mozilla/5.0 (Mobile; Nokia 2720 Flip; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.2", "kaios/messages"),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36", "google/android-messages"),
]


@pytest.mark.parametrize(("user_agent", "key"), USER_AGENTS)
def test_a_phone_is_found_by_its_user_agent(user_agent, key):
    assert [m.key for m in match_profiles(user_agent=user_agent)] == [key]


@pytest.mark.parametrize("user_agent", ["", "curl/8.0", "6300", "desire", "/", "x" * 100_000])
def test_a_user_agent_that_names_no_phone_matches_nothing(user_agent):
    assert match_profiles(user_agent=user_agent) == ()


ADDRESSES = [
    ("http://iphonemms.apple.com/iphone/uaprof-2MB.rdf", "apple/iphone", 300_000),
    ("http://wap.samsungmobile.com/uaprof/SAMSUNGUAPROF.xml", "samsung/messages", 300_000),
    ('"http://nds1.nds.nokia.com/uaprof/N6300r100.xml"', "nokia/6300@f342e15e8d3e4f8d", 300_000),
    ('"http://nds.nokia.com/uaprof/N6230r100.xml", "1-abc=="', "nokia/s40-2nd", 100_000),
    ("http://wap.sonyericsson.com/UAprof/K750iR101.xml", "sonyericsson/k750i@", 300_000),
    ("http://extranet.sagem.com/UAProfile/898885.xml", "unknown/sagem-my721x@", 300_000),
]


@pytest.mark.parametrize(("header", "key", "limit_bytes"), ADDRESSES)
def test_a_phone_is_found_by_the_address_it_sends(header, key, limit_bytes):
    (found,) = match_profiles(uaprof=header)

    assert found.key.startswith(key)
    assert load_profile(device=found.key).limit_bytes == limit_bytes


def test_an_address_nobody_knows_matches_nothing():
    assert match_profiles(uaprof="http://example.org/phone.xml") == ()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus")
def test_a_document_is_read_as_the_device_it_names():
    first, second = match_profiles(uaprof=(CORPUS / "uaprof" / "lg-kp500.xml").read_bytes())

    assert (first.key, second.key) == ("lg/kp500", "lg/kp500")
    assert first.device is not None
    profile = load_profile("gb/three", "p2p", first.device)
    assert (profile.device, profile.limit_bytes, profile.image.max_long_px) == ("lg/kp500", 307_200, 1280)


def test_bytes_that_are_no_document_are_refused():
    with pytest.raises(MalformedContent):
        match_profiles(uaprof=b"\xff\xd8\xff\xe0 no xml")


def test_a_users_folder_is_searched_first(tmp_path):
    file = tmp_path / "carriers" / "xx" / "test.toml"
    file.parent.mkdir(parents=True)
    file.write_text('extends = "zz/any"\n[match]\nplmn = ["311480"]\nmvno = ["310260:gid1=AB"]\n', encoding="utf-8")
    phone = tmp_path / "devices" / "acme" / "one.toml"
    phone.parent.mkdir(parents=True)
    phone.write_text('extends = "generic/smartphone"\n[match]\nuser_agent = ["AcmeOne*"]\n', encoding="utf-8")

    assert [m.key for m in match_profiles(plmn="311480", profiles=tmp_path) if m.certain] == ["xx/test"]
    assert [m.key for m in match_profiles(plmn="310260", gid1="ab", profiles=tmp_path)] == ["xx/test"]
    assert [m.key for m in match_profiles(user_agent="AcmeOne/1", profiles=tmp_path)] == ["acme/one"]
