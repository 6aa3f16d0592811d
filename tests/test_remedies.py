"""Remedies: every option fits when it is applied, and each policy applies its own one, with a warning."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmscontent as mms
from mmscontent.compose import compose_all
from mmscontent.pipeline.allocation import QUALITY_POLICIES, QualityPolicy
from mmscontent.pipeline.plan import ProbedPart, make_plan, relabel
from mmscontent.pipeline.remedies import remedies_for, slide_groups
from mmscontent.pipeline.request import POLICIES
from tests.codecs.clips import video_clip
from tests.conftest import ROOT
from tests.test_plan import PROBED_PARTS, picture

FIXTURES = ROOT / "fixtures"
PHOTO, RECEIPT, GIF = "jpeg-480x640-exif6-gps*.jpg", "png-screenshot-receipt*.png", "gif-anim*.gif"
CARD = mms.Part(
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lovelace;Ada\r\nTEL:1\r\nEND:VCARD\r\n", "text/x-vcard", name="ada.vcf"
)


def parts(*patterns: str) -> tuple[mms.Part, ...]:
    return mms.read_parts([min(FIXTURES.glob(p)) for p in patterns])


def clip(seconds: int = 8) -> mms.Part:
    return mms.Part(video_clip(320, 180, seconds), "video/mp4", name="clip.mp4")


# --- estimated --------------------------------------------------------------------------------------------------------


def moving(name: str, *, kind: str, floor: int) -> ProbedPart:
    one = picture(name, floor=floor)
    assert one.survey is not None
    info = mms.MediaInfo(f"{kind}/mp4", kind, 2_000_000, width_px=1280, height_px=720, duration_ms=12_000, fps=30.0)
    return replace(one, info=info, survey=replace(one.survey, info=info))


@given(
    st.lists(st.one_of(PROBED_PARTS, st.just(moving("v", kind="video", floor=30_000))), min_size=1, max_size=5),
    st.integers(0, 60_000),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_option_fits_when_it_is_applied(some: list[ProbedPart], available: int) -> None:
    named = relabel([replace(one, index=i) for i, one in enumerate(some)])
    remedies = remedies_for(named, available)

    assert remedies
    for remedy in remedies:
        for message in remedy.messages:
            make_plan(message, available)  # raises where it does not fit
        assert remedy.option.as_json()["gives"]
        assert remedy.option.text
        assert remedy.option.action


def test_a_cut_has_its_length_frame_and_quality() -> None:
    option = next(r.option for r in remedies_for([moving("clip", kind="video", floor=60_000)], 30_000))

    gives = option.as_json()["gives"]
    assert (option.do, option.part, gives["duration_ms"]) == ("trim", "clip", 6_000)
    assert (gives["width_px"], gives["height_px"]) == (240, 136)
    assert "12 s at 30 KB is 20 kb/s" in str(gives["why"])
    assert 0 < float(gives["quality"]) <= 100


def test_a_text_goes_with_each_of_its_media_when_a_slide_is_split() -> None:
    big = [picture("a", floor=20_000), moving("b", kind="audio", floor=20_000)]
    words = ProbedPart(mms.Part.of_text("caption", name="words"), mms.MediaInfo("text/plain", "text", 7))
    split = next(r for r in remedies_for([*big, words], 25_000, [(0, 1, 2)]) if r.option.do == "split")

    assert [[one.label for one in row] for row in split.messages] == [["a", "words"], ["b", "words"]]


def test_a_lower_quality_is_an_option_where_only_the_policy_forbids_it() -> None:
    read = replace(picture("receipt", floor=5_000), policy=QualityPolicy("read", least_quality=60.0))

    option = next(r.option for r in remedies_for([read], 20_000))

    assert (option.do, option.part) == ("accept_quality", "receipt")
    assert 30 < option.as_json()["gives"]["quality"] < 60


def test_a_split_needs_the_fewest_messages() -> None:
    named = relabel([picture("p", floor=10_000) for _ in range(5)])
    split = next(r for r in remedies_for(named, 25_000) if r.option.do == "split")

    assert split.option.as_json()["gives"]["messages"] == 3


def test_slides_stay_together_and_attachments_alone() -> None:
    message = mms.Message.of([*parts(PHOTO, RECEIPT), CARD], text="Hi")

    assert slide_groups(message) == ((0, 1), (2,), (3,))


def test_every_row_of_the_table_has_its_reason() -> None:
    for row in QUALITY_POLICIES.values():
        assert row.weight > 0
        assert 0 <= row.least_quality < 100
        assert row.reason


# --- applied ---------------------------------------------------------------------------------------------------------

TIGHT = 18_000


def big_message() -> mms.Message:
    return mms.Message.of([*parts(PHOTO, GIF), clip(), CARD], text="Look at this", subject="Hi")


def test_a_refusal_lists_every_remedy() -> None:
    ledger = mms.check(big_message(), mms.load_profile(max_message_bytes=TIGHT))

    assert not ledger.fits
    assert {"trim", "poster", "drop", "link"} <= {o.do for o in ledger.options}
    assert all(o.as_json()["gives"] for o in ledger.options)
    assert "Option: " in ledger.explain()


@pytest.mark.parametrize(
    ("policy", "decision", "said"),
    [
        ("drop", "drop", "clip.mp4 was left out so that the message can be sent"),
        ("poster", "transcode", "clip.mp4 is sent as a still picture"),
        ("trim", "transcode", "clip.mp4 was cut to its first"),
    ],
)
def test_a_policy_applies_its_remedy_and_warns(policy: str, decision: str, said: str) -> None:
    profile = mms.load_profile(max_message_bytes=TIGHT)
    composed = mms.compose(big_message(), profile, if_not_fit=policy)
    ledger = composed.ledger

    entry = next(p for p in ledger.parts if p.name == "clip.mp4")
    assert len(composed.data) <= TIGHT
    assert [p.source.size_bytes for p in ledger.parts] == [len(p.data) for p in big_message().parts]
    assert entry.decision == decision
    assert entry.reasons
    assert any(said in w for w in ledger.warnings)
    assert ledger.remedy is not None
    assert (ledger.remedy.do, ledger.remedy.part) == (policy, "clip.mp4")
    document = ledger.as_json()
    assert document["remedy"]["gives"]
    assert mms.lint(mms.unpack(composed.data).content) == ()


def test_a_poster_is_an_image_where_the_video_was() -> None:
    composed = mms.compose(big_message(), mms.load_profile(max_message_bytes=TIGHT), if_not_fit="poster")

    kinds = [p.kind for p in mms.unpack(composed.data).content.parts]
    entry = next(p for p in composed.ledger.parts if p.name == "clip.mp4")
    assert "video" not in kinds
    assert (entry.kind, entry.result.media_type) == ("video", "image/jpeg")


def test_a_split_is_complete_messages_that_together_hold_every_part() -> None:
    message, profile = big_message(), mms.load_profile(max_message_bytes=8_000)
    envelope = mms.Envelope(to=("+12065550101",), transaction_id="t1")
    made = compose_all(mms.Message(message.slides[:1] * 6, message.attachments, "Hi"), profile, envelope=envelope)

    assert len(made) > 1
    assert all(len(one.data) <= 8_000 for one in made)
    names = [p.name for p in made[0].ledger.parts]
    for number, one in enumerate(made, start=1):
        assert [p.name for p in one.ledger.parts] == names
        assert (one.ledger.number, one.ledger.count) == (number, len(made))
        assert mms.unpack(one.data).content.subject == f"Hi ({number}/{len(made)})"
        assert mms.lint(mms.unpack(one.data).content) == ()
    gone = [{p.name for p in one.ledger.parts if p.decision != "drop"} for one in made]
    assert set().union(*gone) == set(names)
    assert len({mms.unpack(one.data).envelope.transaction_id for one in made}) == len(made)


def test_compose_does_not_return_half_of_a_split() -> None:
    message = mms.Message.of([*parts(PHOTO)] * 6)
    with pytest.raises(mms.DoesNotFit, match="compose_all"):
        mms.compose(message, mms.load_profile(max_message_bytes=6_000), if_not_fit="split")


def test_what_the_receiver_accepts_in_no_form_is_dropped_only_when_the_caller_allows_it() -> None:
    pdf = mms.read_parts([FIXTURES / "paper.pdf"])
    message, profile = mms.Message.of([*parts(PHOTO), *pdf]), mms.load_profile()

    refused = mms.check(message, profile)
    sent = mms.compose(message, profile, if_not_fit="drop")

    assert [(o.do, o.part) for o in refused.options if o.do == "drop"] == [("drop", "paper.pdf")]
    entry = sent.ledger.parts[-1]
    assert (entry.name, entry.decision) == ("paper.pdf", "drop")
    assert "application/pdf is not among the media types that the receiver accepts" in entry.reasons[0]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_message_that_fits_is_the_same_under_every_policy(policy: str) -> None:
    message = mms.Message.of(parts(PHOTO), text="x")
    same = mms.compose(message, mms.load_profile())
    assert mms.compose(message, mms.load_profile(), if_not_fit=policy).data == same.data


def test_an_unknown_policy_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="if_not_fit is one of fail, drop"):
        mms.compose(mms.Message.of([], text="x"), mms.load_profile(), if_not_fit="shrug")
