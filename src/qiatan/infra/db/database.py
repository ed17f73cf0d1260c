"""Connections, transactions, and what happens right after a commit."""

from __future__ import annotations

import errno
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import URL, AsyncAdaptedQueuePool, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from qiatan.infra import logs, metrics, tracing
from qiatan.infra.clock import Clock, SystemClock, ticks
from qiatan.infra.db.alive import WatchedConnection, watched
from qiatan.infra.db.roles import APP, SYSTEM
from qiatan.infra.db.tx import Tx
from qiatan.infra.fair import Gate
from qiatan.kit.errors import DatabaseUnavailable, StorageFull
from qiatan.kit.events import Event

log = structlog.get_logger(__name__)

Listener = Callable[[Sequence[Event]], None]
Promiser = Callable[[Tx], Awaitable[None]]

# SQLSTATE classes and codes that mean the disk or memory of the database is used up.
_FULL = ("53100", "53200")
# The server is going away, starting, or cut the connection; deadlock and serialization failures are safe to repeat too.
# The last three are our own limits of time. Of all but a line that breaks during a commit, nothing was stored.
_AWAY = ("57P01", "57P02", "57P03", "08", "53300", "40P01", "40001", "55P03", "57014", "25P03")

WAIT_SECONDS = 10
MAX_WAITING, MAX_WAITING_OF_EACH = 20_000, 10_000
FEW_CONNECTIONS = 10
"""With so few (the command line), one enterprise may have them all."""

_CLOCK = text("SELECT clock_timestamp()")
_CLOCK_READINGS = 5

_SET_ENTERPRISE = text("SELECT set_config('qiatan.enterprise', :enterprise, true)")


def driver_url(url: str) -> URL:
    """A libpq URL as SQLAlchemy wants it, on psycopg."""
    return make_url(url).set(drivername="postgresql+psycopg")


def _options(role: str) -> str:
    limits = "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"
    # A plan kept from when a table was empty ignores the partial indexes; ours are cheap to make anew.
    return f"-c role={role} -c timezone=UTC -c plan_cache_mode=force_custom_plan {limits}"


class Database:
    """Opens transactions and commits them.

    `listeners` are called, in order, with the events of each committed transaction. They must not block and must not raise;
    what they miss (a crash right after the commit) is healed from state by the routines that own it. `on_jobs` are called after a commit
    that left jobs behind, under the same terms: the worker of this process begins with them at once.

    `promisers` are called at the end of each transaction that has announced something, within it: where no state tells afterwards that
    something has still to follow, they leave a job for it. What they raise fails the transaction.
    """

    def __init__(self, url: str, *, clock: Clock | None = None, pool_size: int = 10) -> None:
        self.url = url
        self.clock = clock or SystemClock()
        self.listeners: list[Listener] = []
        self.promisers: list[Promiser] = []
        self.on_jobs: list[Callable[[], None]] = []
        self.begun = 0
        """Transactions that are open; those beyond the connections in use wait for one."""
        self.committed = 0
        """Transactions that ended well since the start."""
        connections = pool_size + pool_size // 2
        self.gate = Gate(
            connections,
            connections * 2 // 3 if connections > FEW_CONNECTIONS else connections,
            waiting=MAX_WAITING,
            waiting_of_each=MAX_WAITING_OF_EACH,
            seconds=WAIT_SECONDS,
            name="database",
        )
        """In front of the connections, so that enterprises have their turns: one that asks at full speed leaves a third to the others."""
        self._app = self._engine(APP, pool_size)
        self._system = self._engine(SYSTEM, max(2, pool_size // 2))

    def _engine(self, role: str, size: int) -> AsyncEngine:
        return create_async_engine(
            driver_url(self.url),
            pool_size=size,
            max_overflow=size // 2,
            pool_timeout=WAIT_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,  # what people wrote does not belong into logs
            connect_args={
                "options": _options(role),
                "connect_timeout": 10,
                "async_creator_fn": WatchedConnection.connect,
                **watched(self.url),
            },
        )

    @asynccontextmanager
    async def tenant(self, enterprise_id: UUID) -> AsyncIterator[Tx]:
        """A transaction that sees one enterprise. Commits on success, then publishes its events.

        Raises:
            DatabaseUnavailable: the database does not answer or asks to try again. Nothing was stored, unless the line broke during the
                commit itself: then nobody knows, and whoever must know asks.
            StorageFull: the database's disk is full; nothing was stored.
            Busy: no connection became free in time, or too many wait for one; nothing was begun.
        """
        async with self.gate.passing(enterprise_id), self._begin(self._app, enterprise_id) as tx:
            yield tx

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Tx]:
        """A transaction across enterprises. For sign-in, the message log, timers and sweeps only. Errors as `tenant`."""
        async with self._begin(self._system, None) as tx:
            yield tx

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine, enterprise_id: UUID | None) -> AsyncIterator[Tx]:
        session = AsyncSession(engine, expire_on_commit=False, autoflush=True)
        began = time.perf_counter()
        failure: BaseException | None = None
        self.begun += 1
        try:
            async with session:
                tx = Tx(session, enterprise_id, self.clock.now())
                if enterprise_id is not None:
                    await session.execute(_SET_ENTERPRISE, {"enterprise": str(enterprise_id)})
                yield tx
                if tx.events:
                    for promise in self.promisers:
                        await promise(tx)
                for work in tx.finishers:
                    await work()
                await session.commit()
                self.committed += 1
        except (DBAPIError, PoolTimeout, OSError) as error:
            failure = translate(error)
            raise failure from error
        except BaseException as error:
            failure = error
            raise
        finally:
            self.begun -= 1
            _noted(enterprise_id, time.perf_counter() - began, failure)
        if tx.has_deferred:
            self._wake_workers()
        if tx.events:
            self.publish(tx.events)

    def _wake_workers(self) -> None:
        for wake in self.on_jobs:
            try:
                wake()
            except Exception as error:
                # The jobs are stored, and found without it.
                log.exception("jobs.not_woken", error=str(error))

    def publish(self, events: Sequence[Event]) -> None:
        """Hand committed facts to the listeners. What is committed stays so: a listener that fails is logged, not the caller's fault."""
        for listener in self.listeners:
            try:
                listener(events)
            except Exception as error:
                log.exception("events.listener_failed", events=[type(event).__name__ for event in events], error=str(error))

    async def read_clock(self) -> tuple[datetime, float]:
        """What the database's clock shows, and what `ticks()` showed at that moment: the quickest of a few round trips, halved.

        Raises:
            DatabaseUnavailable
        """
        moment, at, _ = await self._read_clock(_CLOCK_READINGS)
        return moment, at

    async def glance_at_clock(self) -> tuple[datetime, float, float]:
        """One reading of the database's clock: as `read_clock`, and by how many seconds it may be wrong at most.

        Raises:
            DatabaseUnavailable
        """
        return await self._read_clock(1)

    async def _read_clock(self, readings: int) -> tuple[datetime, float, float]:
        read = []
        try:
            async with self._system.connect() as connection:
                for _ in range(readings):
                    asked = ticks()
                    moment = (await connection.execute(_CLOCK)).scalar_one()
                    answered = ticks()
                    read.append((answered - asked, moment, (asked + answered) / 2))
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise translate(error) from error
        took, moment, at = min(read)
        return moment, at, took / 2

    def pools(self) -> dict[str, tuple[int, int]]:
        """By role: connections in use, and open ones that are not."""
        return {
            role: (pool.checkedout(), pool.checkedin()) for role, pool in (("tenant", _pool(self._app)), ("system", _pool(self._system)))
        }

    async def dispose(self) -> None:
        await self._app.dispose()
        await self._system.dispose()


