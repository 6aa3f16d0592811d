"""HTTP protocol with a timeout for request heads: closes connections that send nothing, or send too slowly.

The server's keep-alive timeout runs after a response; this one runs from the connection, and from the first byte of
each request, to the end of its head. Bodies have a timeout of their own (api/routes/request_body.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is not complete in time."""

    head_s = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        """Start the clock with the connection."""
        super().connection_made(transport)
        self._start_timer()

    def on_message_begin(self) -> None:
        """Start the clock with each further request."""
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the clock: the body has a limit of its own."""
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock with the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_s, self._abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


def header_timeout_protocol(head_s: float) -> type[Any]:
    """The protocol class with this timeout."""
    return type("HeaderTimeoutProtocol", (HeaderTimeoutProtocol,), {"head_s": head_s})
