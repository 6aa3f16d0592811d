"""The HTTP protocol with a clock on what comes before a request: who says nothing, or too slowly, is let go.

The server's own keep-alive clock runs after an answer; this one runs from the connection, and from the first byte of
each request, to the end of its head. Bodies have a clock of their own (northbound).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["header_timeout_protocol"]


class HeaderTimeoutProtocol(HttpToolsProtocol):
    head_s = 20.0
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent has it
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self._clock = self.loop.call_later(self.head_s, self._let_go)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _let_go(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


def header_timeout_protocol(head_s: float) -> type[Any]:
    """The protocol with this much patience."""
    return type("Patient", (HeaderTimeoutProtocol,), {"head_s": head_s})
