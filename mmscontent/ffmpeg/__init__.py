"""The one door to the ffmpeg program: graphs are built by ffmpeg-python, run confined, and nothing is believed unseen.

`Room` holds one input in one private folder; `Room.source` opens it with the demuxer its sniffed type names; `Room.run`
carries a graph out. Nothing else in the library starts this program, and there is no ffprobe.
"""

from __future__ import annotations

from mmscontent.ffmpeg.demuxers import DEMUXERS, demuxer_for
from mmscontent.ffmpeg.probe import Seen, SoundTrack, VideoTrack, probe
from mmscontent.ffmpeg.program import Bounds, layers, program_path, version
from mmscontent.ffmpeg.session import Room

__all__ = [
    "DEMUXERS",
    "Bounds",
    "Room",
    "Seen",
    "SoundTrack",
    "VideoTrack",
    "demuxer_for",
    "layers",
    "probe",
    "program_path",
    "version",
]
