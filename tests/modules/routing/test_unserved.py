"""Everybody goes home while visitors queue: they leave a message, as newcomers do, and are told so."""

from __future__ import annotations

from typing import Any

import pytest

from qiatan.infra.db import Database
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.hours import SaveHours
from qiatan.modules.routing.contracts.queue import RoutingState
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
