"""Pictures that are put into something at the very moment at which what is in nothing goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.db.roles import APP, SYSTEM
from qiatan.modules.accounts.models import EnterpriseRow
from qiatan.modules.pictures.repository import PictureDirectory, PictureRepository
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.clock import NOON, FakeClock

ENTERPRISE, UPLOADER, HELD, FREE, TAKEN = (uuid4() for _ in range(5))
_STOP = 1
# Whoever looks at what holds a picture waits in the middle of the statement, with what it saw when it began.
_WAIT = f"""
    CREATE FUNCTION wait_here() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({_STOP});
        RETURN true;
    END $$;
    CREATE POLICY wait_here ON rich_picture_holds AS RESTRICTIVE FOR SELECT TO {APP}, {SYSTEM} USING (wait_here())
"""

Drop = Callable[[Tx], Awaitable[list[str]]]


@pytest.fixture
async def house(empty_database: str, clock: FakeClock) -> AsyncIterator[Database]:
    """A database of its own, with a picture that is held and two that are in nothing."""
    database = Database(empty_database, clock=clock)
    async with database.system() as tx:
        tx.session.add(EnterpriseRow(id=ENTERPRISE, name="松间器物", created_at=NOON))
    async with database.tenant(ENTERPRISE) as tx:
        pictures = PictureRepository(tx, ENTERPRISE)
        for picture_id in (HELD, FREE, TAKEN):
            await pictures.add(
                id=picture_id,
                uploader_id=UPLOADER,
                blob=picture_id.hex,
                content_type="image/png",
                size=1,
                width=1,
                height=1,
                created_at=NOON - timedelta(days=2),
                freed_at=NOON - timedelta(days=2),
            )
        await pictures.hold(new_id(), [HELD])
    yield database
    await database.dispose()


async def _oldest(tx: Tx) -> list[str]:
    return await PictureRepository(tx, ENTERPRISE).drop_oldest_free(UPLOADER, 0)


async def _unused(tx: Tx) -> list[str]:
    return await PictureDirectory(tx).drop_unused(NOON - timedelta(days=1), 100)


async def _left(database: Database) -> set[UUID]:
    async with database.tenant(ENTERPRISE) as tx:
        return {row.id for row in await PictureRepository(tx, ENTERPRISE).pinned([HELD, FREE, TAKEN])}


@pytest.mark.parametrize("drop", [_oldest, _unused])
async def test_a_picture_that_was_taken_while_the_free_ones_were_looked_for_stays(house: Database, empty_database: str, drop: Drop) -> None:
    async def dropped() -> list[str]:
        async with house.system() if drop is _unused else house.tenant(ENTERPRISE) as tx:
            return await drop(tx)

    async with await psycopg.AsyncConnection.connect(empty_database, autocommit=True) as gate:
        # given a look at what is free that has begun and is not through
        await gate.execute(_WAIT)
        await gate.execute(f"SELECT pg_advisory_lock({_STOP})")
        looking = asyncio.create_task(dropped())
        await somebody_waits_for_a_lock(house)

        # when one of those is put into something, and the look goes on
        async with house.tenant(ENTERPRISE) as tx:
            pictures = PictureRepository(tx, ENTERPRISE)
            assert len(await pictures.pinned([TAKEN])) == 1
            await pictures.hold(new_id(), [TAKEN])
        await gate.execute(f"SELECT pg_advisory_unlock({_STOP})")

        # then only the other one goes
        assert await looking == [FREE.hex]
    assert await _left(house) == {HELD, TAKEN}
