"""How statements merge: properties of the arithmetic, and the cases a person would ask about."""

from __future__ import annotations

import ast
import itertools
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.profiles.merge import ProfileLayer, Statement, build_profile, format_value, merge
from mmscontent.profiles.model import FIELD_RULES, SECTIONS, AudioFormat, Origin, VideoFormat
from tests.conftest import ROOT

OPTIONS = settings(max_examples=80, deadline=None, derandomize=True)
BASE = ProfileLayer(
    "base",
    "generic/portable-300",
    (Statement("limit_bytes", 300_000, Origin("base")), Statement("image.max_long_px", 640, Origin("base"))),
)


def layer(role, *, lower_bound=False, handset=None, confidence="high", **values) -> ProfileLayer:
    origin = Origin(f"{role} x", "u", "2026", confidence)
    statements = tuple(Statement(name.replace("__", "."), value, origin) for name, value in values.items())
    return ProfileLayer(
        role, "x", statements, lower_bound, Statement("limit_bytes", handset, Origin("handset")) if handset else None
    )


def merged(layers, **options) -> dict[str, object]:
    return {name: statement.value for name, statement in merge(layers, **options)[0].items()}


sizes = st.integers(1_000, 5_000_000)
type_lists = st.lists(st.sampled_from(["image/jpeg", "image/png", "image/gif", "image/bmp"]), unique=True).map(tuple)
optional_size = st.none() | sizes


@st.composite
def statements(draw):
    """One layer of each binding role, each with some of the fields."""
    layers = []
    for role in ("device", "carrier", "class"):
        values = {"limit_bytes": draw(sizes), "image__max_long_px": draw(st.integers(100, 5000))}
        values["image__media_types"] = draw(type_lists)
        values["smil__accepted"] = draw(st.booleans())
        if role == "carrier":
            values["target_bytes"] = draw(st.integers(500, values["limit_bytes"]))
        layers.append(layer(role, **values))
    return layers


@OPTIONS
@given(statements())
def test_the_order_of_statements_does_not_matter(layers):
    results = [merged([*order, BASE]) for order in itertools.permutations(layers)]

    assert all(result == results[0] for result in results)


@OPTIONS
@given(statements())
def test_a_limit_is_the_lowest_stated_and_the_target_never_above_it(layers):
    result = merged([*layers, BASE])

    assert result["limit_bytes"] == min(one.find("limit_bytes").value for one in layers)
    assert result["target_bytes"] <= result["limit_bytes"]
    assert result["image.max_long_px"] == min(one.find("image.max_long_px").value for one in layers)
    assert result["smil.accepted"] == all(one.find("smil.accepted").value for one in layers)


@OPTIONS
@given(statements())
def test_types_are_what_all_take_or_the_last_resort(layers):
    lists = [set(one.find("image.media_types").value) for one in layers]
    result = set(merged([*layers, BASE])["image.media_types"])

    assert result == set.intersection(*lists) or result <= {"image/jpeg"}


@OPTIONS
@given(statements())
def test_saying_the_same_again_changes_nothing(layers):
    assert merged([*layers, BASE]) == merged([*layers, BASE, BASE])


@OPTIONS
@given(sizes, sizes, optional_size)
def test_a_lower_bound_rises_to_the_networks_phones_and_a_hard_limit_does_not(device, route, handset):
    carrier = layer("carrier", limit_bytes=route, handset=handset)
    raised = merged([layer("device", lower_bound=True, limit_bytes=device), carrier, BASE])["limit_bytes"]
    hard = merged([layer("device", limit_bytes=device), carrier, BASE])["limit_bytes"]

    assert raised == min(max(device, handset or 0), route)
    assert hard == min(device, route)


@OPTIONS
@given(sizes, st.lists(sizes, min_size=1, max_size=3))
def test_every_statement_that_lost_is_kept_beside_the_winner(first, others):
    layers = [layer("device", limit_bytes=first), *(layer("carrier", limit_bytes=size) for size in others[:1])]
    statement = merge([*layers, BASE])[0]["limit_bytes"]

    lost = {first, *others[:1]} - {statement.value}
    assert all(any(format_value(size) in text for text in statement.origin.competing) for size in lost)


def test_the_base_limits_only_who_is_unknown():
    assert merged([layer("device", limit_bytes=2_000_000), BASE])["limit_bytes"] == 300_000
    assert merged([layer("carrier", limit_bytes=2_000_000), BASE])["limit_bytes"] == 2_000_000
    assert merged([layer("class", limit_bytes=2_000_000), BASE])["limit_bytes"] == 2_000_000
    assert merged([layer("class", smil__accepted=True), layer("device", limit_bytes=20), BASE])["limit_bytes"] == 20


def test_the_base_fills_what_nobody_states():
    result = merged([layer("carrier", limit_bytes=1), BASE])

    assert result["image.max_long_px"] == 640


