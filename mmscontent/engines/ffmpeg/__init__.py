"""The one door to the ffmpeg program: graphs are built by ffmpeg-python, run confined, and nothing is believed unseen.

`Room` holds one input in one private folder; `Room.source` opens it with the demuxer its sniffed type names; `Room.run`
carries a graph out. Nothing else in the library starts this program, and there is no ffprobe.
"""

from __future__ import annotations

from mmscontent.engines.ffmpeg.demuxers import DEMUXERS, demuxer_for
from mmscontent.engines.ffmpeg.door import Room
from mmscontent.engines.ffmpeg.look import Seen, SoundTrack, VideoTrack, look
from mmscontent.engines.ffmpeg.program import Bounds, layers, program_path, version

__all__ = [
    "DEMUXERS",
    "Bounds",
    "Room",
    "Seen",
    "SoundTrack",
    "VideoTrack",
    "demuxer_for",
    "layers",
    "look",
    "program_path",
    "version",
]
