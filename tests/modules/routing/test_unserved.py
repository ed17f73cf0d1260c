"""Everybody goes home while visitors queue: they leave a message, as newcomers do, and are told so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.hours import SaveHours
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.repository.spans import SpanRepository
from qiatan.modules.routing.service import unserved
from qiatan.modules.routing.subscribers.assigner import Assigner
from tests.modules.routing.passing import stay
from tests.modules.routing.scene import present, queueing, why
from tests.modules.routing.test_queue import full_house, guests, heard, place, stand
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Tenant


async def _leave(database: Database, tenant: Tenant) -> int:
    async with database.tenant(tenant.enterprise_id) as tx:
        return await service.leave_unserved(tx)


async def test_five_minutes_after_the_last_has_gone_the_queue_becomes_messages(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agent, _ = await full_house(database, factories)
    await queueing(database, tenant, max_wait_minutes=60)
    [(guest, waits)] = await guests(database, factories, tenant, clock, 1)
    assert await stand(database, tenant) == [(waits, RoutingState.QUEUED, 1)]
    told = heard(database)

    # while somebody full is online, and for five minutes after
    clock.advance(seconds=30)
    await stay(database, agent)
    assert await _leave(database, tenant) == 0
    await present(database, agent, status=PresenceStatus.OFFLINE)
    clock.advance(minutes=4, seconds=59)
    early = await _leave(database, tenant)
    clock.advance(seconds=1)
    left = await _leave(database, tenant)

    # then once, and the visitor hears of it
    assert (early, left, await _leave(database, tenant)) == (0, 1, 0)
    assert (await place(database, guest)).state is RoutingState.MESSAGE
    assert [one.place.state for one in told if one.place is not None] == [RoutingState.MESSAGE]
    assert [step.reason for step in (await why(database, tenant, waits))[-1].steps] == ["nobody_online"]


async def test_a_queue_of_many_pages_is_left_at_once(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unserved, "LEAVING_AT_ONCE", 2)
    tenant, agent, _ = await full_house(database, factories)
    ids = [waits for _, waits in await guests(database, factories, tenant, clock, 5)]
    await present(database, agent, status=PresenceStatus.OFFLINE)
    clock.advance(minutes=5)

    await Assigner(resources)._heal()

    assert [(waits, state) for waits, state, _ in await stand(database, tenant)] == [(waits, RoutingState.MESSAGE) for waits in ids]


async def test_where_nobody_queues_nobody_is_asked_who_was_there(
    database: Database, factories: Factories, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every enterprise that serves one conversation, or has one message left, is looked at every minute."""
    tenant, agent, _ = await full_house(database, factories)
    [(guest, _)] = await guests(database, factories, tenant, clock, 1)
    asked = 0
    ask = SpanRepository.any_online

    async def any_online(self: SpanRepository, agent_ids: Collection[UUID], *, since: datetime) -> bool:
        nonlocal asked
        asked += 1
        return await ask(self, agent_ids, since=since)

    monkeypatch.setattr(SpanRepository, "any_online", any_online)
    await present(database, agent)
    assert (await _leave(database, tenant), asked) == (0, 1)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.leave_queue(tx, guest.actor)

    assert (await _leave(database, tenant), asked) == (0, 1)


async def test_who_was_there_lately_is_looked_up_by_when_they_left(
    database: Database, database_url: str, factories: Factories, clock: FakeClock
) -> None:
    """Not among all times online, which are kept for two years."""
    tenant = await factories.tenant()
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with database.tenant(tenant.enterprise_id) as tx:
        engine = (await tx.session.connection()).engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            assert await SpanRepository(tx, tenant.enterprise_id).any_online([tenant.admin.id], since=clock.now()) is False
        finally:
            event.remove(engine, "before_cursor_execute", note)
    with psycopg.connect(database_url) as owner, owner.transaction(force_rollback=True):
        owner.execute(
            "INSERT INTO presence_spans (enterprise_id, id, agent_id, status, started_at, ended_at)"
            " SELECT %s, gen_random_uuid(), %s, 'online', %s - n * interval '3 minutes', %s - n * interval '3 minutes' + interval '1 minute'"
            " FROM generate_series(1, 20000) AS n",
            (tenant.enterprise_id, tenant.admin.id, clock.now(), clock.now()),
        )
        owner.execute("ANALYZE presence_spans")
        [(statement, parameters)] = asked
        plan = "\n".join(line for (line,) in owner.execute(f"EXPLAIN {statement}", parameters))

    assert ("presence_spans_by_end" in plan, "one_open_presence_span_per_agent" in plan, "Seq Scan" in plan) == (True, True, False), plan


@pytest.mark.parametrize(("outside", "left", "state"), [("message", 1, RoutingState.MESSAGE), ("queue", 0, RoutingState.QUEUED)])
async def test_at_closing_time_it_is_as_the_hours_say(
    database: Database, factories: Factories, clock: FakeClock, outside: str, left: int, state: RoutingState
) -> None:
    tenant, agent, _ = await full_house(database, factories)
    [(guest, _)] = await guests(database, factories, tenant, clock, 1)
    await present(database, agent)
    never: dict[str, Any] = {"enabled": True, "week": [[] for _ in range(7)], "outside": outside}
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_hours(tx, tenant.admin.actor, SaveHours.model_validate({"settings": never, "version": 0}))

    assert await _leave(database, tenant) == left

    assert (await place(database, guest)).state is state
