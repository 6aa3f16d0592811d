"""The bare reference of benchmarks/gateway.py: FastAPI, SQLite with one writer, the same flow with nothing in it.

A request is parsed and kept, "submitted" by a call, "reported" a moment later, and posted to the customer's webhook
one by one. No check, no fitting, no lease, no retry: what a whole flow costs at the least in this language.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import sqlite3
import sys
import threading
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def life(_app: FastAPI) -> AsyncIterator[None]:
    client = httpx.AsyncClient()
    tasks = [asyncio.ensure_future(work(client)) for _ in range(32)]
    yield
    for task in tasks:
        task.cancel()


app = FastAPI(lifespan=life)
jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
due: asyncio.Queue[tuple[str, str]] = asyncio.Queue()


def write(path: str) -> None:
    database = sqlite3.connect(path)
    database.isolation_level = None
    for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL",
                 "CREATE TABLE m (id TEXT PRIMARY KEY, body TEXT, state TEXT, url TEXT)"):  # fmt: skip
        database.execute(line)
    while True:
        batch = [jobs.get()]
        while len(batch) < 256:
            try:
                batch.append(jobs.get_nowait())
            except queue.Empty:
                break
        database.execute("BEGIN IMMEDIATE")
        for sql, values, _, _ in batch:
            database.execute(sql, values)
        database.execute("COMMIT")
        for _, _, loop, future in batch:
            loop.call_soon_threadsafe(future.set_result, None)


async def keep(sql: str, *values: str) -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    jobs.put((sql, values, loop, future))
    await future


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.post("/mms/2/messages")
async def take(request: Request) -> JSONResponse:
    said = json.loads(await request.body())["messages"][0]
    message_id, url = uuid.uuid4().hex, said["webhooks"]["delivery"]["url"]
    await keep("INSERT INTO m VALUES (?, ?, 'accepted', ?)", message_id, json.dumps(said), url)
    due.put_nowait((message_id, url))
    to = said["destinations"][0]["to"]
    return JSONResponse({"messages": [{"messageId": message_id, "destination": to, "status": {"id": 26}}]})


async def work(client: httpx.AsyncClient) -> None:
    while True:
        message_id, url = await due.get()
        await keep("UPDATE m SET state = 'submitted' WHERE id = ?", message_id)
        await keep("UPDATE m SET state = 'delivered' WHERE id = ?", message_id)
        body = {"results": [{"messageId": message_id, "status": {"id": 5}}]}
        await client.post(url, json=body)
        await keep("UPDATE m SET state = 'told' WHERE id = ?", message_id)


if __name__ == "__main__":
    threading.Thread(target=write, args=(sys.argv[2],), daemon=True).start()
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
