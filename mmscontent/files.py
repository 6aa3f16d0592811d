"""File access of the library: reads a caller's files as parts, and writes files atomically.

The bytes of a file decide what it is (sniff). A name that claims another medium is an error here, so that a text named
`.jpg` stops at once and by name. A written file appears whole or not at all: it is written under another
name in the same folder, then renamed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mmscontent import media_types
from mmscontent.errors import DamagedMedia, OverLimits, SourceError
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.message import MediaInfo, Part
from mmscontent.sniff import sniff

PARTIAL = ".part"  # suffix of an unfinished file; a killed writer leaves one behind
_MEDIA = frozenset({"image", "video", "audio"})
_WEAK = frozenset({"text", "other"})  # kinds that sniffing falls back to when it finds no signature


def read_parts(paths: Iterable[str | os.PathLike[str]]) -> tuple[Part, ...]:
    """Read files and recognise each by its content.

    Raises:
        SourceError: A file cannot be read, is empty, unknown, or is not the medium its name claims.
    """
    return tuple(part_of(read_file(path), path.name) for path in map(Path, paths))


def part_of(data: bytes, name: str) -> Part:
    """The bytes of a file as a part, recognised by its content.

    Raises:
        SourceError: Empty, unknown, or not the medium the name claims.
    """
    info = identify(data, name=name)
    charset = (info.charset or "") if info.kind == "text" else ""
    return Part(data, info.media_type, name=name, charset=charset)


def read_file(path: Path, *, limits: InputLimits = DEFAULT_INPUT_LIMITS) -> bytes:
    """The bytes of one file.

    Raises:
        SourceError: It cannot be read.
        OverLimits: It is larger than a part may be.
    """
    try:
        size = path.stat().st_size
        if size > limits.max_part_bytes:
            raise OverLimits(
                f"{path.name} has {size:,} bytes, at most {limits.max_part_bytes:,} are opened; send a link instead",
                part=path.name,
            )
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", part=path.name) from error


def identify(data: bytes, *, name: str = "", declared: str = "") -> MediaInfo:
    """Recognise bytes, and refuse text or unknown data whose name or declared type claims a medium.

    Raises:
        SourceError: Empty, unknown, over the input limits, or text where an image, video or audio is claimed.
    """
    info = sniff(data, name=name or None, declared=declared or None)
    claimed = media_types.type_for_name(name) if name else None
    claims = [media_types.kind_of(declared)] if declared else []
    claims += [claimed.kind] if claimed is not None else []
    if info.kind in _WEAK and _MEDIA.intersection(claims):
        claim = declared or (claimed.name if claimed else "")
        raise DamagedMedia(
            f"{name or 'a part'} is called {claim}, its bytes are {info.media_type};"
            " send the real file, or name it for what it is",
            part=name,
        )
    return info


def atomic_write(path: Path, data: bytes, *, fsync: bool) -> None:
    """Write a file so that readers see the old content or the new, never a part of it.

    Args:
        path: The file; its folder must exist.
        data: The whole content.
        fsync: Whether the bytes are on the disk before this returns. Without it the file is whole after a kill, but
            may be empty after a power failure; that is enough for a reader who checks what it reads.

    Raises:
        OSError: The folder is missing or not writable.
    """
    # In the same folder, because a rename is atomic only within one file system.
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=PARTIAL)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            if fsync:
                os.fsync(out.fileno())
        # mkstemp creates files for the owner alone; the finished file has the permissions that open() would give.
        Path(partial).chmod(0o666 & ~_umask())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # There is no call that reads the mask without setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
