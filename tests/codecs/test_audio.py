"""Sound: sizes by arithmetic, the right coder for what it is, and nothing heard that was not there."""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.codecs.audio import AudioSource, verify
from mmscontent.codecs.audio.encoders import AMR_MODES, ENCODERS, AudioSetting, encoder_settings, quality_of
from mmscontent.codecs.audio.samples import Samples, analyse_audio
from mmscontent.errors import DamagedMedia, DoesNotFit, MMSContentError, NotAllowed, OverLimits
from mmscontent.profiles.model import AudioFormat, AudioRule
from mmscontent.sniff import sniff
from tests.codecs.clips import made, music_like, source, speech_like, wav
from tests.conftest import CorpusFile, corpus_files

AMR = AudioFormat("audio/amr", "amr-nb")
RULES = {
    "amr": AudioRule((AMR,)),
    "amr in 3gp": AudioRule((AudioFormat("audio/3gpp", "amr-nb"),)),
    "m4a": AudioRule((AudioFormat("audio/mp4", "aac"),)),
    "adts": AudioRule((AudioFormat("audio/aac", "aac"),)),
    "aac in 3gp": AudioRule((AudioFormat("audio/3gpp", "aac"),)),
    "mp3": AudioRule((AudioFormat("audio/mpeg", "mp3"),)),
    "all": AudioRule((AMR, AudioFormat("audio/mp4", "aac"), AudioFormat("audio/mpeg", "mp3"))),
}


def sound(data: bytes) -> AudioSource:
    return AudioSource(data, sniff(data))


@functools.cache
def bare(kind: str, rule: str) -> AudioSource:
    """A surveyed source that the tests share."""
    one = sound({"speech": speech_like(), "music": music_like()}[kind])
    one.survey(RULES[rule], "fast")
    return one


# --- sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["speech", "music"])
def test_every_rendition_fits_is_what_it_says_and_as_long_as_the_source(kind: str, rule: str) -> None:
    one = bare(kind, rule)
    survey = one.survey(RULES[rule], "fast")

    for limit in (survey.minimum_bytes, 2 * survey.minimum_bytes, 60_000):
        got = one.render(limit)
        assert len(got.data) <= limit
        seen = verify(got.data, got.info)
        assert abs((seen.duration_ms or 0) - 6000) < 200


@pytest.mark.parametrize(("rate", "octets"), AMR_MODES)
def test_all_eight_modes_of_amr_are_exact(rate: int, octets: int) -> None:
    one = bare("speech", "amr")
    coder, setting = ENCODERS["audio/amr", "amr-nb"], AudioSetting("amr-nb", rate, 8000)
    size = coder.size_of(setting, one._samples.frames_at(8000))

    got = one.render(size)
    assert len(got.data) == size
    assert size == 6 + 301 * octets
    assert got.info.bit_rate_bps == rate


@settings(max_examples=6, deadline=None, derandomize=True)
@given(frames=st.integers(200, 20_000), rate=st.sampled_from([8000, 11025, 16000, 44100, 48000]))
def test_amr_and_mp3_sizes_are_known_before_they_are_made(frames: int, rate: int) -> None:
    data = wav(0.2 * np.sin(np.arange(frames) * 0.2), rate)

    for rule, slack in (("amr", 0), ("mp3", 2)):
        one = sound(data)
        one.survey(RULES[rule], "fast")
        got = one.render(1_000_000)
        said = int(got.tries[-1].rpartition("bytes, ")[2].removesuffix(" predicted").replace(",", ""))
        assert abs(said - len(got.data)) <= slack


@pytest.mark.parametrize("rule", ["m4a", "adts", "aac in 3gp"])
@pytest.mark.parametrize("kind", ["speech", "music"])
def test_aac_fills_its_limit(kind: str, rule: str) -> None:
    got = bare(kind, rule).render(26_000)

    assert 0.93 * 26_000 <= len(got.data) <= 26_000
    assert got.encodes <= 3


def test_what_cannot_fit_says_the_smallest_size() -> None:
    with pytest.raises(DoesNotFit, match=r"6\.0 s of audio need at least 3,919 bytes") as caught:
        bare("speech", "amr").render(3000)

    assert caught.value.smallest_bytes == 6 + 301 * 13


