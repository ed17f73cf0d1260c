"""Two agents who look at the same conversation know of each other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.realtime import viewing
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.sockets import SocketClient


@dataclass(frozen=True)
class Scene:
    tenant: Tenant
    agent: Member
    leader: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    group = await factories.group(tenant.enterprise_id, agent.id)
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope, name="程思远")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, agent, leader, guest, await talk.served(database, guest, agent))


async def _look(socket: SocketClient, conversation_id: UUID | None) -> None:
    await socket.send(type="viewing", conversation_id=conversation_id)


async def _seen(socket: SocketClient) -> list[set[str]]:
    """The names each frame told, in order; what was told before is forgotten."""
    told = [frame for frame in await socket.settle() if frame["type"] == "viewers"]
    socket.frames.clear()
    assert all(sorted(frame["agent_ids"]) == sorted(frame["names"]) for frame in told)
    return [set(frame["names"].values()) for frame in told]


async def test_who_comes_and_goes(doors: Doors, scene: Scene) -> None:
    first, second = await doors.agent_socket(scene.agent), await doors.agent_socket(scene.leader)

    await _look(first, scene.id)
    assert await _seen(first) == [{"顾言"}]
    await _look(second, scene.id)
    assert await _seen(second) == [{"顾言", "程思远"}]
    assert await _seen(first) == [{"顾言", "程思远"}]
    await _look(second, None)
    await second.settle()
    assert await _seen(first) == [{"顾言"}]
    assert await _seen(second) == []


async def test_it_lapses_with_the_socket_but_not_while_another_page_shows_it(doors: Doors, scene: Scene) -> None:
    first = await doors.agent_socket(scene.agent)
    others = [await doors.agent_socket(scene.leader) for _ in range(2)]
    await _look(first, scene.id)
    for other in others:
        await _look(other, scene.id)
        await other.settle()
    assert (await _seen(first))[-1] == {"顾言", "程思远"}

    await others[0].close()
    assert (await _seen(first))[-1] == {"顾言", "程思远"}
    await others[1].close()
    assert await _seen(first) == [{"顾言"}]


async def test_who_goes_on_to_another_conversation_leaves_this_one(
    database: Database, doors: Doors, factories: Factories, scene: Scene
) -> None:
    other = await talk.served(database, await factories.visitor(await factories.channel(scene.tenant.enterprise_id)), scene.agent)
    first, second = await doors.agent_socket(scene.agent), await doors.agent_socket(scene.leader)
    await _look(second, scene.id)
    await _look(first, scene.id)
    await first.settle()
    await second.settle()
    second.frames.clear()

    await _look(first, other)
    await first.settle()

    assert await _seen(second) == [{"程思远"}]
    assert (await _seen(first))[-1] == {"顾言"}


async def test_what_may_not_be_seen_is_not_looked_at(doors: Doors, factories: Factories, scene: Scene) -> None:
    stranger = await doors.agent_socket(await factories.agent(scene.tenant.enterprise_id))
    foreign = await doors.agent_socket((await factories.tenant()).admin)
    guest, page = await doors.visitor_socket(scene.guest.token), await doors.agent_socket(scene.agent)
    await _look(page, scene.id)
    await _seen(page)

    for socket, code in ((stranger, "not_found"), (foreign, "not_found"), (guest, "not_allowed")):
        await _look(socket, scene.id)
        assert (await socket.next("error"))["code"] == code
        assert await _seen(socket) == []
    await _look(page, new_id())
    assert (await page.next("error"))["code"] == "not_found"


async def test_who_looks_as_a_colleague_is_nobodys_company(doors: Doors, scene: Scene) -> None:
    grant = (await doors.agent(scene.tenant.admin).post(f"/agents/{scene.agent.id}/view-as")).json()
    page = await doors.agent_socket(scene.leader)
    await _look(page, scene.id)
    await _seen(page)
    looking = await doors.socket(cookie=scene.tenant.admin.session_token)
    await looking.send(type="hello", protocol=1, view_as=grant["token"])
    await looking.next("welcome")

    await _look(looking, scene.id)

    assert await _seen(looking) == await _seen(page) == []


async def test_who_lost_the_right_is_told_no_more(database: Database, doors: Doors, factories: Factories, scene: Scene) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id, name="韩默")
    pages = [await doors.agent_socket(member) for member in (scene.agent, scene.leader, stranger)]
    for page in pages[:2]:
        await _look(page, scene.id)
        await page.settle()

    await talk.transfer(database, scene.id, scene.agent, stranger)
    for page in pages:
        await page.settle()
        page.frames.clear()
    await _look(pages[2], scene.id)

    assert await _seen(pages[2]) == [{"韩默"}]
    assert await _seen(pages[0]) == await _seen(pages[1]) == []


async def test_too_many_are_refused(doors: Doors, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "VIEWINGS", Rate(burst=2, per_minute=1))
    page = await doors.agent_socket(scene.agent)

    for _ in range(3):
        await _look(page, scene.id)
        await _look(page, None)

    refused = await page.next("error")
    assert (refused["code"], refused["retry_after"]) == ("too_many", 60)


async def test_agents_typing_reaches_the_other_agents_by_name_and_the_customer_without(
    database: Database, doors: Doors, scene: Scene
) -> None:
    await talk.join(database, scene.leader, scene.id)
    agent, leader, guest = (
        await doors.agent_socket(scene.agent),
        await doors.agent_socket(scene.leader),
        await doors.visitor_socket(scene.guest.token),
    )
    await guest.send(type="subscribe", topic="mine")
    await guest.next("subscribed")

    await leader.send(type="typing", conversation_id=scene.id)
    await leader.settle()

    told: dict[str, Any] = {"type": "typing", "conversation_id": str(scene.id), "side": "agent"}
    assert await agent.next("typing") == told | {"agent_id": str(scene.leader.id)}
    assert await guest.next("typing") == told
    assert [frame for frame in leader.frames if frame["type"] == "typing"] == []


async def test_who_loses_the_right_while_the_names_are_read_looks_at_nothing(
    database: Database, doors: Doors, factories: Factories, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id, name="韩默")
    page, other = await doors.agent_socket(scene.agent), await doors.agent_socket(stranger)
    names, moved = accounts.agent_names, list[UUID]()

    async def names_late(tx: Tx, agent_ids: Collection[UUID]) -> dict[UUID, str]:
        if not moved:
            moved.append(scene.id)
            await talk.transfer(database, scene.id, scene.agent, stranger)
        return await names(tx, agent_ids)

    monkeypatch.setattr(accounts, "agent_names", names_late)
    await _look(page, scene.id)

    assert (await page.next("error"))["code"] == "not_found"
    assert await _seen(page) == []
    await _look(other, scene.id)
    assert (await _seen(other))[-1] == {"韩默"}
    assert await _seen(page) == []
