"""Builds FFmpeg filter graphs: frame rate, tone mapping, size, colours, and padding for codecs with fixed frame sizes.

FFmpeg turns the picture upright by itself; every graph ends in square pixels of one constant size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmscontent.codecs.video.formats import FrameSize
    from mmscontent.ffmpeg import VideoTrack

# Up to this short side players expect BT.601 colours, above it BT.709.
SMALL_COLOURS_PX = 576


def filter_graph(
    node: Any,  # noqa: ANN401 - ffmpeg-python has no types
    track: VideoTrack,
    frame: FrameSize,
    *,
    fps: float | None = None,
    flags: str = "lanczos",
) -> Any:  # noqa: ANN401 - as above
    """Add the filters that bring a video track to a frame size.

    Args:
        node: The track of the source.
        track: Its facts.
        frame: The wanted frame size.
        fps: Frames per second to make; None keeps the source's own times.
        flags: The scaler: `area` for an analysis, else the default.
    """
    width, height = frame.picture_px
    if fps is not None:
        # The fps filter takes the last frame before a time; shifted by half the difference it takes the nearest one.
        late_s = max(0.0, 1 / fps - 1 / track.fps) / 2 if track.fps else 0.0
        node = node.filter("setpts", f"PTS+{late_s:.6f}/TB").filter("fps", fps=f"{fps:g}", start_time=0)
    if track.is_hdr:
        node = _to_sdr(node.filter("scale", width, height, flags=flags))
    matrix = "bt709" if min(frame.width_px, frame.height_px) > SMALL_COLOURS_PX else "bt601"
    node = node.filter("scale", width, height, flags=flags, out_range="tv", out_color_matrix=matrix)
    if frame.picture_px != (frame.width_px, frame.height_px):
        node = node.filter("pad", frame.width_px, frame.height_px, -1, -1)
    return node.filter("setsar", 1).filter("format", "yuv420p")


def _to_sdr(node: Any) -> Any:  # noqa: ANN401 - as above
    """Map HLG and PQ to SDR; after scaling, because it works in floating point. 203 nits: ITU-R BT.2408."""
    node = node.filter("zscale", t="linear", npl=203).filter("format", "gbrpf32le").filter("zscale", p="bt709")
    node = node.filter("tonemap", tonemap="hable", desat=0)
    return node.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", "yuv420p")
