"""Whether this process lives, and whether it should be sent people: for load balancers and whoever restarts it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from qiatan.entrypoints.drain import Drain
from qiatan.infra.db.migrate import fits
from qiatan.infra.http.guards import Public
from qiatan.infra.resources import Resources

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
"""How long the database may take to answer, and how long the schema may take to be looked up."""
KEPT_SECONDS = 1.0
"""How long an answer counts: however many ask, the database is asked once in this time."""
SCHEMA_KEPT_SECONDS = 30.0
"""The same for what migrations there are, for which the owner's connection is needed."""

router = APIRouter(tags=["operation"])
_ONE = text("SELECT 1")

State = Literal["ok", "away", "draining", "behind", "connecting"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """`ready` with each of its parts. `bus`: `connecting` until it was there once; `away` later makes nobody unready."""

    ready: bool
    node: State
    database: State
    migrations: State
    bus: State


class Readying:
    """What `/readyz` says, looked up at most once a second."""

    def __init__(self, resources: Resources, drain: Drain) -> None:
        self._resources = resources
        self._drain = drain
        self._bus_was_there = False
        self._database = _Kept(KEPT_SECONDS, self._answers)
        self._schema = _Kept(SCHEMA_KEPT_SECONDS, self._fits, hold=True)

    async def look(self) -> Readiness:
        database: State = "ok" if await self._database.get() else "away"
        schema: State = "ok" if database == "ok" and await self._schema.get() else "behind"
        bus = self._bus()
        node: State = "draining" if self._drain.unready else "ok"
        # A bus that goes away is healed by the clients; all nodes lose it together, and nobody would be left to serve them.
        ready = node == "ok" and database == "ok" and schema == "ok" and bus != "connecting"
        return Readiness(ready=ready, node=node, database=database, migrations=schema, bus=bus)

    def _bus(self) -> State:
        connected = self._resources.bus.connected
        self._bus_was_there = self._bus_was_there or connected
        return "ok" if connected else "away" if self._bus_was_there else "connecting"

    async def _answers(self) -> bool:
        """Whether it answers us, or, where so much is asked that no connection becomes free for us in time, answers others meanwhile.

        Else every node of a crowded installation would say at once that it is not there, and what is slow would be away.
        """
        database = self._resources.database
        before = database.committed
        try:
            async with asyncio.timeout(LOOK_SECONDS), database.system() as tx:
                await tx.session.execute(_ONE)
        except TimeoutError:
            if database.committed == before:
                raise
        return True

    async def _fits(self) -> bool:
        async with asyncio.timeout(LOOK_SECONDS):
            return await asyncio.to_thread(fits, self._resources.database.url)


class _Kept:
    """The answer to one question, asked at most once in so many seconds. A no, or none in time, is asked again at the next second.

    `hold`: who cannot be asked says what was said before, and not no.
    """

    def __init__(self, seconds: float, ask: Callable[[], Awaitable[bool]], *, hold: bool = False) -> None:
        self._seconds = seconds
        self._ask = ask
        self._hold = hold
        self._answer = False
        self._until = float("-inf")
        self._asking = asyncio.Lock()

    async def get(self) -> bool:
        async with self._asking:
            if time.monotonic() >= self._until:
                self._answer, kept = await self._asked()
                self._until = time.monotonic() + kept
            return self._answer

    async def _asked(self) -> tuple[bool, float]:
        """The answer, and for how many seconds it counts."""
        try:
            answer = await self._ask()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is no yes; the log says why
            log.warning("readiness.no", error=str(error) or type(error).__name__)
            return self._hold and self._answer, KEPT_SECONDS
        return answer, self._seconds if answer else KEPT_SECONDS


@router.get("/healthz", dependencies=[Depends(Public("health check; tells nothing but that the process answers"))])
async def health() -> Health:
    """The process lives: nothing but its own answer is looked at, so that a database that is away does not get it killed."""
    return Health()


@router.get(
    "/readyz",
    dependencies=[Depends(Public("readiness check; tells which part is missing and nothing more"))],
    responses={503: {"model": Readiness, "description": "Send people elsewhere."}},
)
async def readiness(request: Request, response: Response) -> Readiness:
    """Whether people should be sent here: 200, or 503 with the part that says no."""
    readying: Readying = request.app.state.readying
    found = await readying.look()
    response.status_code = 200 if found.ready else 503
    return found
