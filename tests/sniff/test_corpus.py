"""Every real file is recognised as what the manifest says it is, or refused by name."""

from __future__ import annotations

import time

import pytest

from mmscontent.errors import MMSContentError
from mmscontent.sniff import sniff
from tests.conftest import CorpusFile, corpus_files

# What a kind of the manifest may be; by suffix where the suffix of a real file tells the type
TYPES: dict[str, set[str]] = {
    "icalendar": {"text/calendar"},
    "mm3-mail": {"message/rfc822"},
    "mm7": {"multipart/related", "application/xml"},
    "mms-pdu": {"application/vnd.wap.mms-message"},
    "smil": {"application/smil"},
    "uaprof": {"application/rdf+xml"},
    "vcard": {"text/x-vcard"},
}
SUFFIXES: dict[str, str] = {
    "jpg": "image/jpeg",
    "mpo": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heic",  # all of the corpus are coded in HEVC
    "avif": "image/avif",
    "avifs": "image/avif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "ico": "image/x-icon",
    "tga": "image/x-tga",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "amr": "audio/amr",
    "caf": "audio/x-caf",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "ts": "video/mp2t",
}
# Where suffix and truth part, and what cannot be used
SPECIAL: dict[str, str] = {
    "audio/ax_bbb_mono_16kHz_23.05kbps_amrwb.3gp": "audio/3gpp",
    "audio/ax_bbb_mono_8kHz_12.2kbps_amrnb.3gp": "audio/3gpp",
    "audio/ax_sample_alac.mp4": "audio/mp4",
    "audio/ax_sample_audio_only_15s.mp4": "audio/mp4",
    "audio/ax_sample_wb.amr": "audio/amr-wb",
    "audio/beets_full.wma": "UnknownMedia",
    "image/heif-avif-webp/IllegalArgumentException.HeifReader.processBoxes.heif": "DamagedMedia",
    "image/heif-avif-webp/ph_corrupted.heic": "DamagedMedia",
    "image/pillow/bmp_b_badwidth.bmp": "DamagedMedia",
    "image/pillow/broken.png": "DamagedMedia",
    "image/pillow/decompression_bomb.gif": "OverLimits",
    "image/pillow/decompression_bomb_extents.gif": "OverLimits",
}
# Facts read by other programs (exiftool's and ffmpeg's words), of files that are easily misread
FACTS: dict[str, dict[str, object]] = {
    "image/heif-avif-webp/ph_200MP.heic": {"width_px": 16320, "height_px": 12240, "orientation": 6},
    "image/heif-avif-webp/iphone_13_pro_max.HEIC": {"width_px": 4032, "height_px": 3024, "orientation": 6},
    "image/pillow/avif_rot1mir0.avif": {"orientation": 5},
    "image/pillow/avif_star.avifs": {"frames": 5},
    "image/pillow/hopper_orientation_8.webp": {"orientation": 8},
    "image/pillow/chi.gif": {"frames": 31},
    "image/pillow/iss634.gif": {"frames": 42},
    "image/pillow/apng_delay.png": {"frames": 4},
    "image/pillow/apng_syntax_num_frames_zero.png": {"frames": 1},
    "image/pillow/hopper_16bit_qtables.jpg": {"codec": "extended"},
    "image/pillow/truncated_jpeg.jpg": {"codec": "progressive"},
    "audio/ax_100kB-garbage-prefix.mp3": {"codec": "mp3", "sample_rate_hz": 44100, "channels": 1},
    "audio/ax_sample_nb.amr": {"duration_ms": 4360},
    "audio/ax_bear.opus": {"duration_ms": 2741, "channels": 2},
    "audio/synthetic_voice_opus.caf": {"codec": "opus", "duration_ms": 2760},
    "video/ax_bbb_176x144_128kbps_15fps_h263.3gp": {"codec": "h263", "profile": "0", "level": "10", "fps": 15.0},
    "video/ax_bbb_960x540_60fps_vp8.webm": {"codec": "vp9", "audio_codec": "vorbis", "channels": 6, "fps": 60.0},
    "video/ax_dolbyVision-hdr.MOV": {"codec": "hevc", "profile": "main 10", "orientation": 6},
    "video/ax_pixel7_videoOnly_cleaned.mp4": {"orientation": 3, "audio_codec": None},
    "video/ax_sample_fragmented.mp4": {"duration_ms": 1068, "width_px": 1080},
    "video/ax_sample_malformed_free_box.mp4": {"codec": "h264", "duration_ms": 1024},
    "video/bbb_480p_30s.mp4": {"width_px": 854, "height_px": 480, "channels": 6},
    "video/metadata-extractor/sample_mpeg4.mp4": {"codec": "mpeg4", "profile": "advanced simple"},
}
WORDS: dict[str, set[str]] = {
    "image/heif-avif-webp/ph_pug.heic": {"GPS position", "XMP", "gain map"},
    "image/heif-avif-webp/iphone_13_pro_max.HEIC": {"maker note", "thumbnail", "gain map"},
    "image/phones/ax_pixel-motion-photo-shortened.jpg": {"motion photo video", "GPS position", "XMP"},
    "image/phones/ax_sample_MP.heic": {"motion photo video"},
    "image/phones/ax_ultraHDR.jpg": {"gain map", "thumbnail"},
    "image/phones/Samsung_GT-I9000_(Galaxy_S).jpg": {"GPS position", "maker note", "thumbnail"},
    "image/pillow/frozenpond.mpo": {"further pictures"},
    "video/ax_dolbyVision-hdr.MOV": {"GPS position", "camera model"},
    "video/metadata-extractor/xmp480qt.mov": {"XMP"},
}

EVERY = pytest.mark.parametrize("file", corpus_files(), ids=lambda file: file.name)


def expected(file: CorpusFile) -> set[str]:
    if file.name in SPECIAL:
        return {SPECIAL[file.name]}
    return TYPES.get(file.kind) or {SUFFIXES[file.name.rpartition(".")[2].lower()]}


def told(data: bytes, name: str | None = None) -> str:
    try:
        return sniff(data, name).media_type
    except MMSContentError as error:
        return type(error).__name__


@EVERY
def test_a_real_file_is_what_the_manifest_says(file: CorpusFile) -> None:
    assert told(file.path.read_bytes(), file.path.name) in expected(file)


@EVERY
def test_a_real_file_needs_no_name(file: CorpusFile) -> None:
    assert told(file.path.read_bytes()) in expected(file)


@pytest.mark.parametrize("file", [f for f in corpus_files() if f.name in FACTS], ids=lambda file: file.name)
def test_facts_of_real_files_agree_with_other_programs(file: CorpusFile) -> None:
    info = sniff(file.path.read_bytes(), file.path.name)

    assert {name: getattr(info, name) for name in FACTS[file.name]} == FACTS[file.name]


@pytest.mark.parametrize("file", [f for f in corpus_files() if f.name in WORDS], ids=lambda file: file.name)
def test_what_a_phone_hides_in_its_pictures_is_named(file: CorpusFile) -> None:
    assert WORDS[file.name] <= set(sniff(file.path.read_bytes()).metadata)


def test_the_whole_corpus_is_sniffed_in_seconds() -> None:
    files = [file.path.read_bytes() for file in corpus_files()]
    start = time.process_time()
    for data in files:
        told(data)

    assert time.process_time() - start < 10
