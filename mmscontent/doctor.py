"""What this machine has: each engine with its version and the minimum, and which sandbox layers hold.

A table, one row per engine. Examining never fails: a missing engine is a row with its cure. The minimum versions come
from the security advisories that the rows name; docs/security.md says how they are kept.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from mmscontent.errors import EngineError, EngineTimeout, JailKilled
from mmscontent.ffmpeg import program
from mmscontent.sandbox.pool import SandboxPool
from mmscontent.version import __version__

if TYPE_CHECKING:
    from mmscontent.sandbox.hardening import HardeningLayer

State = Literal["ok", "old", "missing", "broken", "unknown"]
_SELF_TEST = "mmscontent.sandbox.self_test"
# Each attempt takes a millisecond; a loaded machine may need longer.
_ATTEMPT_S = 20.0
_API = "older versions lack calls that are used"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine, or one library bundled in it.

    Attributes:
        version: As it states itself; "" when it cannot be asked.
        minimum: The oldest version without a known hole, or with what we need.
        why: The advisories, or the feature, behind the minimum.
        needed: Composing messages does not work without it.
        cure: What to do; "" when all is well.
        inside: The engine it is bundled in; "" for an engine itself.
    """

    name: str
    job: str
    version: str
    minimum: str
    why: str
    needed: bool
    state: State
    cure: str = ""
    inside: str = ""

    def line(self) -> str:
        """The status as one line of text."""
        indent = "    " if self.inside else "  "
        minimum = f" (at least {self.minimum})" if self.minimum else ""
        need = "" if self.needed else ", optional"
        return f"{indent}{self.state:8}{self.name} {self.version or '–'}{minimum}: {self.job}{need}"


@dataclass(frozen=True, slots=True)
class EscapeAttempt:
    """One thing that a decoder tried in the sandbox; *detail* tells what refused it, or what it achieved."""

    name: str
    refused: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What this machine has."""

    engines: tuple[EngineStatus, ...]
    layers: tuple[HardeningLayer, ...]
    attempts: tuple[EscapeAttempt, ...]
    sandbox_error: str = ""
    system: str = field(default_factory=platform.platform)
    python: str = field(default_factory=platform.python_version)

    @property
    def healthy(self) -> bool:
        """Every needed engine is installed, loads and is not too old; a worker can be started."""
        return not self.sandbox_error and not any(
            e.needed and e.state in ("missing", "broken", "old") for e in self.engines
        )

    def as_json(self) -> dict[str, object]:
        """All of it as plain values; the keys of `mmscontent.doctor/1` do not follow the attributes' names."""
        return {
            "schema": "mmscontent.doctor/1",
            "version": __version__,
            "healthy": self.healthy,
            "system": self.system,
            "python": self.python,
            "engines": [{"floor" if k == "minimum" else k: v for k, v in asdict(e).items()} for e in self.engines],
            "jail": {
                "error": self.sandbox_error,
                "layers": [asdict(layer) for layer in self.layers],
                "walls": [{"name": a.name, "holds": a.refused, "detail": a.detail} for a in self.attempts],
            },
        }

    def text(self) -> str:
        """The same for people."""
        lines = [f"mmscontent {__version__}, Python {self.python}, {self.system}", "", "Engines"]
        lines += [e.line() for e in self.engines]
        lines += ["", "Layers of the sandbox"]
        lines += [f"  {'on ' if layer.in_force else 'OFF'}  {layer.name}: {layer.detail}" for layer in self.layers]
        lines += ["", "What a decoder in the sandbox tried"]
        lines += [f"  {'refused  ' if a.refused else 'SUCCEEDED'}  {a.name}: {a.detail}" for a in self.attempts]
        if self.sandbox_error:
            lines += [f"  {self.sandbox_error}"]
        cures = [f"  {e.cure}" for e in self.engines if e.cure]
        if cures:
            lines += ["", "To do", *cures]
        ready = "Everything that is needed is installed."
        not_ready = "Something that is needed is missing, broken or too old; see above."
        return "\n".join([*lines, "", ready if self.healthy else not_ready])


@dataclass(frozen=True, slots=True)
class _Library:
    """A library bundled in an engine's wheel; `ask` returns its version, "" when it is not there."""

    name: str
    minimum: str
    why: str
    ask: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Engine:
    """A row of the table: the distribution's name, the module to import, its job and the libraries inside."""

    name: str
    module: str
    job: str
    minimum: str
    why: str
    needed: bool = True
    bundled: tuple[_Library, ...] = ()

    def status(self, version: str, state: State, cure: str) -> EngineStatus:
        return EngineStatus(self.name, self.job, version, self.minimum, self.why, self.needed, state, cure)


