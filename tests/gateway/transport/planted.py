"""A server on loopback that says what it is told to, and remembers whether anybody came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Planted:
    """Counts connections; keeps the head of every request."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.names: list[str | None] = []
        self.port = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        # a stream's server takes a cancelled handler for an error, so it ends like any other
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(_length(head)))
                await self.serve(head, writer)
                await writer.drain()
        writer.close()
        self.tasks.discard(task)

    async def close(self) -> None:
        """End whatever is still being said."""
        waiting = list(self.tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _length(head: bytes) -> int:
    rows = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return next((int(line[15:]) for line in rows), 0)


def text(body: bytes, *fields: str, status: str = "200 OK") -> Serve:
    """Answers every request with this."""
    lines = "".join(f"{field}\r\n" for field in fields)
    answer = f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return serve


@contextlib.asynccontextmanager
async def planted(
    serve: Serve, ssl_context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Planted]:
    """The server, while it stands."""
    found = Planted(serve)
    if ssl_context is not None:
        ssl_context.sni_callback = lambda _, name, __: found.names.append(name)
    server = await asyncio.start_server(found.handle, host, 0, ssl=ssl_context)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await found.close()
