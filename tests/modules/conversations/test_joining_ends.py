"""Joining ends with the rights it was made for, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.errors import (
    ConversationNotFound,
    NotYours,
)
from qiatan.modules.conversations.subscribers import JoinKeeper
from tests.modules.conversations.joining import Scene, scene
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

__all__ = ["scene"]


async def test_without_the_point_joining_is_worth_nothing_from_that_moment(
    database: Database, factories: Factories, clock: FakeClock, scene: Scene
) -> None:
    """Whatever became of the reaction that ends it."""
    outside = await factories.agent(scene.tenant.enterprise_id)
    await talk.join(database, scene.leader, scene.id)
    await talk.transfer(database, scene.id, scene.agent, outside)
    without = scene.leader.actor.__class__(
        scene.leader.enterprise_id, scene.leader.id, scene.leader.actor.session_id, points_of("agent"), scene.leader.actor.scope
    )
    powerless = Member(without, scene.leader.email, scene.leader.name, "agent", scene.leader.session_token)

    with pytest.raises(ConversationNotFound):
        await talk.read(database, powerless, scene.id)
    with pytest.raises(ConversationNotFound):
        await talk.answer(database, powerless, scene.id)

    reader = Member(
        scene.tenant.admin.actor.__class__(
            scene.leader.enterprise_id,
            scene.leader.id,
            scene.leader.actor.session_id,
            points_of("admin") - {"conversations.join"},
            Scope(ScopeKind.ALL),
        ),
        *(scene.leader.email, scene.leader.name, "agent", scene.leader.session_token),
    )
    with pytest.raises(NotYours):
        await talk.answer(database, reader, scene.id)
    with pytest.raises(NotYours):
        await talk.note(database, reader, scene.id)


@pytest.mark.parametrize("point", ["conversations.join", "conversations.view_colleagues"])
async def test_it_ends_with_either_of_the_points_it_needs(database: Database, factories: Factories, doors: Doors, point: str) -> None:
    tenant = await factories.tenant()
    leader = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    agent = await factories.agent(tenant.enterprise_id)
    conversation_id = await talk.served(database, await factories.visitor(await factories.channel(tenant.enterprise_id)), agent)
    await talk.join(database, leader, conversation_id)
    page = await doors.agent_socket(agent)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")
    http = doors.agent(tenant.admin)
    role = next(one for one in (await http.get("/roles?limit=100")).json()["items"] if not one["builtin"] and one["member_count"] == 1)

    change = {"points": [kept for kept in role["points"] if kept != point], "version": role["version"]}
    answer = await http.patch(f"/roles/{role['id']}", json=change)

    assert answer.status_code == 200, answer.text
    assert (await page.next("conversation"))["conversation"]["joined_ids"] == []


@pytest.mark.parametrize(
    "change",
    [{"scope": {"kind": "self", "group_ids": []}}, {"role": "agent"}, {"enabled": False}],
    ids=["scope", "role", "disabled"],
)
async def test_joining_ends_with_the_rights_it_was_made_for(
    database: Database, factories: Factories, doors: Doors, scene: Scene, change: dict[str, Any]
) -> None:
    await talk.join(database, scene.leader, scene.id)
    page = await doors.agent_socket(scene.agent)
    await page.send(type="subscribe", topic="mine")
    await page.next("subscribed")
    if "role" in change:
        change = {"role_id": str(await factories.role_id(scene.tenant.enterprise_id, "agent"))}

    answer = await doors.agent(scene.tenant.admin).patch(f"/agents/{scene.leader.id}", json={**change, "version": 1})

    assert answer.status_code == 200, answer.text
    assert (await page.next("conversation"))["conversation"]["joined_ids"] == []
    assert (await talk.read(database, scene.agent, scene.id))[-1].data == {
        "name": "left",
        "agent_id": str(scene.leader.id),
        "agent_name": "沈主管",
    }


async def test_what_a_lost_reaction_left_behind_is_found(database: Database, factories: Factories, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)
    role_id = await factories.role_id(scene.tenant.enterprise_id, "agent")
    async with database.system() as tx:
        assert (await service.joined_anywhere(tx))[scene.tenant.enterprise_id] == {scene.leader.id}
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert await service.end_lost_joining(tx, {scene.leader.id}, scope_too=True) == 0
        await tx.session.execute(text("UPDATE agents SET role_id = :role WHERE id = :id"), {"role": role_id, "id": scene.leader.id})

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert await service.end_lost_joining(tx, {scene.leader.id}, scope_too=False) == 1

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert (await service.get(tx, scene.agent.actor, scene.id)).joined_ids == []
    async with database.system() as tx:
        assert scene.tenant.enterprise_id not in await service.joined_anywhere(tx)


@pytest.mark.parametrize("how", ["own scope", "a group of it", "its members"])
async def test_a_scope_that_shrank_ends_joining_also_when_only_the_job_is_left_of_the_change(
    database: Database, resources: Resources, doors: Doors, scene: Scene, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Given the process dies between the change and the reaction: the sweep cannot know it, as who has joined goes along with transfers."""

    async def died(*_: object) -> None: ...

    monkeypatch.setattr(JoinKeeper, "_end", died)
    await talk.join(database, scene.leader, scene.id)
    http = doors.agent(scene.tenant.admin)
    if how == "own scope":
        answer = await http.patch(f"/agents/{scene.leader.id}", json={"scope": {"kind": "self", "group_ids": []}, "version": 1})
    elif how == "a group of it":
        answer = await http.delete(f"/groups/{scene.group}")
    else:
        version = next(one for one in (await http.get("/groups?limit=100")).json()["items"] if one["id"] == str(scene.group))["version"]
        answer = await http.patch(f"/groups/{scene.group}", json={"member_ids": [], "version": version})
    assert answer.is_success, answer.text
    await JoinKeeper(resources).turn()
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert (await service.get(tx, scene.agent.actor, scene.id)).joined_ids == [scene.leader.id]

    promised = await _promised(database, scene.tenant)
    assert [scene.leader.id in {UUID(one) for one in arguments["agent_ids"]} for arguments in promised] == [True]
    for _ in range(2):
        await jobs.end_lost_joining.run(resources, **promised[0])

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert (await service.get(tx, scene.agent.actor, scene.id)).joined_ids == []
    assert [message.data["name"] for message in (await talk.read(database, scene.agent, scene.id))[-2:] if message.data] == [
        "joined",
        "left",
    ]