def test_silence_at_the_ends_is_cut_only_when_that_makes_it_fit() -> None:
    talk = np.frombuffer(speech_like(4)[44:], "<i2") / 32768
    quiet = np.zeros(16_000 * 3)
    one = sound(wav(np.concatenate([quiet, talk, quiet]), 16_000))
    survey = one.survey(RULES["amr"], "fast")
    whole = 6 + 13 * 501

    assert survey.minimum_bytes < whole
    assert not [n for n in one.render(whole).notes if "silence" in n]
    cut = one.render(survey.minimum_bytes)
    assert [n for n in cut.notes if "silence at its ends were trimmed" in n]
    assert len(cut.data) <= survey.minimum_bytes
    assert 4000 <= (cut.info.duration_ms or 0) <= 4800


def test_a_rendition_is_not_larger_than_the_source() -> None:
    small = made(source("sine=f=300:d=3:r=8000"), muxer="mp3", **{"c:a": "libmp3lame", "b:a": "40k"})
    one = sound(small)
    one.survey(RULES["m4a"], "fast")

    assert len(one.render(500_000).data) <= len(small)


# --- choices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (speech_like(), "speech"),
        (speech_like(level=0.02), "speech"),
        (music_like(), "music"),
        (music_like(level=0.02), "music"),
    ],
)
def test_speech_and_music_are_distinguished(data: bytes, kind: str) -> None:
    survey = sound(data).survey(RULES["all"], "fast")

    assert survey.traits[0] == kind
    assert survey.scale == f"{kind} table"


def test_at_few_bytes_speech_is_amr_and_with_room_it_is_aac() -> None:
    one = bare("speech", "all")

    assert one.render(8_000).info.media_type == "audio/amr"
    assert one.render(60_000).info.media_type == "audio/mp4"


def test_two_channels_are_kept_where_there_are_bits_for_them() -> None:
    one = bare("music", "m4a")

    assert one.render(120_000).info.channels == 2
    few = one.render(20_000)
    assert few.info.channels == 1
    assert "mixed to one channel" in few.notes


@pytest.mark.parametrize(("level", "low", "high"), [(0.004, 8, 15), (0.3, 0, 0)])
def test_a_level_is_brought_to_a_sane_one_and_noted(level: float, low: float, high: float) -> None:
    one = sound(speech_like(level=level))
    one.survey(RULES["amr"], "fast")

    assert low <= one._analysis.gain_db <= high
    said = [n for n in one.render(60_000).notes if "dBFS was changed" in n]
    assert bool(said) == (high > 0)


@pytest.mark.parametrize("codec", ["amr-nb", "aac", "mp3"])
@pytest.mark.parametrize("kind", ["speech", "music"])
def test_a_higher_rate_never_sounds_worse(codec: str, kind: str) -> None:
    qualities = [quality_of(s, kind) for s in encoder_settings(codec, 48_000, stereo=False)]

    assert qualities == sorted(qualities)
    assert 0 < qualities[0] < qualities[-1] <= 100


# --- keeping ---------------------------------------------------------------------------------------------------


def test_what_is_accepted_is_kept_to_the_byte() -> None:
    amr = bare("speech", "amr").render(20_000).data
    one = sound(amr)
    survey = one.survey(RULES["amr"], "fast")

    assert (survey.keep_bytes, survey.reasons) == (len(amr), ())
    assert one.keep().data == amr


def test_a_position_is_taken_out_of_what_is_kept() -> None:
    tagged = made(source("sine=d=1"), muxer="mov", metadata="location=+40.6800-074.5000/", **{"c:a": "aac"})
    assert b"+40.6800" in tagged
    one = sound(tagged)
    survey = one.survey(AudioRule((AudioFormat("audio/mp4", "aac"),)), "fast")
    kept = one.keep()

    assert survey.stripped == kept.stripped == ("GPS position",)
    assert len(kept.data) == len(tagged)
    assert b"40.68" not in kept.data
    assert sniff(kept.data).metadata == ()
    verify(kept.data, kept.info)


