"""Where a worker finds its code, and which folders it may therefore read.

A worker gets our sys.path without the script's folder and the current folder, as those may hold anything. A folder is
readable as a whole only where installed distributions lie; of a source checkout only the packages themselves are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import sysconfig
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def search_path(module: str) -> str:
    """sys.path for a worker that runs *module*, as JSON."""
    # abspath and not resolve(): a virtual environment is found through its links.
    kept = [os.path.abspath(p) for p in sys.path if p and not _is_script_folder(Path(p))]  # noqa: PTH100
    roots = [str(p.parent) for p in _packages(module)]
    return json.dumps(list(dict.fromkeys(kept + roots)))


def readable(module: str) -> tuple[str, ...]:
    """Folders and files that a worker may read, besides the system's own libraries."""
    stdlib = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    shared_libraries = str(Path(sys.base_prefix) / "lib")
    installed = [p for p in sys.path if p and _holds_distributions(Path(p))]
    zipped = [p for p in sys.path if p.endswith(".zip")]
    found = [*stdlib, shared_libraries, *installed, *zipped, *map(str, _packages(module)), *_linker_folders()]
    return tuple(dict.fromkeys(os.path.realpath(p) for p in found))


def library_path() -> dict[str, str]:
    """The linker's search path as an environment: Python itself may need one to start."""
    folders = _linker_folders()
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def _linker_folders() -> list[str]:
    # An empty entry means the current folder (ld.so(8)), which may hold anything.
    return [p for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if Path(p).is_absolute()]


def _packages(module: str) -> list[Path]:
    """Our own package and the top-level one of the worker's module."""
    spec = importlib.util.find_spec(module.partition(".")[0])
    folders = spec.submodule_search_locations if spec else None
    origin = [Path(spec.origin)] if spec and spec.origin and not folders else []
    return [_PACKAGE, *(Path(p).resolve() for p in folders or ()), *origin]


def _is_script_folder(folder: Path) -> bool:
    """Whether Python put a folder on the path only because the script or the user is there."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    candidates = {os.path.realpath(os.curdir), os.path.realpath(Path(script).parent) if script else ""}
    return os.path.realpath(folder) in candidates and not _holds_distributions(folder)


def _holds_distributions(folder: Path) -> bool:
    try:
        return any(entry.suffix == ".dist-info" for entry in folder.iterdir())
    except OSError:
        return False
