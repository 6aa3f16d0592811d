"""Every film and sound of the corpus as a message: fitted, or refused by name.

    python -m benchmarks.sweep_motion [--only TEXT] [--sheets FOLDER]

Once at 300,000 bytes for a smartphone, once for the content class oma/video-basic. With --sheets eight pictures of
every film that was made are laid side by side into one PNG a file, to be looked at.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import mmscontent as mms
from benchmarks.clips import CORPUS, run

PROFILES = {
    "300,000 bytes": {"content_class": "generic/smartphone", "max_message_bytes": 300_000},
    "oma/video-basic": {"content_class": "oma/video-basic"},
}


def sheet(data: bytes, out: Path) -> None:
    """Eight pictures spread over a film."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "film").write_bytes(data)
        told = run(["-i", "film", "-f", "null", "-"], Path(folder)).stderr
        frames = int(re.findall(r"frame= *(\d+)", told)[-1])
        shape = "scale=240:180:force_original_aspect_ratio=decrease,pad=240:180:-1:-1:gray,tile=8x1"
        graph = f"select=not(mod(n\\,{max(1, frames // 8)})),{shape}"
        run(["-v", "error", "-i", "film", "-vf", graph, "-frames:v", "1", "-update", "1", str(out)], Path(folder))


def one(path: Path, name: str, sheets: Path | None) -> str:
    started = time.monotonic()
    profile = mms.load_profile(**PROFILES[name])
    try:
        composed = mms.compose(mms.Message.of(mms.read_parts([path])), profile)
    except mms.MMSContentError as exc:
        return f"refused  {type(exc).__name__}: {str(exc)[:150]}"
    took = time.monotonic() - started
    (part,) = composed.ledger.as_json()["parts"]
    result = part["result"]
    if sheets is not None and result["media_type"].startswith("video/"):
        made = mms.unpack(composed.data, composed.content_type).content.parts[0].data
        sheet(made, sheets / f"{path.name}.{name.replace('/', '-').replace(',', '')}.png")
    sides = f"{result.get('width_px')}×{result.get('height_px')} " if result.get("width_px") else ""
    return (
        f"{part['decision']:9}{len(composed.data):>8,} bytes  {result['media_type']} {result.get('codec', '')} {sides}"
        f"quality {part['quality'].get('predicted')} in {took:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--sheets", type=Path)
    told = parser.parse_args()
    if told.sheets is not None:
        told.sheets.mkdir(parents=True, exist_ok=True)
    files = [p for kind in ("video", "audio") for p in sorted((CORPUS / kind).rglob("*")) if p.is_file()]
    for path in (p for p in files if told.only in p.name):
        for name in PROFILES:
            print(f"{path.name[:44]:44} {name:16} {one(path, name, told.sheets)}", flush=True)


if __name__ == "__main__":
    main()
