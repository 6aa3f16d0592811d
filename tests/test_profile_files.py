"""Profiles as people load them: the shipped files, the effective limits, what is refused."""

from __future__ import annotations

import pytest

from mmscontent.errors import NotAllowed, ProfileError
from mmscontent.profile_files import load_profile

# carrier, route, device, limit, target: facts of handset configurations and provider documents.
CASES = [
    (None, None, None, 300_000, 300_000),
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
]


@pytest.mark.parametrize(("carrier", "route", "device", "limit_bytes", "target_bytes"), CASES)
def test_a_well_known_receiver_has_its_published_limit(carrier, route, device, limit_bytes, target_bytes):
    profile = load_profile(carrier, route, device)

    assert (profile.limit_bytes, profile.target_bytes) == (limit_bytes, target_bytes)


def test_nothing_given_is_the_portable_profile():
    profile = load_profile()

    assert (profile.image.max_long_px, profile.image.max_short_px) == (640, 480)
    assert not profile.image.progressive
    assert [f.codec for f in profile.video.formats] == ["h263"]
    assert [f.codec for f in profile.audio.formats] == ["amr-nb"]


def test_a_network_that_ended_mms_stops_with_its_date():
    with pytest.raises(NotAllowed, match="2023-01-17"):
        load_profile("de/vodafone")

    assert load_profile("de/vodafone", allow_inactive=True).limit_bytes == 300_000


def test_an_unknown_carrier_names_its_neighbours():
    with pytest.raises(ProfileError, match="de/atlantis") as caught:
        load_profile("de/atlantis")

    assert "o2" in str(caught.value)
