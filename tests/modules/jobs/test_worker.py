from __future__ import annotations

import dataclasses
from uuid import uuid4

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import JOBS
from qiatan.infra.db import Database
from qiatan.infra.jobs import build_worker_app
from qiatan.infra.resources import Resources
from qiatan.modules.files.jobs import delete_blobs
from tests.support.clock import FakeClock


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

    app = build_worker_app(empty_database, list(JOBS), here)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)

    assert (here.storage.path(kept).exists(), here.storage.path(dropped).exists()) == (True, False)
    async with database.system() as tx:
        left = (
            await tx.session.execute(text("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'files.delete_blobs'"))
        ).scalars()
        assert list(left) == ["succeeded"]
    await database.dispose()


async def _defer_and_fail(database: Database, name: str) -> None:
    async with database.system() as tx:
        await tx.defer(delete_blobs, blobs=[name])
        raise LookupError
