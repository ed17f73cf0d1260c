from __future__ import annotations

import asyncio
import dataclasses
from uuid import uuid4

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import JOBS
from qiatan.infra.db import Database, Tx
from qiatan.infra.job_workers import Worker
from qiatan.infra.jobs import QUEUE, JobList, build_worker_app, in_batches
from qiatan.infra.resources import Resources
from qiatan.infra.storage import LocalStorage
from qiatan.modules.files.jobs import delete_blobs
from tests.support.clock import FakeClock
from tests.support.work import app_without_turns


async def test_the_worker_runs_what_a_committed_transaction_deferred_and_nothing_else(
    empty_database: str, resources: Resources, clock: FakeClock
) -> None:
    database = Database(empty_database, clock=clock, pool_size=2)
    here = dataclasses.replace(resources, database=database)
    kept, dropped = uuid4().hex, uuid4().hex
    for name in (kept, dropped):
        await here.storage.put(name, b"content")
    async with database.system() as tx:
        await tx.defer(delete_blobs, blobs=[dropped])
    with pytest.raises(LookupError):
        await _defer_and_fail(database, kept)

    app = app_without_turns(empty_database, list(JOBS), here)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)

    assert isinstance(here.storage, LocalStorage)
    assert (here.storage.path(kept).exists(), here.storage.path(dropped).exists()) == (True, False)
    async with database.system() as tx:
        left = (
            await tx.session.execute(text("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'files.delete_blobs'"))
        ).scalars()
        assert list(left) == ["succeeded"]
    await database.dispose()


async def test_a_commit_that_leaves_a_job_wakes_the_worker_beside_it(empty_database: str, resources: Resources, clock: FakeClock) -> None:
    database = Database(empty_database, clock=clock, pool_size=2)
    done = asyncio.Event()
    jobs = JobList("test")

    @jobs.job
    async def greet(_: Resources, *, name: str) -> None:
        assert name == "顾言"
        done.set()

    app = build_worker_app(empty_database, [jobs], dataclasses.replace(resources, database=database))
    async with app.open_async():
        worker = Worker(app, QUEUE, slots=1, patience=lambda: 4.0, schedules=False)
        worker.fetch_job_polling_interval = 3600
        database.on_jobs.append(worker.wake)
        working = asyncio.create_task(worker.work())
        # Its first look, before which nothing needs to wake it.
        await asyncio.sleep(1)

        async with database.system() as tx:
            await tx.defer(greet, name="顾言")
        await asyncio.wait_for(done.wait(), 30)

        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    await database.dispose()


async def test_a_job_that_was_given_up_is_told_for_a_week_and_then_forgotten(empty_database: str, resources: Resources) -> None:
    database = Database(empty_database, pool_size=2)
    jobs = JobList("test")

    @jobs.job
    async def letter(_: Resources, *, number: int) -> None:
        raise RuntimeError(str(number))

    async with database.system() as tx:
        for number in range(3):
            await tx.defer(letter, number=number)
        await tx.session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = CASE WHEN args ->> 'number' = '2' THEN 'todo' ELSE 'failed' END::procrastinate_job_status"
            )
        )
        age = "at - CASE WHEN job_id = (SELECT id FROM procrastinate_jobs WHERE args ->> 'number' = '1') THEN interval '6 days' ELSE interval '8 days' END"
        await tx.session.execute(text(f"UPDATE procrastinate_events SET at = {age}"))  # noqa: S608 -- our own words

    app = build_worker_app(empty_database, [jobs], resources)
    async with app.open_async():
        await app.tasks["infra.forget_given_up"](timestamp=0)

    async with database.system() as tx:
        left = (await tx.session.execute(text("SELECT args ->> 'number', status::text FROM procrastinate_jobs ORDER BY 1"))).all()
    await database.dispose()
    assert [tuple(row) for row in left] == [("1", "failed"), ("2", "todo")]


async def test_a_promised_job_needs_its_work(empty_database: str, resources: Resources) -> None:
    jobs = JobList("test")
    letter = jobs.promise("letter")
    with pytest.raises(RuntimeError, match="nothing keeps"):
        build_worker_app(empty_database, [jobs], resources)

    @letter.kept_by
    async def send(_: Resources) -> None:
        return

    assert "test.letter" in build_worker_app(empty_database, [jobs], resources).tasks
    with pytest.raises(RuntimeError, match="already"):
        letter.kept_by(send)


async def _defer_and_fail(database: Database, name: str) -> None:
    async with database.system() as tx:
        await tx.defer(delete_blobs, blobs=[name])
        raise LookupError


async def test_batches_go_on_until_one_is_not_full_each_in_a_transaction_of_its_own(resources: Resources) -> None:
    left = [2, 2, 1, 2]
    seen: list[Tx] = []

    async def turn(tx: Tx) -> int:
        seen.append(tx)
        return left.pop(0)

    await in_batches(resources, turn, batch=2)

    assert (left, len({id(tx) for tx in seen})) == ([2], 3)
