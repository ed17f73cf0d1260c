"""What must hold when things go wrong or come late: released conversations, absence at the worst moment, one enterprise that cannot be read."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.decisions import Fallback
from qiatan.modules.routing.contracts.hours import SaveHours
from qiatan.modules.routing.contracts.queue import RoutingState
from qiatan.modules.routing.contracts.settings import DelayedStep
from qiatan.modules.routing.events import RoutingSettingsChanged
from qiatan.modules.routing.service import placement
from qiatan.modules.routing.subscribers import Assigner, HoursKeeper
from tests.modules.routing.passing import later, routing, team
from tests.modules.routing.scene import NODE, holder, present, queueing, transfers, waiting
from tests.modules.routing.test_layers import drain, wish
from tests.modules.routing.test_queue import fire_due, full_house, guests, stand
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


async def release(database: Database, tenant: Tenant, conversation_id: UUID) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        await conversations.release(tx, conversation_id)


async def test_who_comes_back_into_the_queue_has_the_longest_wait_before_them(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agent, _ = await full_house(database, factories)
    await queueing(database, tenant, max_wait_minutes=5)
    colleague = await factories.agent(tenant.enterprise_id, max_conversations=1)
    await present(database, colleague)
    [(_, second)] = await guests(database, factories, tenant, clock, 1)
    assert await holder(database, tenant, second) == colleague.id
    clock.advance(minutes=20)
    await present(database, agent)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.disconnected(tx, colleague.id, NODE)

    await release(database, tenant, second)
    await drain(database, tenant.enterprise_id)
    await queueing(database, tenant, max_wait_minutes=3)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.new_longest_wait(tx)
    await fire_due(database)

    assert await stand(database, tenant) == [(second, RoutingState.QUEUED, 1)]
    clock.advance(minutes=3)
    await fire_due(database)
    assert await stand(database, tenant) == [(second, RoutingState.MESSAGE, None)]


async def test_who_gets_a_released_conversation_has_the_whole_time_to_answer(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agents = await team(database, factories, 3)
    await transfers(database, tenant, steps=[DelayedStep(seconds=20), DelayedStep(seconds=40)])
    [conversation_id] = await waiting(database, factories, tenant.enterprise_id)
    await drain(database, tenant.enterprise_id)
    await later(database, clock, 19, *agents)
    clock.advance(minutes=1)
    await present(database, *agents)
    await release(database, tenant, conversation_id)

    await drain(database, tenant.enterprise_id)
    second = await holder(database, tenant, conversation_id)
    await fire_due(database)

    assert second is not None
    assert await holder(database, tenant, conversation_id) == second
    assert (await routing(database, tenant, conversation_id)).transfer_due_at == clock.now() + timedelta(seconds=20)


@pytest.mark.parametrize("phase", range(0, 30, 3))
async def test_a_place_outlives_a_minute_of_absence_whenever_it_begins(
    database: Database, factories: Factories, clock: FakeClock, phase: int
) -> None:
    tenant, _, _ = await full_house(database, factories)
    [(guest, conversation_id)] = await guests(database, factories, tenant, clock, 1)
    here = {guest.actor.customer_id}
    clock.advance(seconds=phase % 10)
    for _ in range(4 + phase // 10):
        async with database.system() as tx:
            await service.renew_queued(tx, here.__contains__)
        clock.advance(seconds=10)

    clock.advance(seconds=50)
    await fire_due(database)
    assert await stand(database, tenant) == [(conversation_id, RoutingState.QUEUED, 1)]

    clock.advance(seconds=20)
    await fire_due(database)
    assert await stand(database, tenant) == [(conversation_id, RoutingState.MESSAGE, None)]


async def test_a_free_place_goes_to_who_came_first_though_they_were_looked_at_later(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant, agent, served = await full_house(database, factories)
    [first] = await waiting(database, factories, tenant.enterprise_id)
    clock.advance(seconds=1)
    [second] = await waiting(database, factories, tenant.enterprise_id)
    clock.advance(seconds=1)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.place(tx, first)
    await talk.end(database, agent, served)

    await drain(database, tenant.enterprise_id)

    assert await holder(database, tenant, first) == agent.id
    assert await stand(database, tenant) == [(second, RoutingState.QUEUED, 1)]


async def test_new_settings_are_applied_though_the_database_asks_to_try_again(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    tries: list[UUID | None] = []

    async def busy_at_first(tx: Tx) -> None:
        tries.append(tx.enterprise_id)
        if len(tries) < 3:
            raise DatabaseUnavailable(retry_after=1)

    monkeypatch.setattr(service, "new_longest_wait", busy_at_first)
    assigner = Assigner(resources)

    assigner.react([RoutingSettingsChanged(enterprise_id=tenant.enterprise_id, part="queue", version=1)])
    await assigner.settled()

    assert tries == [tenant.enterprise_id] * 3


async def test_more_arrivals_than_one_look_shows_are_all_settled(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    arrived = set(await waiting(database, factories, tenant.enterprise_id, 5))
    monkeypatch.setattr(placement, "MAX_NEW", 2)
    monkeypatch.setattr(service, "MAX_NEW", 2)
    assigner = Assigner(resources)

    assigner.look_at(tenant.enterprise_id)
    await assigner.settled()

    assert {(one, state) for one, state, _ in await stand(database, tenant)} == {(one, RoutingState.MESSAGE) for one in arrived}


async def broken_hours(database: Database, tenant: Tenant) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_hours(tx, tenant.admin.actor, SaveHours.model_validate({"settings": {}, "version": 0}))
    async with database.system() as tx:
        await tx.session.execute(
            text('UPDATE routing_settings SET value = \'{"enabled": true, "week": 7}\', version = 9 WHERE enterprise_id = :id'),
            {"id": tenant.enterprise_id},
        )


async def test_hours_that_cannot_be_read_do_not_keep_others_from_opening(
    database: Database, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenants = [await factories.tenant() for _ in range(3)]
    await broken_hours(database, tenants[1])
    week = [[{"start": "00:00", "until": "24:00"}]] * 6 + [[]]
    for tenant in (tenants[0], tenants[2]):
        async with database.tenant(tenant.enterprise_id) as tx:
            from_page = {"settings": {"enabled": True, "week": week}, "version": 0}
            await service.save_hours(tx, tenant.admin.actor, SaveHours.model_validate(from_page))
    told: list[UUID] = []
    database.listeners.append(lambda events: told.extend(e.enterprise_id for e in events if type(e).__name__ == "OpeningChanged"))
    keeper = HoursKeeper(resources)

    await keeper.turn()
    assert {tenants[0].enterprise_id, tenants[2].enterprise_id} <= set(told)
    told.clear()
    clock.advance(days=7)
    await keeper.turn()

    assert {tenants[0].enterprise_id, tenants[2].enterprise_id} <= set(told)


async def test_an_enterprise_that_fails_does_not_keep_others_from_healing(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [await factories.tenant() for _ in range(3)]
    for tenant in tenants:
        agent = await factories.agent(tenant.enterprise_id)
        await present(database, agent)
        await waiting(database, factories, tenant.enterprise_id)
        await drain(database, tenant.enterprise_id)
    healed: list[UUID] = []

    async def release_idle(tx: Tx, agent_ids: object) -> int:
        healed.append(tx.enterprise_id)
        raise RuntimeError("this one cannot be read")

    monkeypatch.setattr(service, "release_idle", release_idle)

    await Assigner(resources)._heal()

    assert {tenant.enterprise_id for tenant in tenants} <= set(healed)


async def test_a_wish_that_is_no_text_is_refused(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))

    for named in (b'{"agents": ["\\u0000"]}', b'{"groups": ["a\\ud800"]}'):
        answer = await doors.visitor(guest.token).put("/widget/wish", content=named, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text


async def test_who_takes_a_conversation_nobody_has_looked_at_uses_up_its_wish(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    await transfers(database, tenant, steps=[DelayedStep(seconds=20)])
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    other = await factories.agent(tenant.enterprise_id)
    await wish(database, guest, agents=[str(other.id)], fallback=Fallback.MESSAGE)
    conversation_id = (await talk.write(database, guest)).conversation_id

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.take(tx, tenant.admin.actor, conversation_id)

    assert (await routing(database, tenant, conversation_id)).transfer_due_at is None
    async with database.tenant(tenant.enterprise_id) as tx:
        left = await tx.session.execute(text("SELECT count(*) FROM routing_wishes WHERE enterprise_id = :id"), {"id": tenant.enterprise_id})
        assert left.scalar_one() == 0


async def test_what_would_be_read_back_as_nothing_is_not_stored(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    http, guest = doors.agent(tenant.admin), await factories.visitor(await factories.channel(tenant.enterprise_id))

    for blank in (" ", "\x1f", "\u3000\t"):
        condition = {"kind": "visitor", "field": "landing_page", "operator": "contains", "values": [blank]}
        rule = {"id": str(new_id()), "name": "x", "groups": [{"conditions": [condition]}], "agent_ids": [str(tenant.admin.id)]}
        saved = await http.put("/routing/assignment", json={"settings": {"rules": [rule]}, "version": 0})
        wished = await doors.visitor(guest.token).put("/widget/wish", json={"agents": [blank]})
        assert [saved.status_code, wished.status_code] == [422, 422]

    assert (await http.get("/routing/assignment")).json()["version"] == 0


async def test_days_nobody_can_mean_are_refused(doors: Doors, factories: Factories) -> None:
    http = doors.agent((await factories.tenant()).admin)

    for day in ("9999-12-31", "1999-12-31"):
        hours = {
            "enabled": True,
            "week": [[{"start": "00:00", "until": "24:00"}]] * 7,
            "exceptions": [{"day": day, "open": False, "name": "x"}],
        }
        refused = await http.put("/routing/hours", json={"settings": hours, "version": 0})
        assert refused.json()["error"]["fields"][0]["field"] == "settings.exceptions.0.day"
        trial = await http.post("/routing/trial", json={"case": {"at": f"{day}T23:59:59Z"}})
        assert trial.json()["error"]["fields"][0]["field"] == "case.at"
    file = {"file": ("days.csv", b"date,kind,name\n9999-12-31,off,x\n")}
    assert [fault["code"] for fault in (await http.post("/routing/hours/calendar", files=file)).json()["faults"]] == ["no_date"]
