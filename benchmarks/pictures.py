"""The real pictures of the still benchmarks: from packages on the index, and from the corpus when it lies beside.

Nothing is copied into the repository. A frame of a clip counts as a picture of its own; it is taken by ffmpeg,
one second into the clip, and wrapped as PNG.
"""

from __future__ import annotations

import io
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Picture", "pictures"]

CORPUS = Path(os.environ.get("MMSCONTENT_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "corpus"))

_SKIMAGE = [
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
]
_SKLEARN = ("china.jpg", "flower.jpg")
_MATPLOTLIB = ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png")
_CORPUS = (
    "image/exif-orientation/Landscape_6.jpg",
    "image/heif-avif-webp/IMG_5195.HEIC",
    "image/heif-avif-webp/cheers_1440x960.heic",
    "image/heif-avif-webp/denali.webp",
    "image/heif-avif-webp/iphone_13_pro_max.HEIC",
    "image/heif-avif-webp/ph_200MP.heic",
    "image/heif-avif-webp/ph_empty_icc.heic",
    "image/heif-avif-webp/ph_pug.heic",
    "image/heif-avif-webp/webpvp8.webp",
    "image/phones/Apple_iPhone_4.jpg",
    "image/phones/HTC_Desire.jpg",
    "image/phones/Nokia_3110c_(Mobile_Phone).jpg",
    "image/phones/Samsung_GT-I9000_(Galaxy_S).jpg",
    "image/phones/Samsung_GT-I9505_(Galaxy_S4).jpg",
    "image/phones/Sony_Ericsson_C905c.jpg",
    "image/phones/ax_first_frame_1920x1080.png",
    "image/phones/ax_pixel-motion-photo-shortened.jpg",
    "image/phones/ax_sample_MP.heic",
    "image/phones/ax_ultraHDR.jpg",
    "image/pillow/frozenpond.mpo",
    "image/pillow/tiff_adobe_deflate.tif",
    "image/png-gif-misc/density_plot.png",
    "image/png-gif-misc/portrait-orientation-6.jpg",
)
_CLIPS = (
    "video/ax_pixel7_videoOnly_cleaned.mp4",
    "video/ax_h265_with_metadata_track.mp4",
    "video/ax_sample_15fps_720p_1s.mp4",
    "video/ax_sample_portrait.mp4",
    "video/ax_bbb_960x540_60fps_vp8.webm",
    "video/bbb_480p_30s.mp4",
    "video/ax_hlg10-color-test.mp4",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One source picture, as bytes; *name* says where it is from."""

    name: str
    data: bytes


@cache
def pictures() -> tuple[Picture, ...]:
    """All pictures there are on this machine, in a fixed order."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, wanted here only
    import skimage.data  # noqa: PLC0415
    import sklearn.datasets  # noqa: PLC0415

    folders = (
        ("skimage", Path(skimage.data.__file__).parent, _SKIMAGE),
        ("sklearn", Path(sklearn.datasets.__file__).parent / "images", _SKLEARN),
        ("matplotlib", Path(mpl.get_data_path()) / "sample_data", _MATPLOTLIB),
        ("corpus", CORPUS, _CORPUS),
    )
    found = [
        Picture(f"{label}/{Path(name).name}", (folder / name).read_bytes())
        for label, folder, names in folders
        for name in names
        if (folder / name).is_file()
    ]
    return (*found, *(_frame(CORPUS / clip) for clip in _CLIPS if (CORPUS / clip).is_file()))


def _frame(clip: Path) -> Picture:
    import imageio_ffmpeg  # noqa: PLC0415

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-ss", "1", "-i", str(clip)]
    command += ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "image2pipe", "-c:v", "png", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.stdout:
        at_start = [*command[: command.index("-ss")], *command[command.index("-i") :]]
        done = subprocess.run(at_start, capture_output=True, check=True)
    return Picture(f"frame/{clip.name}", io.BytesIO(done.stdout).getvalue())
