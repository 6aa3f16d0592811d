"""What this machine has: engines with their versions and floors, and which walls of the pool hold.

A table, one row an engine; looking at one never fails, a missing one is a finding with its cure.
Sources of the floors: the security advisories named in the rows; docs/security.md tells how they are kept.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import warnings
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from mmscontent.errors import EngineError, EngineTimeout, JailKilled
from mmscontent.ffmpeg import program
from mmscontent.sandbox.pool import SandboxPool
from mmscontent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmscontent.sandbox.hardening import HardeningLayer

__all__ = ["DoctorReport", "EngineStatus", "EscapeAttempt", "examine"]

State = Literal["ok", "old", "missing", "broken", "unknown"]
_BARE_WORKER = "mmscontent.sandbox.self_test"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine, or one library bundled in it.

    Attributes:
        inside: The engine it is bundled in; "" for an engine itself.
        version: As it says itself; "" when it cannot be asked.
        floor: The least version without a hole we know of, or that we need.
        why: Which advisories, or which feature, set the floor.
        needed: The message path does not work without it.
        cure: What to do; "" when all is well.
    """

    name: str
    job: str
    version: str
    floor: str
    why: str
    needed: bool
    state: State
    cure: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True)
class EscapeAttempt:
    """One thing a jailed decoder tried.

    Attributes:
        holds: It was refused.
        detail: By what, or what the decoder got.
    """

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What this machine has."""

    findings: tuple[EngineStatus, ...]
    layers: tuple[HardeningLayer, ...]
    walls: tuple[EscapeAttempt, ...]
    jail_error: str = ""
    system: str = field(default_factory=platform.platform)
    python: str = field(default_factory=platform.python_version)

    @property
    def healthy(self) -> bool:
        """All that is needed is installed, starts, and is not under its floor; a worker can be started."""
        return not self.jail_error and not any(
            f.needed and f.state in ("missing", "broken", "old") for f in self.findings
        )

    def as_json(self) -> dict[str, object]:
        """All of it as plain values."""
        return {
            "schema": "mmscontent.doctor/1",
            "version": __version__,
            "healthy": self.healthy,
            "system": self.system,
            "python": self.python,
            "engines": [asdict(f) for f in self.findings],
            "jail": {
                "error": self.jail_error,
                "layers": [asdict(layer) for layer in self.layers],
                "walls": [asdict(wall) for wall in self.walls],
            },
        }

    def text(self) -> str:
        """The same for people, a line a finding."""
        lines = [f"mmscontent {__version__}, Python {self.python}, {self.system}", "", "Engines"]
        lines += [_line(f) for f in self.findings]
        lines += ["", "SandboxPool: layers"]
        lines += [f"  {'on ' if layer.in_force else 'OFF'}  {layer.name}: {layer.detail}" for layer in self.layers]
        lines += ["", "SandboxPool: what a decoder tried"]
        lines += [f"  {'held' if w.holds else 'OPEN'}  {w.name}: {w.detail}" for w in self.walls]
        if self.jail_error:
            lines += [f"  {self.jail_error}"]
        cures = [f"  {f.cure}" for f in self.findings if f.cure]
        if cures:
            lines += ["", "To do", *cures]
        lines += [
            "",
            "All that is needed is here." if self.healthy else "Something needed is missing or unsafe, see above.",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Library:
    """A library bundled in an engine's wheel; `ask` gives its version, "" when it is not there."""

    name: str
    floor: str
    why: str
    ask: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Engine:
    """A row of the table: the distribution on the index, the module it is, what for, and what is inside."""

    name: str
    module: str
    job: str
    floor: str
    why: str
    needed: bool = True
    bundled: tuple[_Library, ...] = ()


def _pillow(feature: str) -> Callable[[], str]:
    return lambda: str(_ask("PIL.features", "version", feature) or "")


def _ask(module: str, function: str, *args: object) -> object:
    return getattr(importlib.import_module(module), function)(*args)


def _libheif() -> str:
    return str(_ask("pillow_heif", "libheif_version"))


def _libvips() -> str:
    return ".".join(str(_ask("pyvips", "version", n)) for n in range(3))