def test_what_does_not_decode_cleanly_is_made_anew() -> None:
    clean = made(source("sine=d=2"), muxer="mp3", write_xing=0, **{"c:a": "libmp3lame", "b:a": "64k"})
    data = clean[: len(clean) // 2] + bytes(3000) + clean[len(clean) // 2 :]
    one = sound(data)
    survey = one.survey(RULES["mp3"], "fast")

    assert survey.keep_bytes is None
    assert survey.reasons == ("it does not decode without errors",)
    got = one.render(20_000)
    verify(got.data, got.info)


def test_notes_are_only_passed_on() -> None:
    song = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x0c\0\x90\x40\x40\x60\x80\x40\x40\0\xff\x2f\0"
    taking = AudioRule((AudioFormat("audio/midi", "midi"), AMR))

    assert sound(song).survey(taking, "fast").keep_bytes == len(song)
    with pytest.raises(NotAllowed, match="audio/midi can only pass through"):
        sound(song).survey(RULES["amr"], "fast")


def test_a_receiver_of_what_we_do_not_write_is_refused() -> None:
    with pytest.raises(NotAllowed, match="audio/ogg vorbis"):
        sound(speech_like()).survey(AudioRule((AudioFormat("audio/ogg", "vorbis"),)), "fast")


# --- bad input -------------------------------------------------------------------------------------------------


def lying_wav() -> bytes:
    data = bytearray(speech_like(2))
    data[4:8] = data[40:44] = (0xFFFFFFF0).to_bytes(4, "little")
    return bytes(data)


def test_a_header_that_claims_4_gb_is_believed_as_far_as_there_are_samples() -> None:
    started = time.monotonic()
    try:
        one = sound(lying_wav())
        survey = one.survey(RULES["amr"], "fast")
    except (DamagedMedia, OverLimits):
        pass
    else:
        assert survey.info.duration_ms == 2000
        assert len(one.render(9_000).data) <= 9_000
    assert time.monotonic() - started < 5


BROKEN = [
    ("no samples", wav(np.zeros(0), 8000)),
    ("cut in the header of its table", made(source("sine=d=1"), muxer="mp4", **{"c:a": "aac"})[:900]),
    ("noise behind a header", b"fLaC\0\0\0\x22" + bytes(range(256)) * 4),
    ("a name and nothing", b"#!AMR\n"),
]


@pytest.mark.parametrize(("name", "data"), BROKEN)
def test_broken_audio_ends_in_an_error_of_ours_and_soon(name: str, data: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(MMSContentError) as caught:
        sound(data).survey(RULES["all"], "fast")

    assert isinstance(caught.value, MMSContentError), name
    assert time.monotonic() - started < 5


def test_more_than_an_hour_is_not_decoded() -> None:
    long = bytearray(speech_like(1))
    length = 16_000 * 2 * 4000
    data = bytes(long[:40]) + length.to_bytes(4, "little") + bytes(length)
    info = sniff(data)
    assert (info.duration_ms or 0) > 3_600_000

    with pytest.raises(OverLimits, match="the audio lasts 4,000 s"):
        AudioSource(data, info).survey(RULES["amr"], "fast")


@settings(max_examples=10, deadline=None, derandomize=True)
@given(cut=st.integers(12, 14_000), flips=st.lists(st.tuples(st.integers(0, 11_999), st.integers(0, 255)), max_size=8))
def test_damage_anywhere_ends_in_audio_or_in_an_error_of_ours(cut: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(bare("speech", "m4a").render(14_000).data[:cut])
    for at, value in flips:
        if at < len(data):
            data[at] = value
    try:
        one = sound(bytes(data))
        one.survey(RULES["amr"], "fast")
        assert len(one.render(9_000).data) <= 9_000
    except MMSContentError:
        pass


# --- measuring -------------------------------------------------------------------------------------------------


def test_silence_has_no_level_and_is_not_amplified() -> None:
    heard = analyse_audio(Samples(bytes(32_000), 8000, 1))

    assert heard.level_dbfs <= -100
    assert heard.gain_db == 0


@pytest.mark.parametrize(
    "file", [f for f in corpus_files("audio") if not f.name.endswith(".wma")], ids=lambda f: f.name
)
def test_every_real_audio_becomes_amr_that_fits(file: CorpusFile) -> None:
    data = file.path.read_bytes()
    one = sound(data)
    survey = one.survey(RULES["amr"], "fast")
    got = one.render(max(30_000, survey.minimum_bytes))

    assert len(got.data) <= max(30_000, survey.minimum_bytes)
    verify(got.data, got.info)