async def test_a_change_that_is_refused_promises_nothing(database: Database, doors: Doors, scene: Scene) -> None:
    http = doors.agent(scene.tenant.admin)

    answer = await http.patch(f"/agents/{scene.leader.id}", json={"scope": {"kind": "self", "group_ids": []}, "version": 7})

    assert answer.status_code == 409
    assert await _promised(database, scene.tenant) == []


async def _promised(database: Database, tenant: Tenant) -> list[dict[str, Any]]:
    query = "SELECT args FROM procrastinate_jobs WHERE task_name = 'conversations.end_lost_joining' AND args ->> 'enterprise_id' = :id"
    async with database.system() as tx:
        return list((await tx.session.execute(text(query), {"id": str(tenant.enterprise_id)})).scalars())


async def test_one_enterprise_whose_look_fails_holds_up_no_other(
    database: Database, factories: Factories, resources: Resources, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two enterprises in which somebody joined and lost the point, when the look at the first fails, then the second's ends."""
    await talk.join(database, scene.leader, scene.id)
    role_id = await factories.role_id(scene.tenant.enterprise_id, "agent")
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        await tx.session.execute(text("UPDATE agents SET role_id = :role WHERE id = :id"), {"role": role_id, "id": scene.leader.id})
    broken = new_id()
    look = service.joined_anywhere
    end = service.end_lost_joining

    async def with_another(tx: Tx) -> dict[UUID, set[UUID]]:
        return {broken: {new_id()}, **await look(tx)}

    async def fail(tx: Tx, agent_ids: Collection[UUID], *, scope_too: bool) -> int:
        if tx.enterprise_id == broken:
            raise RuntimeError("a row of its own is broken")
        return await end(tx, agent_ids, scope_too=scope_too)

    monkeypatch.setattr(service, "joined_anywhere", with_another)
    monkeypatch.setattr(service, "end_lost_joining", fail)

    await JoinKeeper(resources).turn()

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert (await service.get(tx, scene.agent.actor, scene.id)).joined_ids == []
