"""HTTP protocol with a timeout for request heads: closes connections that send nothing, or send too slowly.

The server's keep-alive timeout runs after a response; this one runs from the connection, and from the first byte of
each request, to the end of its head. Bodies have a timeout of their own (api/routes/request_body.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["header_timeout_protocol"]


class HeaderTimeoutProtocol(HttpToolsProtocol):
    head_s = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        super().connection_made(transport)
        self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
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
