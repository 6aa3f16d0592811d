"""Sharing: the best there is over concave curves, never over the room, never worse than simpler ways."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmscontent.errors import DoesNotFit
from mmscontent.pipeline.allocation import PartDemand, allocate_bytes, total_quality
from mmscontent.rate_quality import Curve


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    points = draw(
        st.lists(
            st.tuples(st.integers(1_000, 400_000), st.floats(1, 100)), min_size=1, max_size=6, unique_by=lambda p: p[0]
        )
    )
    return Curve.through(points)


@st.composite
def wants(draw: st.DrawFn) -> PartDemand:
    curve = draw(curves())
    return PartDemand("part", curve.least_bytes, curve, cap_bytes=draw(st.integers(curve.least_bytes, 500_000)))


@given(st.lists(wants(), min_size=1, max_size=5), st.integers(0, 1_500_000))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_shares_stay_in_the_room_and_over_the_floors(some: list[PartDemand], room: int) -> None:
    least = sum(w.least_bytes for w in some)
    if least > room:
        with pytest.raises(DoesNotFit) as caught:
            allocate_bytes(room, some)
        assert caught.value.smallest_bytes == least
        return
    shares = allocate_bytes(room, some)

    assert sum(shares) <= room
    assert all(share >= want.least_bytes for share, want in zip(shares, some, strict=True))
    assert all(share <= max(want.cap_bytes, want.least_bytes) for share, want in zip(shares, some, strict=True))


@given(st.lists(wants(), min_size=2, max_size=4), st.integers(10_000, 1_500_000))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_worse_than_an_equal_split_or_a_split_by_source_bytes(some: list[PartDemand], room: int) -> None:
    assume(sum(w.least_bytes for w in some) <= room)
    best = total_quality(allocate_bytes(room, some), some)
    total_cap = sum(w.cap_bytes for w in some)
    for shares in ([room // len(some)] * len(some), [room * w.cap_bytes // total_cap for w in some]):
        capped = [min(s, w.cap_bytes) for s, w in zip(shares, some, strict=True)]
        if all(s >= w.least_bytes for s, w in zip(capped, some, strict=True)):
            assert best >= total_quality(capped, some) - 1e-6


def _best_by_brute_force(room: int, some: list[PartDemand], step: int) -> float:
    ranges = [range(w.least_bytes, min(w.cap_bytes, room) + 1, step) for w in some]
    return max((total_quality(s, some) for s in itertools.product(*ranges) if sum(s) <= room), default=0.0)


BRUTE_CASES = [
    # room, knots of each curve
    (60_000, [[(5_000, 20), (20_000, 60), (50_000, 80)], [(5_000, 50), (30_000, 90)]]),
    (100_000, [[(10_000, 70), (90_000, 95)], [(10_000, 10), (40_000, 70), (80_000, 75)], [(5_000, 60), (25_000, 61)]]),
    (45_000, [[(20_000, 50), (40_000, 90)], [(20_000, 80), (40_000, 85)]]),
]


@pytest.mark.parametrize(("room", "knots"), BRUTE_CASES)
def test_within_two_percent_of_the_best_found_by_brute_force(room: int, knots: list[list[tuple[int, float]]]) -> None:
    some = [PartDemand(str(i), k[0][0], Curve.through(k), cap_bytes=k[-1][0]) for i, k in enumerate(knots)]

    ours = total_quality(allocate_bytes(room, some), some)

    assert ours >= 0.98 * _best_by_brute_force(room, some, step=1_000)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(5, 60), st.floats(1, 100)), min_size=1, max_size=4), min_size=2, max_size=3
    ),
    st.integers(20, 120),
    st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_over_kinds_of_any_weight_brute_force_finds_nothing_better(
    knots: list[list[tuple[int, float]]], room: int, weights: list[float]
) -> None:
    some = []
    for index, (points, weight) in enumerate(zip(knots, weights, strict=False)):
        curve = Curve.through([(size * 1_000, quality) for size, quality in points])
        some.append(PartDemand(str(index), curve.least_bytes, curve, curve.most_bytes, weight))
    assume(sum(w.least_bytes for w in some) <= room * 1_000)

    ours = total_quality(allocate_bytes(room * 1_000, some), some)

    assert ours >= 0.98 * _best_by_brute_force(room * 1_000, some, step=2_000)


def test_a_refusal_names_every_part_and_both_sizes() -> None:
    curve = Curve((10_000,), (50.0,))
    with pytest.raises(DoesNotFit, match=r"20,000 bytes .*beach 10,000, dog 10,000.* 12,000 are available"):
        allocate_bytes(12_000, [PartDemand("beach", 10_000, curve, 50_000), PartDemand("dog", 10_000, curve, 50_000)])


def test_a_heavier_weight_draws_bytes() -> None:
    curve = Curve((5_000, 30_000), (40.0, 90.0))
    light, heavy = PartDemand("a", 5_000, curve, 30_000), PartDemand("b", 5_000, curve, 30_000, weight=3.0)

    shares = allocate_bytes(40_000, [light, heavy])

    assert shares == (10_000, 30_000)


def test_equal_parts_get_equal_shares() -> None:
    curve = Curve.through([(5_000, 30.0), (40_000, 70.0), (150_000, 85.0)])

    shares = allocate_bytes(100_000, [PartDemand(str(i), 5_000, curve, 150_000) for i in range(4)])

    assert max(shares) - min(shares) <= 1
    assert sum(shares) >= 99_990
