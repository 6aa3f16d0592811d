"""Prints the measures of the code's structure as a table: files, lines, functions, comments, cycles, names.

    python tools/structure.py [--root DIR] [--json | --walk]

Each row holds the measured value and the bound that docs/architecture.md states. The exit status is 1 when a bound is
passed. `--root` measures another checkout with this script, for a comparison of before and after; it must be the
checkout that the running Python imports mmscontent from.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import statistics
import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PACKAGES = ("mmscontent", "gateway_adapter")
WIRE_ROOMS = ("mmscontent/pack/", "mmscontent/sniff/", "mmscontent/containers/")
# A photo of a phone, tagged and turned; small, so that tracing every call takes a second.
PHOTO = "fixtures/jpeg-480x640-exif6-gps-serial-thumbnail.jpg"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Measure:
    """One row: what was measured, the value, and the bound it is held to (None: for information)."""

    name: str
    value: float
    bound: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Tree:
    """The Python sources of both packages, each parsed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts = {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
            for package in PACKAGES
            for path in sorted((root / package).rglob("*.py"))
        }
        self.parsed = {name: ast.parse(text) for name, text in self.texts.items()}

    def nodes(self) -> Iterator[tuple[str, ast.AST]]:
        """Every syntax node with the file it stands in."""
        for name, tree in self.parsed.items():
            for node in ast.walk(tree):
                yield name, node

    def top_files(self, package: str) -> int:
        """How many modules lie loose at the top of a package, its `__init__` and `__main__` included."""
        return sum(1 for name in self.texts if name.startswith(f"{package}/") and name.count("/") == 1)

    def lines(self) -> int:
        """All lines, blank ones and comments included."""
        return sum(text.count("\n") for text in self.texts.values())

    def comment_share(self, rooms: tuple[str, ...] = ("",)) -> float:
        """Per cent of all lines that are comments of their own."""
        lines = [line for name, text in self.texts.items() if name.startswith(rooms) for line in text.splitlines()]
        return round(100 * sum(line.lstrip().startswith("#") for line in lines) / len(lines), 1)

    def function_lines(self) -> list[int]:
        """The length of every function, decorators left out, sorted."""
        return sorted((n.end_lineno or 0) - n.lineno + 1 for _, n in self.nodes() if isinstance(n, _FUNCTIONS))

    def repeated_classes(self) -> dict[str, list[str]]:
        """Class names that are defined more than once, with their files."""
        places: dict[str, list[str]] = defaultdict(list)
        for name, node in self.nodes():
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
        return {cls: files for cls, files in sorted(places.items()) if len(files) > 1}

    def naming(self, *literals: str) -> list[str]:
        """Modules of the library in which one of these string constants or attribute names stands."""
        found = set()
        for name, node in self.nodes():
            word = node.value if isinstance(node, ast.Constant) else getattr(node, "attr", getattr(node, "arg", None))
            if word in literals and name.startswith("mmscontent/"):
                found.add(name)
        return sorted(found)

    def cycles(self) -> int:
        """How many groups of modules import each other in a circle, imports for types and in functions included."""
        known = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in self.texts}
        edges = {module: self._imports(name, known) - {module, *PACKAGES} for module, name in known.items()}
        return sum(len(group) > 1 for group in _strong_components(edges))

    def _imports(self, name: str, known: dict[str, str]) -> set[str]:
        found = set()
        for node in ast.walk(self.parsed[name]):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    target = f"{node.module}.{alias.name}"
                    found.add(target if target in known else node.module)
        return found & known.keys()


def _strong_components(edges: dict[str, set[str]]) -> list[set[str]]:
    """Groups of nodes that reach each other: Kosaraju's two passes."""
    order: list[str] = []
    seen: set[str] = set()
    turned: dict[str, set[str]] = defaultdict(set)
    for node, targets in edges.items():
        for target in targets:
            turned[target].add(node)

    def collect(start: str, graph: dict[str, set[str]], into: list[str]) -> None:
        stack = [(start, iter(graph.get(start, ())))]
        seen.add(start)
        while stack:
            node, targets = stack[-1]
            fresh = next((t for t in targets if t not in seen), None)
            if fresh is None:
                into.append(node)
                stack.pop()
            else:
                seen.add(fresh)
                stack.append((fresh, iter(graph.get(fresh, ()))))

    for node in edges:
        if node not in seen:
            collect(node, edges, order)
    seen.clear()
    groups: list[set[str]] = []
    for node in reversed(order):
        if node not in seen:
            group: list[str] = []
            collect(node, turned, group)
            groups.append(set(group))
    return groups


def files_of_one_photo(root: Path) -> list[str]:
    """The library's files that one photo passes, from its file and its receiver to the packed bytes, in that order.

    A file counts when one of its functions runs or one of its dataclasses is made, in the calling process or in the
    worker; what only runs when a module is imported does not count.
    """
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import structure, json; "
    code += f"print(json.dumps(structure.trace_one_photo({str(root)!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603 - our own script
    return list(json.loads(done.stdout.splitlines()[-1]))


