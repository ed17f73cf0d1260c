"""Timers: what has to happen at a moment is an indexed column in the database, and a loop in every process takes what is due.

The loop promises to call `fire` for whatever is due within a second of its time, again and again while it stays due, from any number of
processes. `fire` promises the rest: it locks its row with SKIP LOCKED, reads the state again, and acts or does nothing. So nothing is
lost by a restart, and nothing fires twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from qiatan.infra import metrics
from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Busy, DatabaseUnavailable, Fault, StorageFull

log = structlog.get_logger(__name__)

POLL_SECONDS = 4.0
"""The loop sleeps until the next moment it knows of, and looks for new ones so often. Deadlines are set ten seconds ahead or more, so
none comes before it was seen; `wake` tells of the rare ones that come sooner."""
GATHER_SECONDS = 0.2
"""What comes due within so short a time is looked for together: deadlines by the thousand would else be asked for one by one."""
BATCH = 200
MAX_IN_FLIGHT = 2_000
IN_FLIGHT_OF_ONE = 200
"""Of one enterprise; what else of its own is due waits in the database, and the loop looks behind it for the others'."""
MAX_LOOK = 5_000
"""Rows one query takes at most."""
MAX_ASKED = 20
"""Queries of one look, each without the enterprises that filled the one before."""
AT_ONCE = 4
"""Transactions at once: timers must leave most of the connections to people."""
AT_ONCE_OF_ONE = 2
"""Of one enterprise: its many timers must not hold up another's few."""
REST_SECONDS = 0.5
"""What fired and is due again, or was locked by another process, is not tried again at once."""
RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
AGAIN_SECONDS = (0.1, 0.2, 0.5)
"""Pauses where nothing was wrong with what was due: the database was away or had too much to do, or somebody held a lock for too long. They
do not grow further, however long that lasts: what came due meanwhile fires within a second of its end. The first is short, as a connection
that broke unnoticed is often followed by one that works."""
AWAY_SECONDS = AGAIN_SECONDS
"""Pauses of the loop itself while the database is away."""

Due = tuple[UUID, UUID]
"""(enterprise, what is due)"""


@dataclass(frozen=True)
class Timer:
    """One kind of deadline.

    due: (enterprise, id) of what is due by `tx.now`, earliest first, at most so many, and none of these enterprises. In a system
        transaction.
    next_due: the earliest moment of all, past or future; None when nothing waits. In a system transaction.
    fire: locks the row of this id (SKIP LOCKED), reads it again, acts or does nothing; afterwards the row is not due any more. In a
        transaction of its enterprise.
    dismiss: of what is due, forgets at once what has become void, and returns the rest; what it leaves out is not due any more. In a
        system transaction.
    """

    name: str
    due: Callable[[Tx, int, Collection[UUID]], Awaitable[Sequence[Due]]]
    next_due: Callable[[Tx], Awaitable[datetime | None]]
    fire: Callable[[Tx, UUID], Awaitable[None]]
    dismiss: Callable[[Tx, Sequence[Due]], Awaitable[Sequence[Due]]] | None = None


_Key = tuple[str, UUID, UUID]


