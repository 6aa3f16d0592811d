"""The one path, end to end on the fixtures: limits held, nothing lost, every part told of."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mmscontent as mms
from mmscontent.pack import registry
from tests.conftest import ROOT, corpus_files

FIXTURES = ROOT / "fixtures"


def parts(*patterns: str) -> tuple[mms.Part, ...]:
    return mms.read_parts([min(FIXTURES.glob(p)) for p in patterns])


PHOTO, RECEIPT = "jpeg-480x640-exif6-gps*.jpg", "png-screenshot-receipt*.png"


@pytest.mark.parametrize("encoding", tuple(registry.ENCODINGS))
@pytest.mark.parametrize("limit", [12_000, 30_000, 100_000, 300_000])
def test_the_packed_bytes_never_pass_the_limit_in_any_wire_form(encoding: str, limit: int) -> None:
    message = mms.Message.of(parts(PHOTO, RECEIPT, "gif-still*"), text="Grüße aus Köln", subject="Hi")
    envelope = mms.Envelope(sender="+12065550100", to=("+12065550101",))

    profile = mms.load_profile(max_message_bytes=limit)  # at the smallest a receipt is no longer read, which is allowed
    composed = mms.compose(message, profile, envelope=envelope, encoding=encoding, if_not_fit="accept_quality")

    assert len(composed.data) <= limit
    assert composed.ledger.packed_bytes == len(composed.data)
    assert len(composed.ledger.parts) == len(message.parts)


@pytest.mark.parametrize(("counts", "form"), [("mime", "mime-binary"), ("base64", "mime")])
def test_a_route_that_counts_another_form_is_held_to_that_form(counts: str, form: str) -> None:
    profile = replace(mms.load_profile(max_message_bytes=30_000), counts=counts)
    composed = mms.compose(mms.Message.of(parts(PHOTO)), profile, encoding="pdu")

    counted = registry.size(composed.content, mms.Envelope(), form)
    assert composed.ledger.packed_bytes == counted <= 30_000
    assert composed.ledger.counted_as == form


def test_smil_and_multipart_have_one_order_and_every_source_resolves() -> None:
    message = mms.Message.of(parts(RECEIPT, PHOTO), text="first")
    content = mms.unpack(mms.compose(message, mms.load_profile()).data).content

    assert content.presentation is not None
    smil = content.presentation.data.decode()
    places = [smil.index(f'src="{p.content_location}"') for p in content.parts]
    assert places == sorted(places)
    assert [f.severity for f in mms.lint(content)] == []


def test_a_part_in_the_wrong_place_is_refused_by_name() -> None:
    words = parts("text-utf8*")[0]
    with pytest.raises(mms.MMSContentError, match="text-utf8"):
        mms.compose(mms.Message((mms.Slide(image=words),)), mms.load_profile())


SUBJECTS = [
    # most characters, subject in, subject out, warned
    (None, "x" * 60, "x" * 60, False),
    (40, "x" * 40, "x" * 40, False),
    (40, "x" * 41, "x" * 39 + "…", True),
    (0, "hello", "", True),
]


@pytest.mark.parametrize(("most", "subject", "expected", "warned"), SUBJECTS)
def test_a_subject_too_long_is_cut_and_said(most: int | None, subject: str, expected: str, *, warned: bool) -> None:
    profile = replace(mms.load_profile(), subject_max_chars=most)
    composed = mms.compose(mms.Message.of([], text="x", subject=subject), profile)

    assert mms.unpack(composed.data).content.subject == expected
    assert bool(composed.ledger.warnings) is warned


def test_too_many_recipients_are_refused() -> None:
    profile = replace(mms.load_profile(), max_recipients=2)
    envelope = mms.Envelope(to=("+1", "+2"), cc=("+3",))
    with pytest.raises(mms.NotAllowed, match="the message has 3 recipients, the profile allows 2"):
        mms.compose(mms.Message.of([], text="x"), profile, envelope=envelope)


def test_too_many_parts_are_over_the_limits() -> None:
    with pytest.raises(mms.OverLimits, match="65 parts"):
        mms.compose(mms.Message.of([mms.Part.of_text("x")] * 65), mms.load_profile())


def test_over_the_target_but_under_the_limit_is_sent_and_said() -> None:
    card = mms.Part(
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:A\r\nNOTE:" + b"x" * 20_000 + b"\r\nEND:VCARD\r\n", "text/x-vcard"
    )
    profile = replace(mms.load_profile(), limit_bytes=40_000, target_bytes=10_000)

    ledger = mms.check(mms.Message.of([card]), profile)

    assert ledger.fits
    assert any("more than the target of 10,000" in w for w in ledger.warnings)


def test_a_refusal_has_a_ledger_with_every_part_and_an_option() -> None:
    message = mms.Message.of(parts(PHOTO, RECEIPT), text="x")
    outcome = mms.attempt(message, mms.load_profile(max_message_bytes=2_000))

    assert outcome.composed is None
    assert isinstance(outcome.refusal, mms.DoesNotFit)
    assert (outcome.refusal.limit_bytes, outcome.refusal.smallest_bytes > 2_000) == (2_000, True)
    document = outcome.ledger.as_json()
    assert (document["fits"], len(outcome.ledger.parts)) == (False, 3)
    assert document["options"]
    assert outcome.ledger.explain().startswith("The message cannot be sent")


def test_what_is_in_the_ledger_is_what_the_contract_names() -> None:
    document = mms.check(mms.Message.of(parts(PHOTO), text="x"), mms.load_profile("us/att", "toll_free")).as_json()

    keys = "schema version fits encoding profile limit_bytes target_bytes limit_source packed_bytes overhead_bytes"
    assert set(f"{keys} utilisation elapsed_ms parts slides warnings options".split()) <= set(document)
    part = next(p for p in document["parts"] if p["kind"] == "image")
    keys = "name content_id kind decision reasons source result share_bytes quality encodes stripped notes"
    assert set(keys.split()) <= set(part)
    assert {"media_type", "bytes", "width_px", "height_px", "orientation"} <= set(part["source"])
    assert {"scale", "predicted", "measured"} == set(part["quality"])
    assert "GPS position" in part["stripped"]
    assert document["limit_source"]["from"] == "carrier us/att route toll_free"
    assert document["slides"][0]["why"]


def test_adapting_keeps_slides_order_and_timing() -> None:
    slides = tuple(
        mms.Slide(image=p, duration_ms=ms) for p, ms in zip(parts(PHOTO, RECEIPT), (7_000, 4_000), strict=True)
    )
    first = mms.compose(mms.Message(slides), mms.load_profile())

    again = mms.adapt(first.data, mms.load_profile(max_message_bytes=20_000), encoding="pdu")

    assert len(again.data) <= 20_000
    assert [_played(s) for s in again.ledger.slides] == [_played(s) for s in first.ledger.slides]


def _played(slide: mms.SlideEntry) -> tuple[list[str], int]:
    """What is shown for how long; the ending of a name follows what the part became."""
    return [name.partition(".")[0] for name in slide.parts], slide.duration_ms


@pytest.mark.parametrize("row", corpus_files("mms-pdu"), ids=lambda r: r.name)
def test_real_messages_are_adapted_or_refused_by_name(row) -> None:
    try:
        content = mms.unpack(row.path.read_bytes()).content
    except mms.SourceError:
        return
    try:
        adapted = mms.adapt(content, mms.load_profile(max_message_bytes=100_000), encoding="pdu")
    except (mms.NotAllowed, mms.SourceError):
        return
    assert len(adapted.data) <= 100_000
    assert len(adapted.ledger.parts) >= len(content.parts)


OWN_SMIL = (
    b'<smil><head><meta name="generator" content="mine"/><layout><root-layout width="240" height="320"/>'
    b'<region id="Image" top="0" left="0" height="60%" width="100%" fit="meet"/></layout></head><body>'
    b'<par dur="3s"><img src="b.png" region="Image"/></par>'
    b'<par dur="4s"><img src="a.jpg" region="Image"/></par></body></smil>'
)


def test_ones_own_smil_is_kept_with_its_sources_renamed() -> None:
    photo, receipt = (
        replace(p, content_location=n) for p, n in zip(parts(PHOTO, RECEIPT), ("a.jpg", "b.png"), strict=True)
    )
    content = mms.Content((photo, receipt), mms.Part(OWN_SMIL, "application/smil"))

    composed = mms.adapt(content, mms.load_profile(max_message_bytes=30_000), encoding="pdu")

    shown = mms.unpack(composed.data).content
    assert shown.presentation is not None
    assert b'content="mine"' in shown.presentation.data
    assert [(s.duration_ms, *s.parts) for s in composed.ledger.slides] == [
        (3_000, shown.parts[0].content_location),
        (4_000, shown.parts[1].content_location),
    ]
    assert [f for f in mms.lint(shown) if f.severity == "error"] == []
    assert composed.ledger.warnings == ()


BROKEN_SMIL = [b"<smil><body><par dur='0s'><img src='nobody.jpg'/></par></body></smil>", b"not SMIL at all", b""]


@pytest.mark.parametrize("smil", BROKEN_SMIL)
def test_a_smil_that_plays_with_faults_is_written_anew_and_said(smil: bytes) -> None:
    content = mms.Content(parts(PHOTO), mms.Part(smil, "application/smil"))

    composed = mms.adapt(content, mms.load_profile(), encoding="pdu")

    assert any("written anew" in w for w in composed.ledger.warnings)
    assert mms.lint(mms.unpack(composed.data).content) == ()
