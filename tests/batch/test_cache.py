"""The cache of fitted media: what comes back is what was kept, the bound holds, processes do no harm."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from mmscontent.campaign.cache import FittedMediaCache, default_folder
from mmscontent.campaign.fitted_media import FittedMedia, FittedPart
from mmscontent.ledger import PartEntry
from mmscontent.message import MediaInfo, Part


def media(size: int = 1000, seed: int = 0) -> FittedMedia:
    data = bytes((seed + n) % 256 for n in range(size))
    part = Part(data, "image/jpeg", name="häß.jpg", content_id="ha", content_location="ha.jpg", alt="ein Hut")
    source = MediaInfo("image/heic", "image", 9_000, 640, 480, orientation=6, metadata=("GPS position",))
    result = MediaInfo("image/jpeg", "image", size, 640, 480)
    entry = PartEntry("häß.jpg", "image", "transcode", source, "ha", result, ("why",), 1234, "s", 88.1, None, 2)
    return FittedMedia((FittedPart(part, entry), None, FittedPart(part, entry)))


def key(number: int) -> str:
    return f"{number:064x}"[::-1]


def test_what_was_kept_comes_back_equal(tmp_path: Path) -> None:
    cache = FittedMediaCache(tmp_path / "moulds")
    cache.keep(key(1), media())

    assert FittedMediaCache(tmp_path / "moulds").find(key(1)) == media()
    assert cache.find(key(2)) is None


@pytest.mark.parametrize(
    ("how", "damage"),
    [
        ("cut", lambda data: data[:-1]),
        ("longer", lambda data: data + b"x"),
        ("one bit", lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]),
        ("head", lambda data: data.replace(b'"parts"', b'"trap"')),
        ("no magic", lambda data: b"X" + data[1:]),
        ("empty", lambda _: b""),
        ("huge head", lambda data: data[:19] + b"\xff\xff\xff\xff" + data[23:]),
    ],
)
def test_a_damaged_file_is_no_hit_and_goes(tmp_path: Path, how: str, damage) -> None:
    cache = FittedMediaCache(tmp_path)
    cache.keep(key(1), media())
    (file,) = tmp_path.glob("*/*.mould")
    file.write_bytes(damage(file.read_bytes()))

    assert cache.find(key(1)) is None, how
    assert not file.exists()


def test_what_was_not_used_longest_goes_first(tmp_path: Path) -> None:
    cache = FittedMediaCache(tmp_path, bound_bytes=50_000)
    for number in range(5):
        cache.keep(key(number), media(3_000, number))
        place = next(tmp_path.glob(f"*/{key(number)}.mould"))
        os.utime(place, (number, number))
    assert cache.find(key(0)) is not None  # used just now

    cache.keep(key(9), media(6_000, 9))

    left = [n for n in (1, 2, 3, 4, 0, 9) if cache.find(key(n)) is not None]
    assert left in ([2, 3, 4, 0, 9], [3, 4, 0, 9])
    assert sum(f.stat().st_size for f in tmp_path.glob("*/*.mould")) <= 50_000


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    FittedMediaCache(tmp_path, bound_bytes=0).keep(key(1), media())
    assert list(tmp_path.rglob("*.mould")) == []


def test_a_cache_that_cannot_be_written_keeps_nothing_and_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = FittedMediaCache(tmp_path / "file")

    cache.keep(key(1), media())

    assert cache.find(key(1)) is None


def hammer(folder: str, seed: int) -> int:
    """Keep and find in one folder with others; how many hits were not what was kept."""
    cache = FittedMediaCache(Path(folder), bound_bytes=60_000)
    wrong = 0
    for turn in range(60):
        number = (turn * 7 + seed) % 12
        cache.keep(key(number), media(4_000, number))
        found = cache.find(key((number + 1) % 12))
        wrong += found is not None and found != media(4_000, (number + 1) % 12)
    return wrong


def test_processes_that_keep_find_and_evict_at_once_never_see_half_a_file(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.starmap(hammer, [(str(tmp_path), seed) for seed in range(3)]) == [0, 0, 0]

    assert sum(f.stat().st_size for f in tmp_path.glob("*/*.mould")) <= 60_000 + 3 * 10_000
    assert not list(tmp_path.rglob("*.part"))


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/mmscontent/moulds")
