"""Is talk taken for speech, and music for music?

    apt-get download asterisk-core-sounds-{en,fr,ru}-wav asterisk-moh-opsound-wav
    for package in *.deb; do dpkg -x $package recordings; done
    python -m benchmarks.speech_music --speech recordings/usr/share/asterisk/sounds \
        --music recordings/usr/share/asterisk/moh

Real recordings as WAV of 16 bits: prompts of three speakers in three languages of at least a second and a half, as
they are and with white noise 20 and 12 dB under them; pieces of 3, 8 and 20 s of five tunes. Prompts without words
(beeps, silence, monkeys) are left out.
"""

from __future__ import annotations

import argparse
import statistics
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.audio.samples import Samples, analyse_audio

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDLESS = ("beep", "monkeys", "tt-", "silence", "ascending", "descending")
LEAST_S = 1.5
MOST_PROMPTS = 500
PIECES_S = (3, 8, 20)


def samples_of(path: Path) -> Samples:
    with wave.open(str(path)) as opened:
        return Samples(opened.readframes(opened.getnframes()), opened.getframerate(), opened.getnchannels())


def prompts(folder: Path) -> list[Samples]:
    """An even choice of the prompts with words."""
    paths = [p for p in sorted(folder.rglob("*.wav")) if not any(word in str(p) for word in WORDLESS)]
    long = [s for s in map(samples_of, paths) if s.duration_ms >= 1000 * LEAST_S]
    return long[:: max(1, len(long) // MOST_PROMPTS)]


def pieces(folder: Path, seconds: int) -> Iterator[Samples]:
    for path in sorted(folder.rglob("*.wav")):
        whole = samples_of(path)
        step = 2 * whole.channels * whole.rate_hz * seconds
        for at in range(0, len(whole.data) - step, step):
            yield Samples(whole.data[at : at + step], whole.rate_hz, whole.channels)


def noisy(sound: Samples, under_db: float, seed: int) -> Samples:
    clean = np.frombuffer(sound.data, "<i2").astype(np.float64)
    noise = np.random.default_rng(seed).normal(size=clean.size) * np.sqrt(np.mean(clean**2)) * 10 ** (-under_db / 20)
    return Samples(np.clip(clean + noise, -32768, 32767).astype("<i2").tobytes(), sound.rate_hz, sound.channels)


def told(name: str, sounds: list[Samples], kind: str) -> None:
    analysis = [analyse_audio(sound) for sound in sounds]
    right = sum(h.kind == kind for h in analysis)
    scores = [h.speech_score for h in analysis]
    print(f"{name:24} {right:4} of {len(analysis):4} right, score {statistics.median(scores):.2f} (median)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--music", type=Path, required=True)
    given = parser.parse_args()
    talk = prompts(given.speech)
    told("talk", talk, "speech")
    for under_db in (20, 12):
        told(f"talk, noise {under_db} dB under", [noisy(s, under_db, i) for i, s in enumerate(talk)], "speech")
    for seconds in PIECES_S:
        told(f"music, pieces of {seconds} s", list(pieces(given.music, seconds)), "music")


if __name__ == "__main__":
    main()
