"""What is written stays within its limit, is as good as the bytes allow, and is the same every time."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmscontent.codecs.image import verify
from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg
from mmscontent.codecs.image.probe import Probe
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx
from mmscontent.containers.jpeg import frame_header
from mmscontent.errors import DoesNotFit, EngineFailed, NotAllowed
from mmscontent.profiles.model import ImageRule
from tests.codecs import image_files as files

LARGE = ImageRule(max_long_px=2592, max_short_px=1944, progressive=True)
STEADY = settings(max_examples=25, deadline=None, derandomize=True)


def test_every_limit_is_kept_and_filled() -> None:
    data = files.photo_jpeg()
    source, survey = files.surveyed(data, rule=LARGE)

    @STEADY
    @given(st.integers(survey.minimum_bytes, len(data)))
    def kept(limit: int) -> None:
        rendition = source.render(limit)
        assert len(rendition.data) <= limit
        assert len(rendition.data) >= 0.93 * limit
        assert rendition.encodes <= 5
        assert len(rendition.tries) == rendition.encodes

    kept()


def test_two_encodes_are_the_rule() -> None:
    source, survey = files.surveyed(files.photo_jpeg(), rule=LARGE)
    limits = np.geomspace(survey.minimum_bytes, len(files.photo_jpeg()) * 0.9, 15).astype(int)

    assert np.median([source.render(int(limit)).encodes for limit in limits]) <= 2


@pytest.mark.parametrize("long_px", [1080, 900, 500])
@pytest.mark.parametrize("quality", [40.0, 70.25])
def test_the_size_of_strips_predicts_the_size_of_the_whole(long_px: int, quality: float) -> None:
    pixels = np.asarray(files.photograph(1080, 810))
    probe = Probe(pixels, 1080, 1080, lambda _: pixels)

    estimate = probe.sample_size(long_px, quality, JpegSettings("tuned"))

    assert estimate == pytest.approx(len(encode_jpeg(probe.at(long_px), quality, JpegSettings("tuned"))), rel=0.04)


def test_a_picture_of_next_to_nothing_is_not_made_a_stamp() -> None:
    data = files.saved(Image.linear_gradient("L").resize((2400, 1800)).convert("RGB"), "JPEG", quality=100)
    rendition = files.surveyed(data, rule=LARGE)[0].render(len(data) * 2 // 3)

    assert max(rendition.info.width_px or 0, rendition.info.height_px or 0) >= 1080


def test_more_bytes_look_better() -> None:
    source, _ = files.surveyed(files.photo_jpeg(), rule=LARGE)
    metric = Ssimulacra2Approx(np.asarray(files.photograph()))

    scores = []
    for limit in (12_000, 30_000, 80_000, 200_000):
        image = files.opened(source.render(limit).data).resize(files.photograph().size, Image.Resampling.LANCZOS)
        scores.append(metric.score(np.asarray(image)))

    assert all(b > a + 1 for a, b in itertools.pairwise(scores))


@pytest.mark.parametrize("limit", [60_000, 10_000_000])
def test_nothing_becomes_larger_than_its_source(limit: int) -> None:
    for quality, form in ((30, "JPEG"), (95, "JPEG"), (60, "WEBP")):
        data = files.saved(files.photograph(), form, quality=quality)

        assert len(files.made(data, files.SUFFIXES[form], limit).data) <= len(data)


def test_nothing_is_enlarged() -> None:
    data = files.saved(files.photograph(200, 150), "BMP")

    rendition = files.made(data, "image/bmp", 300_000, LARGE)

    assert (rendition.info.width_px, rendition.info.height_px) == (200, 150)


@pytest.mark.parametrize("turn", [False, True])
def test_the_box_is_kept_whichever_way_the_picture_lies(*, turn: bool) -> None:
    picture = files.photograph().rotate(90, expand=True) if turn else files.photograph()

    rendition = files.made(files.saved(picture, "JPEG", quality=90), "image/jpeg", 80_000)

    sides = rendition.info.width_px or 0, rendition.info.height_px or 0
    assert max(sides) <= 640
    assert min(sides) <= 480
    assert (sides[0] < sides[1]) == turn


@pytest.mark.parametrize("effort", ["fast", "best"])
@pytest.mark.parametrize("limit", [20_000, 90_000])
def test_baseline_is_written_where_progressive_is_not_shown(effort: str, limit: int) -> None:
    rendition = files.made(files.photo_jpeg(), "image/jpeg", limit, ImageRule(progressive=False), effort)

    assert rendition.info.profile == "baseline"
    frame = frame_header(rendition.data)
    assert frame is not None
    assert frame.is_baseline


def test_equal_input_gives_equal_bytes() -> None:
    for effort in ("fast", "best"):
        first, second = (files.made(files.photo_jpeg(), "image/jpeg", 50_000, effort=effort) for _ in range(2))

        assert first == second


def test_best_effort_is_no_worse_and_says_what_it_won() -> None:
    fast = files.made(files.photo_jpeg(), "image/jpeg", 50_000, LARGE)
    best = files.made(files.photo_jpeg(), "image/jpeg", 50_000, LARGE, "best")

    metric = Ssimulacra2Approx(np.asarray(files.photograph()))
    scores = []
    for rendition in (fast, best):
        image = files.opened(rendition.data).resize(files.photograph().size, Image.Resampling.LANCZOS)
        scores.append(metric.score(np.asarray(image)))
    assert scores[1] >= scores[0] - 0.3
    assert any(note.startswith("best effort scored") for note in best.notes)


def test_the_curve_is_what_is_written_then() -> None:
    source, survey = files.surveyed(files.photo_jpeg(), rule=LARGE)

    assert survey.scale == "ssimulacra2@1080"
    assert survey.curve.least_bytes < survey.minimum_bytes * 3
    for limit in (20_000, 60_000):
        predicted = source.render(limit).predicted_quality
        assert predicted is not None
        assert abs(predicted - survey.curve.quality_at(limit)) < 8


def test_a_harder_picture_needs_more_bytes_by_its_curve() -> None:
    smooth = files.saved(files.photograph().resize((120, 90)).resize((900, 675), Image.Resampling.BICUBIC), "PNG")
    rough = files.saved(files.photograph(), "PNG")

    curves = [files.surveyed(d, "image/png", LARGE)[1].curve for d in (smooth, rough)]

    assert curves[0].size_for(70) < curves[1].size_for(70) * 0.7


def test_too_little_room_is_refused_with_the_size_it_takes() -> None:
    source, survey = files.surveyed(files.photo_jpeg())

    with pytest.raises(DoesNotFit) as refused:
        source.render(300)

    assert refused.value.smallest_bytes == survey.minimum_bytes
    assert refused.value.limit_bytes == 300
    assert "300" in str(refused.value)


def test_a_receiver_of_no_type_we_write_is_refused_by_name() -> None:
    with pytest.raises(NotAllowed, match="image/webp"):
        files.surveyed(files.photo_jpeg(), rule=ImageRule(media_types=("image/webp",)))


@pytest.mark.parametrize(
    ("picture", "trait"), [(files.photograph, "photograph"), (files.text_page, "line art"), (files.qr_like, "qr code")]
)
def test_what_a_picture_shows_is_recognised(picture, trait: str) -> None:
    assert trait in files.surveyed(files.saved(picture(), "PNG"), "image/png")[1].traits


def test_text_stays_sharp() -> None:
    page = files.text_page()
    rule = replace(LARGE, media_types=("image/jpeg", "image/png"), max_long_px=800, max_short_px=600)

    rendition = files.made(files.saved(page, "BMP"), "image/bmp", 60_000, rule)

    assert rendition.info.media_type == "image/png"
    shown = files.opened(rendition.data).convert("RGB")
    wanted = np.asarray(page.resize(shown.size, Image.Resampling.LANCZOS))
    assert Ssimulacra2Approx(wanted).score(np.asarray(shown)) > 85


def test_a_qr_code_keeps_its_modules() -> None:
    code = files.qr_like()
    rendition = files.made(files.saved(code, "BMP"), "image/bmp", 8_000, LARGE)

    shown = np.asarray(files.opened(rendition.data).convert("L").resize(code.size)) < 128
    wanted = np.asarray(code.convert("L")) < 128
    middles = slice(9 * 4 + 4, -9 * 4, 9)
    assert (shown[middles, middles] == wanted[middles, middles]).all()


@pytest.mark.parametrize("types", [("image/gif",), ("image/png",)])
def test_a_receiver_without_jpeg_gets_what_it_shows(types: tuple[str, ...]) -> None:
    rendition = files.made(files.photo_jpeg(), "image/jpeg", 200_000, ImageRule(media_types=types))

    assert rendition.info.media_type == types[0]
    assert len(rendition.data) <= 200_000


def test_an_animation_that_cannot_move_sends_its_first_frame_and_says_so() -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue")]
    data = files.saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    source, survey = files.surveyed(data, "image/gif", ImageRule(animated=False))

    rendition = source.render(50_000)

    assert survey.keep_bytes is None
    assert survey.info.frames == 3
    assert "the animation of 3 frames cannot be sent; its first frame is sent instead" in rendition.notes
    assert files.is_near(files.corner_colours(files.opened(rendition.data))[0], (255, 0, 0))


def test_verification_catches_a_false_claim() -> None:
    rendition = files.made(files.photo_jpeg(), "image/jpeg", 50_000)

    for wrong in ({"width_px": 1}, {"media_type": "image/png"}, {"frames": 2}, {"profile": "progressive"}):
        with pytest.raises(EngineFailed, match="claimed"):
            verify(rendition.data, replace(rendition.info, **wrong))
    with pytest.raises(EngineFailed, match="decoded"):
        verify(rendition.data[: len(rendition.data) // 2], rendition.info)


def test_measured_quality_is_near_the_predicted() -> None:
    data = files.saved(files.photograph(320, 240), "BMP")
    source, _ = files.surveyed(data, "image/bmp")
    rendition = source.render(20_000)

    measured = source.measure(rendition.data)

    assert measured is not None
    assert rendition.predicted_quality is not None
    assert abs(measured - rendition.predicted_quality) < 15
