"""Asks libmagic (from the wheel pylibmagic) for its opinion where our own readers find little or nothing.

It alone would be wrong for every MMS PDU (`application/x-dosexec`) and most SMIL (`text/html`), so it never overrules.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

from mmscontent.media_types import canonical

_READ_BYTES = 262_144

_per_thread = threading.local()  # libmagic's handle is not thread-safe


def libmagic_type(data: bytes) -> str | None:
    """Media type that libmagic finds in the first 256 KiB, by our name for it; None when it is not installed."""
    handle = _handle()
    if handle is None:
        return None
    try:
        return canonical(handle.from_buffer(data[:_READ_BYTES]))
    except Exception:  # noqa: BLE001 - whatever it raises, an opinion is missing and nothing else
        return None


def _handle() -> Any:  # noqa: ANN401 - python-magic has no types
    """This thread's handle, or None; loading it costs some 30 ms, so only when it is first asked."""
    if not hasattr(_per_thread, "handle"):
        try:
            importlib.import_module("pylibmagic")  # puts its library where python-magic finds it
            _per_thread.handle = importlib.import_module("magic").Magic(mime=True)
        except (ImportError, OSError):
            _per_thread.handle = None
    return _per_thread.handle