@pytest.mark.parametrize(("confidence", "has_device", "target"), [
    ("high", False, 900_000),
    ("medium", False, 600_000),
    ("low", False, 600_000),
    ("medium", True, 900_000),
])  # fmt: skip
def test_an_unknown_device_is_treated_with_care(confidence, has_device, target):
    carrier = layer("carrier", confidence=confidence, limit_bytes=1_000_000, target_bytes=900_000)
    device = [layer("device", smil__accepted=True)] if has_device else []

    assert merged([carrier, *device, BASE])["target_bytes"] == target


def test_nothing_in_common_leaves_what_every_receiver_takes():
    result = merged(
        [
            layer("device", image__media_types=("image/png",), limit_bytes=1),
            layer("class", image__media_types=("image/gif",), audio__formats=()),
            BASE,
        ]
    )

    assert result["image.media_types"] == ("image/jpeg",)
    assert result["audio.formats"] == ()


def test_a_list_that_is_empty_on_purpose_stays_empty():
    result = merged([layer("device", image__media_types=("image/png",)), layer("class", image__media_types=()), BASE])

    assert result["image.media_types"] == ()


def test_video_formats_meet_at_the_narrower_bounds():
    wide = VideoFormat("video/mp4", "h264", "main", "3.1", 1280, 720, 30, None, "aac")
    narrow = VideoFormat("video/mp4", "h264", "constrained-baseline", "1.3", 352, 288, 15, 768_000, "amr-nb")
    other = VideoFormat("video/3gpp", "h263", "0", "10", 176, 144, 15, 64_000, "amr-nb")

    both = [layer("device", video__formats=(wide, other)), layer("class", video__formats=(narrow,))]

    assert merged([*both, BASE])["video.formats"] == (narrow,)


@pytest.mark.parametrize(("first", "second", "strictest"), [
    ("pdu", "mime", "mime"),
    ("base64", "mime", "base64"),
    ("pdu", "pdu", "pdu"),
])  # fmt: skip
def test_the_stricter_way_of_counting_holds(first, second, strictest):
    assert merged([layer("device", counts=first), layer("carrier", counts=second), BASE])["counts"] == strictest


@OPTIONS
@given(sizes, sizes)
def test_the_callers_limit_holds_whatever_is_stated_and_a_note_tells_when_it_is_above(stated, own):
    statements, notes = merge([layer("carrier", limit_bytes=stated), BASE], max_message_bytes=own)

    assert statements["limit_bytes"].value == statements["target_bytes"].value == own
    assert any("may be refused" in note for note in notes) == (own > stated)


def test_a_profile_names_who_decided_each_value():
    statements, notes = merge([layer("carrier", limit_bytes=500_000, subject_max_chars=0), BASE])
    profile = build_profile(statements, notes, carrier="us/x")

    assert (profile.carrier, profile.limit_bytes, profile.subject_max_chars) == ("us/x", 500_000, 0)
    assert [profile.origin(name).source for name in ("limit_bytes", "image.max_long_px")] == ["carrier x", "base"]
    assert profile.origin("smil.src") is None


@pytest.mark.parametrize(("value", "text"), [
    (True, "yes"),
    (1_500_000, "1,500,000"),
    ((), "none"),
    (("a", "b"), "a, b"),
    (AudioFormat("audio/amr", "amr-nb"), "audio/amr (amr-nb)"),
    (VideoFormat("video/mp4", "h264", "main", "3.1", 640, 480), "video/mp4 (h264 main level 3.1 640×480)"),
])  # fmt: skip
def test_values_read_well(value, text):
    assert format_value(value) == text


def test_every_field_of_the_profile_is_declared_with_its_rule():
    profile = build_profile(merge([BASE])[0])
    own = {"carrier", "route", "device", "content_class", "notes", "origins"}  # what load_profile was asked and found
    names = {f.name for f in fields(profile)} - own - {*SECTIONS}
    names |= {f"{section}.{f.name}" for section in SECTIONS for f in fields(getattr(profile, section))}

    assert names == {*FIELD_RULES}
    assert all(rule.meaning for rule in FIELD_RULES.values())
    assert [name for name, rule in FIELD_RULES.items() if rule.merge is None] == ["limit_bytes", "target_bytes"]


# Fields of a profile that nothing reads yet, each with its reason.
UNREAD = {
    "max_parts": "issue 15: messages with more parts are split",
    "content_disposition": "issue 15: relays that break on the header",
    "group_mms": "issue 15: group messages and their replies",
    "carrier_transcodes": "issue 15: a warning that the network changes the media again",
}
# The names under which code holds a profile or one of its rules.
HOLDERS = {"profile", "rule", *SECTIONS}


def test_every_field_of_the_profile_is_read_somewhere_or_listed_with_its_reason():
    read = set()
    for package in ("mmscontent", "gateway_adapter"):
        for file in (ROOT / package).rglob("*.py"):
            if file.parent.name != "profiles":
                read |= {
                    node.attr
                    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                    if isinstance(node, ast.Attribute) and last_name(node.value).lstrip("_") in HOLDERS
                }

    assert {name for name in FIELD_RULES if name.rpartition(".")[2] not in read} == {*UNREAD}


def last_name(node: ast.AST) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")
