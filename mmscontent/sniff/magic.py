"""The second witness: libmagic, from the wheel pylibmagic. It is asked where our own structure gives little or nothing.

It alone would be wrong for every MMS PDU (`application/x-dosexec`) and most SMIL (`text/html`), so it never overrules.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

from mmscontent.media_types import canonical

__all__ = ["ABSENT", "witness"]

ABSENT = "absent"
_WITNESS_BYTES = 262_144

_here = threading.local()  # libmagic's handle is not thread-safe: one a thread


def witness(data: bytes) -> str:
    """Media type libmagic sees in the first 256 KiB, by our name for it; `ABSENT` when it is not installed."""
    handle = _handle()
    if handle is None:
        return ABSENT
    try:
        return canonical(handle.from_buffer(data[:_WITNESS_BYTES]))
    except Exception:  # noqa: BLE001 - whatever it raises, an opinion is missing and nothing else
        return ABSENT


def _handle() -> Any:  # noqa: ANN401 - python-magic has no types
    """This thread's handle, or None; loading it costs some 30 ms, so only when it is first asked."""
    if not hasattr(_here, "handle"):
        try:
            importlib.import_module("pylibmagic")  # puts its library where python-magic finds it
            _here.handle = importlib.import_module("magic").Magic(mime=True)
        except (ImportError, OSError):
            _here.handle = None
    return _here.handle
