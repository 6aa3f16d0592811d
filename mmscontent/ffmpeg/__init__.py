"""Runs the ffmpeg program in a sandbox; ffmpeg-python builds the filter graphs.

`FfmpegSession` holds one input in a private folder: `source_node` opens it with the demuxer of its sniffed type, `run`
executes a graph. Nothing else in the library starts this program, and there is no ffprobe.
"""

from __future__ import annotations

from mmscontent.ffmpeg.demuxers import DEMUXERS
from mmscontent.ffmpeg.probe import AudioTrack, ProbeResult, VideoTrack, probe
from mmscontent.ffmpeg.program import RunLimits, layers, program_path, version
from mmscontent.ffmpeg.session import FfmpegSession

__all__ = [
    "DEMUXERS",
    "AudioTrack",
    "FfmpegSession",
    "ProbeResult",
    "RunLimits",
    "VideoTrack",
    "layers",
    "probe",
    "program_path",
    "version",
]
