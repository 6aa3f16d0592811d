"""Runs all jobs that write: they queue up, share transactions, and their callers continue when the commit is durable.

A job is a function of a Transaction. It runs behind a savepoint of its own, so a job that raises undoes itself alone.
SQLite has one writing thread, PostgreSQL a few, each with its own connection. Jobs that only read run beside them.

SQLite is in WAL mode. With `synchronous=NORMAL` (the default) a committed job survives the death of the process, with
FULL also that of the machine.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from gateway_adapter.store.tables import METADATA

# What a job gets. Modules outside store/ pass it on to the functions in here and never call its methods.
Transaction: TypeAlias = Connection

T = TypeVar("T")
_MAX_JOBS = 256  # in one transaction
_ATTEMPTS = 5  # for a transaction that lost a race against another process (deadlock, serialisation, lock)
_READERS = 4
_POSTGRES_WRITERS = 3
_START_LOCK = 0x6D6D7367  # advisory lock while tables are created, "mmsg"


@dataclass(slots=True)
class _Job:
    run: Callable[[Transaction], Any]
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
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_START_LOCK})")
            METADATA.create_all(connection)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        writers = 1 if self.is_sqlite else _POSTGRES_WRITERS
        self._writers = [threading.Thread(target=self._write, name=f"store-writer-{n}") for n in range(writers)]
        for thread in self._writers:
            thread.daemon = True
            thread.start()

    async def write(self, job: Callable[[Transaction], T]) -> T:
        """Run a job that writes; its changes are durable when this returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Job(job, done, loop))
        return await done

    def write_now(self, job: Callable[[Transaction], T]) -> T:
        """Like `write`, for threads; blocks."""
        done: Future[T] = Future()
        self._queue.put(_Job(job, done, None))
        return done.result()

    async def read(self, job: Callable[[Transaction], T]) -> T:
        """Run a job that only reads, beside the writers."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, job)

    def read_now(self, job: Callable[[Transaction], T]) -> T:
        """Like `read`, for threads; blocks."""
        with self.engine.connect() as connection:
            return job(connection)

    async def ping(self) -> None:
        """Ask the database for one row; raises whatever keeps it from answering."""
        await self.read(lambda transaction: transaction.execute(text("SELECT 1")).scalar())

    def close(self) -> None:
        """Finish the queued jobs and close all connections."""
        for _ in self._writers:
            # One end marker per writer; jobs queued before it are still committed.
            self._queue.put(None)
        for thread in self._writers:
            thread.join()
        self._readers.shutdown()
        self.engine.dispose()

    # --- the writing thread ---------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            batch = self._next_batch()
            jobs = [w for w in batch if w is not None]
            if jobs:
                self._commit(jobs)
            if len(jobs) < len(batch):
                return

    def _next_batch(self) -> list[_Job | None]:
        # Whatever waits shares the transaction: under load one sync to the disk commits many jobs.
        batch = [self._queue.get()]
        while batch[-1] is not None and len(batch) < _MAX_JOBS:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, jobs: list[_Job]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                with self._writing.begin() as connection:
                    for one in jobs:
                        _run(connection, one)
                break
            except DBAPIError as error:
                if attempt + 1 == _ATTEMPTS and len(jobs) > 1:  # one job may be at fault: run each by itself
                    for one in jobs:
                        self._commit([one])
                    return
                if attempt + 1 == _ATTEMPTS:
                    _fail(jobs, error)
            except BaseException as error:  # noqa: BLE001 - the callers must get it, whatever it is
                _fail(jobs, error)
                break
        _wake_callers(jobs)


def _run(connection: Connection, one: _Job) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.execute("SAVEPOINT job")  # by the driver itself: a tenth of the time of SQLAlchemy's, twice per job
    try:
        one.result, one.error = one.run(connection), None
    except DBAPIError as error:
        if _lost_race(error):
            raise  # the whole transaction must run again
        one.error = error
    except Exception as error:  # noqa: BLE001 - it is raised in the caller
        one.error = error
    driver.execute("ROLLBACK TO SAVEPOINT job" if one.error else "RELEASE SAVEPOINT job")


# SQLSTATE of serialization_failure, deadlock_detected, lock_not_available, and of unique_violation: another process
# inserted a row of the same key in between.
_LOST = ("40001", "40P01", "55P03", "23505")


def _lost_race(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _LOST or "locked" in str(error.orig)


def _fail(jobs: list[_Job], error: BaseException) -> None:
    for one in jobs:
        one.error = error


def _wake_callers(jobs: list[_Job]) -> None:
    """Give each caller its result; an event loop is woken once for all of its jobs."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for one in jobs:
        if one.loop is None:
            _resolve([one])
        else:
            by_loop.setdefault(one.loop, []).append(one)
    for loop, ones in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, ones)


def _resolve(ones: list[_Job]) -> None:
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
        # WAL: readers do not wait for the writer, nor the writer for them.
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "temp_store=MEMORY", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that only reads takes no lock; one that writes must have it from the first statement.
        # A transaction that upgrades from reading to writing fails at once with SQLITE_BUSY, whatever the timeout.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


# --- INSERT … ON CONFLICT, which SQLAlchemy writes once for each database ----------------------------------------


def insert_into(transaction: Transaction, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the transaction's database, with its `on_conflict_…` methods."""
    return sqlite.insert(table) if transaction.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(transaction: Transaction, table: Table, row: Mapping[str, object], *updated: str) -> None:
    """Insert a row, or write the columns *updated* to the row of the same key; without any, the first row stays."""
    put = insert_into(transaction, table).values(row)
    keys = list(table.primary_key.columns)
    if updated:
        put = put.on_conflict_do_update(index_elements=keys, set_={name: put.excluded[name] for name in updated})
    else:
        put = put.on_conflict_do_nothing(index_elements=keys)
    transaction.execute(put)