def trace_one_photo(root: str) -> list[str]:
    """Compose one photo with every call traced, once with the codecs here and once in a worker; for a fresh process."""
    import mmscontent as mms  # noqa: PLC0415 - the measured checkout is imported in the measuring process only
    from mmscontent.codecs import registry  # noqa: PLC0415 - as above

    def send() -> None:
        profile = mms.load_profile(carrier="us/att", max_message_bytes=20_000)
        mms.compose(mms.Message.of(mms.read_parts([f"{root}/{PHOTO}"])), profile)

    rows = dict(registry.CODECS)
    for name, row in rows.items():  # the table says that every codec lives in the calling process
        registry.CODECS[name] = replace(row, sandboxed=False)  # type: ignore[index]
    send()  # imports everything
    found = _files_called(root, send)
    registry.CODECS.update(rows)  # type: ignore[attr-defined]
    worker = "import sys, mmscontent.sandbox.worker_main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", worker], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603 - our own line
    inside = [f"{name.replace('.', '/')}.py" for name in done.stdout.split() if name.startswith("mmscontent.sandbox.")]
    more = [name for name in dict.fromkeys([*_files_called(root, send), *inside]) if name not in found]
    at = found.index("mmscontent/codecs/session.py") + 1  # from here on a call crosses into the worker
    return [*found[:at], *more, *found[at:]]


def _files_called(root: str, work: Callable[[], object]) -> list[str]:
    """The library's files whose functions or dataclass constructors run during a call, in all its threads, in order."""
    found: dict[str, None] = {}
    inside = f"{root}/mmscontent/"

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        if code.co_filename.startswith(inside):
            found.setdefault(code.co_filename.removeprefix(f"{root}/"))
        elif code.co_name == "__init__" and code.co_filename == "<string>":  # written by dataclasses
            home = type(frame.f_locals["self"]).__module__
            if home.startswith("mmscontent."):
                found.setdefault(f"{home.replace('.', '/')}.py")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return [name if (Path(root) / name).exists() else name.replace(".py", "/__init__.py") for name in found]


def walk(root: Path) -> str:
    """The rows of the walk in docs/architecture.md: each file that one photo passes, with its first sentence."""
    tree = Tree(root)
    rows = []
    for number, name in enumerate(files_of_one_photo(root), 1):
        first = (ast.get_docstring(tree.parsed[name]) or "").split("\n\n")[0].replace("\n", " ")
        rows.append(f"{number}. `{name.removeprefix('mmscontent/')}`: {first}")
    return "\n".join(rows)


def import_ms(root: Path) -> float:
    """The median of nine cold imports of the library, in milliseconds."""
    code = "import time; t = time.perf_counter(); import mmscontent; print((time.perf_counter() - t) * 1000)"
    command = [sys.executable, "-c", code]
    runs = [
        float(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - as above
        for _ in range(9)
    ]
    return round(statistics.median(runs), 1)


def is_spine(name: str) -> bool:
    """Whether a file belongs to the sequence of steps itself, and is no value, table, format or engine."""
    values = ("__init__", "errors", "limits", "media_types", "message", "rate_quality", "files", "version")
    first = name.removeprefix("mmscontent/")
    if first.startswith("pipeline/"):
        return not first.endswith("__init__.py")
    return "/" not in first and first.removesuffix(".py") not in values


def measure(root: Path, *, timed: bool = True) -> list[Measure]:
    """Every row of the table; the one that needs a clock only when it is asked for."""
    tree = Tree(root)
    photo = files_of_one_photo(root)
    lengths = tree.function_lines()
    rows = [
        Measure("files at the top of mmscontent", tree.top_files("mmscontent"), 14),
        Measure("files at the top of gateway_adapter", tree.top_files("gateway_adapter"), 12),
        Measure("files that one photo passes", len(photo), 55),
        Measure("of these, steps of the pipeline", len([n for n in photo if is_spine(n)]), 12),
        Measure("import cycles", tree.cycles(), 0),
        Measure("modules that name a still input format", len(tree.naming("image/x-tga")), 4),
        Measure("modules that name the kind calendar", len(tree.naming("calendar")), 8),
        Measure("class names defined more than once", len(tree.repeated_classes()), 14),
        Measure("function lines, median", statistics.median(lengths), 8),
        Measure("function lines, nine in ten at most", lengths[len(lengths) * 9 // 10], 20),
        Measure("comment lines, per cent", tree.comment_share(), 4, at_least=True),
        Measure("comment lines in wire modules, per cent", tree.comment_share(WIRE_ROOMS), 12, at_least=True),
        Measure("lines of both packages", tree.lines(), 48_500),
    ]
    return [*rows, Measure("import mmscontent, milliseconds", import_ms(root), 30)] if timed else rows


def main() -> int:
    """Print the table; 1 when a bound is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--walk", action="store_true", help="print the walk of docs/architecture.md")
    options = parser.parse_args()
    if options.walk:
        sys.stdout.write(walk(options.root.resolve()) + "\n")
        return 0
    rows = measure(options.root.resolve())
    if options.json:
        sys.stdout.write(json.dumps([asdict(row) | {"holds": row.holds} for row in rows], indent=1) + "\n")
    else:
        for row in rows:
            sign = ("≥" if row.at_least else "≤") if row.bound is not None else " "
            bound = f"{sign} {row.bound:>8,g}" if row.bound is not None else ""
            sys.stdout.write(f"{row.name:42} {row.value:>10,g}   {bound}   {'' if row.holds else 'NOT MET'}\n")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
