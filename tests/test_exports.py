"""The public face: exactly what `__all__` says, documented, and light to import."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types

import mmscontent

HEAVY = ("numpy", "PIL", "pyvips", "lxml", "magic", "pillow_heif", "click", "rich", "ffmpeg", "pydub", "vobject")


def test_all_names_exist_and_are_sorted() -> None:
    assert [n for n in mmscontent.__all__ if not hasattr(mmscontent, n)] == []
    assert len(set(mmscontent.__all__)) == len(mmscontent.__all__)


def test_nothing_public_is_left_out_of_all() -> None:
    public = {
        name
        for name, value in vars(mmscontent).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(mmscontent.__all__) == set()


def test_every_public_name_is_documented() -> None:
    undocumented = [
        name
        for name in mmscontent.__all__
        if (inspect.isclass(value := getattr(mmscontent, name)) or inspect.isfunction(value)) and not value.__doc__
    ]
    assert undocumented == []


def test_functions_of_the_face_are_functions_and_not_modules_of_that_name() -> None:
    for name in ("compose", "adapt", "check", "sniff", "unpack", "preview", "lint", "repair", "load_profile"):
        assert inspect.isfunction(getattr(mmscontent, name)), name


def test_importing_the_package_loads_no_engine() -> None:
    code = f"import sys, mmscontent; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