def _pillow(feature: str) -> Callable[[], str]:
    return lambda: str(_ask("PIL.features", "version", feature) or "")


def _ask(module: str, function: str, *args: object) -> object:
    return getattr(importlib.import_module(module), function)(*args)


def _libheif() -> str:
    return str(_ask("pillow_heif", "libheif_version"))


def _libvips() -> str:
    return ".".join(str(_ask("pyvips", "version", n)) for n in range(3))


def _mozjpeg() -> str:
    # Nothing in libvips names mozjpeg; trellis quantisation changes the bytes only where it was built in.
    image = importlib.import_module("pyvips").Image.gaussnoise(64, 64)
    plain, trellis = (image.jpegsave_buffer(Q=75, trellis_quant=t, optimize_coding=True) for t in (False, True))
    return "in use" if plain != trellis else ""


def _libmagic() -> str:
    importlib.import_module("pylibmagic")  # sets the path of the library for python-magic
    number = int(str(_ask("magic", "version")))
    return f"{number // 100}.{number % 100:02d}"


def _libxml2() -> str:
    return ".".join(str(n) for n in importlib.import_module("lxml.etree").LIBXML_VERSION)


def _ffmpeg() -> str:
    # QUIRK: `ffmpeg version 9.0.2-static …`, builds from git tags say `n9.0.2`.
    found = re.search(r"version n?(\d[\d.]*)", program.version())
    return found[1] if found else ""


ENGINES: tuple[_Engine, ...] = (
    _Engine(
        "pillow", "PIL.Image", "reads image headers and stills, writes PNG and GIF", "13.0.0",
        "CVE-2026-112403 and -112398 (JPEG, FPX heap overflow), -96639 and -112393 (TIFF), -96643 (Exif loop)",
        bundled=(
            _Library("libwebp", "1.3.2", "CVE-2023-4863 (heap overflow)", _pillow("webp")),
            _Library("libjpeg-turbo", "3.0.0", "CVE-2023-2804 (heap overflow)", _pillow("libjpeg_turbo")),
            _Library("libtiff", "4.7.1", "CVE-2025-9900 (arbitrary write)", _pillow("libtiff")),
            _Library("libavif", "1.3.0", "CVE-2025-48174 and -48175 (integer overflow)", _pillow("avif")),
        ),
    ),
    _Engine(
        "pillow-heif", "pillow_heif", "reads HEIC and HEIF, the photos of iPhones", "1.8.1",
        "CVE-2026-28231 (1.3.0), CVE-2025-68431, GHSA-jvmp-j3cw-84mh, GHSA-5x55-x5pf-9c6g",
        bundled=(
            _Library("libheif", "1.23.1", "CVE-2026-32740 and -32741 (fixed in 1.22.0)", _libheif),
        ),
    ),
    _Engine(
        "pyvips", "pyvips", "decodes and scales in one step, writes JPEG", "3.0", _API,
        bundled=(
            _Library("libvips", "8.18.0", "CVE-2025-29769 (fixed in 8.16.1); has block_untrusted", _libvips),
            _Library("mozjpeg", "", "without it a JPEG of the same size looks 1 to 3 points worse", _mozjpeg),
        ),
    ),
    _Engine("imagequant", "imagequant", "makes palettes for PNG-8", "1.1.5", _API),
    _Engine("numpy", "numpy", "computes features, models and metrics", "1.26", _API),
    _Engine(
        "lxml", "lxml.etree", "parses SMIL and device profiles", "6.0", "its wheels hold a libxml2 of 2025 or later",
        bundled=(
            _Library("libxml2", "2.14.0", "CVE-2025-24928, CVE-2024-56171 (stack overflow, use after free)", _libxml2),
        ),
    ),
    _Engine(
        "python-magic", "magic", "gives a second opinion on a file's type", "0.4.27", _API, needed=False,
        bundled=(_Library("libmagic", "5.41", "the type names that are used", _libmagic),),
    ),
    _Engine(
        "imageio-ffmpeg", "imageio_ffmpeg", "decodes and encodes video and audio", "0.8.1", _API,
        bundled=(
            _Library("ffmpeg", "8.1.3", "CVE-2026-64830 (VobSub), -64831 and -125201, -125267 (APAC)", _ffmpeg),
        ),
    ),
    _Engine("ffmpeg-python", "ffmpeg", "builds ffmpeg's filter graphs and arguments", "0.2.0", _API),
    _Engine("pydub", "pydub", "measures loudness and silence, slices audio", "0.25.1", _API),
    _Engine("vobject", "vobject", "reads and writes contacts and calendars", "0.9.9", _API),
)  # fmt: skip


