"""Liveness and readiness: who should be sent people, and why not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from qiatan.entrypoints import health
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.health import Readying
from qiatan.infra.bus import MemoryBus
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.db.migrate import fits
from qiatan.infra.resources import Resources
from tests.support.doors import PUBLIC_URL, Doors

ALL_WELL = {"ready": True, "node": "ok", "database": "ok", "migrations": "ok", "bus": "ok"}


async def test_a_process_that_is_well_is_alive_and_ready(doors: Doors) -> None:
    guest = doors.stranger()
    assert (await guest.get(f"{PUBLIC_URL}/healthz")).json() == {"status": "ok"}
    answer = await guest.get(f"{PUBLIC_URL}/readyz")
    assert (answer.status_code, answer.json()) == (200, ALL_WELL)


async def test_one_that_stops_is_alive_and_not_ready(doors: Doors, app: FastAPI) -> None:
    drain: Drain = app.state.drain
    drain.unready = True
    guest = doors.stranger()
    answer = await guest.get(f"{PUBLIC_URL}/readyz")
    assert (answer.status_code, answer.json()) == (503, {**ALL_WELL, "ready": False, "node": "draining"})
    assert (await guest.get(f"{PUBLIC_URL}/healthz")).status_code == 200


async def test_a_database_that_is_away_makes_unready_and_is_not_asked_by_everybody(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    there = False
    system = resources.database.system

    def away(database: Database) -> object:
        nonlocal asked
        asked += 1
        if not there:
            raise ConnectionError("no route")
        return system()

    monkeypatch.setattr(Database, "system", away)
    monkeypatch.setattr(health, "KEPT_SECONDS", 1_000.0)
    readying = Readying(resources, Drain())
    found = await asyncio.gather(*(readying.look() for _ in range(20)))
    assert {(answer.ready, answer.database) for answer in found} == {(False, "away")}
    assert asked == 1

    there = True
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    assert (await Readying(resources, Drain()).look()).ready


async def test_a_schema_that_does_not_fit_makes_unready(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "fits", lambda _: False)
    found = await Readying(resources, Drain()).look()
    assert (found.ready, found.database, found.migrations) == (False, "ok", "behind")


async def test_a_schema_that_cannot_be_looked_up_is_what_it_was(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded(_: str) -> bool:
        raise psycopg.OperationalError("sorry, too many clients already")

    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(health, "SCHEMA_KEPT_SECONDS", 0.0)
    readying = Readying(resources, Drain())

    monkeypatch.setattr(health, "fits", crowded)
    assert (await readying.look()).migrations == "behind", "nobody has said yet that it fits"
    monkeypatch.setattr(health, "fits", fits)
    assert (await readying.look()).migrations == "ok"
    monkeypatch.setattr(health, "fits", crowded)
    assert (await readying.look()).migrations == "ok"
    monkeypatch.setattr(health, "fits", lambda _: False)
    assert (await readying.look()).migrations == "behind"


async def test_a_crowd_that_has_every_connection_does_not_make_the_database_away(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(health, "LOOK_SECONDS", 0.5)
    database = Database(resources.database.url, pool_size=2)
    readying = Readying(replace(resources, database=database), Drain())
    async with AsyncExitStack() as crowd:
        for _ in range(3):
            tx = await crowd.enter_async_context(database.system())
            await tx.session.execute(text("SELECT 1"))

        assert (await readying.look()).database == "away", "nobody was answered meanwhile"
        monkeypatch.setattr(health, "LOOK_SECONDS", 3.0)
        looking = asyncio.create_task(readying.look())
        async with database.tenant(new_id()) as other:
            await other.session.execute(text("SELECT 1"))
        found = await looking
    await database.dispose()

    assert (found.ready, found.database) == (True, "ok")


async def test_a_bus_must_have_been_there_once(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    readying = Readying(resources, Drain())
    monkeypatch.setattr(MemoryBus, "connected", False)
    found = await readying.look()
    assert (found.ready, found.bus) == (False, "connecting")
    monkeypatch.setattr(MemoryBus, "connected", True)
    assert (await readying.look()).ready
    monkeypatch.setattr(MemoryBus, "connected", False)
    found = await readying.look()
    assert (found.ready, found.bus) == (True, "away")
