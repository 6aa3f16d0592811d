"""The one vocabulary of what a file gives away about its owner: `metadata` of MediaInfo, `stripped` of the ledger.

A word that is missing here is an error of the type checker wherever a table or a reader says it.
"""

from __future__ import annotations

from typing import Literal, get_args

MetadataWord = Literal[
    # where, when and by whom
    "GPS position",
    "date taken",
    "author",
    "copyright",
    # with what
    "camera model",
    "serial number",
    "software",
    "maker note",
    "image id",
    # what somebody wrote
    "description",
    "comment",
    # further media in the same file
    "thumbnail",
    "further pictures",
    "gain map",
    "depth map",
    "motion photo video",
    "cover picture",
    "trailing data",
    # whole blocks, when nothing finer can be said
    "EXIF",
    "XMP",
    "IPTC",
    "Photoshop data",
    "ID3 tag",
    "tags",
]
METADATA_WORDS: tuple[MetadataWord, ...] = get_args(MetadataWord)
