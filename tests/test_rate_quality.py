"""Curves: rising, concave, and consistent both ways."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.rate_quality import Curve

POINTS = st.lists(st.tuples(st.integers(1, 2_000_000), st.floats(0, 100)), min_size=1, max_size=20)


@given(POINTS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_hull_is_rising_concave_and_above_every_point(points: list[tuple[int, float]]) -> None:
    curve = Curve.through(points)
    knots = list(zip(curve.sizes_bytes, curve.qualities, strict=True))
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(knots)]

    assert all(s > 0 for s in slopes)
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(slopes))
    assert all(curve.quality_at(s) >= q - 1e-6 for s, q in points)


@given(POINTS, st.floats(0, 100))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_size_for_a_quality_reaches_it_when_the_curve_does(points: list[tuple[int, float]], quality: float) -> None:
    curve = Curve.through(points)
    size = curve.size_for(quality)

    if quality <= curve.qualities[-1]:
        assert curve.quality_at(size + 1) >= quality - 1e-3 * max(1.0, quality)
    else:
        assert size == curve.most_bytes


BAD = [((), ()), ((10, 20), (1.0,)), ((10, 10), (1.0, 2.0)), ((10, 20), (2.0, 1.0)), ((10, 20, 30), (1.0, 2.0, 9.0))]


@pytest.mark.parametrize(("sizes", "qualities"), BAD)
def test_knots_that_are_no_curve_are_refused(sizes: tuple[int, ...], qualities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"curve|concave"):
        Curve(sizes, qualities)
