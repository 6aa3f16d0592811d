"""Where a worker finds its code, and which folders it may therefore read.

A worker gets our sys.path without the script's own folder and without the current one: both may hold anything.
Whole folders are readable only where installed distributions lie; of a checkout only the packages themselves are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import sysconfig
from pathlib import Path

__all__ = ["library_path", "readable", "search_path"]

_PACKAGE = Path(__file__).resolve().parent.parent


def search_path(module: str) -> str:
    """sys.path for a worker that runs *module*, as JSON."""
    kept = [os.path.abspath(p) for p in sys.path if p and not _is_the_scripts(Path(p))]  # noqa: PTH100 - links stay links
    roots = [str(p.parent) for p in _packages(module)]
    return json.dumps(list(dict.fromkeys(kept + roots)))


def readable(module: str) -> tuple[str, ...]:
    """Folders and files a worker may read, besides the system's own libraries."""
    stdlib = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    shared_libraries = str(Path(sys.base_prefix) / "lib")
    installed = [p for p in sys.path if p and _holds_distributions(Path(p))]
    zipped = [p for p in sys.path if p.endswith(".zip")]
    found = [*stdlib, shared_libraries, *installed, *zipped, *map(str, _packages(module)), *_linker_folders()]
    return tuple(dict.fromkeys(os.path.realpath(p) for p in found))


def library_path() -> dict[str, str]:
    """The linker's search path, where Python itself may need one to start."""
    folders = _linker_folders()
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def _linker_folders() -> list[str]:
    return [p for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if Path(p).is_absolute()]


def _packages(module: str) -> list[Path]:
    """Our own package and the top one of the worker's module."""
    spec = importlib.util.find_spec(module.partition(".")[0])
    places = spec.submodule_search_locations if spec else None
    origin = [Path(spec.origin)] if spec and spec.origin and not places else []
    return [_PACKAGE, *(Path(p).resolve() for p in places or ()), *origin]


def _is_the_scripts(folder: Path) -> bool:
    """Whether Python put a folder on the path only because the script or the user stands there."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    places = {os.path.realpath(os.curdir), os.path.realpath(Path(script).parent) if script else ""}
    return os.path.realpath(folder) in places and not _holds_distributions(folder)


def _holds_distributions(folder: Path) -> bool:
    try:
        return any(entry.suffix == ".dist-info" for entry in folder.iterdir())
    except OSError:
        return False
