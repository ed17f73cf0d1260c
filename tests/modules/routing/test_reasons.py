"""Why: decisions with their trace, dry runs that change nothing, simulations."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import JOBS
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.routing import jobs, service
from qiatan.modules.routing.contracts.decisions import Simulation, StartSimulation
from qiatan.modules.routing.errors import SimulationRunning
from qiatan.modules.routing.repository.simulations import SimulationRepository
from qiatan.modules.routing.service import simulations
from tests.guarantees.world import checksum
from tests.modules.routing import scene
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant
from tests.support.work import app_without_turns

GENERATED = {"kind": "generated", "conversations": 200, "per_hour": 600, "minutes_each": 2, "seed": 7}


def vip_rule(*agents: UUID) -> dict[str, Any]:
    condition = {"kind": "visitor", "field": "customer_tag", "operator": "in", "values": ["VIP"]}
    return {"id": str(uuid4()), "name": "贵宾", "groups": [{"conditions": [condition]}], "agent_ids": [str(one) for one in agents]}


async def test_reasons_are_told_with_names_to_who_may_see_the_conversation(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    outside = await factories.agent(tenant.enterprise_id, name="外组")
    group_id = await factories.group(tenant.enterprise_id, agent.id)
    leader = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=Scope(ScopeKind.GROUPS, frozenset({group_id})))
    nobody = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=Scope())
    [conversation_id] = await scene.waiting(database, factories, tenant.enterprise_id)
    await scene.present(database, agent)
    async with asyncio.timeout(5):
        while await scene.holder(database, tenant, conversation_id) != agent.id:
            await asyncio.sleep(0.01)

    whole = (await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}/decisions")).json()["items"][-1]
    partly = (await doors.agent(leader).get(f"/conversations/{conversation_id}/decisions")).json()["items"][-1]

    assert (whole["outcome"], whole["agent_name"], whole["by_agent_name"]) == ("assigned", "顾言", None)
    named = {note["agent_id"] for step in whole["steps"] for note in step["candidates"]}
    assert {str(agent.id), str(outside.id)} <= named
    assert {note["name"] for step in partly["steps"] for note in step["candidates"]} == {"顾言"}
    chosen = [step for step in whole["steps"] if step["verdict"] == "chose"]
    assert [len(step["candidates"]) + step["more"] for step in partly["steps"] if step["verdict"] == "chose"] == [
        len(step["candidates"]) + step["more"] for step in chosen
    ]
    assert (await doors.agent(nobody).get(f"/conversations/{conversation_id}/decisions")).status_code == 404
    assert (await doors.agent(agent).get(f"/conversations/{conversation_id}/decisions")).status_code == 403


async def test_a_dry_run_tells_who_and_changes_nothing(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    first, vip = [await factories.agent(tenant.enterprise_id, name=name) for name in ("一", "二")]
    await scene.present(database, first, vip)
    http = doors.agent(tenant.admin)
    draft = {"base_rule": "rotate", "order": [str(first.id), str(vip.id)], "rules": [vip_rule(vip.id)]}
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    tagged = await http.post("/routing/trial", json={"case": {"tags": ["VIP"]}, "settings": draft})
    plain = [(await http.post("/routing/trial", json={"case": {}, "settings": draft})).json() for _ in range(2)]
    saved = (await http.post("/routing/trial", json={"case": {"tags": ["VIP"]}})).json()

    assert (tagged.status_code, tagged.json()["outcome"], tagged.json()["agent_name"]) == (200, "assigned", "二")
    assert [step["rule"] for step in tagged.json()["steps"] if step["layer"] == "advanced"] == ["贵宾"]
    assert [found["agent_name"] for found in plain] == ["一", "一"]  # rotation did not move on
    assert saved["agent_name"] == "一"
    assert await checksum(database, tenant.enterprise_id) == before


async def test_a_dry_run_of_a_conversation_and_of_another_moment(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await scene.present(database, tenant.admin)
    [conversation_id] = await scene.served(database, factories, agent)
    week = [[{"start": "09:00", "until": "18:00"}]] * 5 + [[], []]
    http = doors.agent(tenant.admin)
    assert (await http.put("/routing/hours", json={"settings": {"enabled": True, "week": week}, "version": 0})).status_code == 200
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    now = (await http.post("/routing/trial", json={"conversation_id": str(conversation_id)})).json()
    sunday = (await http.post("/routing/trial", json={"case": {"at": "2026-03-08T12:00:00"}})).json()
    monday = (await http.post("/routing/trial", json={"case": {"at": "2026-03-02T12:00:00+08:00"}})).json()

    assert (now["outcome"], now["agent_id"]) == ("assigned", str(tenant.admin.id))
    assert (sunday["outcome"], monday["outcome"]) == ("message", "assigned")
    for body in ({}, {"case": {}, "conversation_id": str(conversation_id)}, {"case": {"device": "fridge"}}):
        assert (await http.post("/routing/trial", json=body)).status_code == 422
    assert (await http.post("/routing/trial", json={"conversation_id": str(new_id())})).status_code == 404
    assert await checksum(database, tenant.enterprise_id) == before


async def start(database: Database, tenant: Tenant, traffic: dict[str, Any], **settings: Any) -> Simulation:
    command = StartSimulation.model_validate({"settings": settings, "traffic": traffic})
    async with database.tenant(tenant.enterprise_id) as tx:
        return await service.start_simulation(tx, tenant.admin.actor, command)


async def work(resources: Resources, tenant: Tenant, simulation: Simulation) -> Simulation:
    """Do the job, as a worker would."""
    await jobs.run_simulation.run(resources, enterprise_id=str(tenant.enterprise_id), simulation_id=str(simulation.id))
    async with resources.database.tenant(tenant.enterprise_id) as tx:
        return await service.see_simulation(tx, tenant.admin.actor, simulation.id)


async def test_generated_traffic_through_both_rules(database: Database, factories: Factories, resources: Resources) -> None:
    tenant = await factories.tenant()
    for _ in range(3):
        await factories.agent(tenant.enterprise_id, max_conversations=10)

    begun = await start(database, tenant, GENERATED, base_rule="priority")
    done = await work(resources, tenant, begun)

    assert (begun.state, begun.progress, begun.result) == ("queued", 0, None)
    assert (done.state, done.progress) == ("done", 100)
    assert done.result is not None
    assert done.result.before.conversations == done.result.after.conversations == 200
    assert done.result.before.assigned + done.result.before.left_messages == 200
    assert done.result.after.fairness < done.result.before.fairness  # by load is fairer than the first in the order
    assert sum(agent.received for agent in done.result.after.agents) == done.result.after.assigned
    assert await work(resources, tenant, begun) == done  # a job may run twice


async def test_recorded_traffic_is_what_was(database: Database, factories: Factories, clock: FakeClock, resources: Resources) -> None:
    tenant = await factories.tenant()
    agent, idle = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    ids = await scene.served(database, factories, agent, 5)
    clock.advance(minutes=5)
    for conversation_id in ids:
        await talk.end(database, agent, conversation_id)
    clock.advance(days=2)
    await scene.served(database, factories, agent, 1)

    both = await work(resources, tenant, await start(database, tenant, {"kind": "recorded", "days": 7}))
    today = await work(resources, tenant, await start(database, tenant, {"kind": "recorded", "days": 1}))

    assert both.result is not None
    assert today.result is not None
    assert (both.result.before.conversations, today.result.before.conversations) == (6, 1)
    assert (both.result.before.left_messages, both.result.moved) == (0, 0)
    assert [found.agent_id for found in both.result.before.agents] == [agent.id]
    assert idle.id not in {found.agent_id for found in both.result.after.agents}


async def test_a_simulation_names_those_within_the_scope(
    database: Database, doors: Doors, factories: Factories, resources: Resources
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言", max_conversations=10)
    await factories.agent(tenant.enterprise_id, name="外组", max_conversations=10)
    group_id = await factories.group(tenant.enterprise_id, agent.id)
    leader = await factories.agent(
        tenant.enterprise_id, points=scene.LEADER, scope=Scope(ScopeKind.GROUPS, frozenset({group_id})), name="组长"
    )
    done = await work(resources, tenant, await start(database, tenant, GENERATED))
    assert done.result is not None
    assert {one.name for one in done.result.after.agents} >= {"顾言", "外组"}

    one = (await doors.agent(leader).get(f"/routing/simulations/{done.id}")).json()
    listed = (await doors.agent(leader).get("/routing/simulations")).json()["items"]

    for run in ("before", "after"):
        assert {agent["name"] for agent in one["result"][run]["agents"]} <= {"顾言", "组长"}
        assert one["result"][run]["assigned"] == done.result.model_dump()[run]["assigned"]
    assert [(shown["id"], shown["result"]) for shown in listed] == [(str(done.id), None)]


async def test_nothing_recorded_is_a_result_too(database: Database, factories: Factories, resources: Resources) -> None:
    tenant = await factories.tenant()

    done = await work(resources, tenant, await start(database, tenant, {"kind": "recorded", "days": 1}))

    assert done.state == "done"
    assert done.result is not None
    assert (done.result.before.conversations, done.result.after.median_wait) == (0, 0)


async def test_one_at_a_time_and_the_newest_ten(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock, resources: Resources
) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    body = {"settings": {}, "traffic": {"kind": "generated", "conversations": 10}}
    results = await asyncio.gather(*(start(database, tenant, body["traffic"]) for _ in range(6)), return_exceptions=True)
    [running] = [result for result in results if isinstance(result, Simulation)]
    assert all(isinstance(result, SimulationRunning) for result in results if result is not running)
    refused = await http.post("/routing/simulations", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "simulation_running")
    clock.advance(hours=2)  # its worker died, and no other one came
    ids = []
    for _ in range(12):
        begun = await start(database, tenant, body["traffic"])
        ids.append(str((await work(resources, tenant, begun)).id))
        clock.advance(seconds=1)

    listed = (await http.get("/routing/simulations")).json()["items"]

    assert [found["id"] for found in listed] == ids[:-11:-1]
    assert {found["state"] for found in listed} == {"done"}
    one = (await http.get(f"/routing/simulations/{ids[-1]}")).json()
    assert one["result"] is not None
    assert one | {"result": None} == listed[0]
    assert (await http.get(f"/routing/simulations/{new_id()}")).status_code == 404


async def test_what_could_not_be_saved_is_not_simulated(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    http = doors.agent(tenant.admin)
    viewer = await factories.agent(tenant.enterprise_id, points=points_of("agent") | {"routing.view"}, scope=Scope(ScopeKind.ALL))
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    foreign = await http.post("/routing/simulations", json={"settings": {"order": [str(other.admin.id)]}, "traffic": GENERATED})
    endless = await http.post("/routing/simulations", json={"settings": {}, "traffic": {**GENERATED, "conversations": 10**9}})
    denied = await doors.agent(viewer).post("/routing/simulations", json={"settings": {}, "traffic": GENERATED})

    assert (foreign.status_code, foreign.json()["error"]["fields"][0]["field"]) == (422, "settings.order.0")
    assert (endless.status_code, denied.status_code) == (422, 403)
    assert await checksum(database, tenant.enterprise_id) == before


async def test_a_fault_of_the_work_is_a_failed_simulation(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    begun = await start(database, tenant, GENERATED)
    monkeypatch.setattr(simulations, "compare", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no")))

    failed = await work(resources, tenant, begun)

    assert (failed.state, failed.result) == ("failed", None)
    assert (await start(database, tenant, GENERATED)).state == "queued"


async def test_progress_is_saved_and_the_loop_goes_on_meanwhile(
    database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    for _ in range(4):
        await factories.agent(tenant.enterprise_id, max_conversations=2)
    told: list[int] = []
    write = SimulationRepository.write

    async def noting(self: SimulationRepository, simulation_id: UUID, **values: Any) -> None:
        told.append(values.get("progress", -1))
        await write(self, simulation_id, **values)

    monkeypatch.setattr(SimulationRepository, "write", noting)
    monkeypatch.setattr(simulations, "SLICE_SECONDS", 0.0)
    begun = await start(database, tenant, {**GENERATED, "conversations": 2_000})
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await work(resources, tenant, begun)
    counting.cancel()

    assert told[0] == 0
    assert told[-1] == 100
    assert told == sorted(told)
    assert len(told) > 10
    assert turns > len(told)


async def test_a_program_may_start_one_for_its_maker(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    new = {"name": "报表", "points": ["routing.edit", "routing.view"], "password": PASSWORD}
    made = await doors.agent(tenant.admin).post("/api-keys", json=new)

    answer = await doors.visitor(made.json()["secret"]).post("/routing/simulations", json={"settings": {}, "traffic": GENERATED})

    assert (answer.status_code, answer.json()["made_by"]) == (201, str(tenant.admin.id)), answer.text
    async with database.system() as tx:
        jobs_left = text("SELECT count(*) FROM procrastinate_jobs WHERE args->>'simulation_id' = :id")
        assert (await tx.session.execute(jobs_left, {"id": answer.json()["id"]})).scalar_one() == 1


async def test_a_worker_takes_it_up(empty_database: str, resources: Resources, clock: FakeClock) -> None:
    here = dataclasses.replace(resources, database=Database(empty_database, clock=clock, pool_size=2))
    tenant = await Factories(here).tenant()
    begun = await start(here.database, tenant, GENERATED, base_rule="random")

    app = app_without_turns(empty_database, list(JOBS), here)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)

    async with here.database.tenant(tenant.enterprise_id) as tx:
        assert (await service.see_simulation(tx, tenant.admin.actor, begun.id)).state == "done"
    await here.database.dispose()