def _mozjpeg() -> str:
    """Trellis quantisation changes the bytes only where libvips was built with mozjpeg."""
    image = importlib.import_module("pyvips").Image.gaussnoise(64, 64)
    plain, trellis = (image.jpegsave_buffer(Q=75, trellis_quant=t, optimize_coding=True) for t in (False, True))
    return "in use" if plain != trellis else ""


def _libmagic() -> str:
    importlib.import_module("pylibmagic")  # tells python-magic where its library is
    number = int(str(_ask("magic", "version")))
    return f"{number // 100}.{number % 100:02d}"


def _libxml2() -> str:
    return ".".join(str(n) for n in importlib.import_module("lxml.etree").LIBXML_VERSION)


def _ffmpeg() -> str:
    """`9.0.2` of the program's first line, `ffmpeg version 9.0.2-static …`."""
    told = re.search(r"version n?(\d[\d.]*)", program.version())
    return told[1] if told else ""


ENGINES: tuple[_Engine, ...] = (
    _Engine(
        "pillow", "PIL.Image", "reads headers and stills, writes PNG and GIF", "13.0.0",
        "CVE-2026-112403 and -112398 (JPEG, FPX heap overflow), -96639 and -112393 (TIFF), -96643 (Exif loop)",
        bundled=(
            _Library("libwebp", "1.3.2", "CVE-2023-4863 (heap overflow)", _pillow("webp")),
            _Library("libjpeg-turbo", "3.0.0", "CVE-2023-2804 (heap overflow)", _pillow("libjpeg_turbo")),
            _Library("libtiff", "4.7.1", "CVE-2025-9900 (write where it likes)", _pillow("libtiff")),
            _Library("libavif", "1.3.0", "CVE-2025-48174 and -48175 (integer overflow)", _pillow("avif")),
        ),
    ),
    _Engine(
        "pillow-heif", "pillow_heif", "reads HEIC and HEIF, the iPhone's photos", "1.8.1",
        "CVE-2026-28231 (1.3.0), CVE-2025-68431, GHSA-jvmp-j3cw-84mh, GHSA-5x55-x5pf-9c6g",
        bundled=(
            _Library("libheif", "1.23.1", "CVE-2026-32740 and -32741 (fixed in 1.22.0)", _libheif),
        ),
    ),
    _Engine(
        "pyvips", "pyvips", "decodes and shrinks in one, writes JPEG", "3.0", "the interface used",
        bundled=(
            _Library("libvips", "8.18.0", "CVE-2025-29769 (fixed in 8.16.1); block_untrusted as used", _libvips),
            _Library("mozjpeg", "", "without it a JPEG of the same size looks 1 to 3 points worse", _mozjpeg),
        ),
    ),
    _Engine("imagequant", "imagequant", "makes palettes for PNG-8", "1.1.5", "the interface used"),
    _Engine("numpy", "numpy", "features, models and metrics", "1.26", "the interface used"),
    _Engine(
        "lxml", "lxml.etree", "reads SMIL and profiles of phones", "6.0", "wheels with a libxml2 of 2025 or later",
        bundled=(
            _Library("libxml2", "2.14.0", "CVE-2025-24928, CVE-2024-56171 (stack overflow, use after free)", _libxml2),
        ),
    ),
    _Engine(
        "python-magic", "magic", "second witness of a file's type", "0.4.27", "the interface used", needed=False,
        bundled=(_Library("libmagic", "5.41", "the table of types used", _libmagic),),
    ),
    _Engine(
        "imageio-ffmpeg", "imageio_ffmpeg", "decodes and encodes films and sound", "0.8.1", "the interface used",
        bundled=(
            _Library("ffmpeg", "8.1.3", "CVE-2026-64830 (VobSub), -64831 and -125201, -125267 (APAC)", _ffmpeg),
        ),
    ),
    _Engine("ffmpeg-python", "ffmpeg", "builds the program's graphs and arguments", "0.2.0", "the interface used"),
    _Engine("pydub", "pydub", "loudness, silence and slices of sound", "0.25.1", "the interface used"),
    _Engine("vobject", "vobject", "reads and writes cards and calendars", "0.9.9", "the interface used"),
)  # fmt: skip


