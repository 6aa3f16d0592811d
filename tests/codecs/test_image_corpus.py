"""Every real picture either fits at 300,000 bytes, or is refused by name."""

from __future__ import annotations

import time

import pytest

from mmscontent.codecs.image import StillSource, verify
from mmscontent.errors import SourceError
from mmscontent.profiles.model import ImageRule
from mmscontent.sniff import sniff
from tests.conftest import CorpusFile, corpus_files

LIMIT = 300_000
RULE = ImageRule(max_long_px=1600, max_short_px=1200)
# Decoding 200 megapixels takes many seconds; benchmarks/stills.py does it.
STILLS = [f for f in corpus_files("image") if f.path.suffix != ".svg" and "200MP" not in f.name]
REFUSED = ("IllegalArgumentException", "corrupted", "truncated_", "broken.png", "broken_data", "decompression_bomb")
REFUSED += ("badwidth", "syntax_num", "pillow/ultrahdr.jpg")


@pytest.mark.parametrize("file", STILLS, ids=lambda f: f.name)
def test_it_fits_or_is_refused_by_name(file: CorpusFile) -> None:
    data = file.path.read_bytes()
    if any(word in file.name for word in REFUSED):
        started = time.perf_counter()
        with pytest.raises(SourceError):
            _fitted(data, file)
        assert time.perf_counter() - started < 2
        return

    rendition = _fitted(data, file)

    assert len(rendition.data) <= LIMIT
    seen = verify(rendition.data, rendition.info)
    assert max(seen.width_px or 0, seen.height_px or 0) <= RULE.max_long_px
    assert seen.orientation == 1


def _fitted(data: bytes, file: CorpusFile):
    source = StillSource(data, sniff(data, name=file.path.name))
    survey = source.survey(RULE, "fast")
    return source.keep() if (survey.keep_bytes or LIMIT + 1) <= LIMIT else source.render(LIMIT)
