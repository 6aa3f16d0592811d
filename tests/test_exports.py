"""The public face: exactly what `__all__` says, documented, and light to import."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import mmscontent
from tests.conftest import ROOT

HEAVY = (
    *("numpy", "PIL", "pyvips", "lxml", "magic", "pillow_heif", "click", "rich", "ffmpeg", "pydub", "vobject"),
    *("pebble", "ray"),
)


def test_all_names_exist_and_are_sorted() -> None:
    assert [n for n in mmscontent.__all__ if not hasattr(mmscontent, n)] == []
    assert len(set(mmscontent.__all__)) == len(mmscontent.__all__)


def test_the_imports_for_type_checkers_are_what_is_loaded() -> None:
    tree = ast.parse((ROOT / "mmscontent" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        (node.module, alias.name, alias.asname)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    loaded = {(f"mmscontent.{home}", name) for home, names in mmscontent._MODULES.items() for name in names.split()}
    loaded |= {("mmscontent", package) for package in mmscontent._PACKAGES}
    exported = {(home, name, name) for home, name in loaded}  # a checker takes `X as X` for public, plain `X` not

    assert typed == exported
    assert {name for _, name in loaded} | {"__version__"} == set(mmscontent.__all__)
    assert set(dir(mmscontent)) == set(mmscontent.__all__)


def test_a_function_keeps_its_name_when_the_module_of_that_name_is_imported() -> None:
    code = (
        "import mmscontent.compose, mmscontent.sniff, mmscontent as m; from mmscontent import compose, preview;"
        "print(callable(m.compose), callable(m.sniff), callable(compose), callable(preview))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True"] * 4


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        mmscontent.frobnicate  # noqa: B018 - the look-up is the point


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
