"""The researched CSV tables to the files in profiles/: `python -m tools.generate_profiles --from FOLDER`.

The same tables give the same files, byte for byte. classes/ is written by hand and not touched.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tools import generate_carriers, generate_devices

PROFILES = Path(__file__).resolve().parent.parent / "profiles"


def main() -> None:
    """Read the folder given, write profiles/carriers and profiles/devices anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--from", dest="source", type=Path, required=True, help="folder with carriers.csv and the others"
    )
    parser.add_argument("--to", dest="target", type=Path, default=PROFILES, help="folder to write; default profiles/")
    arguments = parser.parse_args()
    for name, room in (("carriers", generate_carriers), ("devices", generate_devices)):
        folder = arguments.target / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for what, count in room.generate(arguments.source, folder).items():
            sys.stdout.write(f"{what}: {count}\n")


if __name__ == "__main__":
    main()
