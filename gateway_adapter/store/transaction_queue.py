"""One way into the database: jobs wait in a queue, run together in one transaction, and are told when it is durable.

A job is a function of a connection. It runs behind a savepoint of its own: a job that raises undoes itself alone. On
SQLite one thread writes; on PostgreSQL a few, each with its own connection. Reads go beside them, in threads.

SQLite is in WAL mode. With `synchronous=NORMAL` (the default here) what was told durable survives the death of the
process, with FULL also that of the machine.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from gateway_adapter.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

__all__ = ["TransactionQueue"]

T = TypeVar("T")
_MOST_JOBS = 256  # in one transaction
_TRIES = 5  # of a transaction that lost against another process (deadlock, serialisation, lock)
_READERS = 4
_POSTGRES_WRITERS = 3
_STARTING = 0x6D6D7367  # advisory lock of the start, "mmsg"


@dataclass(slots=True)
class _Waiting:
    job: Callable[[Connection], Any]
    done: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = field(default=None)


class TransactionQueue:
    """A database and the threads that write to it.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://…`.
        synchronous: SQLite's setting of that name.
    """

    def __init__(self, url: str, *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> None:
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _open(url, synchronous)
        self._writing = self.engine.execution_options(writes=True)
        with self._writing.begin() as connection:
            if not self.is_sqlite:  # two processes starting at once must not both create the tables
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_STARTING})")
            METADATA.create_all(connection)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        writers = 1 if self.is_sqlite else _POSTGRES_WRITERS
        self._writers = [threading.Thread(target=self._write, name=f"store-writer-{n}") for n in range(writers)]
        for thread in self._writers:
            thread.daemon = True
            thread.start()

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job that changes something; its changes are durable when this returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Waiting(job, done, loop))
        return await done

    def write_now(self, job: Callable[[Connection], T]) -> T:
        """`write` for threads; blocks."""
        done: Future[T] = Future()
        self._queue.put(_Waiting(job, done, None))
        return done.result()

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job that changes nothing, beside the writers."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, job)

    def read_now(self, job: Callable[[Connection], T]) -> T:
        """`read` for threads; blocks."""
        with self.engine.connect() as connection:
            return job(connection)

    def close(self) -> None:
        """Write what waits, then let go of the database."""
        for _ in self._writers:
            self._queue.put(None)
        for thread in self._writers:
            thread.join()
        self._readers.shutdown()
        self.engine.dispose()

    # --- the writing thread ---------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            batch = self._next_batch()
            waiting = [w for w in batch if w is not None]
            if waiting:
                self._commit(waiting)
            if len(waiting) < len(batch):
                return

    def _next_batch(self) -> list[_Waiting | None]:
        batch = [self._queue.get()]
        while batch[-1] is not None and len(batch) < _MOST_JOBS:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, waiting: list[_Waiting]) -> None:
        for attempt in range(_TRIES):
            try:
                with self._writing.begin() as connection:
                    for one in waiting:
                        _run(connection, one)
                break
            except DBAPIError as error:
                if attempt + 1 == _TRIES and len(waiting) > 1:  # one of them may be at fault: each by itself
                    for one in waiting:
                        self._commit([one])
                    return
                if attempt + 1 == _TRIES:
                    _fail(waiting, error)
            except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                _fail(waiting, error)
                break
        _tell(waiting)


def _run(connection: Connection, one: _Waiting) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.execute("SAVEPOINT job")  # the driver's own: a tenth of the time, and there are two a job
    try:
        one.result, one.error = one.job(connection), None
    except DBAPIError as error:
        if _lost_race(error):
            raise  # the whole transaction is to be run again
        one.error = error
    except Exception as error:  # noqa: BLE001 - it is raised again where the job was asked for
        one.error = error
    driver.execute("ROLLBACK TO SAVEPOINT job" if one.error else "RELEASE SAVEPOINT job")


# Serialisation failure, deadlock, lock not available, and a row of the same key that another process put in between.
_LOST = ("40001", "40P01", "55P03", "23505")


def _lost_race(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _LOST or "locked" in str(error.orig)


def _fail(waiting: list[_Waiting], error: BaseException) -> None:
    for one in waiting:
        one.error = error


def _tell(waiting: list[_Waiting]) -> None:
    """Wake whoever waits; an event loop is woken once for all of its own."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for one in waiting:
        if one.loop is None:
            _resolve([one])
        else:
            by_loop.setdefault(one.loop, []).append(one)
    for loop, ones in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, ones)


def _resolve(ones: list[_Waiting]) -> None:
    for one in ones:
        if one.done.cancelled():
            continue
        if one.error is not None:
            one.done.set_exception(one.error)
        else:
            one.done.set_result(one.result)


# --- opening ---------------------------------------------------------------------------------------------------


def _open(url: str, synchronous: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=_POSTGRES_WRITERS + _READERS, max_overflow=4, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 20.0}, pool_size=_READERS + 2)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        connection.isolation_level = None  # the driver must not begin by itself
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "temp_store=MEMORY", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that only reads takes no lock; one that writes must have it from the first statement.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