def examine() -> DoctorReport:
    """Check every engine and try to break out of the sandbox; takes about a second and never fails."""
    engines = tuple(status for engine in ENGINES for status in _check_engine(engine))
    pool = SandboxPool(_SELF_TEST, workers=1)
    try:
        attempts = tuple(_attempt(pool, function, name) for function, name in _ATTEMPTS)
        return DoctorReport(engines, pool.layers(), attempts)
    except EngineError as exc:
        return DoctorReport(engines, (), (), sandbox_error=str(exc))
    finally:
        pool.close()


_ATTEMPTS = (  # handlers of self_test.py
    ("connect", "open a connection"),
    ("read", "read a file of the system"),
    ("write", "write a file"),
    ("start", "start a process"),
    ("run", "run another program"),
    ("signal", "signal its parent"),
)


def _attempt(pool: SandboxPool, function: str, name: str) -> EscapeAttempt:
    with pool.open_session() as session:
        try:
            achieved = session.call(function, timeout_s=_ATTEMPT_S)
            return EscapeAttempt(name, refused=False, detail=f"got {achieved}")
        # Ended or hung is not refused: the layer that should have refused it is not there.
        except (JailKilled, EngineTimeout) as exc:
            return EscapeAttempt(name, refused=False, detail=str(exc))
        except EngineError as exc:
            return EscapeAttempt(name, refused=True, detail=str(exc).partition(": ")[2])


def _check_engine(engine: _Engine) -> list[EngineStatus]:
    """The engine's own status and one for each library inside; no exception passes."""
    wanted = f"'{engine.name}>={engine.minimum}'"
    try:
        if engine.name == "python-magic":
            importlib.import_module("pylibmagic")  # as in _libmagic
        with warnings.catch_warnings():
            # QUIRK: pydub warns when no ffmpeg is on PATH; we do not let it use one.
            warnings.simplefilter("ignore")
            importlib.import_module(engine.module)
        version = importlib.metadata.version(engine.name)
    except ImportError as exc:
        return [engine.status("", "missing", f"{exc}; install it: pip install {wanted}")]
    except Exception as exc:  # noqa: BLE001 - an engine may fail in any way when it loads
        again = f"install it again: pip install --force-reinstall {wanted}"
        return [engine.status("", "broken", f"{engine.name} does not load: {type(exc).__name__}: {exc}; {again}")]
    libraries = [_check_library(engine, library) for library in engine.bundled]
    if not _older(version, engine.minimum):
        return [engine.status(version, "ok", ""), *libraries]
    cure = f"{engine.name} {version} is older than {engine.minimum} ({engine.why}): pip install {wanted}"
    return [engine.status(version, "old", cure), *libraries]


def _check_library(engine: _Engine, library: _Library) -> EngineStatus:
    inside = f"{library.name} in {engine.name}"
    version, cure = "", ""
    state: State = "unknown"
    try:
        version = library.ask()
    except Exception as exc:  # noqa: BLE001 - as above
        cure = f"{inside} cannot be asked for its version: {type(exc).__name__}: {exc}"
    else:
        if not version:
            cure = f"{engine.name} is built without {library.name}: {library.why}; install its wheel from PyPI"
        elif _older(version, library.minimum):
            newer = f"pip install --upgrade '{engine.name}>={engine.minimum}'"
            state, cure = "old", f"{inside} is {version}, older than {library.minimum} ({library.why}): {newer}"
        else:
            state = "ok"
    job = f"inside {engine.name}"
    return EngineStatus(
        library.name, job, version, library.minimum, library.why, engine.needed, state, cure, engine.name
    )


def _older(version: str, minimum: str) -> bool:
    """Whether a version is older than a minimum by their numbers; letters and what follows them do not count."""
    return _numbers(version) < _numbers(minimum) if minimum else False


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(n) for n in found[0].split(".")] if found else []
    return tuple(numbers + [0] * (4 - len(numbers)))