class TimerLoop:
    """Fires all timers of this process. `wake()` tells that something may be due earlier than the loop knows."""

    def __init__(self, resources: Resources, timers: Sequence[Timer]) -> None:
        self._database = resources.database
        self._clock = resources.clock
        self._timers = tuple(timers)
        self._running: asyncio.Task[None] | None = None
        self._in_flight: dict[_Key, asyncio.Task[None]] = {}
        self._rest: dict[_Key, float] = {}
        self._failures: dict[_Key, int] = {}
        self._broken: dict[str, tuple[int, float]] = {}
        """Kinds whose query failed: how often, and when it is asked again."""
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._lanes: dict[UUID, tuple[asyncio.Semaphore, int]] = {}
        self._woken = asyncio.Event()

    def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name="timers")

    async def close(self) -> None:
        """Stop. What is being fired ends first; what takes too long is rolled back and stays due."""
        if self._running is not None:
            self._running.cancel()
        if self._in_flight:
            await asyncio.wait(tuple(self._in_flight.values()), timeout=3)
        for task in self._in_flight.values():
            task.cancel()

    def wake(self) -> None:
        self._woken.set()

    async def _run(self) -> None:
        failures, away = 0, 0
        while True:
            try:
                pause = await self._round()
                failures, away = 0, 0
            except DatabaseUnavailable as error:
                pause = AWAY_SECONDS[min(away, len(AWAY_SECONDS) - 1)]
                if not away:
                    log.warning("timers.interrupted", code=error.code)
                away += 1
                # What failed on the way there did so for no reason of its own.
                self._rest.clear()
                self._failures.clear()
                self._broken.clear()
            except Exception as error:
                # The next turn tries again: this loop must live as long as the process.
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                if isinstance(error, Fault):
                    log.warning("timers.interrupted", code=error.code)
                else:
                    log.exception("timers.round_failed", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)
            self._woken.clear()

    async def _round(self) -> float:
        """Begin to fire what is due; returns after how many seconds to look again."""
        now = asyncio.get_running_loop().time()
        self._rest = {key: until for key, until in self._rest.items() if until > now}
        pause, answered = POLL_SECONDS, False
        failed: list[tuple[Timer, Exception]] = []
        for timer in self._timers:
            _, again_at = self._broken.get(timer.name, (0, now))
            if again_at > now:
                pause = min(pause, again_at - now)
                continue
            try:
                pause = min(pause, await self._look(timer))
                answered = True
                self._broken.pop(timer.name, None)
            except Exception as error:  # noqa: BLE001 -- one kind's fault must not hold up the others; all are told of
                failed.append((timer, error))
        for timer, reason in failed:
            if isinstance(reason, DatabaseUnavailable) and not answered:
                raise reason
            pause = min(pause, self._let_rest(timer, reason))
        while len(self._in_flight) > MAX_IN_FLIGHT - BATCH:
            await asyncio.wait(tuple(self._in_flight.values()), return_when=asyncio.FIRST_COMPLETED)
        return max(pause, min(GATHER_SECONDS, POLL_SECONDS)) if pause else 0

    def _let_rest(self, timer: Timer, reason: Exception) -> float:
        """Ask for one kind again only after a pause, which grows: its query may have taken all the time that a statement has."""
        failures, _ = self._broken.get(timer.name, (0, 0))
        pauses = AGAIN_SECONDS + RETRY_SECONDS
        rest = pauses[min(failures, len(pauses) - 1)]
        self._broken[timer.name] = failures + 1, asyncio.get_running_loop().time() + rest
        if isinstance(reason, Fault):
            log.warning("timers.look_refused", timer=timer.name, code=reason.code)
        else:
            log.error("timers.look_failed", timer=timer.name, error=str(reason), exc_info=reason)
        return rest

    async def _look(self, timer: Timer) -> float:
        """Begin to fire what is due of one kind; returns after how many seconds to look again, 0 where there may be more."""
        async with self._database.system() as tx:
            first = await timer.next_due(tx)
            if first is None or first > tx.now:
                metrics.TIMER_OVERDUE.set(0, timer.name)
                return POLL_SECONDS if first is None else (first - tx.now).total_seconds()
            fresh, full = await self._due(tx, timer)
            late = (tx.now - first).total_seconds()
            metrics.TIMER_OVERDUE.set(late, timer.name)
            if fresh:
                metrics.TIMER_LATENESS.observe(late, timer.name)
            if timer.dismiss is not None and fresh:
                left = await timer.dismiss(tx, fresh)
                full = full or len(left) < len(fresh)
                fresh = left
        for enterprise_id, row_id in fresh:
            key = (timer.name, enterprise_id, row_id)
            self._in_flight[key] = asyncio.create_task(self._fire(timer, key))
        # What was left out because it rests is due still.
        return 0 if full else REST_SECONDS

    async def _due(self, tx: Tx, timer: Timer) -> tuple[Sequence[Due], bool]:
        """What is due and may begin, of all enterprises; and whether there may be more of it.

        Those at work, those that rest, and those that are too many of one enterprise are still due. Where such rows fill a query, the
        enterprises that have most of them are left out of the next: whatever waits of the others is found behind them.
        """
        load = Counter(enterprise_id for _, enterprise_id, _ in self._in_flight)
        fresh: list[Due] = []
        # A later query finds those of the enterprises that it does not leave out once more.
        found_before: set[Due] = set()
        crowded: set[UUID] = set()
        for _ in range(MAX_ASKED):
            wanted = min(BATCH + len(self._rest) + len(self._in_flight), MAX_LOOK)
            rows = await timer.due(tx, wanted, crowded)
            fresh += self._admitted(timer.name, [row for row in rows if row not in found_before], load)
            found_before.update(rows)
            if len(rows) < wanted:
                return fresh, False
            found = Counter(enterprise_id for enterprise_id, _ in rows)
            filling = {one for one, count in found.items() if max(count, load[one]) >= IN_FLIGHT_OF_ONE}
            if not filling:
                break
            crowded |= filling
        return fresh, bool(fresh)

    def _admitted(self, name: str, rows: Sequence[Due], load: Counter[UUID]) -> Sequence[Due]:
        """Those to begin now: not at work, not resting, and of no enterprise more than it may have in flight (`load`)."""
        admitted = []
        for row in rows:
            if load[row[0]] < IN_FLIGHT_OF_ONE and not self._busy((name, *row)):
                load[row[0]] += 1
                admitted.append(row)
        return admitted

    def _busy(self, key: _Key) -> bool:
        return key in self._in_flight or key in self._rest

    async def _fire(self, timer: Timer, key: _Key) -> None:
        _, enterprise_id, row_id = key
        rest = REST_SECONDS
        try:
            async with self._lane(enterprise_id), self._slots, self._database.tenant(enterprise_id) as tx:
                await timer.fire(tx, row_id)
            self._failures.pop(key, None)
            metrics.TIMERS_FIRED.add(timer.name, "done")
        except Exception as error:
            metrics.TIMERS_FIRED.add(timer.name, "refused" if isinstance(error, Fault) else "failed")
            # One that fails must not stop the others; it stays due and is tried again, ever more slowly.
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            pauses = AGAIN_SECONDS if isinstance(error, DatabaseUnavailable | Busy | StorageFull) else RETRY_SECONDS
            rest = pauses[min(count, len(pauses) - 1)]
            if isinstance(error, Fault):
                log.warning("timers.fire_refused", timer=timer.name, id=str(row_id), code=error.code)
            else:
                log.exception("timers.fire_failed", timer=timer.name, id=str(row_id), error=str(error))
        finally:
            self._rest[key] = asyncio.get_running_loop().time() + rest
            del self._in_flight[key]

    def _lane(self, enterprise_id: UUID) -> _Lane:
        return _Lane(self._lanes, enterprise_id)


class _Lane:
    """A semaphore of one enterprise that is forgotten when nobody uses it."""

    def __init__(self, lanes: dict[UUID, tuple[asyncio.Semaphore, int]], enterprise_id: UUID) -> None:
        self._lanes = lanes
        self._enterprise_id = enterprise_id

    async def __aenter__(self) -> None:
        semaphore, users = self._lanes.get(self._enterprise_id) or (asyncio.Semaphore(AT_ONCE_OF_ONE), 0)
        self._lanes[self._enterprise_id] = (semaphore, users + 1)
        try:
            await semaphore.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._lanes[self._enterprise_id][0].release()
        self._leave()

    def _leave(self) -> None:
        semaphore, users = self._lanes[self._enterprise_id]
        if users == 1:
            del self._lanes[self._enterprise_id]
        else:
            self._lanes[self._enterprise_id] = (semaphore, users - 1)