def examine() -> DoctorReport:
    """Look at every engine and try the jail; takes about a second and never fails."""
    findings = tuple(finding for engine in ENGINES for finding in _look_at(engine))
    pool = SandboxPool(_BARE_WORKER, workers=1)
    try:
        return DoctorReport(findings, pool.layers(), tuple(_try(pool, function, what) for function, what in _WALLS))
    except EngineError as exc:
        return DoctorReport(findings, (), (), jail_error=str(exc))
    finally:
        pool.close()


_WALLS = (
    ("connect", "open a connection"),
    ("read", "read a file of the system"),
    ("write", "write a file"),
    ("start", "start a process"),
    ("run", "run another program"),
    ("signal", "signal its parent"),
)


def _try(pool: SandboxPool, function: str, what: str) -> EscapeAttempt:
    with pool.open_session() as session:
        try:
            return EscapeAttempt(what, holds=False, detail=f"got {session.call(function, timeout_s=5.0)}")
        except (JailKilled, EngineTimeout) as exc:
            return EscapeAttempt(what, holds=False, detail=str(exc))
        except EngineError as exc:
            return EscapeAttempt(what, holds=True, detail=str(exc).partition(": ")[2])


def _look_at(engine: _Engine) -> list[EngineStatus]:
    """The engine's own row and one for each library inside; nothing raised passes."""
    try:
        if engine.name == "python-magic":
            importlib.import_module("pylibmagic")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydub misses a program on PATH that we do not let it use
            importlib.import_module(engine.module)
        version = importlib.metadata.version(engine.name)
    except ImportError as exc:
        return [_engine_row(engine, "", "missing", f"{exc}; install it: pip install '{engine.name}>={engine.floor}'")]
    except Exception as exc:  # noqa: BLE001 - an engine may break in any way when it loads
        again = f"pip install --force-reinstall '{engine.name}>={engine.floor}'"
        cure = f"{engine.name} does not load: {type(exc).__name__}: {exc}; install it again: {again}"
        return [_engine_row(engine, "", "broken", cure)]
    old = _under(version, engine.floor)
    cure = (
        f"{engine.name} {version} is under {engine.floor} ({engine.why}): pip install '{engine.name}>={engine.floor}'"
    )
    row = _engine_row(engine, version, "old" if old else "ok", cure if old else "")
    return [row, *(_library_row(engine, library) for library in engine.bundled)]


def _engine_row(engine: _Engine, version: str, state: State, cure: str) -> EngineStatus:
    return EngineStatus(engine.name, engine.job, version, engine.floor, engine.why, engine.needed, state, cure)


def _library_row(engine: _Engine, library: _Library) -> EngineStatus:
    state: State = "unknown"
    try:
        version = library.ask()
    except Exception as exc:  # noqa: BLE001 - as above
        version, cure = "", f"{library.name} in {engine.name} cannot be asked: {type(exc).__name__}: {exc}"
    else:
        state, cure = _judge(engine, library, version)
    job = f"inside {engine.name}"
    return EngineStatus(library.name, job, version, library.floor, library.why, engine.needed, state, cure, engine.name)


def _judge(engine: _Engine, library: _Library, version: str) -> tuple[State, str]:
    if not version:
        return (
            "unknown",
            f"{engine.name} here is built without {library.name}: {library.why}; use the wheel from the index",
        )
    if _under(version, library.floor):
        newer = f"pip install --upgrade '{engine.name}>={engine.floor}'"
        return "old", f"{library.name} {version} in {engine.name} is under {library.floor} ({library.why}): {newer}"
    return "ok", ""


def _under(version: str, floor: str) -> bool:
    """Whether a version lies under a floor, by their numbers; letters and what follows them do not count."""
    return _numbers(version) < _numbers(floor) if floor else False


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(n) for n in found[0].split(".")] if found else []
    return tuple(numbers + [0] * (4 - len(numbers)))


def _line(finding: EngineStatus) -> str:
    indent = "    " if finding.inside else "  "
    floor = f" (at least {finding.floor})" if finding.floor else ""
    need = "" if finding.needed else ", optional"
    return f"{indent}{finding.state:8}{finding.name} {finding.version or '–'}{floor}: {finding.job}{need}"