def _pool(engine: AsyncEngine) -> AsyncAdaptedQueuePool:
    pool = engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    return pool


def translate(error: Exception) -> Exception:
    """The caller's view of a database fault: full, away, or the error itself when it is our mistake."""
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return StorageFull() if error.errno == errno.ENOSPC else error
    if isinstance(error, DBAPIError) and not error.connection_invalidated and isinstance(error.orig, psycopg.Error):
        fault = refused(error.orig)
        return error if fault is error.orig else fault
    return _away("", error)


def refused(error: psycopg.Error) -> Exception:
    """As `translate`, of what psycopg says."""
    state = error.sqlstate or ""
    if state.startswith(_FULL):
        metrics.DATABASE_UNAVAILABLE.add()
        return StorageFull()
    if state.startswith(_AWAY) or (not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)):
        return _away(state, error)
    return error


def _away(state: str, error: Exception) -> DatabaseUnavailable:
    log.warning("database.unavailable", sqlstate=state, error=str(error).partition("\n")[0] or type(error).__name__)
    metrics.DATABASE_UNAVAILABLE.add()
    return DatabaseUnavailable(retry_after=1)


def _noted(enterprise_id: UUID | None, seconds: float, failure: BaseException | None) -> None:
    """Count a transaction that is over, add it to what its request or frame took, and tell of a slow one."""
    role = "system" if enterprise_id is None else "tenant"
    metrics.TRANSACTION_SECONDS.observe(seconds, role)
    if failure is not None:
        metrics.TRANSACTIONS_FAILED.add(role)
    cause = logs.around.get()
    if cause is not None:
        cause.spent_in_database(seconds)
    if tracing.is_on():
        ended = time.time_ns()
        about = {} if enterprise_id is None else {"enterprise_id": str(enterprise_id)}
        tracing.point("transaction", ended - int(seconds * 1e9), ended, failure=failure, role=role, **about)
    if seconds > logs.SLOW_SECONDS:
        about = {} if enterprise_id is None else {"enterprise_id": str(enterprise_id)}
        outcome = "committed" if failure is None else type(failure).__name__
        log.warning("transaction.slow", role=role, seconds=round(seconds, 3), outcome=outcome, **about)
