"""Jobs that keep others waiting, that nobody here knows, whose processes die, whose turn was slept through, and that a reload meets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from qiatan.entrypoints import worker as work
from qiatan.entrypoints.registry import JOBS
from qiatan.infra.db import Database
from qiatan.infra.job_workers import PACE, Workers
from qiatan.infra.jobs import CALLS, FAILED_KEPT_HOURS, MAIL, MAX_ATTEMPTS, JobList, build_worker_app
from qiatan.infra.resources import Resources
from qiatan.modules.push.jobs import deliver
from tests.support.clock import FakeClock
from tests.support.work import app_without_turns

IN_TIME = 60
"""For what comes at once, on a machine with much to do."""


@pytest.fixture
async def here(empty_database: str, resources: Resources, clock: FakeClock) -> AsyncIterator[Resources]:
    database = Database(empty_database, clock=clock, pool_size=4)
    yield dataclasses.replace(resources, database=database)
    await database.dispose()


@contextlib.asynccontextmanager
async def working(here: Resources, lists: Sequence[JobList]) -> AsyncIterator[None]:
    """What `serve` runs beside itself."""
    app = build_worker_app(here.database.url, list(lists), here)
    async with app.open_async():
        task = asyncio.create_task(Workers(app, work.SLOTS, patience=lambda: 0.0).work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def once(here: Resources, lists: Sequence[JobList]) -> None:
    """Work off what was left by others than the clock."""
    app = app_without_turns(here.database.url, list(lists), here)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")


async def run_task(here: Resources, lists: Sequence[JobList], name: str) -> None:
    app = build_worker_app(here.database.url, list(lists), here)
    async with app.open_async():
        await app.tasks[name](timestamp=0)


async def rows(here: Resources) -> list[tuple[str, str, int]]:
    """Name, state and tries of all jobs of the tests."""
    query = "SELECT task_name, status::text, attempts FROM procrastinate_jobs WHERE task_name LIKE 'test.%' ORDER BY id"
    async with here.database.system() as tx:
        return [(row[0], row[1], row[2]) for row in (await tx.session.execute(text(query))).all()]


async def change(here: Resources, statement: str, **given: int) -> None:
    async with here.database.system() as tx:
        await tx.session.execute(text(statement), given)


async def test_other_work_does_not_wait_for_push_services_that_say_nothing(here: Resources) -> None:
    calls, letters = JobList("test", queue=CALLS), JobList("test")
    never, sent, called = asyncio.Event(), asyncio.Event(), []

    @calls.job
    async def call(_: Resources, *, number: int) -> None:
        called.append(number)
        await never.wait()

    @letters.job
    async def letter(_: Resources) -> None:
        sent.set()

    async with here.database.system() as tx:
        for number in range(2 * sum(work.SLOTS.values())):
            await tx.defer(call, number=number)
        await tx.defer(letter)

    async with working(here, [calls, letters]):
        await asyncio.wait_for(sent.wait(), IN_TIME)

    assert sorted(called) == list(range(len(called)))
    assert len(called) <= work.SLOTS[CALLS]


async def test_background_work_does_not_wait_for_a_mail_server_that_says_nothing(here: Resources) -> None:
    given, never, done = JobList("test"), asyncio.Event(), asyncio.Event()
    letter = given.promise("letter", queue=MAIL)

    @letter.kept_by
    async def _letter(_: Resources, *, number: int) -> None:
        await never.wait()

    @given.job
    async def cleaning(_: Resources) -> None:
        done.set()

    async with here.database.system() as tx:
        for number in range(2 * sum(work.SLOTS.values())):
            await tx.defer(letter, number=number)
        await tx.defer(cleaning)

    async with working(here, [given]):
        await asyncio.wait_for(done.wait(), IN_TIME)


async def test_calls_of_browsers_have_slots_of_their_own(here: Resources) -> None:
    given = {"enterprise_id": "", "session_id": "", "topic": "", "sealed": "", "at": ""}
    async with here.database.system() as tx:
        await tx.defer(deliver, **given)
        queue = (await tx.session.execute(text("SELECT queue_name FROM procrastinate_jobs"))).scalar_one()
    assert queue in work.SLOTS
    assert {job.name for jobs in JOBS for job in jobs.jobs if job.queue == queue} == {"push.deliver"}
    letters = {"accounts.mail_invitation", "accounts.mail_reset", "accounts.mail_asked_reset"}
    assert {job.name for jobs in JOBS for job in jobs.jobs if job.queue == MAIL} == letters
    assert {job.queue for jobs in JOBS for job in jobs.jobs} == set(work.SLOTS)


async def test_a_job_that_only_a_newer_release_knows_is_left_to_it(here: Resources) -> None:
    older, newer, done = JobList("test"), JobList("test"), []

    @older.job
    async def letter(_: Resources) -> None:
        done.append("letter")

    @newer.job
    async def report(_: Resources, *, day: str) -> None:
        done.append(day)

    async with here.database.system() as tx:
        await tx.defer(report, day="Monday")
        await tx.defer(letter)

    await once(here, [older])
    assert done == ["letter"]
    assert await rows(here) == [("test.report", "todo", 0)]

    await once(here, [older, newer])
    assert done == ["letter", "Monday"]
    assert await rows(here) == []


async def test_a_job_that_an_earlier_release_failed_unknown_is_taken_up_again_and_one_that_was_given_up_is_not(here: Resources) -> None:
    jobs = JobList("test")

    @jobs.job
    async def report(_: Resources) -> None: ...

    @jobs.job
    async def letter(_: Resources) -> None: ...

    async with here.database.system() as tx:
        await tx.defer(report)
        await tx.defer(letter)
    await change(
        here,
        "UPDATE procrastinate_jobs SET status = 'failed', attempts = CASE task_name WHEN 'test.report' THEN 1 ELSE :last END",
        last=MAX_ATTEMPTS + 1,
    )

    await run_task(here, [jobs], "infra.retry_stalled")

    assert await rows(here) == [("test.report", "todo", 2), ("test.letter", "failed", MAX_ATTEMPTS + 1)]


async def test_a_job_that_nobody_knows_any_more_is_given_up_after_a_week(here: Resources) -> None:
    jobs, gone = JobList("test"), JobList("test")
    old, new = gone.promise("old"), gone.promise("new")

    @jobs.job
    async def letter(_: Resources) -> None: ...

    async with here.database.system() as tx:
        for job in (old, new, letter):
            await tx.defer(job)
    await change(
        here,
        "UPDATE procrastinate_events SET at = now() - make_interval(hours => :hours) "
        "WHERE job_id IN (SELECT id FROM procrastinate_jobs WHERE task_name <> 'test.new')",
        hours=FAILED_KEPT_HOURS + 1,
    )

    await run_task(here, [jobs], "infra.forget_given_up")

    assert await rows(here) == [("test.old", "failed", 0), ("test.new", "todo", 0), ("test.letter", "todo", 0)]


async def test_a_job_whose_process_dies_at_every_try_is_given_up(here: Resources) -> None:
    jobs, told = JobList("test"), []

    @jobs.job
    async def simulate(_: Resources, *, days: int) -> None: ...

    @simulate.given_up_by
    async def tell(_: Resources, *, days: int) -> None:
        told.append(days)

    async with here.database.system() as tx:
        for days in (30, 3000):
            await tx.defer(simulate, days=days)
    await change(
        here,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL, "
        "attempts = CASE args ->> 'days' WHEN '30' THEN :last - 1 ELSE :last END",
        last=MAX_ATTEMPTS,
    )

    await run_task(here, [jobs], "infra.retry_stalled")

    assert told == [3000]
    assert await rows(here) == [("test.simulate", "todo", MAX_ATTEMPTS), ("test.simulate", "failed", MAX_ATTEMPTS + 1)]


async def test_a_nightly_turn_that_was_slept_through_is_made_up_for_once(here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACE, "fetch_job_polling_interval", 0.05)
    turn = datetime.now(UTC) - timedelta(hours=12)
    nightly, done, first_done, other_done = f"{turn.minute} {turn.hour} * * *", [], asyncio.Event(), asyncio.Event()

    def declared(*, other: bool) -> JobList:
        jobs = JobList("test")

        @jobs.periodic(nightly)
        async def compare(_: Resources) -> None:
            done.append("compare")
            first_done.set()

        if other:

            @jobs.periodic(nightly)
            async def purge(_: Resources) -> None:
                other_done.set()

        return jobs

    await change(
        here, "INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp) VALUES ('test.compare', 1), ('test.purge', 1)"
    )
    async with working(here, [declared(other=False)]):
        await asyncio.wait_for(first_done.wait(), IN_TIME)

    # Turns are left in the order of the jobs: when the second one was done, the first was looked at.
    async with working(here, [declared(other=True)]):
        await asyncio.wait_for(other_done.wait(), IN_TIME)
    assert done == ["compare"]


async def test_a_new_installation_makes_up_for_no_turn_until_one_was_slept_through(
    here: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not at its next start, or at that of its second node, when other jobs have had their turn already."""
    monkeypatch.setitem(PACE, "fetch_job_polling_interval", 0.05)
    jobs, turn = JobList("test"), datetime.now(UTC) - timedelta(hours=12)
    done: list[str] = []
    looked_at = asyncio.Event()

    @jobs.periodic(f"{turn.minute} {turn.hour} * * *")
    async def compare(_: Resources) -> None:
        done.append("compare")

    @jobs.periodic("* * * * *")
    async def look(_: Resources) -> None:
        done.append("look")
        looked_at.set()

    async def start() -> list[str]:
        """What was done, the nightly one once at most. Turns are left in the order of the jobs: it was looked at before the other was done."""
        done.clear()
        looked_at.clear()
        async with working(here, [jobs]):
            await asyncio.wait_for(looked_at.wait(), IN_TIME)
        return sorted(set(done))

    a_day_later = "UPDATE procrastinate_periodic_defers SET defer_timestamp = defer_timestamp - 86400"
    new = await start()
    await change(here, f"{a_day_later} WHERE task_name = 'test.look'")
    again = await start()
    await change(here, a_day_later)
    slept_through = await start()

    assert (new, again, slept_through) == (["look"], ["look"], ["compare", "look"])


async def test_a_job_has_all_the_patience_that_a_process_has_at_its_end(here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, begun, ended = JobList("test"), asyncio.Event(), []

    @jobs.job
    async def simulate(_: Resources) -> None:
        begun.set()
        await asyncio.sleep(2.5)  # longer than what is left to a process that is stopped, and much shorter than to one that was replaced
        ended.append("simulate")

    monkeypatch.setattr(work, "JOBS", (jobs,))
    async with here.database.system() as tx:
        await tx.defer(simulate)

    async with work.background_worker(here, here.database.url, enabled=True, patience=lambda: 25.0):
        await asyncio.wait_for(begun.wait(), IN_TIME)

    assert ended == ["simulate"]
    assert await rows(here) == []


async def test_a_job_that_takes_longer_than_the_patience_is_put_back(here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, begun = JobList("test"), asyncio.Event()

    @jobs.job
    async def simulate(_: Resources) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(work, "JOBS", (jobs,))
    async with here.database.system() as tx:
        await tx.defer(simulate)

    async with work.background_worker(here, here.database.url, enabled=True, patience=lambda: 1.5):
        await asyncio.wait_for(begun.wait(), IN_TIME)

    assert await rows(here) == [("test.simulate", "todo", 1)]
