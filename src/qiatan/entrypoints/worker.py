"""The worker: background jobs, inside `serve` or apart (`qiatan work`)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable

import structlog
import uvloop

from qiatan.entrypoints.app import build_resources
from qiatan.entrypoints.registry import JOBS
from qiatan.entrypoints.relay import on_the_bus
from qiatan.infra import logs, tracing
from qiatan.infra.clock import FollowingClock
from qiatan.infra.db.clock_keeper import ClockKeeper
from qiatan.infra.jobs import build_worker, build_worker_app
from qiatan.infra.postgres import open_database
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings

log = structlog.get_logger(__name__)

CONCURRENCY = 4
RESTART_SECONDS = 5
PATIENCE_SECONDS = 4.0
CANCEL_AGAIN_SECONDS = 0.5


@contextlib.asynccontextmanager
async def background_worker(
    resources: Resources, url: str, *, enabled: bool, patience: Callable[[], float] = lambda: PATIENCE_SECONDS
) -> AsyncIterator[None]:
    """Run the worker beside the block. At its end running jobs may finish within `patience` seconds; what is cut is done again elsewhere."""
    if not enabled:
        yield
        return
    task = asyncio.create_task(_work(resources, url), name="worker")
    try:
        yield
    finally:
        await _end(task, patience())


async def _end(task: asyncio.Task[None], seconds: float) -> None:
    """A database that is away makes the worker's own end fail or wait, which swallows a cancellation: it is repeated until it is heard."""
    task.cancel()
    await asyncio.wait([task], timeout=seconds)
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def following_time(resources: Resources) -> AsyncIterator[None]:
    """Keep this process's clock with the database's; what tests bring as a clock is left alone."""
    if not isinstance(resources.clock, FollowingClock):
        yield
        return
    keeper = ClockKeeper(resources.database, resources.clock)
    await keeper.start()
    try:
        yield
    finally:
        await keeper.close()


async def _work(resources: Resources, url: str) -> None:
    """Work until cancelled; a database that goes away ends a round, and the next one begins when it is back."""
    while True:
        app = build_worker_app(url, list(JOBS), resources)
        try:
            async with app.open_async():
                worker = build_worker(app, concurrency=CONCURRENCY)
                resources.database.on_jobs.append(worker.wake)
                try:
                    await worker.work()
                finally:
                    resources.database.on_jobs.remove(worker.wake)
        except Exception as error:  # noqa: BLE001 -- whatever ends a round must not end the worker
            log.warning("worker.restarting", error=str(error))
        await asyncio.sleep(RESTART_SECONDS)


def run(settings: Settings) -> None:
    """`qiatan work`: jobs only, until SIGINT or SIGTERM."""
    logs.configure(settings.log_level, style=settings.log_format)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with open_database(settings) as url:
        resources = build_resources(settings, url)
        if settings.otlp_endpoint is not None:
            tracing.start(settings.otlp_endpoint, version=resources.node.version, node=f"{resources.node.machine} {resources.node.name}")
        async with following_time(resources), on_the_bus(resources), background_worker(resources, url, enabled=True):
            await stopping.wait()
        await asyncio.to_thread(tracing.stop)
        await resources.http.close()
        await resources.database.dispose()
