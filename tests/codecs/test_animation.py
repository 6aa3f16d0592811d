"""Animations: composited and timed as a browser shows them, fitted without losing their time, never larger."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from mmscontent.codecs.animation import AnimationSource, verify
from mmscontent.codecs.animation.frames import decode
from mmscontent.codecs.animation.gif_file import delays_cs
from mmscontent.codecs.animation.quality_ladder import LADDERS, setting_at
from mmscontent.codecs.registry import codec_for
from mmscontent.errors import DamagedMedia, DoesNotFit, EngineFailed, OverLimits
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule
from mmscontent.sniff import sniff
from tests.conftest import CorpusFile, corpus_files

RULE = ImageRule(max_long_px=1600, max_short_px=1200)
SUFFIXES = (".gif", ".png", ".webp", ".avifs")


def waves(frames=12, width=120, height=90, noise=6):
    """Something filmed: shades that move, and grain."""
    grain = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width]
    for i in range(frames):
        shades = [
            127 + 90 * np.sin((x * a + y * b) / 19 + i * c) for a, b, c in ((1, 2, 0.5), (2, 1, 0.3), (1, 1, 0.7))
        ]
        yield np.clip(np.dstack(shades) + grain.normal(0, noise, (height, width, 3)), 0, 255).astype(np.uint8)


def screen(frames=30, width=200, height=120):
    """Something recorded from a screen: lines that appear one after the other."""
    for i in range(frames):
        picture = np.full((height, width, 3), 250, np.uint8)
        for line in range(i // 2 + 1):
            picture[6 + 7 * line : 10 + 7 * line, 8 : 60 + line * 37 % 120] = (30, 30, 90)
        picture[100:110, 10 : 20 + 5 * i] = (200, 40, 40)
        yield picture


def animated(pictures, kind="GIF", duration=80, **options):
    images = [Image.fromarray(p) for p in pictures]
    target = io.BytesIO()
    images[0].save(target, kind, save_all=True, append_images=images[1:], duration=duration, **options)
    return target.getvalue()


@cache
def surveyed(data, rule=RULE, effort="fast"):
    source = AnimationSource(data, sniff(data))
    return source, source.survey(rule, effort)


def shown(data):
    """Each frame as a viewer that is not ours shows it, on white, with its own delay."""
    with Image.open(io.BytesIO(data)) as image:
        for frame in ImageSequence.Iterator(image):
            rgba = frame.convert("RGBA")
            paper = Image.new("RGBA", rgba.size, "white")
            yield np.asarray(Image.alpha_composite(paper, rgba).convert("RGB")), frame.info.get("duration", 0)


def test_what_moves_goes_to_the_codec_of_animations_and_a_still_does_not():
    assert codec_for(MediaInfo("image/gif", "image", 9, frames=2)) == "animation"
    assert codec_for(MediaInfo("image/gif", "image", 9, frames=1)) == "image"


@pytest.mark.parametrize(("kind", "share"), [("GIF", 0.7), ("GIF", 0.25), ("PNG", 0.25), ("WEBP", 0.25), ("AVIF", 0.6)])
def test_every_kind_of_animation_becomes_a_gif_that_moves_within_its_limit(kind, share):
    data = animated(waves(), kind, duration=[80] * 12, loop=0)
    source, survey = surveyed(data)
    limit = round(max(len(data), 60_000) * share)

    made = source.render(limit)

    assert survey.info.frames == 12
    assert len(made.data) <= limit
    seen = verify(made.data, made.info)
    assert (seen.frames or 0) > 1
    assert abs(seen.duration_ms - 12 * 80) <= 80
    assert made.tries


@pytest.mark.parametrize("limit", [20_000, 30_000, 60_000, 100_000])
def test_an_animation_uses_its_limit(limit):
    data = animated(waves(16), loop=0)
    source, _ = surveyed(data)

    made = source.render(limit)

    assert 0.93 * limit <= len(made.data) <= limit


def test_more_bytes_never_look_worse():
    source, _ = surveyed(animated(waves(10)))
    qualities = [source.render(limit).predicted_quality for limit in (8_000, 16_000, 32_000, 64_000)]

    assert all(a < b + 1.0 for a, b in itertools.pairwise(qualities))


def test_what_fits_and_is_a_gif_passes_untouched_but_for_its_comment():
    data = animated(screen(), loop=0, comment=b"made by Ada")
    source, survey = surveyed(data)

    kept = source.keep()

    assert survey.keep_bytes == len(kept.data) < len(data)
    assert b"Ada" not in kept.data
    assert "comment" in survey.stripped
    assert [d for _, d in shown(kept.data)] == [d for _, d in shown(data)]
    assert all((a == b).all() for (a, _), (b, _) in zip(shown(kept.data), shown(data), strict=True))
    assert source.render(len(data)).data == kept.data


def test_rewriting_the_differences_of_a_wasteful_gif_loses_nothing():
    frames = list(screen(20))
    images = [Image.fromarray(f).quantize(64, dither=Image.Dither.NONE) for f in frames]
    whole = b"".join(_one_frame(i) for i in images)
    data = _gif_head(images[0]) + whole + b";"
    source, survey = surveyed(data)
    assert survey.keep_bytes == len(data)

    made = source.render(len(data) - 1)

    assert len(made.data) < 0.5 * len(data)
    assert made.tries[0].startswith("delta frames rewritten without loss")
    pairs = zip(shown(made.data), shown(data), strict=True)
    assert all((a == b).all() and x == y for (a, x), (b, y) in pairs)


def _gif_head(image):
    target = io.BytesIO()
    image.save(target, "GIF")
    data = target.getvalue()
    return b"GIF89a" + data[6 : 13 + (3 << ((data[10] & 7) + 1))]


def _one_frame(image):
    from PIL import GifImagePlugin

    return b"!\xf9\x04\x00\x08\x00\x00\x00" + b"".join(GifImagePlugin.getdata(image))


LOOPS = [(None, None), (0, 0), (3, 3)]


@pytest.mark.parametrize(("loop", "expected"), LOOPS)
def test_loop_count_survives(loop, expected):
    options = {} if loop is None else {"loop": loop}
    source, _ = surveyed(animated(waves(6), **options))

    with Image.open(io.BytesIO(source.render(12_000).data)) as made:
        assert made.info.get("loop") == expected


def test_apng_and_webp_rounds_become_gif_repetitions():
    for kind in ("PNG", "WEBP"):
        source, _ = surveyed(animated(waves(5), kind, loop=3))
        with Image.open(io.BytesIO(source.render(20_000).data)) as made:
            assert made.info["loop"] == 2, kind


@given(st.lists(st.integers(20, 400), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_written_delays_never_run_away_from_the_real_ones(durations):
    delays = delays_cs(durations)

    assert all(d >= 2 for d in delays)
    assert all(
        abs(a * 10 - b) <= 10
        for a, b in zip(itertools.accumulate(delays), itertools.accumulate(durations), strict=True)
    )


def test_frames_that_ask_for_no_time_are_played_as_browsers_play_them():
    data = animated(waves(3), duration=[0, 10, 50])

    assert decode(data, "image/gif", (1600, 1600)).durations_ms == (100, 100, 50)


def dot(at, size=40):
    picture = np.zeros((size, size, 4), np.uint8)
    picture[at : at + 8, at : at + 8] = (220, 30, 30, 255)
    picture[30:36, 4:10] = (20, 20, 200, 255)
    return picture


def test_what_was_shown_and_is_gone_is_gone():
    data = animated([dot(i * 4) for i in range(7)], "PNG", loop=0)
    source, _ = surveyed(data)

    made = source.render(50_000)

    wanted, got = [f for f, _ in shown(data)], [f for f, _ in shown(made.data)]
    assert len(wanted) == len(got)
    assert all((a == b).all() for a, b in zip(wanted, got, strict=True))
    verify(made.data, made.info)


def test_a_receiver_that_plays_nothing_gets_the_best_frame():
    frames = [np.full((90, 120, 3), 128, np.uint8), *waves(1), np.full((90, 120, 3), 90, np.uint8)]
    data = animated(frames, "PNG")
    source, survey = surveyed(data, ImageRule(animated=False))

    made = source.render(20_000)

    assert survey.keep_bytes is None
    assert "the receiver does not play animations" in survey.reasons
    assert made.info.frames in (None, 1)
    with Image.open(io.BytesIO(made.data)) as still:
        assert np.asarray(still.convert("L")).std() > 30
    verify(made.data, made.info)


def test_what_cannot_fit_says_so_with_what_it_tried():
    source, survey = surveyed(animated(waves()))

    with pytest.raises(DoesNotFit) as refused:
        source.render(200)

    assert refused.value.smallest_bytes > 200
    assert refused.value.limit_bytes == 200
    assert refused.value.tries
    assert survey.minimum_bytes > 200


def test_an_animation_larger_than_the_screen_is_brought_to_its_box():
    source, survey = surveyed(animated(waves(3, 240, 180)), ImageRule(max_long_px=120, max_short_px=100))

    made = source.render(100_000)

    assert survey.keep_bytes is None
    assert any("240×180" in reason for reason in survey.reasons)
    assert max(made.info.width_px, made.info.height_px) <= 120
    assert min(made.info.width_px, made.info.height_px) <= 100


def test_equal_input_gives_equal_bytes():
    data = animated(waves(6))

    assert len({surveyed.__wrapped__(data)[0].render(15_000).data for _ in range(2)}) == 1


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_a_ladder_only_ever_gives_up_more_along_a_step(ladder):
    for step in ladder:
        assert step.distance[0] <= step.distance[1]
        assert step.scale[0] >= step.scale[1]
    assert setting_at(ladder, 0).scale == 1.0
    assert setting_at(ladder, 0).distance == 0
    assert setting_at(ladder, len(ladder)).step is ladder[-1]


def test_a_false_claim_about_what_was_made_is_caught():
    source, _ = surveyed(animated(waves(4)))
    made = source.render(9_000)
    for wrong in ({"frames": 9}, {"width_px": 5}, {"duration_ms": 5_000}):
        with pytest.raises(EngineFailed):
            verify(made.data, replace(made.info, **wrong))
    with pytest.raises(EngineFailed):
        verify(made.data[: len(made.data) // 2], made.info)


def test_measured_quality_tells_the_better_rendition():
    source, _ = surveyed(animated(waves(4, 160, 120, noise=2)))
    coarse, fine = (source.measure(source.render(limit).data) for limit in (10_000, 40_000))

    assert coarse + 10 < fine < 100


def test_a_cut_file_plays_as_far_as_it_goes():
    data = animated(waves(8))
    source, _ = surveyed(data[: len(data) // 2])

    assert 1 < source.render(40_000).info.frames < 8


REFUSED = [
    (b"GIF89a" + bytes([90, 0] * 2) + b"\0\0\0", DamagedMedia),
    (animated(waves(2))[:60], DamagedMedia),
    (b"GIF89a" + bytes([0xFF] * 4) + b"\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", OverLimits),
]


@pytest.mark.parametrize(("data", "error"), REFUSED)
def test_what_cannot_be_opened_is_refused_by_name(data, error):
    with pytest.raises(error):
        AnimationSource(data, MediaInfo("image/gif", "image", len(data), frames=2)).survey(RULE, "fast")


def moving_files() -> list[CorpusFile]:
    found = []
    for file in corpus_files("image"):
        if file.path.suffix.lower() in SUFFIXES:
            try:
                info = sniff(file.path.read_bytes())
            except (DamagedMedia, OverLimits):
                continue
            if codec_for(info) == "animation":
                found.append(file)
    return found


@pytest.mark.parametrize("file", moving_files(), ids=lambda f: f.name)
def test_real_animations_are_fitted_or_refused_by_name(file):
    data = file.path.read_bytes()
    try:
        source, survey = surveyed(data)
    except (DamagedMedia, OverLimits):
        return
    for limit in (len(data) // 2, 30_000):
        try:
            made = source.render(limit)
        except DoesNotFit:
            assert survey.minimum_bytes > 0.5 * limit
            continue
        assert len(made.data) <= limit
        seen = verify(made.data, made.info)
        one_frame_ms = (survey.info.duration_ms or 0) / (survey.info.frames or 1)
        assert seen.duration_ms is None or abs(seen.duration_ms - survey.info.duration_ms) <= one_frame_ms


def test_a_gif_of_many_palettes_is_written_anew_without_loss():
    tints = [np.roll(f, i * 40, axis=1) // 2 + np.uint8([i * 9, 60, 5]) for i, f in enumerate(waves(6, noise=0))]
    images = [Image.fromarray(t).quantize(200, dither=Image.Dither.NONE) for t in tints]
    data = animated([np.asarray(i.convert("RGB")) for i in images], duration=50)
    source, _ = surveyed(data, RULE)
    made = source.render(len(data) + 50_000)
    again = AnimationSource(data + b"\0" * 3_000, sniff(data))
    again.survey(RULE, "fast")

    assert made.data == data
    assert len(np.unique(np.concatenate([f.reshape(-1, 3) for f, _ in shown(data)]), axis=0)) > 255
    anew = again._work.renderer.render(setting_at(LADDERS["standing"], 0))
    assert anew.quality == 100
    assert all((a == b).all() for (a, _), (b, _) in zip(shown(anew.data), shown(data), strict=True))
